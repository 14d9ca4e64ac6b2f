//! Conventions of projects that are built from source, for requests that match no file.
//!
//! Files in `public/`, or in the `publicDir` of `vite.config.*`, are also served from `/`, and a navigation to a path that an application
//! routes by itself (`/settings`) gets the page of the root. Both apply only to a folder with a
//! `package.json`, and only where it has no file at the path.
//!
//! The root may be that of a workspace, and have such folders in it. Each is served below its own
//! path, but is written as if it were the root: a path that a page or a module in it requests, and
//! that has no file, is looked up in it.

use std::path::Path;

use super::{outcome::Fallback, page::has_module, service::Esm, vite_settings::OUTER_PUBLIC};
use crate::{docroot::Located, http::url_path::UrlPath};

/// The folder whose files are also served from the root.
const PUBLIC: &str = "/public";

/// The page of an application.
const INDEX: &str = "/index.html";

/// Number of folders above a path in which a `package.json` is looked for.
const MAX_FOLDERS: usize = 16;

impl Esm {
    /// Returns the files to try, in order, for a path without a file. `navigation` is set for
    /// a navigation for which no `404.html` was found.
    ///
    /// # Blocking
    /// Reads the metadata of a file in each folder above the path.
    pub(crate) fn fallbacks(&self, url: &UrlPath, navigation: bool) -> Vec<Fallback> {
        let path = url.to_string();
        let projects = self.projects(&path);
        let fallback = |path: String, application| {
            Some(Fallback { url: UrlPath::parse(&path).ok()?, application })
        };
        let public = projects.iter().filter(|_| !url.is_directory()).filter_map(|project| {
            let rest = path.strip_prefix(project.as_str())?;
            let public = self.public_of(project)?;
            fallback(format!("{public}{rest}"), false)
        });
        // A last segment with a dot names a file, not a route of an application.
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let is_route = navigation && !last.contains('.');
        let index = projects.iter().filter(|_| is_route);
        let index = index.filter_map(|project| fallback(format!("{project}{INDEX}"), true));
        public.chain(index).collect()
    }

    /// Returns the URL path of the public folder of a project, by that of the project.
    fn public_of(&self, project: &str) -> Option<String> {
        let settings = self.compiler.settings();
        let is_root = self
            .disk_path(&format!("{project}/"))
            .is_some_and(|folder| folder.components().eq(self.folders.path().components()));
        match settings.public_url() {
            _ if !is_root => Some(format!("{project}{PUBLIC}")),
            // It has no path below `base`.
            Some(public) if public == OUTER_PUBLIC => Some(public),
            public => public.map(|public| format!("{project}{public}")),
        }
    }

    /// Returns the URL path at which a file is served as well, if it is in a public folder.
    pub(super) fn public_url(&self, path: &str) -> Option<String> {
        let settings = self.compiler.settings();
        let of_settings = settings.public_url().filter(|public| public != PUBLIC);
        let below = |public: &String| path.strip_prefix(public.as_str()).map(str::to_owned);
        let below = of_settings.as_ref().and_then(below).filter(|rest| rest.starts_with('/'));
        below.or_else(|| public_url(path))
    }

    /// Returns the URL path of the file that a page or a module meant by a path without a file:
    /// one in its own project below the root.
    ///
    /// # Blocking
    /// Looks for files.
    pub(crate) fn resolve_in_project(&self, path: &str, user: &str) -> Option<String> {
        let projects = self.projects(user);
        let mut inner = projects.iter().filter(|project| !project.is_empty());
        let serves = |path: String| {
            let url = UrlPath::parse(&path).ok()?;
            matches!(self.folders.locate(&url), Located::File(_)).then_some(path)
        };
        inner.find_map(|project| {
            let own = format!("{project}{path}");
            serves(own.clone()).or_else(|| serves(format!("{project}{PUBLIC}{path}"))).map(|_| own)
        })
    }

    /// Returns the URL paths of the folders with a `package.json` above a URL path, and of the root
    /// if it has a `vite.config.*`, the nearest first, without slashes at the end.
    fn projects(&self, path: &str) -> Vec<String> {
        let ends = path.match_indices('/').map(|(at, _)| &path[..at]);
        let folders: Vec<_> = ends.take(MAX_FOLDERS).collect();
        let folder = |path: &str| self.disk_path(&format!("{path}/"));
        let is_root = |folder: &Path| {
            self.compiler.settings().exist()
                && folder.components().eq(self.folders.path().components())
        };
        let is_project = |path: &&&str| {
            folder(path)
                .is_some_and(|folder| folder.join("package.json").is_file() || is_root(&folder))
        };
        folders.iter().rev().filter(is_project).map(|path| (*path).to_owned()).collect()
    }
}

/// Returns the URL path at which a file in a `public/` is served as well.
fn public_url(path: &str) -> Option<String> {
    let (project, rest) = path.split_once(&format!("{PUBLIC}/"))?;
    Some(format!("{project}/{rest}"))
}

impl Fallback {
    /// Returns whether a file with this content is served. `content` is `None` if the file is too
    /// large to be in memory.
    pub(crate) fn accepts(&self, content: Option<&[u8]>) -> bool {
        !self.application || content.is_some_and(has_module)
    }
}
