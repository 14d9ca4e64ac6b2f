//! The messages on the reload socket: JSON objects, one per text frame, each with a `type`.
//!
//! Both sides ignore unknown types and fields, so that the server and an open page may be of
//! different versions. The golden files in `tests/protocol` are the contract, for these tests and
//! the client's.

use serde::{Deserialize, Serialize};

use crate::{
    change::Change,
    fault::Fault,
    live::page_errors::{PageError, RawMessage},
};

/// A message of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum ServerMessage<'m> {
    /// The first message on each connection.
    Connected {
        /// The id of this run of the server.
        boot: &'m str,
        /// The current version.
        version: u64,
    },
    /// Files changed.
    Updated {
        /// The version that these changes started, or the last one if they are of several.
        version: u64,
        /// The changes that affect this tab.
        changes: &'m [Change],
    },
    /// The compile errors of the sources that this tab uses changed.
    Failed {
        /// All current errors that affect this tab; empty when the last one was fixed.
        faults: &'m [&'m Fault],
    },
}

impl ServerMessage<'_> {
    /// Returns the message as JSON.
    pub(super) fn to_json(&self) -> String {
        // Strings and numbers always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A message of a page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ClientMessage {
    /// What the page is and what it has loaded.
    Hello(Hello),
    /// The page uses more files, or no longer uses some.
    Uses {
        /// The URL paths of files that it uses as well.
        #[serde(default)]
        add: Vec<String>,
        /// The URL paths of files that it no longer uses.
        #[serde(default)]
        drop: Vec<String>,
    },
    /// The page has applied a change.
    Applied {
        /// The version of the change.
        #[serde(default)]
        version: u64,
        /// What the page did: `css`, `image`, `morph`, `reload` and so on.
        #[serde(default)]
        how: String,
        /// How long it took, milliseconds.
        #[serde(default)]
        ms: u64,
        /// Why the page had to reload.
        why: Option<String>,
        /// The URL paths of all files whose current content the page does not run, because it
        /// failed to load.
        #[serde(default)]
        kept: Vec<String>,
    },
    /// The page has an error that the server does not know.
    Error(PageError),
    /// The document and its scripts have been loaded.
    Loaded,
    /// The page reports errors, and messages on its console.
    Console {
        #[serde(default)]
        entries: Vec<RawMessage>,
        /// How many more there were.
        #[serde(default)]
        dropped: u64,
    },
    /// A message of another version, or none at all.
    #[serde(other)]
    Unknown,
}

/// The first message of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Hello {
    /// The page's URL path.
    #[serde(default)]
    pub(crate) page: String,
    /// The URL paths of the files that it has loaded; absent if there are too many to list.
    pub(crate) uses: Option<Vec<String>>,
    /// The run of the server that the page was last connected to or served by.
    pub(crate) boot: Option<String>,
    /// The version that the page was last notified of, or served at.
    pub(crate) version: Option<u64>,
    /// The version that it was served at, if by this run of the server.
    pub(crate) served: Option<u64>,
    /// How long ago the page last received anything from the server, milliseconds; absent if never.
    pub(crate) age: Option<u64>,
    /// When the version began that the page was served at, milliseconds since the Unix epoch on the
    /// server's clock.
    pub(crate) since: Option<u64>,
}

