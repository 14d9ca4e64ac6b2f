//! What is asked, as the target of a request.

use std::{
    env,
    ffi::OsString,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::args::Wait;

/// How long the server waits without `--timeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What `livers wait` asks.
#[derive(Debug)]
pub(super) struct Question {
    files: Vec<PathBuf>,
    timeout: Option<Duration>,
    settle: Option<Duration>,
    since: Option<u64>,
}

impl Question {
    pub(super) fn of_wait(wait: &Wait) -> Self {
        let current = env::current_dir().unwrap_or_default();
        Self {
            files: wait.files.iter().map(|file| current.join(file)).collect(),
            timeout: wait.timeout,
            settle: wait.settle,
            since: wait.since,
        }
    }

    /// Returns how long the server waits.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_TIMEOUT)
    }

    /// Returns the target of the request to a server of these folders.
    pub(super) fn target(&self, folders: &[PathBuf]) -> String {
        let files =
            self.files.iter().map(|file| format!("path={}", encode(&served(file, folders))));
        let timeout = self.timeout.map(|timeout| format!("timeout={}", timeout.as_secs_f64()));
        let settle = self.settle.map(|settle| format!("settle={}", settle.as_millis()));
        let since = self.since.map(|since| format!("since={since}"));
        let pairs: Vec<_> = files.chain(timeout).chain(settle).chain(since).collect();
        target("/__livers/wait", &pairs)
    }
}

/// Returns the target of the request of `livers reload`.
pub(super) fn reload(page: Option<&str>) -> String {
    let page = page.map(|page| format!("page={}", encode(Path::new(page))));
    target("/__livers/reload", &Vec::from_iter(page))
}

fn target(path: &str, pairs: &[String]) -> String {
    if pairs.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{}", pairs.join("&"))
}

/// Returns the path of a file as a server of these folders knows it. The path need not exist: the
/// file may have been deleted. It is taken as it is written if it lies in one of the folders, and
/// otherwise with the links that lead to it resolved.
fn served(file: &Path, folders: &[PathBuf]) -> PathBuf {
    let is_served = |path: &PathBuf| folders.iter().any(|folder| path.starts_with(folder));
    let written = normal(file);
    let spellings = [Some(written.clone()), resolved(file), dunce::canonicalize(file).ok()];
    spellings.into_iter().flatten().find(is_served).unwrap_or(written)
}

/// Returns the absolute path of a file, with the links that lead to it resolved.
pub(super) fn absolute(current: &Path, file: &Path) -> PathBuf {
    let file = current.join(file);
    resolved(&file).unwrap_or_else(|| normal(&file))
}

/// Returns a path with the links of the innermost folder that exists resolved, but not the file
/// itself, which may be a link that is served.
fn resolved(file: &Path) -> Option<PathBuf> {
    let mut rest = vec![file.file_name()?];
    let mut folder = file.parent()?;
    loop {
        if let Ok(real) = dunce::canonicalize(folder) {
            return Some(rest.iter().rev().fold(real, |path, name| path.join(name)));
        }
        rest.push(folder.file_name()?);
        folder = folder.parent()?;
    }
}

/// Returns a path without `.` and `..`, whatever they lead to.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// Percent-encodes a path for a query, byte for byte where the system's paths are bytes.
fn encode(path: &Path) -> String {
    percent_encode(&bytes(path.as_os_str().to_owned()), NON_ALPHANUMERIC).to_string()
}

#[cfg(unix)]
fn bytes(text: OsString) -> Vec<u8> {
    std::os::unix::ffi::OsStringExt::into_vec(text)
}

#[cfg(not(unix))]
fn bytes(text: OsString) -> Vec<u8> {
    text.to_string_lossy().into_owned().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::{Question, normal, reload};

    #[test]
    fn a_question_is_a_query() {
        let mut question = Question { files: Vec::new(), timeout: None, settle: None, since: None };
        assert_eq!(question.target(&[]), "/__livers/wait");
        assert_eq!(question.timeout(), Duration::from_secs(10));
        question.files = vec!["/a/b c&d=é".into(), "/a/../x".into()];
        question.timeout = Some(Duration::from_millis(1500));
        question.settle = Some(Duration::ZERO);
        question.since = Some(18);
        assert_eq!(
            question.target(&[]),
            "/__livers/wait?path=%2Fa%2Fb%20c%26d%3D%C3%A9&path=%2Fx&timeout=1.5&settle=0&since=18"
        );
        assert_eq!(reload(None), "/__livers/reload");
        assert_eq!(reload(Some("/a?b")), "/__livers/reload?page=%2Fa%3Fb");
    }

    #[test]
    fn dots_are_resolved_without_the_disk() {
        let table = [("/a/./b/../c", "/a/c"), ("/../a", "/a"), ("/a/b/", "/a/b"), ("/a/..", "/")];
        for (path, wanted) in table {
            assert_eq!(normal(Path::new(path)), Path::new(wanted), "{path}");
        }
    }

    /// Deleted files, files in deleted folders, links, and folders behind links.
    #[cfg(unix)]
    #[test]
    fn a_file_is_named_as_the_server_knows_it() {
        use std::{fs, os::unix::fs::symlink};

        use super::served;
        let top = tempfile::tempdir().unwrap();
        let top = dunce::canonicalize(top.path()).unwrap();
        fs::create_dir_all(top.join("site/css")).unwrap();
        fs::create_dir_all(top.join("out")).unwrap();
        for file in ["site/css/a.css", "out/b.css"] {
            fs::write(top.join(file), "").unwrap();
        }
        symlink(top.join("site"), top.join("link")).unwrap();
        symlink(top.join("out/b.css"), top.join("site/b.css")).unwrap();
        symlink(top.join("site/css/a.css"), top.join("out/a.css")).unwrap();
        let table = [
            ("site/css/a.css", "site/css/a.css"),
            ("site/css/../css/./a.css", "site/css/a.css"),
            ("site/gone/gone.css", "site/gone/gone.css"),
            ("link/css/a.css", "site/css/a.css"),
            ("link/gone/gone.css", "site/gone/gone.css"),
            // A link that is served, and one that leads to a served file.
            ("site/b.css", "site/b.css"),
            ("link/b.css", "site/b.css"),
            ("out/a.css", "site/css/a.css"),
            // The server says that it is outside.
            ("out/b.css", "out/b.css"),
        ];
        for (file, wanted) in table {
            let found = served(&top.join(file), &[top.join("site")]);
            assert_eq!(found, top.join(wanted), "{file}");
        }
    }
}
