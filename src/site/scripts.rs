//! Serves the JavaScript that runs in pages, embedded from `client-snippet`.
//!
//! All modules have a URL directly below `/__livers/`, whichever folder their source is in, and
//! import each other by relative URLs. A page loads `client.js`; everything else is loaded on
//! demand.

use hyper::{
    Request, StatusCode,
    header::{CACHE_CONTROL, HeaderValue},
};

use crate::http::{body::Response, representation::Representation};

/// Pairs a module's URL, relative to `/__livers`, with its source.
macro_rules! scripts {
    ($($folder:literal: $($name:literal)+;)+) => {
        &[$($((
            concat!("/", $name),
            include_str!(concat!("../../client-snippet/", $folder, "/", $name)),
        ),)+)+]
    };
}

/// Every module that a page can load.
const SCRIPTS: &[(&str, &str)] = scripts! {
    "reload": "client.js" "update.js" "address.js" "sheets.js" "adopted.js" "assets.js" "morph.js"
        "match.js" "parse.js" "reload.js" "failure.js";
    "hmr": "hot.js" "renew.js" "plan.js" "families.js" "refresh.js" "prefresh.js" "overlay.js" "helpers.js";
    "packages": "graph.js" "evaluate.js" "exports.js" "registry.js" "namespace.js" "node.js" "elements.js";
};

/// Answers a request for the module at `name`, or returns `None` if there is no such module.
///
/// Modules are never stored by the browser: after livers is upgraded and restarted, an open page
/// must not mix modules of two versions.
pub(super) fn answer<B>(name: &str, request: &Request<B>) -> Option<Response> {
    let (_, text) = SCRIPTS.iter().find(|(script, _)| *script == name)?;
    let javascript = "text/javascript; charset=utf-8";
    let mut response = Representation::from_bytes(StatusCode::OK, javascript, *text)
        .into_response(request.method(), request.headers());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::SCRIPTS;
    use crate::http::own_paths;

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
            for part in text.split("from './").skip(1) {
                let (name, rest) = part.split_once('\'').unwrap();
                // Comments show imports, too, but not whole statements.
                if !rest.starts_with(';') {
                    continue;
                }
                let is_served = SCRIPTS.iter().any(|(script, _)| script[1..] == *name);
                assert!(is_served, "{importer} imports {name}");
            }
        }
    }
}
