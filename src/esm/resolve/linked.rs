//! Finds the packages that a project links from its `node_modules`.
//!
//! In a workspace, a package manager installs the packages of the workspace as symbolic links to
//! their folders. Those outside of the root are sources like those inside: people edit them. What
//! counts is the link, so neither a folder that contains the root nor a folder in another
//! `node_modules`, where package managers keep what they download, is one of them.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::{Path, PathBuf},
};

use super::install;

/// Number of packages that are found.
const MAX_LINKED: usize = 500;

/// Number of entries of a `node_modules` that are looked at.
const MAX_ENTRIES: usize = 20_000;

/// Returns the packages outside of a root that it, or another one of them, links: their names in
/// `node_modules`, and the real paths of their folders.
///
/// # Blocking
/// Lists the `node_modules` folders from the root up to that of the workspace.
pub(crate) fn linked_packages(root: &Path) -> Vec<(String, PathBuf)> {
    let Ok(root) = dunce::canonicalize(root) else { return Vec::new() };
    let workspace = install::workspace(&root);
    let above = root.ancestors().take_while(|folder| folder.starts_with(&workspace));
    let mut open: VecDeque<_> = above.map(Path::to_owned).collect();
    let mut found = BTreeMap::new();
    while let Some(folder) = open.pop_front() {
        for (name, link) in links(&folder.join("node_modules")) {
            let Ok(real) = dunce::canonicalize(link) else { continue };
            // The nearest link counts.
            if found.len() < MAX_LINKED && !found.contains_key(&name) && is_source(&real, &root) {
                open.push_back(real.clone());
                found.insert(name, real);
            }
        }
    }
    found.into_iter().collect()
}

/// Returns whether a folder is a package whose files are edited, outside of a root.
fn is_source(folder: &Path, root: &Path) -> bool {
    !folder.starts_with(root)
        && !root.starts_with(folder)
        && folder.iter().all(|name| name != "node_modules")
        && folder.join("package.json").is_file()
}

/// Returns the symbolic links in a `node_modules`, and in the scopes there, with the names of the
/// packages.
fn links(modules: &Path) -> Vec<(String, PathBuf)> {
    let mut links = Vec::new();
    for (name, path, is_link) in entries(modules) {
        if is_link {
            links.push((name, path));
        } else if name.starts_with('@') {
            let scoped = entries(&path).filter(|(.., is_link)| *is_link);
            links.extend(scoped.map(|(inner, path, _)| (format!("{name}/{inner}"), path)));
        }
    }
    links.sort();
    links
}

/// Returns the entries of a folder: name, path, and whether it is a link that may lead to a source.
fn entries(folder: &Path) -> impl Iterator<Item = (String, PathBuf, bool)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_ENTRIES);
    entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
        // The folder has the type; only the links are read.
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink())
            && fs::read_link(entry.path())
                .is_ok_and(|target| target.iter().all(|name| name != "node_modules"));
        Some((name, entry.path(), is_link))
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::{super::tests::Project, linked_packages};

    #[test]
    fn links_to_folders_outside_of_the_root_and_of_any_node_modules_are_sources() {
        let project = Project::new(&[
            ("repo/package.json", r#"{"workspaces":["packages/*","web"]}"#),
            ("repo/packages/ui/package.json", "{}"),
            ("repo/packages/theme/package.json", "{}"),
            ("repo/packages/unused/package.json", "{}"),
            ("repo/packages/bare/index.js", ""),
            ("repo/web/package.json", "{}"),
            ("repo/web/inner/package.json", "{}"),
            ("outside/package.json", "{}"),
            ("repo/node_modules/.pnpm/p@1/node_modules/p/package.json", "{}"),
            ("repo/node_modules/plain/package.json", "{}"),
        ]);
        for (link, to) in [
            ("repo/web/node_modules/@me/ui", "repo/packages/ui"),
            ("repo/node_modules/@me/ui", "outside"),
            ("repo/packages/ui/node_modules/theme", "repo/packages/theme"),
            ("repo/node_modules/linked", "outside"),
            ("repo/node_modules/web", "repo/web"),
            ("repo/node_modules/repo", "repo"),
            ("repo/node_modules/inner", "repo/web/inner"),
            ("repo/node_modules/bare", "repo/packages/bare"),
            ("repo/node_modules/p", "repo/node_modules/.pnpm/p@1/node_modules/p"),
            ("repo/node_modules/gone", "repo/packages/gone"),
        ] {
            project.link(link, to);
        }
        let wanted = [
            ("@me/ui", "repo/packages/ui"),
            ("linked", "outside"),
            ("theme", "repo/packages/theme"),
        ]
        .map(|(name, folder)| (name.to_owned(), project.0.join(folder)));
        assert_eq!(linked_packages(&project.0.join("repo/web")), wanted);
        assert_eq!(linked_packages(&project.0.join("none")), []);
    }
}
