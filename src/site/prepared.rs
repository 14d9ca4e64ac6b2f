//! Files that are ready to be sent: the parts of a response that do not depend on the request.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};

use super::UTF8;
use crate::{
    docroot::Content,
    esm::{self, Esm},
    files::{Precompressed, ServedFile, cache::Weight},
    http::{
        conditional::{EntityTag, LastModified, Validators},
        media_type::{self, Markup, Sample},
        representation::{self, Metadata},
    },
    live::{
        Live, PageSource, Stamp,
        inject::{
            self,
            placement::{Placement, placement},
        },
    },
};

/// Header fields from `_headers`.
pub(super) type Fields = Vec<(HeaderName, HeaderValue)>;

/// A response to GET with a file.
pub(super) enum Prepared {
    /// The content is in memory.
    File(Arc<PreparedFile>),
    /// The content is streamed.
    Stream(Box<StreamedFile>),
}

/// A file whose content is streamed.
pub(super) struct StreamedFile {
    pub(super) metadata: Metadata,
    pub(super) content: representation::Content,
    pub(super) fields: Fields,
    /// The URL paths of the files that the response is made from.
    pub(super) uses: Vec<String>,
}

/// A file whose content is in memory, and the response to requests for it.
#[derive(Debug)]
pub(crate) struct PreparedFile {
    /// The path of the requests, as the server spells it.
    pub(super) path: String,
    /// The URL paths of the files that the response is made from, other than `path`.
    pub(super) uses: Vec<String>,
    pub(super) fields: Fields,
    pub(super) metadata: Metadata,
    pub(super) file: ServedFile,
    /// The URL path of the file, which is that of the index for a folder.
    pub(super) url: String,
    /// The bytes to send: those of the file, or of its precompressed copy.
    pub(super) bytes: Bytes,
    /// Whether a script that requests the file may get it compiled, whatever the query.
    pub(super) may_compile: bool,
    /// How the element gets into the file, if that is sent as a page.
    pub(super) page: Option<PreparedPage>,
}

/// What is known of a page.
#[derive(Debug)]
pub(super) struct PreparedPage {
    pub(super) placement: Placement,
    /// Whether inline scripts of the page may import packages.
    pub(super) may_import: bool,
    hash: u128,
    can_be_patched: bool,
    /// The element for the last request, and its stamp.
    element: Mutex<Option<(Stamp, Element)>>,
}

/// A script element, and the entity tag of the page with it.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) html: Bytes,
    pub(super) tag: EntityTag,
}

impl PreparedFile {
    /// Returns the size of what is in memory, in bytes.
    fn size(&self) -> usize {
        let source = match &self.file.content {
            Content::Memory(bytes) => bytes.len(),
            Content::Large(..) => 0,
        };
        self.bytes.len() + if self.metadata.coding.is_some() { source } else { 0 }
    }
}

impl Weight for PreparedFile {
    fn weight(&self) -> u64 {
        self.size() as u64
    }
}

impl PreparedPage {
    /// Prepares a page. `compiles` says whether imports of packages are resolved.
    pub(super) fn new(
        status: StatusCode,
        file: &ServedFile,
        markup: Markup,
        html: &[u8],
        compiles: bool,
    ) -> Self {
        let is_html = markup == Markup::Html;
        Self {
            placement: placement(html, markup, None),
            may_import: is_html && compiles && Esm::may_import(html),
            hash: file.content_hash.0,
            // For another encoding than UTF-8, only the browser knows how it reads the page. And a
            // page that stands for a missing one is not the source at this path.
            can_be_patched: is_html
                && status == StatusCode::OK
                && media_type::of_html(Sample::Whole(html)) == UTF8,
            element: Mutex::default(),
        }
    }

    /// Returns the element of the page with a stamp, with an import map before it unless `map` is
    /// empty.
    pub(super) fn element(&self, live: &Live, stamp: Stamp, html: &Bytes, map: &str) -> Element {
        let mut known = self.element.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, element)) = known.as_ref().filter(|(of, _)| *of == stamp && map.is_empty())
        {
            return element.clone();
        }
        let source =
            if self.can_be_patched { live.keep(self.hash, html) } else { PageSource::None };
        let script = live.element(stamp, source);
        // An import map must come before the scripts that need it.
        let html = if map.is_empty() { script } else { [map.as_bytes(), &script].concat().into() };
        let element = Element { tag: EntityTag::derived(self.hash, &html), html };
        if map.is_empty() {
            *known = Some((stamp, element.clone()));
        }
        element
    }
}

/// Returns the metadata of a response with a file, and the content to send: that of the file, or of
/// its precompressed copy, which is taken out of `file`.
///
/// A page with the element in it has neither the validators of its file nor a content coding.
pub(super) fn select(
    status: StatusCode,
    file: &mut ServedFile,
    injected: bool,
    compiles: bool,
) -> (Metadata, Content) {
    let sample = match &file.content {
        Content::Memory(bytes) => Sample::Whole(bytes),
        Content::Large(_, _, beginning) => Sample::Beginning(beginning),
    };
    let content_type = media_type::of_file(&file.path, sample);
    let is_page = media_type::markup(&content_type).is_some();
    let mut metadata = Metadata {
        status,
        content_type: HeaderValue::try_from(content_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream")),
        validators: Validators::default(),
        coding: None,
        vary: is_page.then_some(HeaderValue::from_static(inject::VARIES)),
    };
    if injected {
        return (metadata, file.content.take());
    }
    let copy = std::mem::take(&mut file.precompressed);
    if !matches!(copy, Precompressed::None) {
        metadata.add_vary("Accept-Encoding");
    }
    if compiles {
        metadata.add_vary(esm::VARY);
    }
    let (content, hash, modified) = if let Precompressed::Accepted(copy) = copy {
        metadata.coding = Some(copy.coding);
        (copy.content, copy.content_hash, copy.modified)
    } else {
        (file.content.take(), file.content_hash, file.modified)
    };
    // A file that stands for a missing one is not the representation of that.
    if status == StatusCode::OK {
        let tag = Some(EntityTag::from_hash(hash.0));
        metadata.validators = Validators { tag, modified: modified.and_then(LastModified::of) };
    }
    (metadata, content)
}
