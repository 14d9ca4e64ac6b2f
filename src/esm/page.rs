//! The scripts that stand in a page itself: what they import needs an import map, since the page is
//! served as it is.
//!
//! A page that brings a map of its own keeps it, and gets no other: what the map names is left to
//! the browser everywhere, and the rest of its inline scripts' imports with it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use lol_html::{
    element,
    html_content::TextChunk,
    send::{Element, HtmlRewriter, Settings},
    text,
};
use serde_json::{Map, Value};

use super::{
    compiler::{Compiler, bare_imports},
    fault::Fault,
};

/// The scripts of a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Inline {
    modules: Vec<String>,
    maps: Vec<String>,
}

/// What is gathered, and where.
type Kind = fn(&mut Inline) -> &mut Vec<String>;
const KINDS: [(&str, Kind); 2] = [
    ("script[type=module i]:not([src])", |inline| &mut inline.modules),
    ("script[type=importmap i]", |inline| &mut inline.maps),
];

/// Whether a page may have scripts that import something, at a glance.
pub(crate) fn may_import(html: &[u8]) -> bool {
    let has = |text: &str| text.contains("module") || text.contains("importmap");
    std::str::from_utf8(html).is_ok_and(has)
}

/// Whether a page has a script that is a module, at a glance.
pub(crate) fn has_module(html: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(html).to_ascii_lowercase();
    ["type=module", "type=\"module\"", "type='module'"].iter().any(|text| lower.contains(text))
}

impl Compiler {
    /// The import map that a page's own module scripts need, as JSON; none where they need none, or
    /// the page has one. Blocking.
    pub(crate) fn import_map(&self, page: &Path, html: &[u8]) -> Result<Option<String>, Fault> {
        let Ok(text) = std::str::from_utf8(html) else { return Ok(None) };
        let inline = Inline::of(text);
        if !inline.maps.is_empty() {
            inline.maps.iter().for_each(|map| self.add_import_map(map));
            return Ok(None);
        }
        let mut imports = Map::new();
        for code in &inline.modules {
            for (specifier, names) in bare_imports(code) {
                if let Some(url) = self.url_of_import(&specifier, page, names)? {
                    imports.insert(specifier, Value::String(url));
                }
            }
        }
        if imports.is_empty() {
            return Ok(None);
        }
        let map = Value::Object(Map::from_iter([("imports".to_owned(), Value::Object(imports))]));
        // It stands in a script element.
        Ok(Some(map.to_string().replace('<', "\\u003c")))
    }
}

impl Inline {
    fn of(html: &str) -> Self {
        let found = Arc::new(Mutex::new(Self::default()));
        let mut settings = Settings::new_send().with_strict(false);
        for (selector, kind) in KINDS {
            let (begun, read) = (Arc::clone(&found), Arc::clone(&found));
            settings = settings
                .append_element_content_handler(element!(selector, move |_: &mut Element<
                    '_,
                    '_,
                >| {
                    kind(&mut lock(&begun)).push(String::new());
                    Ok(())
                }))
                .append_element_content_handler(text!(selector, move |chunk: &mut TextChunk<
                    '_,
                >| {
                    if let Some(text) = kind(&mut lock(&read)).last_mut() {
                        text.push_str(chunk.as_str());
                    }
                    Ok(())
                }));
        }
        let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| ());
        // What cannot be read has no scripts that anybody knows of.
        let whole = rewriter.write(html.as_bytes()).and_then(|()| rewriter.end());
        let found = std::mem::take(&mut *lock(&found));
        whole.map_or_else(|_| Self::default(), |()| found)
    }
}

fn lock(found: &Mutex<Inline>) -> std::sync::MutexGuard<'_, Inline> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Inline, may_import};

    #[test]
    fn the_scripts_of_a_page_are_found() {
        let html = "<!doctype html><script type=importmap>{}</script>\
            <!-- <script type=module>no</script> --><script type=module src=a.js></script>\
            <script>no</script><script type=MODULE>import 'a' // <b></script>\
            <body><p title='<script type=module>no'><script type='module'>import 'c'";
        let wanted = Inline {
            modules: vec!["import 'a' // <b>".to_owned(), "import 'c'".to_owned()],
            maps: vec!["{}".to_owned()],
        };
        assert_eq!(Inline::of(html), wanted);
        assert!(may_import(html.as_bytes()));
        assert!(!may_import(b"<script src=a.js></script>"));
    }
}
