//! What stands for `modules` without the feature `esm`: every file is served as it is, and there are no
//! packages.

#![allow(clippy::unused_async, clippy::unused_self)]

use hyper::{Method, StatusCode, Uri, header::HeaderMap};

use super::{Site, plain};
use crate::{
    change::ChangeSet,
    docroot::Root,
    files::{Ask, Found, Source},
    http::body::Response,
    http::url_path::UrlPath,
};

/// What makes modules: nothing.
pub(crate) struct Modules;

impl Modules {
    pub(crate) fn new(_: &Root, _: Vec<String>) -> Self {
        Self
    }

    pub(crate) fn changed(&self, _: &ChangeSet) -> Option<ChangeSet> {
        None
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

    pub(super) fn module_varies(&self, _: &Source, _: &Uri) -> Option<&'static str> {
        None
    }

    pub(super) async fn package(&self, _: &str, _: &Method, uri: &Uri, _: &HeaderMap) -> Response {
        plain(StatusCode::NOT_FOUND, format!("There is no {}.\n", uri.path()))
    }

    pub(super) async fn import_map(&self, _: &Source) -> String {
        String::new()
    }

    pub(super) async fn meant(&self, _: &UrlPath, _: Ask, _: &Found) -> Option<Found> {
        None
    }

    pub(super) async fn of_package(&self, _: &str, _: &HeaderMap, _: &str) -> Option<Response> {
        None
    }

    pub(super) fn mended(&self, _: &str) {}
}
