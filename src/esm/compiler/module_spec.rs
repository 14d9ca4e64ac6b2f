//! Classification of HTTP requests: which of them ask for a module, and for which one.
//!
//! A browser names the destination of a request in `Sec-Fetch-Dest` and `Sec-Fetch-Mode`, but sends
//! these headers only to trustworthy origins (loopback and HTTPS). For a phone on the local network
//! the file name and the query decide. A [service worker](FetchMetadata) hides the destination.
//!
//! The compiler appends `?import` to the specifier of every imported file that is not a script. The
//! same URL without `?import` returns the file itself.

use std::path::Path;

use super::{
    component::{self, ComponentKind},
    fetch_metadata::FetchMetadata,
    file_type::Language,
};
use crate::{esm::css_module::is_css_module, http::media_type::is_style_sheet};

/// The module that represents a file for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ModuleSpec {
    pub(super) kind: ModuleKind,
    pub(super) context: ScriptContext,
}

/// The kind of module that represents a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ModuleKind {
    /// The script itself.
    Script(Language),
    /// A module that adds a style sheet to the page.
    StyleSheet,
    /// The same, with the text of the sheet as its default export.
    StyleSheetAndText,
    /// A module that exports a style sheet that another one imports.
    StyleSheetPart,
    /// A module that adds a CSS module to the page and exports its names.
    CssModule,
    /// The text of a style sheet, as CSS.
    StyleSheetText,
    /// A style sheet as CSS, no module.
    Css,
    /// A component.
    Component(ComponentKind),
    /// The text of the file.
    Text,
    /// The values in a JSON file.
    Json,
    /// The URL of the file.
    Url,
    /// The content of the file, as a `data:` URL.
    DataUrl,
    /// What an instance of a WebAssembly file exports.
    Wasm,
    /// A function that instantiates a WebAssembly file.
    WasmInit,
    /// A constructor function that starts the script as a `Worker`.
    Worker,
    /// A constructor function that starts the script as a `SharedWorker`.
    SharedWorker,
}

/// The context that a script runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ScriptContext {
    /// A page, as a module.
    Page,
    /// A worker.
    Worker,
    /// A page, as a classic script (`<script>` without `type="module"`), which cannot import.
    Classic,
    /// Not known from the request.
    Unknown,
}

impl ModuleSpec {
    /// Returns whether the module is made from the content of the file.
    pub(crate) fn needs_content(self) -> bool {
        !self.exports_url()
    }

    /// Returns whether a compiler of the project may have to make the module.
    pub(crate) fn may_need_tools(self, file: &Path) -> bool {
        match self.kind {
            ModuleKind::Script(_) => !component::script_tools(file).is_empty(),
            ModuleKind::Component(_)
            | ModuleKind::Css
            | ModuleKind::CssModule
            | ModuleKind::StyleSheet
            | ModuleKind::StyleSheetAndText
            | ModuleKind::StyleSheetPart
            | ModuleKind::StyleSheetText => true,
            _ => false,
        }
    }

    /// Returns whether the file is a script, which may need no compilation.
    pub(crate) fn is_script(self) -> bool {
        matches!(self.kind, ModuleKind::Script(_))
    }

    /// Returns whether the module contains the URL of the file for others to request, which is then
    /// the one that it was itself requested by.
    pub(crate) fn exports_url(self) -> bool {
        matches!(self.kind, ModuleKind::Url | ModuleKind::Worker | ModuleKind::SharedWorker)
    }

    /// Returns the modules that requests with a query may ask for, the most frequent first.
    pub(crate) fn of_any_request(path: &Path, query: &str) -> impl Iterator<Item = Self> {
        let any = Self::of_request(path, query, FetchMetadata::MODULE).into_iter();
        any.flat_map(|spec| {
            use ScriptContext::{Classic, Page, Unknown, Worker};
            [Page, Worker, Unknown, Classic].map(|context| Self { context, ..spec })
        })
    }

