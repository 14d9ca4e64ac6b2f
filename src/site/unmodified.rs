//! What stands for `modules` without the feature `esm`: every file is served as it is, and there are no
//! packages.

#![allow(clippy::unused_async, clippy::unused_self)]

use hyper::{Method, StatusCode, Uri, header::HeaderMap};

use super::{Site, plain};
use crate::{change::ChangeSet, files::Source, respond::body::Response, root::Root};

/// What makes modules: nothing.
pub(crate) struct Modules;

impl Modules {
    pub(crate) fn new(_: &Root, _: Vec<String>) -> Self {
        Self
    }

    pub(crate) fn changed(&self, _: &ChangeSet) -> bool {
        false
    }
}

impl Site {
    pub(super) async fn module(
        &self,
        _: &Source,
        _: &Method,
        _: &Uri,
        _: &HeaderMap,
    ) -> Option<Response> {
        None
    }

    pub(super) async fn package(&self, _: &str, _: &Method, uri: &Uri, _: &HeaderMap) -> Response {
        plain(StatusCode::NOT_FOUND, format!("There is no {}.\n", uri.path()))
    }

    pub(super) async fn import_map(&self, _: &Source) -> String {
        String::new()
    }

    pub(super) fn mended(&self, _: &str) {}
}
