//! Chooses the packs that a module needs, and spells their URLs.
//!
//! A pack holds files of one package: some entries, which other packages request, and everything of
//! the package that these need. A package with up to [`MAX_SEPARATE`] entries gets a pack for each,
//! so that all importers share them; a package of many small files gets one pack for all entries.
//! The URL lists them (`first.js?pack=second.js,third.js`), so a pack can be built from its URL
//! alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::node::Node;
use crate::{esm::resolve::PackageFile, http::own_paths::PACKAGES};

/// Number of entries of a package up to which each has a pack of its own.
const MAX_SEPARATE: usize = 3;

/// Length in bytes from which the URL of a pack is split.
const MAX_URL: usize = 4000;

/// The characters to encode in a file name within a query.
const FILE_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// Returns the URLs of the packs that together define all of these files. The first is the entry.
pub(super) fn pack_urls(nodes: &[Arc<Node>]) -> Vec<String> {
    let mut order = Vec::new();
    let mut packages: HashMap<&str, BTreeMap<&str, &PackageFile>> = HashMap::new();
    let entry = nodes.first().map(|node| &node.file);
    let dependencies = nodes.iter().flat_map(|node| node.static_dependencies());
    let separate = dependencies.filter(|(_, separate)| *separate).map(|(file, _)| file);
    for file in entry.into_iter().chain(separate) {
        let entries = packages.entry(&file.package.id).or_insert_with(|| {
            order.push(&*file.package.id);
            BTreeMap::new()
        });
        entries.insert(&file.path, file);
    }
    order.iter().filter_map(|id| packages.get(id)).flat_map(package_pack_urls).collect()
}

/// Returns the URL of the source map of a pack with these further entries, relative to its own.
pub(super) fn map_url(others: &BTreeSet<String>) -> String {
    let paths = others.iter().map(|path| utf8_percent_encode(path, FILE_NAME).to_string());
    format!("?map&pack={}", paths.collect::<Vec<_>>().join(","))
}

/// Returns the URLs of the packs for the entries of one package, by path.
fn package_pack_urls(entries: &BTreeMap<&str, &PackageFile>) -> Vec<String> {
    let url = |file: &PackageFile| format!("{PACKAGES}{}?pack", file.key());
    if entries.len() <= MAX_SEPARATE {
        return entries.values().map(|file| url(file)).collect();
    }
    let mut urls: Vec<String> = Vec::new();
    let mut separator = '=';
    for (path, file) in entries {
        if let Some(last) = urls.last_mut().filter(|url| url.len() < MAX_URL) {
            last.push(separator);
            last.extend(utf8_percent_encode(path, FILE_NAME));
            separator = ',';
        } else {
            urls.push(url(file));
            separator = '=';
        }
    }
    urls
}
