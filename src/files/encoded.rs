//! The same file in a coding, as it lies beside it: `app.js.br`, `.gz`, `.zst`.
//!
//! One that is older than its file was made of something else, and is left alone.

use std::{fs, path::PathBuf, time::SystemTime};

use super::Source;
use crate::{
    docroot::{self, Content, ContentHash, FileRead, Located, Root, Writer},
    http::encoding::{Accepted, Coding},
    http::url_path::UrlPath,
};

/// What there is of a file in codings.
#[derive(Debug, Default)]
pub(crate) enum Encoded {
    /// Nothing: what the client accepts makes no difference.
    #[default]
    None,
    /// Something, but not what the client wants.
    Others,
    /// What the client wants.
    File(Box<Sibling>),
}

/// A file that is another one in a coding.
#[derive(Debug)]
pub(crate) struct Sibling {
    pub(crate) coding: Coding,
    pub(crate) path: PathBuf,
    pub(crate) url: UrlPath,
    pub(crate) content: Content,
    pub(crate) content_hash: ContentHash,
    pub(crate) modified: Option<SystemTime>,
}

impl Encoded {
    /// What there is beside a file, for a client. Blocking.
    pub(super) fn beside(source: &Source, root: &Root, accepted: &Accepted) -> Self {
        let there: Vec<_> =
            Coding::ALL.into_iter().filter(|coding| is_there(source, *coding)).collect();
        let mut wanted = accepted.iter().filter(|coding| there.contains(coding));
        let found = wanted.find_map(|coding| read(source, root, coding));
        match found {
            Some(sibling) => Self::File(Box::new(sibling)),
            None if there.is_empty() => Self::None,
            None => Self::Others,
        }
    }
}

/// Whether there is a file that is not older than the one that it was made of.
fn is_there(source: &Source, coding: Coding) -> bool {
    let mut name = source.path.clone().into_os_string();
    name.push(coding.suffix());
    fs::metadata(name)
        .is_ok_and(|metadata| metadata.is_file() && metadata.modified().ok() >= source.modified)
}

fn read(source: &Source, root: &Root, coding: Coding) -> Option<Sibling> {
    let url = source.url.with_suffix(coding.suffix())?;
    let Located::File(path) = root.locate(&url) else { return None };
    let FileRead { content, content_hash, writer, modified } = docroot::read(&path).ok()?;
    (writer == Writer::None).then_some(Sibling {
        coding,
        path,
        url,
        content,
        content_hash,
        modified,
    })
}
