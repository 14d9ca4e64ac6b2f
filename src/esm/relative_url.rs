//! URL paths that are relative to a file.

/// Returns the path that a browser resolves a relative or an absolute one to, in the file at a URL
/// path (WHATWG URL, section 4.4). A path above the root is the root.
pub(crate) fn resolve(path: &str, url: &str) -> String {
    let (path, mut names) = match path.strip_prefix('/') {
        Some(path) => (path, vec![""]),
        None => (path, url.split('/').collect()),
    };
    if names.len() > 1 {
        names.pop();
    }
    for name in path.split('/') {
        match name {
            ".." if names.len() > 1 => drop(names.pop()),
            "." | ".." => {}
            name => names.push(name),
        }
    }
    if names.len() == 1 { "/".to_owned() } else { names.join("/") }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn paths_are_resolved_as_in_a_browser() {
        for (path, expected) in [
            ("./b.js", "/src/b.js"),
            ("b/c.js", "/src/b/c.js"),
            ("../b.js", "/b.js"),
            ("../../b.js", "/b.js"),
            ("/b/../c.js", "/c.js"),
            ("./x/../b.js", "/src/b.js"),
            ("..", "/"),
        ] {
            assert_eq!(resolve(path, "/src/a.js"), expected, "{path}");
        }
    }
}
