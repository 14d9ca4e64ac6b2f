//! Describes what pages report. The errors that only a browser finds are reported as those of the
//! compiler are.

mod describe;
mod stack_text;

use std::sync::Arc;

use super::masked::masked_fault;
#[cfg(feature = "esm")]
use super::packs::PackContents;
use crate::{
    docroot::Root,
    esm::Esm,
    event::{Event, Events},
    fault::Fault,
    live::{Described, PageError, PageErrors, RawMessage, reload::hub::Hub},
    page_message::PageMessage,
    proxy::Proxy,
};

/// Where errors of sources are reported, and what describes them.
pub(crate) struct SourceErrors {
    pub(crate) esm: Option<Arc<Esm>>,
    pub(crate) root: Arc<Root>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) events: Events,
    pub(crate) proxy: Arc<Proxy>,
    #[cfg(feature = "esm")]
    pub(crate) packs: Arc<PackContents>,
}

impl PageErrors for SourceErrors {
    fn report(&self, error: PageError) -> Described<'_, ()> {
        Box::pin(async move {
            let PageError { path, message, line, column } = error;
            if let Some(esm) = &self.esm
                && let Some(fault) = esm.describe_page_error(&path, message, (line, column)).await
            {
                publish(fault, &self.root, &self.hub, &self.events);
            }
        })
    }

    fn describe(&self, _: String, message: RawMessage) -> Described<'_, PageMessage> {
        Box::pin(self.message(message))
    }
}

/// Reports the error of a source to the open tabs and the terminal. Returns it as the tabs see it.
pub(super) fn publish(fault: Fault, root: &Root, hub: &Hub, events: &Events) -> Fault {
    let masked = masked_fault(&fault, root.path());
    if hub.report_fault(masked.clone()) {
        events.emit(Event::SourceFault(fault));
    }
    masked
}
