//! How specifiers, package names and the URLs of packages are spelled.

use super::{PACKAGES, folders::Place};
use crate::http::{own_paths, url_path::UrlPath};

/// The name in an id, if it can be one.
pub(super) fn package_name(id: &str) -> Option<&str> {
    let at = id.get(1..)?.find('@')? + 1;
    let name = &id[..at];
    is_package_name(name).then_some(name)
}

/// Whether a name can be that of a package: nothing else is looked for in `node_modules`.
pub(super) fn is_package_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|char| char.is_ascii_alphanumeric() || "-_.~".contains(char))
    };
    match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(a, b)| plain(a) && plain(b)),
        None => plain(name),
    }
}

/// The package that a bare specifier names.
pub(super) fn package_of(specifier: &str) -> &str {
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(parts - 1).map_or(specifier.len(), |(at, _)| at);
    &specifier[..end]
}

/// Whether a specifier names a package, or what an alias stands for.
pub(crate) fn is_bare(specifier: &str) -> bool {
    !specifier.starts_with(['.', '/', '#'])
}

/// Whether a specifier has a scheme, or says where it is on this server.
pub(super) fn is_url(specifier: &str) -> bool {
    let scheme = specifier.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.len() > 1
            && scheme != "node"
            && scheme.starts_with(|char: char| char.is_ascii_alphabetic())
            && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char))
    };
    scheme.is_some_and(is_scheme)
        || specifier.starts_with("//")
        || specifier.starts_with(own_paths::FOLDER)
}

/// The URL of the module for a file in a package.
pub(super) fn url(place: &Place, query: Option<&str>) -> String {
    let path = format!("{PACKAGES}{}", key(place));
    match query {
        Some(query) => format!("{path}?import&{query}"),
        None if is_script(&place.file) => path,
        None => path + "?import",
    }
}

/// What a file in a package goes by in the page: its URL below the packages' own.
pub(crate) fn key(place: &Place) -> String {
    let names = place.folder.id.split('/').chain(place.file.split('/')).map(str::as_bytes);
    let path = UrlPath::from_names(names, false).map(|path| path.to_string());
    path.unwrap_or_default().trim_start_matches('/').to_owned()
}

/// Whether a file is a script, by its name.
pub(crate) fn is_script(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((_, extension)) => {
            matches!(extension, "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx")
        }
        None => true,
    }
}
