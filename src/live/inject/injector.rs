//! Inserts the script element into a document as it streams, HTML or XML.

use bytes::{Bytes, BytesMut};

use super::{html::HtmlInjector, meta::Amend, placement, xml::XmlSearch};
use crate::http::media_type::Markup;

/// Inserts the element into a document whose bytes are pushed through it, and amends the Content
/// Security Policies that the document contains.
pub(crate) enum Injector {
    Html(Box<HtmlInjector>),
    Xml(XmlInjector),
}

/// Holds an XML document back up to the end of its head, or 1 MiB.
pub(crate) struct XmlInjector {
    element: Bytes,
    amend: Amend,
    /// `None` once it is complete.
    search: Option<XmlSearch>,
    held: BytesMut,
}

impl Injector {
    /// An injector for one document. `charset` is the one that the document's `Content-Type` names,
    /// if any.
    pub(crate) fn new(markup: Markup, element: Bytes, charset: Option<&str>, amend: Amend) -> Self {
        match markup {
            Markup::Html => {
                Self::Html(Box::new(HtmlInjector::new(element, charset).with_policies(amend)))
            }
            Markup::Xml => {
                let search = Some(XmlSearch::new(charset));
                Self::Xml(XmlInjector { element, amend, search, held: BytesMut::new() })
            }
        }
    }

    /// Takes the next bytes and returns those that can be sent.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Bytes {
        match self {
            Self::Html(injector) => injector.push(bytes),
            Self::Xml(injector) => injector.push(bytes),
        }
    }

    /// Ends the document and returns what was held back.
    pub(crate) fn finish(&mut self) -> Bytes {
        match self {
            Self::Html(injector) => injector.finish(),
            Self::Xml(injector) => injector.finish(),
        }
    }

    /// Gives up, and returns what was held back.
    pub(super) fn release(&mut self) -> Bytes {
        match self {
            Self::Html(injector) => injector.release(),
            Self::Xml(injector) => {
                injector.search = None;
                injector.held.split().freeze()
            }
        }
    }
}

impl XmlInjector {
    fn push(&mut self, bytes: Bytes) -> Bytes {
        let Some(search) = &mut self.search else { return bytes };
        self.held.extend_from_slice(&bytes);
        if search.scan(&self.held) { self.finish() } else { Bytes::new() }
    }

    fn finish(&mut self) -> Bytes {
        let held = self.held.split().freeze();
        let Some(search) = self.search.take() else { return held };
        let placement = placement::in_xml(search);
        placement.assemble(&held, self.element.clone(), &self.amend).concat().into()
    }
}
