//! Describes an import of a module that the server does not have, where it is written.
//!
//! The compiler reports what it resolves itself. This is about the rest: the scripts of pages, and
//! specifiers that it leaves to the browser.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use oxc::{
    allocator::Allocator, parser::Parser, span::SourceType, syntax::module_record::ModuleRecord,
};

use super::{
    compile_error::CompileError, describe::describe, nesting, page_error::source, relative_url,
    resolve::is_script, service::Esm, stack::run_with_stack,
};
use crate::{docroot::Root, fault::Fault, http::url_path::UrlPath};

/// Number of places in a page that may name the module.
const MAX_PLACES: usize = 1_000;

impl Esm {
    /// Describes the import of a missing module, by its URL path and that of the script or page
    /// that imports it. `meant` is the URL path of a file that may have been meant. Returns `None`
    /// if the file does not import it statically: the page then works, perhaps.
    pub(crate) async fn describe_missing(
        &self,
        path: &str,
        importer: &str,
        meant: Option<&str>,
    ) -> Option<Fault> {
        let folders = Arc::clone(&self.folders);
        let job = ("missing module", path.to_owned(), importer.to_owned());
        let importer = UrlPath::parse(importer).ok()?;
        let help = meant.map(|meant| format!("did you mean {meant:?}?"));
        let path = path.to_owned();
        let find = move || find(&folders, &path, importer, help);
        self.workers.run(job, find).await.ok()?
    }
}

fn find(folders: &Root, path: &str, importer: UrlPath, help: Option<String>) -> Option<Fault> {
    let (url, text) = source(folders, importer)?;
    let file = folders.disk_path(&url)?;
    let url = url.to_string();
    let places = if is_script(&url) { imports(&file, &text) } else { mentions(&text, path) };
    let leads_there = |(start, end): &(usize, usize)| {
        text.get(*start..*end).is_some_and(|specifier| leads_to(specifier, &url, path))
    };
    let (start, end) = places.into_iter().find(leads_there)?;
    let specifier = text.get(start..end)?;
    let message = format!("cannot load {specifier:?}: there is no such file");
    let error = CompileError::at(&file, &text, start, end, message).with_help(help);
    Some(describe(folders, &url, error))
}

/// Returns the positions of the specifiers that a script imports statically.
fn imports(file: &Path, text: &str) -> BTreeSet<(usize, usize)> {
    let specifiers = read_record(file, text, |record| {
        let requests = record.requested_modules.values().flatten().filter(|it| !it.is_type);
        requests.map(|it| (it.span.start as usize + 1, it.span.end as usize - 1)).collect()
    });
    specifiers.unwrap_or_default()
}

/// Reads the imports and exports of a script. Returns `None` if it is nested too deeply.
pub(super) fn read_record<T: Send>(
    file: &Path,
    text: &str,
    read: impl FnOnce(&ModuleRecord<'_>) -> T + Send,
) -> Option<T> {
    let name = file.to_string_lossy();
    let is_typed = [".ts", ".tsx", ".mts"].iter().any(|end| name.ends_with(end));
    if nesting::too_deep(text, is_typed).is_some() {
        return None;
    }
    let parse = || {
        let allocator = Allocator::default();
        let source_type = SourceType::from_path(file).unwrap_or_default().with_module(true);
        read(&Parser::new(&allocator, text, source_type).parse().module_record)
    };
    run_with_stack(text, parse).ok()
}

/// Returns the positions of the addresses in a page that end with the name of the module.
fn mentions(text: &str, path: &str) -> BTreeSet<(usize, usize)> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends = |char: char| char.is_whitespace() || "\"'`=<>()".contains(char);
    let places = text.match_indices(name).take(MAX_PLACES).map(|(at, _)| {
        let start = text[..at].rfind(ends).map_or(0, |before| before + 1);
        let end = text[at..].find(ends).map_or(text.len(), |length| at + length);
        (start, end)
    });
    places.collect()
}

/// Returns whether a browser resolves a specifier in a file at a URL path to another path.
fn leads_to(specifier: &str, url: &str, path: &str) -> bool {
    let specifier = specifier.split(['?', '#']).next().unwrap_or_default();
    UrlPath::parse(&relative_url::resolve(specifier, url)).is_ok_and(|url| url.to_string() == path)
}

#[cfg(test)]
mod tests {
    use super::{Path, imports, leads_to, mentions};

    #[test]
    fn static_imports_and_addresses_in_pages_are_found() {
        let text = "import './a.js'; import type { T } from './t'; export * from \"./b.js\"; import('./c.js');";
        let found: Vec<_> = imports(Path::new("x.ts"), text)
            .into_iter()
            .map(|(from, to)| &text[from..to])
            .collect();
        assert_eq!(found, ["./a.js", "./b.js"]);
        let text =
            "<script type=module src=/src/a.js></script><script>import \"./a.js\"</script> a.js";
        let found: Vec<_> =
            mentions(text, "/src/a.js").into_iter().map(|(from, to)| &text[from..to]).collect();
        assert_eq!(found, ["/src/a.js", "./a.js", "a.js"]);
    }

    #[test]
    fn addresses_lead_where_they_do_in_a_browser() {
        for (specifier, url, path, leads) in [
            ("./a.js", "/src/main.js", "/src/a.js", true),
            ("../a.js?x", "/src/main.js", "/a.js", true),
            ("../../a.js", "/src/main.js", "/a.js", true),
            ("/a b.js", "/src/main.js", "/a%20b.js", true),
            ("src/a.js", "/index.html", "/src/a.js", true),
            ("./b.js", "/src/main.js", "/src/a.js", false),
        ] {
            assert_eq!(leads_to(specifier, url, path), leads, "{specifier}");
        }
    }
}
