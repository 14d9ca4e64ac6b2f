//! What travels on the reload socket: JSON text frames, one object each, always with a `type`.
//!
//! Unknown types and fields are ignored, by both sides, so that versions can differ across a reload.
//! The golden files in `tests/protocol` are the contract; the client's tests read the same ones.

use serde::{Deserialize, Serialize};

use crate::{change::Change, fault::Fault};

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Message {
    /// The first message on each connection.
    Connected {
        /// Which run of the server this is.
        boot: String,
        /// The version that is current.
        version: u64,
    },
    /// Files changed.
    Updated {
        /// The version that the changes led to.
        version: u64,
        /// The changes that concern this tab.
        changes: Vec<Change>,
    },
    /// Sources that this tab uses are at fault, or, where there are none, no longer.
    Failed {
        /// All of them.
        faults: Vec<Fault>,
    },
}

impl Message {
    /// The message as a frame.
    pub(crate) fn to_json(&self) -> String {
        // Strings and numbers always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a page says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Said {
    /// Who the page is and what it has.
    Hello(Hello),
    /// It uses more files, or no longer uses some.
    Uses {
        /// The URL paths of what it uses, too.
        #[serde(default)]
        add: Vec<String>,
        /// The URL paths of what it has no more.
        #[serde(default)]
        drop: Vec<String>,
    },
    /// It has taken over a change.
    Applied {
        /// The version.
        #[serde(default)]
        version: u64,
        /// What it did.
        #[serde(default)]
        how: String,
        /// How long that took, milliseconds.
        #[serde(default)]
        ms: u64,
        /// Why it had to reload.
        why: Option<String>,
    },
    /// Something from another version.
    #[serde(other)]
    Unknown,
}

/// What a page says first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Hello {
    /// The page's URL path.
    #[serde(default)]
    pub(crate) page: String,
    /// The URL paths of what it has loaded; nothing if they are too many to say.
    pub(crate) uses: Option<Vec<String>>,
    /// The run of the server that it last heard of, if any.
    pub(crate) boot: Option<String>,
    /// The version that it last heard of, or that it was served at.
    pub(crate) version: Option<u64>,
    /// The version that it was served at, if by this run of the server.
    pub(crate) served: Option<u64>,
    /// How long ago it last heard of the server, milliseconds; nothing if it never did.
    pub(crate) age: Option<u64>,
}

impl Said {
    /// Reads a frame; what is no message is unknown.
    pub(crate) fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hello, Message, Said};
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
    fn the_server_speaks_as_the_golden_files() {
        let connected = Message::Connected { boot: "k3f9x2".into(), version: 17 };
        assert_eq!(connected.to_json(), golden("connected"));
        let change = Change { path: "/css/app.css".into(), kind: Kind::Modified };
        let updated = Message::Updated { version: 18, changes: vec![change] };
        assert_eq!(updated.to_json(), golden("updated"));
        let fault = Fault {
            path: "/src/App.jsx".into(),
            file: "src/App.jsx".into(),
            line: Some(2),
            column: Some(26),
            message: "react is not installed".into(),
            frame: "1 | // The page.\n2 | import { useState } from 'react';\n  |                          ^^^^^^^".into(),
            help: Some("npm install react".into()),
        };
        assert_eq!(Message::Failed { faults: vec![fault] }.to_json(), golden("failed"));
        assert_eq!(Message::Failed { faults: Vec::new() }.to_json(), golden("failed-none"));
    }

    #[test]
    fn the_page_is_understood_as_in_the_golden_files() {
        let hello = Hello {
            page: "/index.html".into(),
            uses: Some(vec!["/css/app.css".into(), "/js/app.js".into()]),
            boot: Some("k3f9x2".into()),
            version: Some(17),
            served: Some(16),
            age: Some(1250),
        };
        assert_eq!(Said::from_json(&golden("hello")), Said::Hello(hello));
        let uses = Said::Uses { add: vec!["/data.json".into()], drop: Vec::new() };
        assert_eq!(Said::from_json(&golden("uses")), uses);
        let applied = Said::Applied { version: 18, how: "css".into(), ms: 7, why: None };
        assert_eq!(Said::from_json(&golden("applied")), applied);
        let why = Some("js/app.js changed".into());
        let applied = Said::Applied { version: 18, how: "reload".into(), ms: 9, why };
        assert_eq!(Said::from_json(&golden("applied-reload")), applied);
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let hello = r#"{"type":"hello","page":"/","later":{"a":[1]}}"#;
        assert!(matches!(Said::from_json(hello), Said::Hello(hello) if hello.page == "/"));
        for text in ["", "{", "[]", "1", "{}", r#"{"type":1}"#, r#"{"type":"later","a":1}"#] {
            assert_eq!(Said::from_json(text), Said::Unknown, "{text}");
        }
        assert_eq!(Said::from_json(r#"{"type":"hello","page":1}"#), Said::Unknown);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_passed_over(text in ".*") {
            let _ = Said::from_json(&text);
        }
    }
}
