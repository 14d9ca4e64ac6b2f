//! Reports files that pages need and that do not exist.
//!
//! A browser mentions them only in its developer tools: a page without its script or style sheet
//! looks broken for no reason. Reported are scripts, style sheets, images, fonts and the like, once
//! until the file exists. Left out is what a page may try without needing it: `fetch`, prefetches,
//! source maps, and the icons that browsers request by themselves.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use hyper::{
    StatusCode,
    header::{HeaderMap, REFERER},
};

use super::{Site, page_errors};
use crate::{
    docroot::Located,
    event::Event,
    files::{INDEX, PAGE, ServedFile},
    http::{media_type, url_path::UrlPath},
    live::referrer::referrer,
};

/// How many missing files are remembered. The oldest is forgotten, and may be reported again.
const FILES: usize = 1_000;

/// How many paths are looked up that a relative URL may have meant.
const TRIED: usize = 16;

/// The length up to which a path is reported, bytes.
const LENGTH: usize = 1_000;

/// Destinations of requests (Fetch, section 2.2.5) without whose file a page is incomplete.
const NEEDED: [&str; 12] = [
    "audio",
    "audioworklet",
    "font",
    "image",
    "json",
    "manifest",
    "script",
    "sharedworker",
    "style",
    "track",
    "video",
    "worker",
];

/// Types of files that a page needs, for browsers without Fetch Metadata.
const NEEDED_TYPES: [&str; 6] =
    ["audio/", "font/", "image/", "text/css", "text/javascript", "video/"];

/// The page, style sheet or script of this server that uses a missing file: its URL path, if the
/// request tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct User(Option<String>);

/// The missing files that were reported.
#[derive(Debug, Default)]
pub(crate) struct MissingFiles(Mutex<VecDeque<Missing>>);

#[derive(Debug)]
struct Missing {
    path: String,
    /// The URL path of the source whose error it is.
    fault: Option<String>,
}

impl MissingFiles {
    /// Adds a path. Returns whether it is new, so that it has to be reported.
    fn add(&self, path: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if path.len() > LENGTH || known.iter().any(|known| known.path == path) {
            return false;
        }
        if known.len() >= FILES {
            known.pop_front();
        }
        known.push_back(Missing { path: path.to_owned(), fault: None });
        true
    }

    /// Records that a path that was added is an error of the source at a URL path.
    fn set_fault(&self, path: &str, fault: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(missing) = known.iter_mut().find(|known| known.path == path) {
            missing.fault = Some(fault.to_owned());
        }
    }

    /// Forgets a path, because its file exists. Returns the URL path of the source whose error it
    /// was.
    pub(super) fn remove(&self, path: &str) -> Option<String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|known| known.path == path)?;
        known.remove(at)?.fault
    }
}

impl Site {
    /// Reports a missing file, if the request for it says that a page needs it.
    pub(super) async fn report_missing(&self, url: &UrlPath, headers: &HeaderMap, host: &str) {
        let path = url.to_string();
        let Some(User(used_by)) = user(&path, headers, host) else { return };
        let is_new = self.missing.add(&path);
        let is_module = is_module(headers) && self.esm.is_some();
        if !is_new && !is_module {
            return;
        }
        let meant = used_by.as_deref().and_then(|user| UrlPath::parse(user).ok());
        let meant = meant.map(|user| nearer_the_root(url, &user)).unwrap_or_default();
        let root = Arc::clone(&self.root);
        let exists = move |url: &UrlPath| matches!(root.locate(url), Located::File(_));
        let meant = tokio::task::spawn_blocking(move || meant.into_iter().find(exists));
        let meant = meant.await.ok().flatten().map(|url| url.to_string());
        if let (true, Some(esm), Some(user)) = (is_module, &self.esm, &used_by)
            && let Some(fault) = esm.describe_missing(&path, user, meant.as_deref()).await
        {
            self.missing.set_fault(&path, &fault.path);
            page_errors::publish(fault, &self.root, self.live.hub(), &self.events);
        } else if is_new {
            self.events.emit(Event::Missing { path, used_by, meant });
        }
    }
}

/// Returns whether a request is for a module of a page (Fetch, section 2.2.5).
fn is_module(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted| headers.get(name).is_some_and(|value| value == wanted);
    is("sec-fetch-dest", "script") && is("sec-fetch-mode", "cors")
}

/// Returns the user of a missing file by the request for it, or `None` if no page of this server
/// needs the file.
fn user(path: &str, headers: &HeaderMap, host: &str) -> Option<User> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_default_icon = path == "/favicon.ico" || name.starts_with("apple-touch-icon");
    let is_prefetch = text("sec-purpose").is_some_and(|purpose| purpose.contains("prefetch"));
    let is_needed_type = || {
        let media_type = media_type::of(name.as_ref());
        NEEDED_TYPES.iter().any(|needed| media_type.starts_with(needed))
    };
    let is_needed = text("sec-fetch-dest").map_or_else(is_needed_type, |it| NEEDED.contains(&it));
    if !is_needed || is_default_icon || is_prefetch {
        return None;
    }
    match headers.get(REFERER) {
        Some(_) => referrer(headers, host).map(|user| User(Some(user))),
        None => (text("sec-fetch-site") == Some("same-origin")).then_some(User(None)),
    }
}

