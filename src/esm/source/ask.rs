//! Which requests are for a module, and for which one.
//!
//! A browser says what it wants a file for (`Sec-Fetch-Dest`, `Sec-Fetch-Mode`), but only to servers
//! that it trusts: this machine, and HTTPS. A phone that asks over the local network says nothing;
//! then the file's name and the query decide.
//!
//! What a module imports that is no script is asked for with `?import`, which the importer's
//! specifier was given; without it, such a file is served as it is.

use std::path::Path;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ask {
    pub(super) what: What,
    pub(super) place: Place,
}

/// Which module stands for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    /// The script itself.
    Script(Language),
    /// One that brings a style sheet into the page.
    Style,
    /// Likewise, and its text by default.
    StyleText,
    /// One that brings a CSS module into the page, and has its names.
    CssModule,
    /// The style sheet of a CSS module: no module at all.
    Scoped,
    /// The file's text.
    Raw,
    /// The values of a JSON file.
    Json,
    /// The file's URL.
    Url,
    /// A function that starts the script as a worker.
    Worker,
    /// Likewise, as a shared worker.
    SharedWorker,
}

/// How a script is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Language {
    /// JavaScript, in which JSX is allowed.
    Js,
    /// JavaScript with JSX.
    Jsx,
    /// TypeScript.
    Ts,
    /// TypeScript with JSX.
    Tsx,
}

/// Where a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// In a page, as a module.
    Page,
    /// In a worker.
    Worker,
    /// Where no module can: in a `<script>` without a type.
    Classic,
    /// Nobody said.
    Unknown,
}

impl Language {
    /// The language of a file, by its name.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "js" | "mjs" => Self::Js,
            "jsx" => Self::Jsx,
            "ts" | "mts" => Self::Ts,
            "tsx" => Self::Tsx,
            _ => return None,
        })
    }
}

impl Ask {
    /// What a request for a file is for, if it is for a module: by the query, and by what the
    /// browser says of it.
    pub(crate) fn of(
        path: &Path,
        query: &str,
        dest: Option<&str>,
        mode: Option<&str>,
    ) -> Option<Self> {
        let has = |name: &str| query.split('&').any(|part| key(part) == name);
        let language = Language::of(path);
        let place = match (dest, mode) {
            (Some("script"), Some("no-cors")) => Place::Classic,
            (Some("script"), _) => Place::Page,
            (
                Some("worker" | "sharedworker" | "serviceworker" | "audioworklet" | "paintworklet"),
                _,
            ) => Place::Worker,
            // Only modules ask so.
            _ if has("import") || has("t") => Place::Page,
            _ => Place::Unknown,
        };
        if has("import") {
            let what = what(path, language, has);
            return Some(Self { what, place });
        }
        if has("module") && is_css_module(path) {
            return Some(Self { what: What::Scoped, place });
        }
        let language = language?;
        let script = match (place, dest) {
            (Place::Classic, _) => language != Language::Js,
            (Place::Page | Place::Worker, _) | (Place::Unknown, None) => true,
            (Place::Unknown, Some(_)) => false,
        };
        script.then_some(Self { what: What::Script(language), place })
    }
}

/// What an import with this query gives.
fn what(path: &Path, language: Option<Language>, has: impl Fn(&str) -> bool) -> What {
    let table = [
        ("raw", What::Raw),
        ("url", What::Url),
        ("worker", What::Worker),
        ("sharedworker", What::SharedWorker),
    ];
    if let Some((_, what)) = table.into_iter().find(|(name, _)| has(name)) {
        return what;
    }
    if let Some(language) = language {
        return What::Script(language);
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "css" if has("inline") => What::Raw,
        "css" if is_css_module(path) => What::CssModule,
        "css" if has("default") => What::StyleText,
        "css" => What::Style,
        "json" => What::Json,
        _ => What::Url,
    }
}

