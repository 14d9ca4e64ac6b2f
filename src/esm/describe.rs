//! Compile errors in the form that tabs and the terminal get.
//!
//! Everyone who may request a page can read them. So an error quotes a file only if the folder
//! serves it: `tsconfig.json` can be a link to any file, and extend any. Texts are limited, because
//! a specifier can be as long as a file.

use super::compile_error::{CompileError, relative};
use crate::{docroot::Root, fault::Fault};

/// The message of an error in a file that is not served.
const HIDDEN: &str =
    "this file is not valid; livers shows no details, because it does not serve it";

/// The number of characters of a message and of advice.
const MAX_TEXT: usize = 1_000;

/// Describes an error that was found on a request for a URL path.
///
/// # Blocking
/// Locates the file of the error.
pub(super) fn describe(folders: &Root, url: &str, error: CompileError) -> Fault {
    let CompileError { file, position, message, frame, help, .. } = error;
    // Only an error with a position quotes what is there.
    let is_hidden = position.is_some() && !folders.serves(&file);
    let (message, frame, help) =
        if is_hidden { (HIDDEN.to_owned(), Box::default(), None) } else { (message, frame, help) };
    let (line, column) = position.unzip();
    Fault {
        path: url.to_owned(),
        file: relative(folders.path(), &file),
        line,
        column,
        message: limited(message),
        frame: frame.into(),
        help: help.map(limited),
        ..Fault::default()
    }
}

fn limited(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{CompileError, HIDDEN, describe, limited};
    use crate::docroot::{Allow, Root};

    #[test]
    fn only_served_files_are_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dunce::canonicalize(dir.path()).unwrap();
        let web = outside.join("web");
        fs::create_dir(&web).unwrap();
        for file in ["web/a.json", "web/.env", "web/server.key", "out.json"] {
            fs::write(outside.join(file), "secret").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.join("out.json"), web.join("tsconfig.json")).unwrap();
        let folders = Root::new(&web, Allow::default(), &[]).unwrap();
        for (file, shown, is_served) in [
            ("web/a.json", "a.json", true),
            ("web/.env", ".env", false),
            ("web/server.key", "server.key", false),
            ("web/tsconfig.json", "tsconfig.json", false),
            ("out.json", "../out.json", false),
        ] {
            let file = outside.join(file);
            let error = CompileError::at(&file, "secret", 0, 1, "secret".to_owned());
            let error = error.with_help(Some("secret".to_owned()));
            let fault = describe(&folders, "/a.ts", error);
            assert_eq!(fault.file.replace('\\', "/"), shown);
            assert_eq!((fault.line, fault.column), (Some(1), Some(1)));
            let texts = [fault.message.clone(), fault.frame, fault.help.unwrap_or_default()];
            assert_eq!(texts.iter().all(|text| text.contains("secret")), is_served, "{texts:?}");
            assert_eq!(fault.message == HIDDEN, !is_served);
        }
    }

    #[test]
    fn texts_are_limited() {
        assert_eq!(limited("é".repeat(5_000)).chars().count(), 1_001);
        assert_eq!(limited("é".to_owned()), "é");
    }
}
