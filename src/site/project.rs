//! Where a project has what is at no file of that path: conventions that projects built from source
//! share.
//!
//! What lies in `public/` is served as if it lay beside it. A page that an application makes up by
//! itself (`/settings`) is the root's own, so that it can be loaded again there. A sheet imports
//! packages by their names. All of it only where there is nothing at the path, and only for a folder
//! with a `package.json`.

use std::{path::Path, sync::Arc};

use hyper::header::{HeaderMap, HeaderValue, LOCATION};
use hyper::{StatusCode, header::CACHE_CONTROL};

use super::{Site, plain, referrer};
use crate::{
    docroot::Content,
    esm,
    files::{Answer, Ask, Found, INDEX},
    http::body::Response,
    http::url_path::UrlPath,
};

/// What lies in here has the path that it would have beside it.
const PUBLIC: &str = "/public";

impl Site {
    /// What a project means by a path at which there is nothing but this.
    pub(super) async fn meant(&self, url: &UrlPath, ask: Ask, found: &Found) -> Option<Found> {
        let root = self.modules.as_ref().map(|_| self.root.path())?;
        let path = url.to_string();
        let public = UrlPath::parse(&format!("{PUBLIC}{path}")).ok()?;
        if !root.join("package.json").is_file() {
            return None;
        }
        let navigation = ask.navigation;
        let file = |answer: Answer| match answer.found {
            Found::File(StatusCode::OK, source) => Some(source),
            _ => None,
        };
        if !url.is_directory()
            && let Some(source) = file(self.files.find(&public, ask.clone()).await)
        {
            return Some(Found::File(StatusCode::OK, source));
        }
        // A name with a dot is a file's; and a folder with a page for such a case says what it means.
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if !navigation || last.contains('.') || !matches!(found, Found::Nothing(_)) {
            return None;
        }
        let index = UrlPath::parse(&format!("/{INDEX}")).ok()?;
        let source = file(self.files.find(&index, ask).await)?;
        let is_application =
            matches!(&source.content, Content::Memory(html) if esm::has_module(html));
        is_application.then_some(Found::File(StatusCode::OK, source))
    }

    /// The package's file that a sheet means by a path at which there is nothing. By the rules of CSS
    /// it asked for a file beside itself.
    pub(super) async fn of_package(
        &self,
        path: &str,
        headers: &HeaderMap,
        host: &str,
    ) -> Option<Response> {
        let modules = Arc::clone(self.modules.as_ref()?);
        let sheet = referrer(headers, host).filter(|sheet| sheet_like(sheet))?;
        let folder = &sheet[..=sheet.rfind('/')?];
        let specifier = path.strip_prefix(folder).filter(|rest| !rest.is_empty())?.to_owned();
        let from = self.root.path().join(sheet.trim_start_matches('/'));
        let found = tokio::task::spawn_blocking(move || modules.package_file(&specifier, &from));
        let url = HeaderValue::from_str(&found.await.ok()??).ok()?;
        let mut response = plain(StatusCode::FOUND, "It is in a package.\n");
        response.headers_mut().insert(LOCATION, url);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Some(response)
    }
}

fn sheet_like(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("css"))
}
