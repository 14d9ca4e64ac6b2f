//! Stub without the feature `esm`: the same API as the real [`Esm`], which cannot be created.
//!
//! Every file is then served as it is, and there are no packages.

#![allow(clippy::unused_async)]

mod outcome;
mod vite_settings;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use hyper::HeaderMap;

use self::outcome::Fallback;
use crate::{
    change::ChangeSet,
    docroot::Root,
    event::{ConfigNotice, Events},
    fault::Fault,
    http::url_path::UrlPath,
};

pub use self::outcome::Packs;
pub(crate) use self::outcome::{
    Module, ModuleOutcome, ModuleRequest, PACKAGES_PATH, PackageContent, PackageOutcome,
    PackageResponse, PageVariables, ServedPosition, ServedScript, SourcePosition, StyleSheet, VARY,
    Versions,
};
pub(crate) use self::vite_settings::{
    OUTER_PUBLIC, ProxyRule, PublicDir, ServerSettings, ViteSettings,
};

/// What one request has seen of the disk.
#[derive(Default)]
pub(crate) struct DiskView;

pub(crate) enum Esm {}

impl Esm {
    pub(crate) fn new(
        _: Arc<Root>,
        _: Vec<String>,
        _: Arc<ViteSettings>,
        _: Events,
    ) -> Option<Self> {
        None
    }

    pub(crate) fn read_settings(_: &Path) -> Option<(ViteSettings, Vec<ConfigNotice>)> {
        None
    }

    pub(crate) fn linked_packages(_: &Path) -> Vec<(String, PathBuf)> {
        Vec::new()
    }

    pub(crate) fn is_module(_: &Path) -> bool {
        false
    }

    pub(crate) fn stop(&self) {
        match *self {}
    }

    pub(crate) fn changed(&self, _: &ChangeSet) -> Option<ChangeSet> {
        match *self {}
    }

    pub(crate) fn may_compile(&self, _: &Path, _: &str, _: Option<&[u8]>) -> bool {
        match *self {}
    }

    pub(crate) fn runs_compilers(_: &Path, _: &str, _: &HeaderMap) -> bool {
        false
    }

    pub(crate) fn may_import(_: &[u8]) -> bool {
        false
    }

    pub(crate) async fn module(
        &self,
        _: ModuleRequest<'_>,
        _: &(impl Versions + Sync),
    ) -> Option<ModuleOutcome> {
        match *self {}
    }

    pub(crate) async fn insert_variables(&self, _: &Path, _: &Bytes) -> Option<PageVariables> {
        match *self {}
    }

    pub(crate) async fn import_map(
        &self,
        _: &Path,
        _: &str,
        _: &Bytes,
    ) -> Result<Option<String>, Fault> {
        match *self {}
    }

    pub(crate) async fn describe_missing(
        &self,
        _: &str,
        _: &str,
        _: Option<&str>,
    ) -> Option<Fault> {
        match *self {}
    }

    pub(crate) async fn describe_page_error(
        self: &Arc<Self>,
        _: &str,
        _: String,
        _: (u32, u32),
    ) -> Option<Fault> {
        match **self {}
    }

    pub(crate) async fn source_positions(
        self: &Arc<Self>,
        _: Vec<ServedPosition>,
    ) -> Vec<Option<SourcePosition>> {
        match **self {}
    }

    pub(crate) async fn package(&self, _: &str, _: &str) -> PackageOutcome {
        match *self {}
    }

    pub(crate) async fn resolve_from_sheet(&self, _: &str, _: &str) -> Option<String> {
        match *self {}
    }

    pub(crate) fn resolve_in_project(&self, _: &str, _: &str) -> Option<String> {
        match *self {}
    }

    pub(crate) fn fallbacks(&self, _: &UrlPath, _: bool) -> Vec<Fallback> {
        match *self {}
    }
}

impl Fallback {
    pub(crate) fn accepts(&self, _: Option<&[u8]>) -> bool {
        !self.application
    }
}