/// Whether a page was found for a path that is not its own, as by `/* /index.html 200` in
/// `_redirects`. For a script or an image, that is as good as no file.
pub(super) fn stands_for_another(file: &ServedFile, url: &UrlPath, status: StatusCode) -> bool {
    let own = [Some(url.clone()), url.with_suffix(PAGE), Some(url.child(INDEX))];
    status == StatusCode::NOT_FOUND
        || (media_type::is_html(&media_type::of(&file.path))
            && !own.iter().flatten().any(|own| *own == file.url))
}

/// Returns the paths that a relative URL may have meant, the likeliest first: a page at `/a/b/c`
/// with the URL `js/app.js` requests `/a/b/js/app.js`, but the file is at `/js/app.js` or
/// `/b/js/app.js`.
fn nearer_the_root(path: &UrlPath, user: &UrlPath) -> Vec<UrlPath> {
    let names: Vec<_> = path.names().collect();
    let folders = user.names().count().saturating_sub(usize::from(!user.is_directory()));
    let shared = names.iter().zip(user.names()).take(folders).take_while(|(a, b)| **a == *b);
    let below = (1..=shared.count()).rev().filter(|from| *from < names.len()).take(TRIED);
    below
        .filter_map(|from| UrlPath::from_names(names[from..].iter().copied(), path.is_directory()))
        .collect()
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{FILES, LENGTH, MissingFiles, User, nearer_the_root, user};
    use crate::http::url_path::UrlPath;

    #[test]
    fn only_what_a_page_needs_is_reported() {
        let page = ("referer", "http://localhost/a/");
        let ours = ("sec-fetch-site", "same-origin");
        let dest = |name| ("sec-fetch-dest", name);
        let used = Some(User(Some("/a/".to_owned())));
        let table: &[(&str, &[(&str, &str)], Option<User>)] = &[
            ("/a.js", &[page, dest("script")], used.clone()),
            ("/a", &[page, dest("style")], used.clone()),
            ("/a.png", &[page, dest("image")], used.clone()),
            ("/a.woff2", &[page, dest("font")], used.clone()),
            ("/a.js", &[dest("script"), ours], Some(User(None))),
            ("/a.js", &[page], used.clone()),
            ("/a.svg", &[page], used),
            ("/a.js", &[], None),
            ("/a.js", &[dest("script")], None),
            ("/a.js", &[dest("script"), ("referer", "http://evil.example/")], None),
            ("/a.js", &[page, dest("empty")], None),
            ("/a.html", &[page, dest("iframe")], None),
            ("/api", &[page], None),
            ("/a.json", &[page], None),
            ("/a.js.map", &[page], None),
            ("/a.js", &[page, dest("script"), ("sec-purpose", "prefetch")], None),
            ("/favicon.ico", &[page, dest("image")], None),
            ("/apple-touch-icon-precomposed.png", &[page], None),
        ];
        for (path, request, wanted) in table {
            let fields = request.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            let headers = fields.collect::<HeaderMap>();
            assert_eq!(user(path, &headers, "localhost"), *wanted, "{path} {request:?}");
        }
    }

    #[test]
    fn relative_urls_are_tried_nearer_to_the_root() {
        for (path, user, wanted) in [
            ("/a/js/app.js", "/a/b", "/js/app.js"),
            ("/a/b/js/app.js", "/a/b/c", "/js/app.js /b/js/app.js"),
            ("/a/js/app.js", "/a/", "/js/app.js"),
            ("/js/app.js", "/a/b", ""),
            ("/js/app.js", "/", ""),
            ("/a/app.js", "/a/b", "/app.js"),
            ("/a", "/a/b", ""),
        ] {
            let [path, user] = [path, user].map(|path| UrlPath::parse(path).unwrap());
            let tried: Vec<_> =
                nearer_the_root(&path, &user).iter().map(UrlPath::to_string).collect();
            assert_eq!(tried.join(" "), wanted, "{path} {user}");
        }
    }

    #[test]
    fn file_is_reported_once_until_it_exists() {
        let missing = MissingFiles::default();
        assert!(missing.add("/a"));
        assert!(!missing.add("/a"));
        missing.remove("/a");
        assert!(missing.add("/a"));
        assert!(!missing.add(&"/".repeat(LENGTH + 1)));
        for number in 0..2 * FILES {
            missing.add(&number.to_string());
        }
        assert_eq!(missing.0.lock().unwrap().len(), FILES);
    }
}
