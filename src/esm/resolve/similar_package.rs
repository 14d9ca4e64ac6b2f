//! Suggestions for misspelled package names ("did you mean ...?").
//!
//! A command that installs whatever name was mistyped would be an invitation to typosquatting. So
//! names that a project has already are suggested first.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::manifest;

/// Number of names that a misspelled one is compared with.
const MAX_NAMES: usize = 5000;

/// The fields of `package.json` that name packages.
const DEPENDENCIES: [&str; 4] =
    ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];

/// The packages that a file can name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PackageNames(BTreeSet<String>);

impl PackageNames {
    /// Returns the names in the `node_modules` and in the `package.json` of these folders.
    ///
    /// # Blocking
    /// Lists folders and reads files.
    pub(super) fn of(folders: impl Iterator<Item = PathBuf>) -> Self {
        let mut names = BTreeSet::new();
        for folder in folders {
            if let Some(manifest) = manifest::read(&folder.join("package.json")) {
                let named = DEPENDENCIES.iter().filter_map(|field| manifest[field].as_object());
                names.extend(named.flat_map(|named| named.keys().cloned()));
            }
            for name in list(&folder.join("node_modules")) {
                if name.starts_with('@') {
                    let scoped = list(&folder.join("node_modules").join(&name));
                    names.extend(scoped.into_iter().map(|inner| format!("{name}/{inner}")));
                } else {
                    names.insert(name);
                }
            }
            if names.len() > MAX_NAMES {
                break;
            }
        }
        // These have no code.
        names.retain(|name| !name.starts_with("@types/"));
        Self(names)
    }

    /// Returns the name that is most similar to a missing one, if one is similar at all: in up to a
    /// third of its letters and digits, two at most, apart from case. Returns `None` also if the
    /// missing one is among the names.
    pub(super) fn similar(&self, missing: &str) -> Option<&str> {
        let letters = |name: &str| -> String {
            let kept = name.chars().filter(char::is_ascii_alphanumeric);
            kept.map(|char| char.to_ascii_lowercase()).collect()
        };
        let wanted = letters(missing);
        let limit = (wanted.len() / 3).min(2);
        if wanted.is_empty() || self.0.contains(missing) {
            return None;
        }
        let near = self.0.iter().filter_map(|name| {
            let known = letters(name);
            let distance = (known.len().abs_diff(wanted.len()) <= limit)
                .then(|| strsim::osa_distance(&wanted, &known))?;
            (distance <= limit).then_some((distance, name))
        });
        near.min().map(|(_, name)| &**name)
    }
}

/// Returns the names in a folder, except hidden ones.
fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_NAMES);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !name.starts_with('.')).collect()
}

#[cfg(test)]
mod tests {
    use super::PackageNames;

    #[test]
    fn similar_names_are_suggested() {
        let names = ["react", "react-dom", "lodash-es", "@babel/core", "d3", "three", "vite"];
        let names = PackageNames(names.map(str::to_owned).into());
        for (missing, wanted) in [
            ("raect", Some("react")),
            ("React", Some("react")),
            ("reactdom", Some("react-dom")),
            ("react_dom", Some("react-dom")),
            ("loadash-es", Some("lodash-es")),
            ("babel-core", Some("@babel/core")),
            ("@babel/coer", Some("@babel/core")),
            ("react", None),
            ("vue", None),
            ("d4", None),
            ("zod", None),
            ("react-router", None),
            ("@", None),
        ] {
            assert_eq!(names.similar(missing), wanted, "{missing}");
        }
    }
}
