//! Reports the errors that only a browser finds, as those of the compiler are reported.

use std::sync::Arc;

use super::masked::masked_fault;
use crate::{
    docroot::Root,
    esm::Esm,
    event::{Event, Events},
    fault::Fault,
    live::{Described, PageError, PageErrors, RawMessage, reload::hub::Hub},
    page_message::PageMessage,
};

/// Where errors of sources are reported, and what describes them.
pub(crate) struct SourceErrors {
    pub(crate) esm: Option<Arc<Esm>>,
    pub(crate) root: Arc<Root>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) events: Events,
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
        let RawMessage { kind, level, message, url, line, column, count, worker, .. } = message;
        let positive = |number: u32| (number > 0).then_some(number);
        let described = PageMessage {
            kind,
            level,
            message,
            file: (!url.is_empty()).then_some(url),
            line: positive(line),
            column: positive(column),
            worker,
            count: count.max(1),
            ..PageMessage::default()
        };
        Box::pin(async move { described })
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
