//! The HTML pages for files that are missing or withheld.
//!
//! The live-reload client is injected into them as into any page, so that a tab shows the file as
//! soon as it exists.

use crate::http::page::{Escaped, document};

/// Returns the page for a path without a file.
pub(crate) fn not_found(path: &str) -> String {
    document(
        "Not found",
        &format!(
            "<h1>404: <code>{}</code> does not exist yet</h1>\n\
             <p>Create the file, and this page shows it.</p>\n",
            Escaped(path)
        ),
    )
}

/// Returns the page for a path that is not served, with the reason.
pub(crate) fn forbidden(path: &str, reason: &str) -> String {
    document(
        "Forbidden",
        &format!(
            "<h1>403: <code>{}</code> is not served</h1>\n<p>{}.</p>\n",
            Escaped(path),
            Escaped(&capitalized(reason))
        ),
    )
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
