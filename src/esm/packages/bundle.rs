//! Which packs a module needs, and what they are called.
//!
//! A pack has the files of one package that are needed by those of its files which others ask for.
//! Where these are few, each has a pack, so that packs are the same for all that use a package; where
//! they are many, as in packages of small files, one pack is for all. Its URL names them:
//! `first.js?pack=second.js,third.js`. So it can be made at any time, from nothing else.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::graph::Node;
use crate::esm::resolve::{PACKAGES, Place, key};

/// So many files of a package have packs of their own.
const APART: usize = 3;

/// Longer queries are cut in two.
const LONGEST: usize = 4000;

/// What is encoded in the name of a file in a query.
const FILE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// The URLs of the packs that hold all of some files, of which the first is the entry.
pub(super) fn urls(nodes: &[Arc<Node>]) -> Vec<String> {
    let mut order = Vec::new();
    let mut packages: HashMap<&str, BTreeMap<&str, &Place>> = HashMap::new();
    let entry = nodes.first().map(|node| &node.place);
    let asked = nodes.iter().flat_map(|node| node.at_once());
    let asked = asked.filter(|(_, apart)| *apart).map(|(place, _)| place);
    for place in entry.into_iter().chain(asked) {
        let files = packages.entry(&place.folder.id).or_insert_with(|| {
            order.push(&*place.folder.id);
            BTreeMap::new()
        });
        files.insert(&place.file, place);
    }
    order.iter().filter_map(|id| packages.get(id)).flat_map(of_package).collect()
}

fn of_package(files: &BTreeMap<&str, &Place>) -> Vec<String> {
    let url = |place: &Place| format!("{PACKAGES}{}?pack", key(place));
    if files.len() <= APART {
        return files.values().map(|place| url(place)).collect();
    }
    let mut urls: Vec<String> = Vec::new();
    let mut sign = '=';
    for (file, place) in files {
        if let Some(last) = urls.last_mut().filter(|url| url.len() < LONGEST) {
            last.push(sign);
            last.extend(utf8_percent_encode(file, FILE));
            sign = ',';
        } else {
            urls.push(url(place));
            sign = '=';
        }
    }
    urls
}
