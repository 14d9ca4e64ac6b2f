//! Hostile files: generated nests, chains, diamonds and expansion bombs in every syntax that livers
//! reads never end the server or delay other requests.
//!
//! Each family of syntaxes is a module with one or more tests. A test is a list of [`Case`]s for
//! [`survives`]; depths are around and far beyond the limits. A case need not be accepted: an error
//! is as good, as long as it comes before the deadline of a compile.

#[cfg(feature = "esm")]
mod compilers;
mod css;
#[cfg(feature = "esm")]
mod deadline;
#[cfg(feature = "esm")]
mod env;
#[cfg(feature = "esm")]
mod globs;
mod html;
#[cfg(feature = "esm")]
mod javascript;
#[cfg(feature = "esm")]
mod json;
#[cfg(feature = "esm")]
mod packages;
mod rules;
#[cfg(all(unix, feature = "esm"))]
mod special;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::support::dir::TempDir;
use crate::support::http::{Response, get_with};
use crate::support::server::{Livers, Stream};

/// Files to write, and a request that makes the server read them.
pub struct Case {
    name: String,
    files: Vec<(PathBuf, Vec<u8>)>,
    request: String,
}

impl Case {
    /// Creates a case without files that requests a URL path as a module script.
    pub fn new(name: impl Into<String>, request: &str) -> Self {
        Self { name: name.into(), files: Vec::new(), request: request.to_owned() }
    }

    /// Creates a case of one file that is requested as a module script.
    pub fn of_file(name: impl Into<String>, path: &str, text: impl Into<Vec<u8>>) -> Self {
        Self::new(name, &format!("/{path}")).with(path, text)
    }

    /// Adds a file.
    pub fn with(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.into(), text.into()));
        self
    }
}

/// Repeats `open` and `close` around `inner`.
pub fn nest(depth: usize, open: &str, inner: &str, close: &str) -> String {
    [&open.repeat(depth), inner, &close.repeat(depth)].concat()
}

/// Paths that must be answered while a case is.
const PROBES: [(&str, &str); 3] = [
    ("probe.html", "<!doctype html><title>probe</title>"),
    ("probe.txt", "probe"),
    // A module that depends on no configuration.
    ("probe.json", "{\"probe\":true}"),
];

/// Number of requests of a case: for its own path, and for the packages that the responses import.
const MAX_FOLLOWED: usize = 6;

/// Returns the URLs of packages in a script.
fn package_urls(script: &str) -> Vec<String> {
    let urls = script.split(['"', '\'']).filter(|text| text.starts_with("/__livers/npm/"));
    urls.map(str::to_owned).collect()
}

/// Serves a folder, and runs the cases one after another, each with its files removed afterwards.
///
/// # Panics
/// If the server ends, panics, does not answer other requests meanwhile, or gives up on a case
/// only at the deadline of a compile.
pub async fn survives(family: &str, cases: impl IntoIterator<Item = Case>) {
    let dir = TempDir::new();
    for (path, text) in PROBES {
        dir.write(path, text);
    }
    let livers = Livers::on(dir.path()).start().await;
    let mut statuses = BTreeMap::<u16, usize>::new();
    for case in cases {
        for (path, text) in &case.files {
            dir.write(path, text);
        }
        let mut next = vec![case.request.clone()];
        let mut at = 0;
        while let Some(path) = next.get(at) {
            at += 1;
            let (response, ()) = tokio::join!(as_script(&livers, path), probe(&livers, &case));
            let body = String::from_utf8_lossy(&response.body);
            assert!(!body.contains("given up"), "{}: {body}", case.name);
            *statuses.entry(response.status).or_default() += 1;
            for url in package_urls(&body) {
                if next.len() < MAX_FOLLOWED && !next.contains(&url) {
                    next.push(url);
                }
            }
        }
        probe(&livers, &case).await;
        for (path, _) in &case.files {
            dir.remove(path);
        }
    }
    for (_, line) in livers.lines().iter().filter(|(from, _)| *from == Stream::Stderr) {
        assert!(!line.contains("panicked") && !line.contains("overflow"), "{family}: {line}");
    }
    let total: usize = statuses.values().sum();
    println!("robust: {family}: {total} cases, by status {statuses:?}");
}

/// Asserts that the other paths are served.
async fn probe(livers: &Livers, case: &Case) {
    for (path, _) in PROBES {
        let response = as_script(livers, &format!("/{path}?import")).await;
        assert_eq!(response.status, 200, "{path} beside {}: {response:?}", case.name);
    }
}

/// Requests a path as a browser does for a module script.
pub async fn as_script(livers: &Livers, path: &str) -> Response {
    let headers = [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors")];
    get_with(livers.port(), path, &headers).await
}