impl ClientMessage {
    /// Parses a frame. Returns [`Unknown`](Self::Unknown) for anything that is no message.
    pub(crate) fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientMessage, Hello, PageError, ServerMessage};
    use crate::{
        change::{Change, Kind},
        fault::Fault,
    };

    fn golden(name: &str) -> String {
        let path = format!("{}/tests/protocol/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path)
            .unwrap_or_else(|why| panic!("{path}: {why}"))
            .trim()
            .to_owned()
    }

    #[test]
    fn server_messages_equal_the_golden_files() {
        let connected = ServerMessage::Connected { boot: "k3f9x2", version: 17 };
        assert_eq!(connected.to_json(), golden("connected"));
        let change = Change { path: "/css/app.css".into(), kind: Kind::Modified };
        let updated = ServerMessage::Updated { version: 18, changes: &[change] };
        assert_eq!(updated.to_json(), golden("updated"));
        let fault = Fault {
            path: "/src/App.jsx".into(),
            file: "src/App.jsx".into(),
            line: Some(2),
            column: Some(26),
            message: "react is not installed".into(),
            frame: "1 | // The page.\n2 | import { useState } from 'react';\n  |                          ^^^^^^^".into(),
            help: Some("npm install react".into()),
            ..Fault::default()
        };
        assert_eq!(ServerMessage::Failed { faults: &[&fault] }.to_json(), golden("failed"));
        assert_eq!(ServerMessage::Failed { faults: &[] }.to_json(), golden("failed-none"));
    }

    #[test]
    fn client_messages_are_parsed_as_in_the_golden_files() {
        let hello = Hello {
            page: "/index.html".into(),
            uses: Some(vec!["/css/app.css".into(), "/js/app.js".into()]),
            boot: Some("k3f9x2".into()),
            version: Some(17),
            served: Some(16),
            age: Some(1250),
            since: None,
        };
        assert_eq!(ClientMessage::from_json(&golden("hello")), ClientMessage::Hello(hello));
        let first = Hello {
            page: "/index.html".into(),
            uses: Some(vec!["/css/app.css".into(), "/js/app.js".into()]),
            boot: Some("k3f9x2".into()),
            version: Some(16),
            served: Some(16),
            age: None,
            since: Some(1_790_000_000_000),
        };
        assert_eq!(ClientMessage::from_json(&golden("hello-first")), ClientMessage::Hello(first));
        let uses = ClientMessage::Uses { add: vec!["/data.json".into()], drop: Vec::new() };
        assert_eq!(ClientMessage::from_json(&golden("uses")), uses);
        let (kept, why) = (Vec::new(), None);
        let applied = ClientMessage::Applied { version: 18, how: "css".into(), ms: 7, why, kept };
        assert_eq!(ClientMessage::from_json(&golden("applied")), applied);
        let why = Some("js/app.js changed".into());
        let kept = Vec::new();
        let applied =
            ClientMessage::Applied { version: 18, how: "reload".into(), ms: 9, why, kept };
        assert_eq!(ClientMessage::from_json(&golden("applied-reload")), applied);
        let (kept, why) = (vec!["/src/App.tsx".into()], Some("src/App.tsx failed to load".into()));
        let applied = ClientMessage::Applied { version: 18, how: "kept".into(), ms: 9, why, kept };
        assert_eq!(ClientMessage::from_json(&golden("applied-kept")), applied);
        assert_eq!(ClientMessage::from_json(&golden("loaded")), ClientMessage::Loaded);
        let ClientMessage::Console { entries, dropped } =
            ClientMessage::from_json(&golden("console"))
        else {
            panic!("the golden message has another type");
        };
        assert!(!entries.is_empty() && entries[0].line > 0, "{entries:?} {dropped}");
        let error = ClientMessage::Error(PageError {
            path: "/js/app.js".into(),
            message: "Uncaught SyntaxError: Invalid regular expression flags".into(),
            line: 3,
            column: 12,
        });
        assert_eq!(ClientMessage::from_json(&golden("error")), error);
    }

    #[test]
    fn unknown_types_and_fields_are_ignored() {
        let hello = r#"{"type":"hello","page":"/","later":{"a":[1]}}"#;
        assert!(matches!(
            ClientMessage::from_json(hello),
            ClientMessage::Hello(hello) if hello.page == "/"
        ));
        for text in ["", "{", "[]", "1", "{}", r#"{"type":1}"#, r#"{"type":"later","a":1}"#] {
            assert_eq!(ClientMessage::from_json(text), ClientMessage::Unknown, "{text}");
        }
        let malformed = r#"{"type":"hello","page":1}"#;
        assert_eq!(ClientMessage::from_json(malformed), ClientMessage::Unknown);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(text in ".*") {
            let _ = ClientMessage::from_json(&text);
        }
    }
}
