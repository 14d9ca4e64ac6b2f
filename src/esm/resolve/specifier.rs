//! The syntax of specifiers, package names and the URLs of packages.

use super::package::PackageFile;
use crate::http::own_paths::{self, PACKAGES};

/// Returns the package name in a package id (`name@version~stamp`), if it is a valid name.
pub(super) fn package_name(id: &str) -> Option<&str> {
    let at = id.get(1..)?.find('@')? + 1;
    let name = &id[..at];
    is_package_name(name).then_some(name)
}

/// Returns whether a name can be that of a package. Only such names are looked up in
/// `node_modules`.
pub(super) fn is_package_name(name: &str) -> bool {
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|char| char.is_ascii_alphanumeric() || "-_.~".contains(char))
    };
    match name.strip_prefix('@') {
        Some(scoped) => {
            scoped.split_once('/').is_some_and(|(scope, name)| is_plain(scope) && is_plain(name))
        }
        None => is_plain(name),
    }
}

/// Returns the package name at the beginning of a bare specifier.
pub(super) fn package_of(specifier: &str) -> &str {
    let segments = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(segments - 1).map_or(specifier.len(), |(at, _)| at);
    &specifier[..end]
}

/// Returns whether a specifier begins with the name of a package or an alias.
pub(crate) fn is_bare(specifier: &str) -> bool {
    !specifier.starts_with(['.', '/', '#'])
}

/// Returns whether a specifier is a URL with a scheme or a host, or one of livers' own paths.
pub(super) fn is_url(specifier: &str) -> bool {
    // A scheme of one letter would be a drive of Windows.
    let is_scheme = |scheme: &str| {
        scheme.len() > 1
            && scheme != "node"
            && scheme.starts_with(|char: char| char.is_ascii_alphabetic())
            && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char))
    };
    specifier.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
        || specifier.starts_with("//")
        || specifier.starts_with(own_paths::FOLDER)
}

/// Returns the URL of the module for a file of a package.
pub(super) fn module_url(file: &PackageFile, query: Option<&str>) -> String {
    let path = format!("{PACKAGES}{}", file.key());
    match query {
        Some(query) => format!("{path}?import&{query}"),
        None if is_script(&file.path) => path,
        None => path + "?import",
    }
}

/// Returns whether a file is a script, by its extension. A file without one is.
pub(crate) fn is_script(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').is_none_or(|(_, extension)| {
        matches!(extension, "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx")
    })
}
