//! Serves the JavaScript that runs in pages, embedded from `client-snippet`.
//!
//! All modules have a URL directly below `/__livers/`, whichever folder their source is in, and
//! import each other by relative URLs. A page loads `client.js`; everything else is loaded on
//! demand. Developer tools leave them out of stack traces, as their source maps request.

use std::borrow::Cow;
#[cfg(feature = "esm")]
use std::collections::VecDeque;

use bytes::Bytes;
use hyper::{
    Request, StatusCode,
    header::{CACHE_CONTROL, HeaderValue},
};

use crate::{
    config::Console,
    http::{body::Response, representation::Representation},
    source_map,
};

/// Pairs a module's URL, relative to `/__livers`, with its source.
macro_rules! scripts {
    ($($folder:literal: $($name:literal)+;)+) => {
        &[$($((
            concat!("/", $name),
            concat!(
                include_str!(concat!("../../client-snippet/", $folder, "/", $name)),
                "//# sourceMappingURL=", $name, ".map\n",
            ),
        ),)+)+]
    };
}

/// Every module that a page can load.
const SCRIPTS: &[(&str, &str)] = scripts! {
    "reload": "client.js" "update.js" "address.js" "sheets.js" "adopted.js" "assets.js" "morph.js"
        "match.js" "parse.js" "reload.js" "early.js";
    "hmr": "hot.js" "renew.js" "plan.js" "families.js" "refresh.js" "prefresh.js" "vue.js" "overlay.js" "helpers.js"
        "console.js" "messages.js" "describe.js" "inspect.js" "blank.js" "failure.js" "editor.js";
    "packages": "graph.js" "registry.js" "records.js" "commonjs.js" "elements.js";
};

/// The module that hears the errors and the console of a page.
const CONSOLE: &str = "/console.js";

/// The module that opens places in the editor. The site adds a token to it.
pub(super) const EDITOR: &str = "/editor.js";

/// The script that hears the errors before.
const EARLY: &str = "/early.js";

/// The last line of each module begins with this.
const MAP_COMMENT: &str = "//# sourceMappingURL=";

/// Returns the text of a module, or nothing if there is no such module.
pub(super) fn text(name: &str) -> &'static str {
    SCRIPTS.iter().find(|(script, _)| *script == name).map_or("", |(_, text)| text)
}

/// Answers a request for the module at `name`, or returns `None` if there is no such module.
/// `console`: what the listener of the page hears.
///
/// Modules are never stored by the browser: after livers is upgraded and restarted, an open page
/// must not mix modules of two versions. The script before them is, because pages wait for it: the
/// run of the server is part of its URL.
pub(super) fn answer<B>(name: &str, request: &Request<B>, console: Console) -> Option<Response> {
    let of = name.strip_suffix(".map");
    let wanted = of.unwrap_or(name);
    let (path, text) = SCRIPTS.iter().find(|(script, _)| *script == wanted)?;
    let text = match (*path, levels(console)) {
        (CONSOLE, Some(levels)) => Cow::Owned(listening(text, levels)),
        _ => Cow::Borrowed(*text),
    };
    let made = if of.is_some() {
        let map = source_map::ignored(&path[1..], &text).to_string();
        Representation::from_bytes(StatusCode::OK, "application/json", map)
    } else {
        let bytes = Bytes::from(text.into_owned());
        Representation::from_bytes(StatusCode::OK, "text/javascript; charset=utf-8", bytes)
    };
    let mut response = made.into_response(request.method(), request.headers());
    let caching =
        if *path == EARLY && of.is_none() { "max-age=86400, immutable" } else { "no-store" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    Some(response)
}

/// Returns the methods of `console` that pages listen to, as the elements of an array, or `None` if
/// they do not listen at all.
fn levels(console: Console) -> Option<&'static str> {
    match console {
        Console::Errors => Some("'error', 'warn'"),
        Console::All => Some("'error', 'warn', 'log', 'info', 'debug'"),
        Console::Off => None,
    }
}

/// Returns the listener with the call that installs it. The comment about its source map stays last.
fn listening(text: &str, levels: &str) -> String {
    let (code, map) = text.rsplit_once(MAP_COMMENT).unwrap_or((text, ""));
    format!("{code}listen([{levels}]);\n{MAP_COMMENT}{map}")
}

/// Returns the names of modules, and of all that they import, each once. Leaves out other names.
#[cfg(feature = "esm")]
pub(super) fn with_imports<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut found = Vec::new();
    let mut queue: VecDeque<_> = names.collect();
    while let Some(name) = queue.pop_front() {
        let module = SCRIPTS.iter().find(|(script, _)| script[1..] == *name);
        if let Some((_, text)) = module
            && !found.contains(&name)
        {
            found.push(name);
            queue.extend(imports(text));
        }
    }
    found
}

/// Returns the names of the modules that one of these scripts imports.
#[cfg(any(feature = "esm", test))]
fn imports(text: &str) -> impl Iterator<Item = &str> {
    let imports = text.split("from './").skip(1).filter_map(|part| part.split_once('\''));
    // Comments show imports, too, but not whole statements.
    imports.filter(|(_, rest)| rest.starts_with(';')).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::{CONSOLE, SCRIPTS, imports, levels, listening};
    use crate::{config::Console, http::own_paths};

    #[test]
    fn the_listener_is_installed_with_the_levels_of_the_configuration() {
        let (_, text) = SCRIPTS.iter().find(|(name, _)| *name == CONSOLE).unwrap();
        assert_eq!(levels(Console::Off), None);
        for (console, call) in [
            (Console::Errors, "\nlisten(['error', 'warn']);\n"),
            (Console::All, "\nlisten(['error', 'warn', 'log', 'info', 'debug']);\n"),
        ] {
            let made = listening(text, levels(console).unwrap());
            assert!(!text.contains(call) && made.contains(call), "{call}");
            assert!(made.ends_with("\n//# sourceMappingURL=console.js.map\n"), "{call}");
        }
    }

    #[test]
    fn every_module_named_in_own_paths_is_served() {
        let is_served = |path: &str| {
            let name = path.strip_prefix(own_paths::PREFIX).unwrap();
            SCRIPTS.iter().any(|(script, _)| *script == name)
        };
        assert!(is_served(own_paths::CLIENT));
        #[cfg(feature = "esm")]
        for path in [own_paths::HELPERS, own_paths::HOT, own_paths::REFRESH, own_paths::REGISTRY] {
            assert!(is_served(path), "{path}");
        }
    }

    #[test]
    fn every_imported_module_is_served() {
        for (importer, text) in SCRIPTS {
            for name in imports(text) {
                let is_served = SCRIPTS.iter().any(|(script, _)| script[1..] == *name);
                assert!(is_served, "{importer} imports {name}");
            }
        }
    }
    #[test]
    #[cfg(feature = "esm")]
    fn what_modules_import_is_found_through_others() {
        for (names, expected) in [
            ("refresh.js", "refresh.js families.js hot.js console.js"),
            ("hot.js prefresh.js", "hot.js prefresh.js console.js families.js"),
            ("graph.js", "graph.js hot.js registry.js console.js commonjs.js records.js"),
            ("npm/x/index.js", ""),
        ] {
            assert_eq!(super::with_imports(names.split(' ')).join(" "), expected);
        }
    }
}
