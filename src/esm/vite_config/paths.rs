//! The functions of Node's `path` that configurations use, on absolute paths.

use std::path::{Component, Path, PathBuf};

/// Returns `path.resolve(..parts)`, where the current folder is `folder`.
pub(super) fn resolve(folder: &Path, parts: &[String]) -> String {
    let mut path = folder.to_owned();
    for part in parts {
        // An absolute part replaces what precedes it.
        path.push(part);
    }
    to_text(&normal(&path))
}

/// Returns `path.join(..parts)`. Keeps a slash at the end.
pub(super) fn join(parts: &[String]) -> String {
    let joined = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>();
    let joined = joined.join("/");
    let normal = to_text(&normal(Path::new(&joined)));
    match joined.ends_with('/') && !normal.ends_with('/') {
        true => normal + "/",
        false if normal.is_empty() => ".".to_owned(),
        false => normal,
    }
}

/// Returns the path of a URL that is relative to the file at another path.
pub(super) fn join_url(base: &str, relative: &str) -> Option<String> {
    let relative = relative.strip_prefix("file://").unwrap_or(relative);
    let is_other = relative.starts_with("//") || relative.contains([':', '?', '#', '%']);
    let folder = &base[..=base.rfind('/')?];
    (!is_other).then(|| {
        let relative = if relative.is_empty() { base } else { relative };
        if relative.starts_with('/') {
            relative.to_owned()
        } else {
            join(&[folder.to_owned(), relative.to_owned()])
        }
    })
}

/// Returns `path.dirname(path)`.
pub(super) fn dirname(path: &str) -> String {
    let parent = Path::new(path).parent();
    parent.map_or_else(|| path.to_owned(), to_text)
}

/// Removes `.` and `..` from a path.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match normal.components().next_back() {
                Some(Component::Normal(_)) => {
                    normal.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => normal.push(".."),
            },
            component => normal.push(component),
        }
    }
    normal
}

pub(super) fn to_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{dirname, join, join_url, resolve};

    #[test]
    #[cfg(unix)]
    fn paths_are_joined_as_node_does() {
        let texts = |parts: &[&str]| parts.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        for (parts, joined, resolved) in [
            (&["/web", "src"][..], "/web/src", "/web/src"),
            (&["/web", "./src/"], "/web/src/", "/web/src"),
            (&["/web", "..", "src"], "/src", "/src"),
            (&["/web", "/src"], "/web/src", "/src"),
            (&["src"], "src", "/cwd/src"),
            (&["..", "a"], "../a", "/a"),
            (&[], ".", "/cwd"),
        ] {
            assert_eq!(join(&texts(parts)), joined, "{parts:?}");
            assert_eq!(resolve(Path::new("/cwd"), &texts(parts)), resolved, "{parts:?}");
        }
        for (relative, wanted) in [
            ("./src", Some("/web/src")),
            ("src/", Some("/web/src/")),
            ("../a", Some("/a")),
            (".", Some("/web")),
            ("/src", Some("/src")),
            ("https://a.test", None),
        ] {
            assert_eq!(join_url("/web/vite.config.ts", relative).as_deref(), wanted, "{relative}");
        }
        assert_eq!(dirname("/web/a.ts"), "/web");
        assert_eq!(dirname("/"), "/");
    }
}
