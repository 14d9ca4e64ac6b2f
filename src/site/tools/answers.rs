//! `wait` and `reload`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use hyper::StatusCode;
use serde_json::json;

use super::{Site, json, parameters, refuse};
use crate::{
    answer::WaitAnswer,
    docroot::{Located, Root},
    http::{body::Response, url_path::UrlPath},
    live::reload::hub::wait::Question,
    watch::Watch,
};

/// How long to wait if the question does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time to wait.
pub(super) const MAX_TIMEOUT: Duration = Duration::from_hours(1);

/// How long errors may follow a change if the question does not say.
const SETTLE: Duration = Duration::from_millis(300);

/// The most files of a question.
const MAX_FILES: usize = 1000;

/// A question whether the tabs run the current content of files.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WaitQuery {
    /// URL paths of files.
    pub(super) files: Vec<String>,
    /// Paths on the disk.
    pub(super) paths: Vec<PathBuf>,
    pub(super) since: Option<u64>,
    pub(super) timeout: Option<Duration>,
    pub(super) settle: Option<Duration>,
}

impl WaitQuery {
    /// Parses the query of `/__livers/wait`.
    ///
    /// # Errors
    /// What is wrong with it.
    fn parse(query: &str) -> Result<Self, String> {
        let mut wait = Self::default();
        for (name, value) in parameters(query) {
            let millis = |unit: f64| {
                let number = value.parse::<f64>().ok().filter(|number| *number >= 0.0);
                let number = number.ok_or(format!("{name} is no number: {value}"))?;
                Duration::try_from_secs_f64(number * unit)
                    .map(|time| time.min(MAX_TIMEOUT))
                    .map_err(|_| format!("{name} is too large: {value}"))
            };
            match name {
                "file" => wait.files.push(value),
                "path" => wait.paths.push(value.into()),
                "since" => {
                    let since = value.parse().map_err(|_| format!("since is no version: {value}"));
                    wait.since = Some(since?);
                }
                "timeout" => wait.timeout = Some(millis(1.0)?),
                "settle" => wait.settle = Some(millis(0.001)?),
                _ => return Err(format!("unknown parameter {name}")),
            }
        }
        if wait.files.len() + wait.paths.len() > MAX_FILES {
            return Err(format!("more than {MAX_FILES} files"));
        }
        Ok(wait)
    }
}

impl Site {
    /// Answers `POST /__livers/reload`: reloads the tabs of a `page`, or all tabs.
    pub(super) fn reload_tabs(&self, query: &str) -> Response {
        let page = parameters(query).find(|(name, _)| *name == "page");
        match self.reload(page.as_ref().map(|(_, page)| page.as_str())) {
            Ok(reloaded) => json(&json!({ "reloaded": reloaded })),
            Err(why) => refuse(StatusCode::BAD_REQUEST, &why),
        }
    }

    /// Reloads the tabs of a page, or all tabs. Returns how many there are.
    ///
    /// # Errors
    /// The page is no URL path.
    pub(super) fn reload(&self, page: Option<&str>) -> Result<usize, String> {
        let page = page.map(UrlPath::parse).transpose();
        let page = page.map_err(|_| "the page is no URL path, such as /about.html".to_owned())?;
        Ok(self.live.hub().reload(page.map(|page| page.to_string()).as_deref()))
    }

    /// Answers `GET /__livers/wait`.
    pub(super) async fn wait_response(&self, query: &str) -> Response {
        let answer = match WaitQuery::parse(query) {
            Ok(query) => self.wait(query).await,
            Err(why) => Err(why),
        };
        match answer {
            Ok(answer) => json(&answer),
            Err(why) => refuse(StatusCode::BAD_REQUEST, &why),
        }
    }

    /// Waits until every tab that uses some files runs their current content, or cannot.
    ///
    /// # Errors
    /// A file neither exists nor was served, or lies outside the served folders.
    pub(super) async fn wait(&self, query: WaitQuery) -> Result<WaitAnswer, String> {
        let WaitQuery { files, paths, since, timeout, settle } = query;
        let find = {
            let (root, live, watch) = (self.root.clone(), self.live.clone(), self.watch.clone());
            move || {
                let mut found: Vec<(PathBuf, String)> = Vec::new();
                let files = files.iter().map(|file| of_url(&root, file));
                for files in files.chain(paths.iter().map(|path| of_disk(&root, &watch, path))) {
                    let (named, files) = files?;
                    let exists = files.iter().any(|(path, url)| {
                        path.symlink_metadata().is_ok() || live.hub().knows(url)
                    });
                    if !exists {
                        return Err(format!("{named} does not exist and was never served"));
                    }
                    found.extend(files);
                }
                Ok(found)
            }
        };
        let found = tokio::task::spawn_blocking(find).await;
        let found = found.map_err(|_| "the files could not be examined".to_owned())??;
        let (disk, paths): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let timeout = timeout.unwrap_or(TIMEOUT);
        let deadline = tokio::time::Instant::now() + timeout;
        // A writer may keep a file open forever.
        let _ = tokio::time::timeout_at(deadline, self.watch.catch_up(disk)).await;
        let question = Question { paths, since, settle: settle.unwrap_or(SETTLE) };
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        Ok(self.live.hub().wait(&question, left).await)
    }
}

/// A file as it was named, and where it is: paths on the disk and URL paths.
type Named = (String, Vec<(PathBuf, String)>);

/// Returns the file at a URL path; of a folder, its index.
fn of_url(root: &Root, file: &str) -> Result<Named, String> {
    let url = UrlPath::parse(file).map_err(|_| format!("{file} is no URL path"))?;
    let url = if matches!(root.locate(&url), Located::Directory(_)) {
        url.child("index.html")
    } else {
        url
    };
    let path = root.disk_path(&url).ok_or_else(|| format!("{file} is not served"))?;
    Ok((file.to_owned(), vec![(path, url.to_string())]))
}

/// Returns the file at a path on the disk, which is served or watched.
fn of_disk(root: &Root, watch: &Watch, path: &Path) -> Result<Named, String> {
    let named = path.display().to_string();
    let mut urls = root.urls_of(path, false);
    // The root may be named by a link.
    if urls.is_empty()
        && let Ok(real) = root.path().canonicalize()
        && let Ok(below) = path.strip_prefix(&real)
    {
        urls = root.urls_of(&root.path().join(below), false);
    }
    if let Some(name) = watch.extra_name(path).filter(|_| urls.is_empty()) {
        return Ok((named, vec![(path.to_owned(), name)]));
    }
    if urls.is_empty() {
        return Err(format!("{named} is outside the served folder, or not served"));
    }
    let file = |url: UrlPath| Some((root.disk_path(&url)?, url.to_string()));
    Ok((named, urls.into_iter().filter_map(file).collect()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::WaitQuery;

    #[test]
    fn queries_are_parsed() {
        let wanted = WaitQuery {
            files: vec!["/a b.css".into(), "/c".into()],
            paths: vec!["/x/y".into()],
            since: Some(3),
            timeout: Some(Duration::from_millis(1500)),
            settle: Some(Duration::ZERO),
        };
        let query = "file=%2Fa%20b.css&file=/c&path=/x/y&since=3&timeout=1.5&settle=0";
        assert_eq!(WaitQuery::parse(query), Ok(wanted));
        assert_eq!(WaitQuery::parse(""), Ok(WaitQuery::default()));
        for query in ["since=x", "timeout=-1", "settle=NaN", "timeout=1e300", "fil=/a"] {
            assert!(WaitQuery::parse(query).is_err(), "{query}");
        }
    }
}
