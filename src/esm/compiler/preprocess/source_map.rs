//! The source maps of compiled style sheets.

use std::path::{Component, Path, PathBuf};

use base64_simd::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::esm::compiler::project::Project;

/// The comment that contains a source map (ECMA-426, section 11.1.2.2).
const COMMENT: &str = "\n/*# sourceMappingURL=data:application/json;charset=utf-8;base64,";

/// Appends the source map of the style sheet at a path and URL path to its text. Sources in the project get
/// their URL paths, as a relative path would be resolved against the page if a module inserts the
/// sheet.
pub(super) fn append(
    css: &mut String,
    mut map: Value,
    project: &dyn Project,
    (file, url): (&Path, &str),
) {
    let names = map.get_mut("sources").and_then(Value::as_array_mut);
    for name in names.into_iter().flatten() {
        let path = name.as_str().and_then(|name| path_of(name, file));
        if let Some(path) = path.and_then(|path| project.url(&path)) {
            *name = path.into();
        }
    }
    if let Some(map) = map.as_object_mut() {
        map.remove("sourceRoot");
        map.insert("file".to_owned(), url.into());
    }
    css.push_str(COMMENT);
    css.push_str(&STANDARD.encode_to_string(map.to_string()));
    css.push_str(" */\n");
}

/// Returns the path that a source stands for: a `file:` URL, or a path, which may be relative to the
/// sheet.
fn path_of(source: &str, sheet: &Path) -> Option<PathBuf> {
    match source.strip_prefix("file://") {
        Some(path) => {
            Some(PathBuf::from(percent_decode_str(path).decode_utf8().ok()?.into_owned()))
        }
        None if source.starts_with('<') || source.contains(':') => None,
        None => Some(normalized(&sheet.parent()?.join(source))),
    }
}

/// Returns a path without `.` and `..`.
fn normalized(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            other => path.push(other),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use base64_simd::STANDARD;
    use serde_json::{Value, json};

    use super::append;
    use crate::esm::compiler::tests::FakeProject;

    #[test]
    fn sources_of_the_project_have_their_urls() {
        let sources =
            ["file:///web/src/_a%20b.scss", "/web/c.css", "../b.less", "data:,x", "<no source>"];
        let mut css = "a{}".to_owned();
        let map = json!({ "version": 3, "sources": sources, "sourceRoot": "" });
        let sheet = (Path::new("/web/src/a.scss"), "/src/a.scss");
        append(&mut css, map, &FakeProject::default(), sheet);
        let (rules, comment) = css.split_once("\n/*# sourceMappingURL=").unwrap();
        let (_, data) = comment.split_once(";base64,").unwrap();
        let json = STANDARD.decode_to_vec(data.trim_end().strip_suffix(" */").unwrap()).unwrap();
        let map: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(rules, "a{}");
        assert_eq!(map["file"], "/src/a.scss");
        assert_eq!(
            map["sources"],
            json!(["/src/_a b.scss", "/c.css", "/b.less", "data:,x", "<no source>"])
        );
    }
}
