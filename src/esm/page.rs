//! Import maps for the inline module scripts of a page.
//!
//! The HTML is served as it is, so its scripts cannot be rewritten: an import map resolves their
//! specifiers instead. A page with an import map of its own gets no other. The specifiers that it
//! maps are left to the browser in all modules.

use std::{cell::RefCell, path::Path};

use lol_html::{HtmlRewriter, Settings, element, html_content::TextChunk, text};
use serde_json::{Map, Value};

use super::{
    compile_error::CompileError,
    compiler::{Compiler, bare_imports},
};

/// The scripts of a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Scripts {
    /// The inline modules.
    modules: Vec<String>,
    /// The import maps.
    maps: Vec<String>,
    /// The other inline scripts.
    classic: Vec<String>,
    /// The addresses of the other modules.
    sources: Vec<String>,
    /// Whether a `base` element decides what addresses mean.
    has_base: bool,
    /// Whether a module script may have one content only (`integrity`).
    has_integrity: bool,
    /// Whether an event handler contains an `import()`.
    handlers_import: bool,
}

/// Selects one of the lists of [`Scripts`].
type List = fn(&mut Scripts) -> &mut Vec<String>;

/// The CSS selectors of inline scripts, and the lists that they belong to.
const LISTS: [(&str, List); 4] = [
    ("script[type=module i]:not([src])", |scripts| &mut scripts.modules),
    ("script[type=importmap i]", |scripts| &mut scripts.maps),
    ("script:not([type]):not([src])", |scripts| &mut scripts.classic),
    ("script[type$=javascript i]:not([src])", |scripts| &mut scripts.classic),
];

/// Returns whether a page has an import map, or inline module scripts that may import something.
///
/// Most pages have neither, so a quick text search comes before the HTML parser.
pub(crate) fn may_import(html: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(html) else { return false };
    if !text.contains("import") && !text.contains("from") {
        return false;
    }
    let scripts = Scripts::parse(text);
    let may_import = |code: &String| code.contains("import") || code.contains("from");
    !scripts.maps.is_empty() || scripts.modules.iter().any(may_import)
}

/// Returns whether a page has a module script, by a quick text search.
pub(crate) fn has_module(html: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(html).to_ascii_lowercase();
    ["type=module", "type=\"module\"", "type='module'"].iter().any(|text| lower.contains(text))
}

/// Returns the addresses of the module scripts of a page, as they are written, if they are all that
/// imports modules. Returns `None` if an inline script or an event handler imports something, if an
/// import map or a `base` element decides what addresses mean, or if a script must have a certain
/// content.
pub(crate) fn module_scripts(html: &str) -> Option<Vec<String>> {
    if !html.contains("module") {
        return None;
    }
    let scripts = Scripts::parse(html);
    let mut code = scripts.modules.iter().chain(&scripts.classic);
    let imports = scripts.handlers_import || code.any(|code| code.contains("import"));
    let is_known = scripts.maps.is_empty() && !scripts.has_base && !scripts.has_integrity;
    (is_known && !imports).then_some(scripts.sources)
}

/// Returns the import map that the inline module scripts of a page need, as JSON that can stand in
/// a script element. Returns `None` if they need none, or the page has its own.
///
/// # Blocking
/// Resolves the imports on the disk.
///
/// # Errors
/// An import does not resolve.
pub(crate) fn import_map(
    compiler: &Compiler,
    page: &Path,
    html: &[u8],
) -> Result<Option<String>, CompileError> {
    let Ok(text) = std::str::from_utf8(html) else { return Ok(None) };
    let scripts = Scripts::parse(text);
    compiler.set_import_maps(page, &scripts.maps);
    if !scripts.maps.is_empty() {
        return Ok(None);
    }
    let mut imports = Map::new();
    for code in &scripts.modules {
        for (specifier, names) in bare_imports(code) {
            if let Some(url) = compiler.url_of_import(&specifier, page, names)? {
                imports.insert(specifier, Value::String(url));
            }
        }
    }
    if imports.is_empty() {
        return Ok(None);
    }
    let map = Value::Object(Map::from_iter([("imports".to_owned(), Value::Object(imports))]));
    // `</script>` would end the element.
    Ok(Some(map.to_string().replace('<', "\\u003c")))
}