/// Whether a file is a CSS module, by its name.
pub(crate) fn is_css_module(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.to_ascii_lowercase().ends_with(".module.css")
}

/// The name in one part of a query.
fn key(part: &str) -> &str {
    part.split_once('=').map_or(part, |(key, _)| key)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        Ask,
        Language::{Js, Jsx, Ts, Tsx},
        Place, What,
    };

    #[test]
    fn a_request_for_a_module_is_told_from_one_for_a_file() {
        let (script, module, empty) = (Some("script"), Some("cors"), Some("empty"));
        let page = |language| Some((What::Script(language), Place::Page));
        let table = [
            ("a.ts", "", script, module, page(Ts)),
            ("a.MTS", "", script, module, page(Ts)),
            ("a.tsx", "", script, module, page(Tsx)),
            ("a.jsx", "", script, module, page(Jsx)),
            ("a.js", "", script, module, page(Js)),
            ("a.mjs", "t=5", script, module, page(Js)),
            ("a.cjs", "", script, module, None),
            // A classic script is compiled where the browser could not read it at all.
            ("a.js", "", script, Some("no-cors"), None),
            ("a.ts", "", script, Some("no-cors"), Some((What::Script(Ts), Place::Classic))),
            ("a.ts", "", Some("worker"), module, Some((What::Script(Ts), Place::Worker))),
            ("a.ts", "", Some("serviceworker"), module, Some((What::Script(Ts), Place::Worker))),
            // Fetched, looked at, or a video.
            ("a.ts", "", empty, module, None),
            ("a.ts", "", Some("document"), Some("navigate"), None),
            ("a.ts", "", Some("video"), Some("no-cors"), None),
            ("a.js", "", empty, module, None),
            ("a.ts", "import", empty, module, page(Ts)),
            ("a.ts", "a=1&t=7", empty, module, page(Ts)),
            ("a.ts", "at=7", empty, module, None),
            // A browser that says nothing.
            ("a.tsx", "", None, None, Some((What::Script(Tsx), Place::Unknown))),
            ("a.js", "", None, None, Some((What::Script(Js), Place::Unknown))),
            ("a.css", "", None, None, None),
            // No scripts.
            ("a.css", "", script, module, None),
            ("a.css", "import", script, module, Some((What::Style, Place::Page))),
            ("a.css", "import&t=3", script, module, Some((What::Style, Place::Page))),
            ("a.css", "import&default", script, module, Some((What::StyleText, Place::Page))),
            ("a.css", "import&inline", script, module, Some((What::Raw, Place::Page))),
            ("a.css", "import&raw", script, module, Some((What::Raw, Place::Page))),
            ("a.module.css", "import", script, module, Some((What::CssModule, Place::Page))),
            ("a.module.css", "import&raw", script, module, Some((What::Raw, Place::Page))),
            (
                "a.module.css",
                "module&livers=3",
                Some("style"),
                Some("no-cors"),
                Some((What::Scoped, Place::Unknown)),
            ),
            ("a.module.css", "", Some("style"), Some("no-cors"), None),
            ("a.json", "import", script, module, Some((What::Json, Place::Page))),
            ("a.svg", "import", script, module, Some((What::Url, Place::Page))),
            ("a", "import", script, module, Some((What::Url, Place::Page))),
            ("a.txt", "import&raw", script, module, Some((What::Raw, Place::Page))),
            ("a.txt", "raw", script, module, None),
            ("a.tsx", "import&raw", script, module, Some((What::Raw, Place::Page))),
            ("a.ts", "import&url", script, module, Some((What::Url, Place::Page))),
            ("a.ts", "import&worker", script, module, Some((What::Worker, Place::Page))),
        ];
        for (path, query, dest, mode, wanted) in table {
            let ask = Ask::of(Path::new(path), query, dest, mode).map(|ask| (ask.what, ask.place));
            assert_eq!(ask, wanted, "{path}?{query} {dest:?} {mode:?}");
        }
    }
}
