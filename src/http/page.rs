//! The HTML template of livers' own pages: folder listings and errors.
//!
//! The pages have no scripts and follow the reader's preference for light or dark. Callers escape
//! the text that they insert ([`Escaped`]).

use std::fmt::{self, Display};

/// Returns a document with this title and body. The body is markup.
pub(crate) fn document(title: &str, body: &impl Display) -> String {
    styled(title, "", body)
}

/// Returns a document like [`document`], with additional style rules.
pub(crate) fn styled(title: &str, style: &str, body: &impl Display) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n\
         <style>{STYLE}{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        Escaped(title)
    )
}

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.35rem; overflow-wrap: anywhere; }
p { opacity: .8; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: light-dark(#0b57d0, #8ab4f8); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
table { width: 100%; border-collapse: collapse; }
td, th { padding: .3rem .5rem; text-align: left; font-weight: normal; overflow-wrap: anywhere; }
th { opacity: .6; font-size: .85rem; }
tbody tr:hover { background: light-dark(#0001, #fff1); }
td + td, th + th { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
";

/// Text that is escaped for markup, between tags or in a quoted attribute.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn special_characters_are_escaped() {
        for (text, wanted) in [
            ("", ""),
            ("plain", "plain"),
            ("<img src=x onerror='a'>", "&lt;img src=x onerror=&#39;a&#39;&gt;"),
            ("\u{fc}&\"", "\u{fc}&amp;&quot;"),
        ] {
            assert_eq!(Escaped(text).to_string(), wanted);
        }
    }
}
