//! Finds the configuration of PostCSS that applies to a style sheet.
//!
//! The names are those that `postcss-load-config` knows, in its order.

use std::path::{Path, PathBuf};

use crate::{
    docroot,
    esm::{disk_view::DiskView, resolve::manifest},
};

/// The size of a configuration, bytes.
const MAX_SIZE: u64 = 1 << 20;

/// The files that a folder may have for the configuration, apart from `package.json`.
const NAMES: [&str; 17] = [
    ".postcssrc",
    ".postcssrc.json",
    ".postcssrc.yaml",
    ".postcssrc.yml",
    ".postcssrc.ts",
    ".postcssrc.cts",
    ".postcssrc.mts",
    ".postcssrc.js",
    ".postcssrc.cjs",
    ".postcssrc.mjs",
    "postcss.config.ts",
    "postcss.config.cts",
    "postcss.config.mts",
    "postcss.config.js",
    "postcss.config.cjs",
    "postcss.config.mjs",
    "postcss.config.json",
];

/// Returns the nearest configuration in the folders above a sheet, up to that of its project.
///
/// # Blocking
/// Looks for the files.
pub(super) fn configuration(root: &Path, sheet: &Path, disk: &DiskView) -> Option<PathBuf> {
    let folders = sheet.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
    folders.into_iter().find_map(|folder| {
        let package = folder.join("package.json");
        if disk.has_file(&package)
            && manifest::read(&package).is_some_and(|it| it.get("postcss").is_some())
        {
            return Some(package);
        }
        NAMES.iter().map(|name| folder.join(name)).find(|file| disk.has_file(file))
    })
}

/// Returns whether a configuration has Tailwind 4 as a plug-in, which then does all that Tailwind does.
///
/// # Blocking
/// Reads the configuration.
pub(super) fn runs_tailwind(configuration: &Path) -> bool {
    const PLUGIN: &str = "@tailwindcss/postcss";
    let text = docroot::read_bounded(configuration, MAX_SIZE).unwrap_or_default();
    String::from_utf8_lossy(&text).contains(PLUGIN)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::configuration;
    use crate::esm::disk_view::DiskView;

    #[test]
    fn the_nearest_configuration_applies() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("web");
        fs::create_dir_all(root.join("app/src")).unwrap();
        fs::create_dir_all(root.join("site")).unwrap();
        for (file, text) in [
            ("postcss.config.js", ""),
            ("web/package.json", r#"{"postcss":{}}"#),
            ("web/app/package.json", r#"{"devDependencies":{"postcss":"8"}}"#),
            ("web/app/postcss.config.cjs", ""),
            ("web/app/postcss.config.mjs", ""),
        ] {
            fs::write(dir.path().join(file), text).unwrap();
        }
        for (sheet, expected) in [
            ("app/src/a.css", "app/postcss.config.cjs"),
            ("site/a.css", "package.json"),
            ("a.css", "package.json"),
        ] {
            let found = configuration(&root, &root.join(sheet), &DiskView::default());
            assert_eq!(found, Some(root.join(expected)), "{sheet}");
        }
        fs::write(root.join("package.json"), "{}").unwrap();
        let found = configuration(&root, &root.join("a.css"), &DiskView::default());
        assert_eq!(found, None, "a configuration outside of the project");
    }
}