    /// Returns the module that a request asks for, or `None` if it asks for the file itself.
    pub(crate) fn of_request(
        path: &Path,
        query: &str,
        metadata: FetchMetadata<'_>,
    ) -> Option<Self> {
        let FetchMetadata { dest, mode, from_script } = metadata;
        let has = |name: &str| query.split('&').any(|part| key(part) == name);
        let language = Language::of(path);
        let context = match (dest, mode) {
            (Some("script"), Some("no-cors")) => ScriptContext::Classic,
            (Some("script"), _) => ScriptContext::Page,
            (
                Some("worker" | "sharedworker" | "serviceworker" | "audioworklet" | "paintworklet"),
                _,
            ) => ScriptContext::Worker,
            // Only compiled modules append these parameters.
            _ if has("import") || has("t") => ScriptContext::Page,
            // A service worker forwards a classic script, the script of a worker, or a module.
            // `fetch()` in a page has the mode `cors`.
            (Some("empty"), Some("no-cors")) => ScriptContext::Classic,
            (Some("empty"), Some("same-origin")) => ScriptContext::Worker,
            (Some("empty"), Some("cors")) if from_script => ScriptContext::Page,
            _ => ScriptContext::Unknown,
        };
        if has("import") {
            let kind = kind_of_import(path, language, has);
            return Some(Self { kind, context });
        }
        if path.to_str().is_some_and(is_style_sheet) {
            // `import(..., { with: { type: "css" } })` has the destination `style`, too.
            let is_sheet = matches!(dest, None | Some("style")) || has("t") || has("livers");
            return is_sheet.then_some(Self { kind: ModuleKind::Css, context });
        }
        let language = language?;
        let is_script = match (context, dest) {
            (ScriptContext::Classic, _) => language != Language::Js,
            (ScriptContext::Page | ScriptContext::Worker, _) | (ScriptContext::Unknown, None) => {
                true
            }
            (ScriptContext::Unknown, Some(_)) => false,
        };
        is_script.then_some(Self { kind: ModuleKind::Script(language), context })
    }
}

