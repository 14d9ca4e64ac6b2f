//! The page for what is not there, or is kept back.
//!
//! It is a page like any other: the client is injected, so that a tab that shows it shows the file
//! as soon as there is one.

use crate::http::page::{Escaped, document};

/// A page that says that a path leads to nothing yet.
pub(crate) fn not_found(path: &str) -> String {
    document(
        "Not found",
        &format!(
            "<h1>404: <code>{}</code> is not here yet</h1>\n\
             <p>Create the file, and this page shows it.</p>\n",
            Escaped(path)
        ),
    )
}

/// A page that says why a path is kept back.
pub(crate) fn refused(path: &str, why: &str) -> String {
    document(
        "Refused",
        &format!(
            "<h1>403: <code>{}</code> is not served</h1>\n<p>{}.</p>\n",
            Escaped(path),
            Escaped(&sentence(why))
        ),
    )
}

fn sentence(why: &str) -> String {
    let mut chars = why.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