impl Scripts {
    /// Finds the scripts of a page. Returns none if the HTML cannot be parsed.
    fn parse(html: &str) -> Self {
        let scripts = RefCell::new(Self::default());
        let mut settings = Settings::new()
            .with_strict(false)
            .append_element_content_handler(element!("base[href]", |_| {
                scripts.borrow_mut().has_base = true;
                Ok(())
            }))
            .append_element_content_handler(element!("*", |element| {
                let mut attributes = element.attributes().iter();
                scripts.borrow_mut().handlers_import |= attributes
                    .any(|it| it.name().starts_with("on") && it.value().contains("import"));
                Ok(())
            }))
            .append_element_content_handler(element!("script[type=module i][src]", |script| {
                let mut scripts = scripts.borrow_mut();
                scripts.sources.extend(script.get_attribute("src"));
                scripts.has_integrity |= script.has_attribute("integrity");
                Ok(())
            }));
        for (selector, list) in LISTS {
            let scripts = &scripts;
            settings = settings
                .append_element_content_handler(element!(selector, move |_| {
                    list(&mut scripts.borrow_mut()).push(String::new());
                    Ok(())
                }))
                .append_element_content_handler(text!(selector, move |chunk: &mut TextChunk<
                    '_,
                >| {
                    if let Some(text) = list(&mut scripts.borrow_mut()).last_mut() {
                        text.push_str(chunk.as_str());
                    }
                    Ok(())
                }));
        }
        let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| ());
        let parsed = rewriter.write(html.as_bytes()).and_then(|()| rewriter.end());
        parsed.map_or_else(|_| Self::default(), |()| scripts.take())
    }
}

#[cfg(test)]
mod tests {
    use super::{Scripts, may_import, module_scripts};

    #[test]
    fn scripts_and_import_maps_are_found() {
        let html = "<!doctype html><script type=importmap>{}</script>\
            <!-- <script type=module>no</script> --><script type=module src=a.js></script>\
            <script>no</script><script type=MODULE>import 'a' // <b></script>\
            <body><p title='<script type=module>no'><script type='module'>import 'c'";
        let expected = Scripts {
            modules: vec!["import 'a' // <b>".to_owned(), "import 'c'".to_owned()],
            maps: vec!["{}".to_owned()],
            classic: vec!["no".to_owned()],
            sources: vec!["a.js".to_owned()],
            has_base: false,
            has_integrity: false,
            handlers_import: false,
        };
        assert_eq!(Scripts::parse(html), expected);
        assert!(may_import(html.as_bytes()));
        for html in [
            "<script src=a.js></script>",
            "<script type=module src=a.js></script> important words from a page",
            "<script type=module>document.title = 'x'</script>",
            "<script>import('a')</script>",
        ] {
            assert!(!may_import(html.as_bytes()), "{html}");
        }
    }

    #[test]
    fn module_scripts_are_known_unless_something_else_imports_modules() {
        let page = "<script type=module src=/a.js></script><script>b()</script>\
            <script src=c.js onload=c() title=import></script><script type=MODULE src='d.js?x'></script>";
        let known = Some(vec!["/a.js".to_owned(), "d.js?x".to_owned()]);
        assert_eq!(module_scripts(page), known);
        for more in [
            "<script type=importmap>{}</script>",
            "<base href=/x/>",
            "<script type=module src=e.js integrity=sha256-x></script>",
            "<script>import('./e.js')</script>",
            "<script type=text/javascript>import('./e.js')</script>",
            "<script type=module>import './e.js'</script>",
            "<p><b onClick=\"import('./e.js')\">",
        ] {
            assert_eq!(module_scripts(&[page, more].concat()), None, "{more}");
        }
        assert_eq!(module_scripts("<p>"), None);
    }
}
