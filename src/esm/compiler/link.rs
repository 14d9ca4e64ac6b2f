//! Import specifiers as URLs.
//!
//! A file of the project becomes its absolute URL, so that every importer uses the same spelling; a
//! file that is not a script gets `?import`. A package file becomes a URL below `/__livers/`, with
//! the imported names where needed. A URL path is left to the browser if it names a script that is
//! not below the root; any other file gets `?import` as well. Specifiers that the import map of a
//! page or a backend resolves stay as they are.

use std::{collections::BTreeSet, ffi::OsStr, path::Path};

use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode,
};

use super::{file_type::Language, project::Project, suggestion::similar_file};
use crate::{
    esm::{css_module::is_css_module, resolve::Target},
    http::{media_type::is_style_sheet, own_paths, url_path::UrlPath},
};

/// The target of a specifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A file of the project: its URL path, and the URL to import.
    File { path: String, url: String },
    /// Another URL.
    Url(String),
    /// The specifier stays as it is.
    Unchanged,
    /// The specifier cannot be imported.
    Missing { message: String, help: Option<String> },
}

/// The names that a file imports from a specifier.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ImportedNames<'n> {
    /// Whether the default export is imported.
    pub(super) default: bool,
    /// The imported names, except `default`.
    pub(super) names: Option<&'n BTreeSet<String>>,
}

/// Characters to encode in a name within a query.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'$');

/// Characters to encode in a query from the source: the query percent-encode set (WHATWG URL,
/// section 1.3), backslashes, which a string literal would escape, and `~`, which delimits the
/// placeholders of version stamps.
const QUERY: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\'').add(b'\\').add(b'~');

/// Extensions of source files that livers does not compile, with advice.
const UNSUPPORTED: [(&str, &str); 2] = [
    ("astro", "Astro components require Astro's own server"),
    ("styl", "compile it to CSS and import the result"),
];

/// Resolves a specifier in a file. `kind` is the `type` import attribute.
///
/// # Blocking
/// Looks for files on the disk.
pub(super) fn link(
    project: &dyn Project,
    from: &Path,
    specifier: &str,
    kind: Option<&str>,
    names: ImportedNames<'_>,
) -> Link {
    if specifier.starts_with(own_paths::FOLDER) || project.is_external(specifier) {
        return Link::Unchanged;
    }
    let without_fragment = specifier.strip_suffix(fragment(specifier)).unwrap_or(specifier);
    let (name, query) = without_fragment.split_once('?').unwrap_or((without_fragment, ""));
    match project.resolve(without_fragment, from) {
        Target::Url(url) if url == without_fragment => {
            let public = UrlPath::parse(name).ok().filter(|_| is_asset(name, query));
            public.map_or(Link::Unchanged, |url| {
                file(Path::new(name), url.to_string(), specifier, query, kind, names)
            })
        }
        Target::Url(url) => Link::Url(url),
        Target::Package(url) => Link::Url(package_url(project, url, names.names)),
        Target::Missing(help) => match decode(without_fragment) {
            Some(decoded) => link(project, from, &decoded, kind, names),
            None => missing(project, from, name, specifier, help),
        },
        Target::File(path) => match project.url(&path) {
            Some(url) => file(&path, url, specifier, query, kind, names),
            None => Link::Missing {
                message: format!("{specifier:?} is outside the served folder"),
                help: Some("serve a folder that contains both files".to_owned()),
            },
        },
    }
}

/// Returns whether a specifier that names no file below the root is the URL path of a file that a
/// browser does not import as it is. The file may be in `public/` or on a mount.
fn is_asset(name: &str, query: &str) -> bool {
    let path = Path::new(name);
    let is_path = name.starts_with('/') && !name.starts_with("//");
    is_path && path.extension().is_some() && (!is_script(path) || is_explicit(query))
}

/// Returns whether a file is imported as it is, because of its extension.
fn is_script(path: &Path) -> bool {
    let is_common_js =
        |it: &OsStr| it.eq_ignore_ascii_case("cjs") || it.eq_ignore_ascii_case("cts");
    Language::of(path).is_some() || path.extension().is_some_and(is_common_js)
}

/// Returns whether a query names the kind of module.
fn is_explicit(query: &str) -> bool {
    query.split('&').any(|name| ["raw", "url", "worker", "sharedworker"].contains(&name))
}

/// Returns the fragment of a specifier, with its `#`, or an empty string. A leading `#` starts a
/// subpath import instead, `/#/` an alias, and a specifier with a scheme is a URL that stays as it
/// is.
fn fragment(specifier: &str) -> &str {
    let has_scheme = specifier.find(':').is_some_and(|at| !specifier[..at].contains('/'));
    let at = specifier.char_indices().skip(1).find(|(_, char)| *char == '#');
    at.filter(|(at, _)| !has_scheme && !specifier[..=*at].ends_with("/#"))
        .map_or("", |(at, _)| &specifier[at..])
}

/// Returns the path in a specifier that is a URL with percent-encoded characters.
fn decode(specifier: &str) -> Option<String> {
    let is_path = ["./", "../", "/"].iter().any(|start| specifier.starts_with(start));
    let decoded = percent_decode_str(specifier).decode_utf8().ok().filter(|_| is_path)?;
    let is_path = !decoded.contains(['%', '#', '\0'])
        && decoded.matches('?').count() == specifier.matches('?').count();
    (is_path && decoded != specifier).then(|| decoded.into_owned())
}

