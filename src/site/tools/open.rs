//! Opens places in the editor: `POST /__livers/open`, and the module in the page that sends it.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use hyper::{
    Request, StatusCode,
    body::Body as HttpBody,
    header::{CACHE_CONTROL, HeaderMap, HeaderValue, ORIGIN, VARY},
};
use serde::Deserialize;
use serde_json::json;

use super::{Site, json_with, refuse, tokens::is_module_import};
use crate::{
    docroot::Located,
    editor_error::EditorError,
    event::Event,
    http::{
        body::{BodyError, Response},
        json_request::read_json,
        representation::Representation,
        url_path::UrlPath,
    },
};

/// How long a request's body may be.
const MAX_BODY: usize = 4096;

/// The field with the token.
const TOKEN: &str = "x-livers-token";

/// Where the module has its token.
const TOKEN_PLACE: &str = "const TOKEN = '';";

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceRequest {
    /// The URL path of a file.
    file: String,
    /// Counted from 1.
    #[serde(default = "first")]
    line: u32,
    /// Counted from 1.
    #[serde(default = "first")]
    column: u32,
}

fn first() -> u32 {
    1
}

impl Site {
    /// Answers a request for the module that opens places. If a page of this server, on this
    /// machine, imports it, it contains a token.
    pub(in crate::site) fn editor_module<B>(
        &self,
        request: &Request<B>,
        text: &str,
        local: bool,
    ) -> Response {
        let is_import = local && is_module_import(request.headers());
        let token = is_import.then(|| self.tokens.issue()).flatten().unwrap_or_default();
        let text = text.replacen(TOKEN_PLACE, &format!("const TOKEN = '{token}';"), 1);
        let made =
            Representation::from_bytes(StatusCode::OK, "text/javascript; charset=utf-8", text);
        let mut response = made.into_response(request.method(), request.headers());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let vary = "sec-fetch-dest, sec-fetch-mode, sec-fetch-site";
        response.headers_mut().insert(VARY, HeaderValue::from_static(vary));
        response
    }

    /// Answers `POST /__livers/open`: opens a place of a served file in the editor.
    pub(super) async fn open_place<B>(&self, headers: &HeaderMap, body: B) -> Response
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BodyError>,
    {
        // `own` has checked that an origin is this server's.
        let token = headers.get(TOKEN).and_then(|token| token.to_str().ok());
        if !headers.contains_key(ORIGIN) || !token.is_some_and(|token| self.tokens.redeem(token)) {
            return refuse(StatusCode::FORBIDDEN, "only a click on a place can open the editor");
        }
        let body = match read_json(headers, body, MAX_BODY).await {
            Ok(body) => body,
            Err(why) => return refuse(why.status(), &why.to_string()),
        };
        let place: PlaceRequest = match serde_json::from_slice(&body) {
            Ok(place) => place,
            Err(why) => return refuse(StatusCode::BAD_REQUEST, &format!("the place: {why}")),
        };
        let (line, column) = (place.line.max(1), place.column.max(1));
        let (path, file) = match self.existing_file(&place.file).await {
            Ok(found) => found,
            Err(refused) => return refused,
        };
        let (events, failed_path) = (self.events.clone(), path.clone());
        let failed = move |why| events.emit(Event::EditorFault { path: failed_path, why });
        match self.editor.open(&file, (line, column), failed).await {
            Ok(editor) => {
                let answer = json!({ "editor": editor });
                self.events.emit(Event::EditorOpened { path, line, column, editor });
                json_with(StatusCode::OK, &answer)
            }
            Err(why) => {
                let status = match why {
                    EditorError::AmbiguousName => StatusCode::UNPROCESSABLE_ENTITY,
                    EditorError::Busy => StatusCode::TOO_MANY_REQUESTS,
                    _ => StatusCode::CONFLICT,
                };
                let setting = why.is_about_setting().then_some("editor");
                let answer = json!({ "error": why.to_string(), "setting": setting });
                self.events.emit(Event::EditorFault { path, why });
                json_with(status, &answer)
            }
        }
    }

    /// Returns the normal form of a URL path, and the absolute disk path of the file there, which
    /// is regular and served.
    async fn existing_file(&self, url: &str) -> Result<(String, PathBuf), Response> {
        let Ok(url) = UrlPath::parse(url) else {
            return Err(refuse(StatusCode::BAD_REQUEST, "the file is no URL path"));
        };
        let path = url.to_string();
        let (root, esm) = (Arc::clone(&self.root), self.esm.clone());
        let locate = move || match root.locate(&url) {
            // It may be a file of the project's public folder.
            Located::Missing(at) => {
                let others = esm.map(|esm| esm.fallbacks(&url, false)).unwrap_or_default();
                let mut others = others.iter().map(|other| root.locate(&other.url));
                let found = others.find(|other| matches!(other, Located::File(_)));
                found.unwrap_or(Located::Missing(at))
            }
            located => located,
        };
        match tokio::task::spawn_blocking(locate).await {
            Ok(Located::File(found)) if found.path.is_absolute() => Ok((path, found.path)),
            Ok(Located::Refused(reason)) => {
                let response = refuse(StatusCode::FORBIDDEN, &reason.with_remedy());
                self.events.emit(Event::Refused { path, reason });
                Err(response)
            }
            _ => Err(refuse(StatusCode::NOT_FOUND, "there is no such file")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TOKEN_PLACE;

    #[test]
    fn the_module_has_one_place_for_its_token() {
        let module = include_str!("../../../client-snippet/hmr/editor.js");
        assert_eq!(module.matches(TOKEN_PLACE).count(), 1);
    }
}
