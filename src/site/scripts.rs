//! The client's own modules, below livers' own path.

use hyper::{
    Request, StatusCode,
    header::{CACHE_CONTROL, HeaderValue},
};

use crate::http::{body::Response, representation::Representation};

/// The script that pages load, and the modules that it loads with the first change.
const SCRIPTS: &[(&str, &str)] = &[
    ("/client.js", include_str!("../../client-snippet/client.js")),
    ("/update.js", include_str!("../../client-snippet/update.js")),
    ("/address.js", include_str!("../../client-snippet/address.js")),
    ("/sheets.js", include_str!("../../client-snippet/sheets.js")),
    ("/adopted.js", include_str!("../../client-snippet/adopted.js")),
    ("/assets.js", include_str!("../../client-snippet/assets.js")),
    ("/morph.js", include_str!("../../client-snippet/morph.js")),
    ("/reload.js", include_str!("../../client-snippet/reload.js")),
    ("/hot.js", include_str!("../../client-snippet/hot.js")),
    ("/renew.js", include_str!("../../client-snippet/renew.js")),
    ("/refresh.js", include_str!("../../client-snippet/refresh.js")),
    ("/overlay.js", include_str!("../../client-snippet/overlay.js")),
    ("/helpers.js", include_str!("../../client-snippet/helpers.js")),
    ("/registry.js", include_str!("../../client-snippet/registry.js")),
];

/// One of the client's modules. The URL of the first, which holds the stamp, is another one after each
/// change; the others belong to it, and livers may be another one when they are asked for again.
pub(super) fn answer<B>(name: &str, request: &Request<B>) -> Option<Response> {
    let (_, text) = SCRIPTS.iter().find(|(script, _)| *script == name)?;
    let javascript = "text/javascript; charset=utf-8";
    let mut response = Representation::of_bytes(StatusCode::OK, javascript, *text)
        .answer(request.method(), request.headers());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}