/// Returns the kind of module for an import whose query satisfies `has`.
fn kind_of_import(
    path: &Path,
    language: Option<Language>,
    has: impl Fn(&str) -> bool,
) -> ModuleKind {
    let explicit = [
        ("raw", ModuleKind::Text),
        ("url", ModuleKind::Url),
        ("worker", ModuleKind::Worker),
        ("sharedworker", ModuleKind::SharedWorker),
    ];
    if let Some((_, kind)) = explicit.into_iter().find(|(name, _)| has(name)) {
        return kind;
    }
    if let Some(language) = language {
        return ModuleKind::Script(language);
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    if let Some(kind) = ComponentKind::of(&extension, &has) {
        return ModuleKind::Component(kind);
    }
    match extension.as_str() {
        _ if path.to_str().is_some_and(is_style_sheet) => match () {
            () if has("inline") => ModuleKind::StyleSheetText,
            () if has("part") => ModuleKind::StyleSheetPart,
            () if is_css_module(path) => ModuleKind::CssModule,
            () if has("default") => ModuleKind::StyleSheetAndText,
            () => ModuleKind::StyleSheet,
        },
        "json" => ModuleKind::Json,
        "wasm" if has("init") => ModuleKind::WasmInit,
        "wasm" if has("instance") => ModuleKind::Wasm,
        _ if has("inline") => ModuleKind::DataUrl,
        _ => ModuleKind::Url,
    }
}

/// Returns the name of one query parameter.
fn key(parameter: &str) -> &str {
    parameter.split_once('=').map_or(parameter, |(key, _)| key)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        FetchMetadata,
        Language::{Js, Jsx, Ts, Tsx},
        ModuleKind, ModuleSpec, ScriptContext,
    };

    const SCRIPT: Option<&str> = Some("script");
    const CORS: Option<&str> = Some("cors");
    const NO_CORS: Option<&str> = Some("no-cors");

    fn spec(
        path: &str,
        query: &str,
        dest: Option<&str>,
        mode: Option<&str>,
    ) -> Option<(ModuleKind, ScriptContext)> {
        let metadata = FetchMetadata { dest, mode, from_script: false };
        let spec = ModuleSpec::of_request(Path::new(path), query, metadata);
        spec.map(|spec| (spec.kind, spec.context))
    }

    #[test]
    fn scripts_are_recognized_by_fetch_metadata_name_and_query() {
        use ScriptContext::{Classic, Page, Unknown, Worker};
        let empty = Some("empty");
        let table = [
            ("a.ts", "", SCRIPT, CORS, Some((Ts, Page))),
            ("a.MTS", "", SCRIPT, CORS, Some((Ts, Page))),
            ("a.tsx", "", SCRIPT, CORS, Some((Tsx, Page))),
            ("a.jsx", "", SCRIPT, CORS, Some((Jsx, Page))),
            ("a.js", "", SCRIPT, CORS, Some((Js, Page))),
            ("a.mjs", "t=5", SCRIPT, CORS, Some((Js, Page))),
            ("a.cjs", "", SCRIPT, CORS, None),
            // A classic script is compiled only if the browser cannot parse it.
            ("a.js", "", SCRIPT, NO_CORS, None),
            ("a.ts", "", SCRIPT, NO_CORS, Some((Ts, Classic))),
            ("a.ts", "", Some("worker"), CORS, Some((Ts, Worker))),
            ("a.ts", "", Some("serviceworker"), CORS, Some((Ts, Worker))),
            // Fetched by a script, navigated to, or played as a video (.ts is also MPEG-TS).
            ("a.ts", "", empty, CORS, None),
            ("a.ts", "", Some("document"), Some("navigate"), None),
            ("a.ts", "", Some("video"), NO_CORS, None),
            ("a.js", "", empty, CORS, None),
            ("a.ts", "import", empty, CORS, Some((Ts, Page))),
            ("a.ts", "a=1&t=7", empty, CORS, Some((Ts, Page))),
            ("a.ts", "at=7", empty, CORS, None),
            // No fetch metadata.
            ("a.tsx", "", None, None, Some((Tsx, Unknown))),
            ("a.js", "", None, None, Some((Js, Unknown))),
        ];
        for (path, query, dest, mode, expected) in table {
            let expected =
                expected.map(|(language, context)| (ModuleKind::Script(language), context));
            let found = spec(path, query, dest, mode);
            assert_eq!(found, expected, "{path}?{query} {dest:?} {mode:?}");
        }
    }

    #[test]
    fn scripts_that_a_service_worker_forwards_are_recognized() {
        use ScriptContext::{Classic, Page, Worker};
        for (path, mode, from_script, expected) in [
            ("a.ts", "cors", true, Some((Ts, Page))),
            ("a.js", "cors", true, Some((Js, Page))),
            ("a.ts", "cors", false, None),
            ("a.ts", "same-origin", false, Some((Ts, Worker))),
            ("a.ts", "no-cors", true, Some((Ts, Classic))),
            ("a.js", "no-cors", true, None),
            ("a.ts", "navigate", true, None),
            ("a.css", "cors", true, None),
        ] {
            let metadata = FetchMetadata { dest: Some("empty"), mode: Some(mode), from_script };
            let spec = ModuleSpec::of_request(Path::new(path), "", metadata);
            let expected =
                expected.map(|(language, context)| (ModuleKind::Script(language), context));
            assert_eq!(spec.map(|spec| (spec.kind, spec.context)), expected, "{path} {mode}");
        }
    }

    #[test]
    fn other_files_are_modules_only_if_imported() {
        for (path, query, expected) in [
            ("a.css", "", None),
            ("a.css", "import", Some(ModuleKind::StyleSheet)),
            ("a.css", "import&t=3", Some(ModuleKind::StyleSheet)),
            ("a.css", "import&default", Some(ModuleKind::StyleSheetAndText)),
            ("a.css", "import&part&t=3", Some(ModuleKind::StyleSheetPart)),
            ("a.module.css", "import&part", Some(ModuleKind::StyleSheetPart)),
            ("a.css", "import&inline", Some(ModuleKind::StyleSheetText)),
            ("a.scss", "import", Some(ModuleKind::StyleSheet)),
            ("a.module.scss", "import", Some(ModuleKind::CssModule)),
            ("a.css", "import&raw", Some(ModuleKind::Text)),
            ("a.module.css", "import", Some(ModuleKind::CssModule)),
            ("a.module.css", "import&raw", Some(ModuleKind::Text)),
            ("a.json", "import", Some(ModuleKind::Json)),
            ("a.svg", "import", Some(ModuleKind::Url)),
            ("a.svg", "import&inline", Some(ModuleKind::DataUrl)),
            ("a.svg", "inline", None),
            ("a.wasm", "import", Some(ModuleKind::Url)),
            ("a.wasm", "import&init", Some(ModuleKind::WasmInit)),
            ("a.wasm", "import&instance", Some(ModuleKind::Wasm)),
            ("a", "import", Some(ModuleKind::Url)),
            ("a.txt", "import&raw", Some(ModuleKind::Text)),
            ("a.txt", "raw", None),
            ("a.tsx", "import&raw", Some(ModuleKind::Text)),
            ("a.ts", "import&url", Some(ModuleKind::Url)),
            ("a.ts", "import&worker", Some(ModuleKind::Worker)),
        ] {
            let expected = expected.map(|kind| (kind, ScriptContext::Page));
            assert_eq!(spec(path, query, SCRIPT, CORS), expected, "{path}?{query}");
        }
        for (path, dest, expected) in [
            ("a.css", None, true),
            ("a.scss", Some("style"), true),
            ("a.scss", Some("empty"), false),
            ("a.scss", Some("document"), false),
        ] {
            let found = spec(path, "", dest, CORS).map(|(kind, _)| kind);
            assert_eq!(found, expected.then_some(ModuleKind::Css), "{path} {dest:?}");
        }
    }
}