/// Links to a file of the project.
fn file(
    path: &Path,
    url_path: String,
    specifier: &str,
    query: &str,
    kind: Option<&str>,
    names: ImportedNames<'_>,
) -> Link {
    let has = |name: &str| query.split('&').any(|parameter| parameter == name);
    let is_explicit = is_explicit(query);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    if !is_explicit && let Some((_, help)) = UNSUPPORTED.iter().find(|(name, _)| *name == extension)
    {
        return Link::Missing {
            message: format!(
                "cannot import {specifier:?}: livers does not compile .{extension} files"
            ),
            help: Some((*help).to_owned()),
        };
    }
    let is_sheet = path.to_str().is_some_and(is_style_sheet)
        && kind.is_none()
        && !is_explicit
        && !["inline", "part"].map(has).contains(&true);
    // The browser creates a `CSSStyleSheet` from it.
    let is_native = kind == Some("css");
    let mut url = url_path.clone();
    let mut append = |parameter: &str| {
        if !parameter.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(parameter);
        }
    };
    if (is_explicit || !(is_script(path) || is_native)) && !has("import") {
        append("import");
    }
    if is_sheet && names.default && !is_css_module(path) {
        append("default");
    }
    // The default import of a WebAssembly file is its URL.
    if extension == "wasm"
        && !names.default
        && !is_explicit
        && !["init", "inline"].map(has).contains(&true)
    {
        append("instance");
    }
    if kind == Some("text") && !has("raw") {
        append("raw");
    }
    append(&utf8_percent_encode(query, QUERY).to_string());
    Link::File { path: url_path, url }
}

/// Returns the URL of a package file with the imported names that it has to list. A file with a
/// query is not a script, and has no names.
fn package_url(project: &dyn Project, url: String, names: Option<&BTreeSet<String>>) -> String {
    let Some(names) = names.filter(|_| !url.contains('?')) else { return url };
    let names = project.undetected_names(&url, names);
    let names: Vec<_> =
        names.iter().map(|name| utf8_percent_encode(name, NAME).to_string()).collect();
    if names.is_empty() {
        return url;
    }
    format!("{url}?names={}", names.join(","))
}

/// Describes a specifier that cannot be resolved. `name` is the specifier without its query.
fn missing(
    project: &dyn Project,
    from: &Path,
    name: &str,
    specifier: &str,
    help: Option<String>,
) -> Link {
    let help = help.or_else(|| {
        let similar = similar_file(project, from, name)?;
        Some(format!("did you mean {similar:?}?"))
    });
    Link::Missing { message: format!("cannot resolve {specifier:?}"), help }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ImportedNames, Link, link};
    use crate::esm::compiler::tests::FakeProject;

    #[test]
    fn specifiers_become_urls() {
        let file =
            |path: &str, url: &str| Link::File { path: path.to_owned(), url: url.to_owned() };
        let url = |url: &str| Link::Url(url.to_owned());
        let missing = |message: &str, help: Option<&str>| Link::Missing {
            message: message.to_owned(),
            help: help.map(str::to_owned),
        };
        let table = [
            ("./a", None, file("/src/a.ts", "/src/a.ts")),
            ("./a.ts?v=1\"~#x", None, file("/src/a.ts", "/src/a.ts?v=1%22%7E")),
            ("./%61.ts?v", None, file("/src/a.ts", "/src/a.ts?v")),
            ("./zz%3Fraw", None, missing("cannot resolve \"./zz%3Fraw\"", None)),
            ("./a.ts?raw", None, file("/src/a.ts", "/src/a.ts?import&raw")),
            ("./a.ts?worker", None, file("/src/a.ts", "/src/a.ts?import&worker")),
            ("../x.css", None, file("/x.css", "/x.css?import")),
            ("../x.css?inline", None, file("/x.css", "/x.css?import&inline")),
            ("../x.css", Some("css"), file("/x.css", "/x.css")),
            ("../data.json", Some("json"), file("/data.json", "/data.json?import")),
            ("../data.json", Some("text"), file("/data.json", "/data.json?import&raw")),
            ("react", None, url("/__livers/npm/react@19/index.js?names=a_b,c%2Dd,e")),
            ("react/logo.svg", None, url("/__livers/npm/react@19/logo.svg?import")),
            ("react/style.css?inline", None, url("/__livers/npm/react@19/style.css?import&inline")),
            ("https://a.example/x?y", None, Link::Unchanged),
            ("/__livers/hot.js", None, Link::Unchanged),
            ("/logo.svg", None, file("/logo.svg", "/logo.svg?import")),
            ("/a b.json#x", None, file("/a%20b.json", "/a%20b.json?import")),
            ("/lib.js?raw", None, file("/lib.js", "/lib.js?import&raw")),
            ("/lib.js", None, Link::Unchanged),
            ("/lib.CJS?x", None, Link::Unchanged),
            ("/lib", None, Link::Unchanged),
            ("//a.example/logo.svg", None, Link::Unchanged),
            ("mapped", None, Link::Unchanged),
            ("vue", None, missing("cannot resolve \"vue\"", Some("npm install vue"))),
            (
                "./A.jsx",
                None,
                missing("cannot resolve \"./A.jsx\"", Some("did you mean \"./a.ts\"?")),
            ),
            ("./zzz", None, missing("cannot resolve \"./zzz\"", None)),
            (
                "./b.astro",
                None,
                missing(
                    "cannot import \"./b.astro\": livers does not compile .astro files",
                    Some("Astro components require Astro's own server"),
                ),
            ),
            ("./b.astro?raw", None, file("/src/b.astro", "/src/b.astro?import&raw")),
        ];
        let names = ["a_b", "c-d", "e"].map(str::to_owned).into();
        let project = FakeProject::default();
        for (specifier, kind, expected) in table {
            let from = Path::new("/web/src/main.ts");
            let all = ImportedNames { default: false, names: Some(&names) };
            let names = if specifier.starts_with("react") { all } else { ImportedNames::default() };
            assert_eq!(link(&project, from, specifier, kind, names), expected, "{specifier}");
        }
    }
}
