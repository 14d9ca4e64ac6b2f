//! What a specifier becomes in the code that the browser gets.
//!
//! A file of the project becomes its URL, absolute, so that it has one spelling in a page; one that
//! is no script gets `?import`. A package becomes a URL below livers' own path, with the names that
//! are imported. What livers does not know is left to the browser.

use std::{collections::BTreeSet, path::Path};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    ask::{Language, is_css_module},
    project::Project,
};
use crate::{esm::Target, http::own_paths};

/// What a specifier leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A file of the project: its URL path, and the URL that is imported.
    File(String, String),
    /// Another URL.
    Url(String),
    /// The specifier is right as it is.
    Same,
    /// Nothing, and what to do about it.
    Missing(String, Option<String>),
}

/// What is encoded in a name within a query.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'$');

/// What is encoded in a query that somebody wrote (WHATWG URL, the query percent-encode set), and what
/// is written otherwise in a string.
const QUERY: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\'').add(b'\\').add(b'~');

/// What livers does not compile, and what to do about it.
const FOREIGN: [(&str, &str); 8] = [
    ("astro", "Astro components need Astro's own server"),
    ("less", "compile it to .css and import that"),
    ("sass", "compile it to .css and import that"),
    ("scss", "compile it to .css and import that"),
    ("styl", "compile it to .css and import that"),
    ("svelte", "Svelte components need Vite"),
    ("vue", "single-file components need Vite"),
    ("mdx", "MDX needs Vite"),
];

/// What is imported.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Names<'n> {
    /// Whether there is something by default.
    pub(super) default: bool,
    /// What is imported by name.
    pub(super) names: Option<&'n BTreeSet<String>>,
}

/// What an import of a specifier with an attribute's type leads to, from a file.
pub(super) fn link(
    project: &dyn Project,
    from: &Path,
    specifier: &str,
    kind: Option<&str>,
    names: Names<'_>,
) -> Link {
    if specifier.starts_with(own_paths::FOLDER) || project.is_foreign(specifier) {
        return Link::Same;
    }
    let (name, query) = split(specifier);
    let whole = specifier.strip_suffix(fragment(specifier)).unwrap_or(specifier);
    match project.resolve(whole, from) {
        Target::Url(url) if url == whole => Link::Same,
        Target::Url(url) => Link::Url(url),
        Target::Package(url) => Link::Url(package(project, url, names.names)),
        Target::Missing(help) => missing(project, from, name, specifier, help),
        Target::File(path) => match project.url(&path) {
            Some(url) => file(&path, url, specifier, query, kind, names),
            None => Link::Missing(
                format!("{specifier:?} leads to {}, which is not served", path.display()),
                Some("serve a folder that holds both files".to_owned()),
            ),
        },
    }
}

/// What a specifier ends with that only the browser cares for: from a `#` that is not its first
/// character. What has a scheme is a URL and nobody else's matter.
fn fragment(specifier: &str) -> &str {
    let scheme = specifier.find(':').is_some_and(|at| !specifier[..at].contains('/'));
    let at = specifier.char_indices().skip(1).find(|(_, char)| *char == '#');
    at.filter(|_| !scheme).map_or("", |(at, _)| &specifier[at..])
}

/// A specifier without its query, and the query.
fn split(specifier: &str) -> (&str, &str) {
    let specifier = specifier.strip_suffix(fragment(specifier)).unwrap_or(specifier);
    specifier.split_once('?').unwrap_or((specifier, ""))
}

/// A file of the project.
fn file(
    path: &Path,
    url: String,
    specifier: &str,
    query: &str,
    kind: Option<&str>,
    names: Names<'_>,
) -> Link {
    let has = |wanted: &str| query.split('&').any(|part| part == wanted);
    let chosen = ["raw", "url", "worker", "sharedworker"].into_iter().any(has);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let lower = extension.to_ascii_lowercase();
    if !chosen && let Some((_, help)) = FOREIGN.iter().find(|(known, _)| *known == lower) {
        return Link::Missing(
            format!("{specifier:?}: livers does not compile .{lower} files"),
            Some((*help).to_owned()),
        );
    }
    let sheet = lower == "css" && kind.is_none() && !chosen && !has("inline");
    let script = Language::of(path).is_some() || lower == "cjs" || lower == "cts";
    // The browser makes a style sheet object of it, by itself.
    let native = kind == Some("css");
    let mut full = url.clone();
    let mut add = |part: &str| {
        if !part.is_empty() {
            full.push(if full.contains('?') { '&' } else { '?' });
            full.push_str(part);
        }
    };
    if chosen || !(script || native) {
        add("import");
    }
    if sheet && names.default && !is_css_module(path) {
        add("default");
    }
    if kind == Some("text") && !has("raw") {
        add("raw");
    }
    add(&utf8_percent_encode(query, QUERY).to_string());
    Link::File(url, full)
}

/// The URL of a package's file. One that has a query is no script, and has no names.
fn package(project: &dyn Project, url: String, names: Option<&BTreeSet<String>>) -> String {
    let Some(names) = names.filter(|_| !url.contains('?')) else { return url };
    let names = project.hidden(&url, names);
    let names: Vec<_> =
        names.iter().map(|name| utf8_percent_encode(name, NAME).to_string()).collect();
    if names.is_empty() {
        return url;
    }
    format!("{url}?names={}", names.join(","))
}

/// What is said of a specifier that leads nowhere.
fn missing(
    project: &dyn Project,
    from: &Path,
    name: &str,
    specifier: &str,
    help: Option<String>,
) -> Link {
    let relative = name.starts_with("./") || name.starts_with("../") || name == "." || name == "..";
    if !relative && !name.starts_with('/') {
        return Link::Missing(format!("{specifier:?} is not found"), help);
    }
    let help = help.or_else(|| {
        let similar = similar(project, from, name)?;
        Some(format!("did you mean {similar:?}?"))
    });
    Link::Missing(format!("{specifier:?} leads to no file"), help)
}

/// A file near a relative specifier whose name is like it.
fn similar(project: &dyn Project, from: &Path, specifier: &str) -> Option<String> {
    let (folder, name) = specifier.rsplit_once('/')?;
    if name.is_empty() || specifier.starts_with('/') {
        return None;
    }
    let names = project.names(&from.parent()?.join(folder));
    let stem =
        |name: &str| name.split_once('.').map_or(name, |(stem, _)| stem).to_ascii_lowercase();
    let wanted = stem(name);
    let best = names
        .iter()
        .map(|found| (distance(&wanted, &stem(found)), found != name, found))
        .filter(|(distance, ..)| *distance <= (wanted.chars().count() / 3).min(2))
        .min()?;
    Some(format!("{folder}/{}", best.2))
}

/// How many characters two words differ in (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, char) in one.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, known) in other.iter().enumerate() {
            let cost = diagonal + usize::from(char != *known);
            diagonal = row[column + 1];
            row[column + 1] = cost.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Link, Names, distance, link};
    use crate::esm::source::tests::Fake;

    #[test]
    fn a_specifier_becomes_a_url() {
        let file = |path: &str, url: &str| Link::File(path.to_owned(), url.to_owned());
        let url = |url: &str| Link::Url(url.to_owned());
        let missing = |message: &str, help: Option<&str>| {
            Link::Missing(message.to_owned(), help.map(str::to_owned))
        };
        let table = [
            ("./a", None, file("/src/a.ts", "/src/a.ts")),
            ("./a.ts?v=1\"~#x", None, file("/src/a.ts", "/src/a.ts?v=1%22%7E")),
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
            ("https://a.example/x?y", None, Link::Same),
            ("/__livers/hot.js", None, Link::Same),
            ("mapped", None, Link::Same),
            ("vue", None, missing("\"vue\" is not found", Some("npm install vue"))),
            (
                "./A.jsx",
                None,
                missing("\"./A.jsx\" leads to no file", Some("did you mean \"./a.ts\"?")),
            ),
            ("./zzz", None, missing("\"./zzz\" leads to no file", None)),
            (
                "./b.vue",
                None,
                missing(
                    "\"./b.vue\": livers does not compile .vue files",
                    Some("single-file components need Vite"),
                ),
            ),
            ("./b.vue?raw", None, file("/src/b.vue", "/src/b.vue?import&raw")),
        ];
        let names = ["a_b", "c-d", "e"].map(str::to_owned).into();
        let fake = Fake::default();
        for (specifier, kind, wanted) in table {
            let from = Path::new("/web/src/main.ts");
            let all = Names { default: false, names: Some(&names) };
            let names = if specifier.starts_with("react") { all } else { Names::default() };
            assert_eq!(link(&fake, from, specifier, kind, names), wanted, "{specifier}");
        }
    }

    #[test]
    fn words_differ_by_what_must_be_changed() {
        for (one, other, wanted) in
            [("", "", 0), ("a", "", 1), ("app", "apq", 1), ("app", "aapp", 1), ("ab", "ba", 2)]
        {
            assert_eq!(distance(one, other), wanted, "{one} {other}");
        }
    }
}
