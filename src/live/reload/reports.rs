//! The messages of a page that wait for their places in the original source.
//!
//! Describing a message may compile its source, so messages queue here, one is described at a time,
//! and the socket is served meanwhile. What a page sends too fast is dropped and counted.

use std::{
    collections::VecDeque,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use super::tab_handle::TabHandle;
use crate::{
    event::{Event, Events},
    fault::Fault,
    live::page_errors::{Described, PageErrors, RawMessage},
    page_message::{Level, MessageKind, PageMessage},
};

/// The most messages that wait.
const CAPACITY: usize = 200;

/// The messages of a page.
#[derive(Default)]
pub(super) struct Reports<'c> {
    waiting: VecDeque<(RawMessage, Instant)>,
    current: Option<(Meant, Described<'c, PageMessage>)>,
    dropped: u64,
}

/// What a message is apart from its description.
#[derive(Clone, Copy)]
pub(super) struct Meant {
    at: Instant,
    blank: bool,
    again: bool,
}

impl<'c> Reports<'c> {
    /// Adds messages. `dropped` is how many more the page has left out.
    pub(super) fn add(&mut self, entries: Vec<RawMessage>, dropped: u64, now: Instant) {
        self.dropped += dropped;
        for entry in entries {
            if self.waiting.len() >= CAPACITY {
                self.dropped += u64::from(entry.count.max(1));
                continue;
            }
            let at = now.checked_sub(Duration::from_millis(entry.age)).unwrap_or(now);
            self.waiting.push_back((entry, at));
        }
    }

    /// Returns how many messages wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.current.is_some())
    }

    /// Describes the next message. Pending while none waits.
    pub(super) fn poll_described(
        &mut self,
        errors: Option<&'c dyn PageErrors>,
        page: &str,
        context: &mut Context<'_>,
    ) -> Poll<(Meant, PageMessage)> {
        if self.current.is_none()
            && let Some((raw, at)) = self.waiting.pop_front()
        {
            let meant = Meant { at, blank: raw.blank, again: raw.again };
            let described: Described<'c, PageMessage> = match errors {
                Some(errors) => errors.describe(page.to_owned(), raw),
                None => Box::pin(async move { plain(raw) }),
            };
            self.current = Some((meant, described));
        }
        let Some((meant, described)) = &mut self.current else { return Poll::Pending };
        let message = ready!(described.as_mut().poll(context));
        let meant = *meant;
        self.current = None;
        Poll::Ready((meant, message))
    }

    /// Records and emits a message.
    pub(super) fn finish(
        &mut self,
        (meant, message): (Meant, PageMessage),
        page: &str,
        tab: &TabHandle,
        events: &Events,
    ) {
        tab.set_undescribed(self.len());
        let crash = meant.blank.then(|| crash(&message, page));
        let browser =
            tab.record(message.clone(), meant.at, meant.again, crash).map(|client| client.name());
        let page = page.to_owned();
        if !meant.again {
            events.emit(Event::PageMessage {
                page: page.clone(),
                browser: browser.clone(),
                message,
            });
        }
        if self.len() == 0 && self.dropped > 0 {
            let message = format!("{} more messages were left out", self.dropped);
            let (kind, level) = (MessageKind::Console, Level::Warn);
            let message = PageMessage { kind, level, message, count: 1, ..PageMessage::default() };
            self.dropped = 0;
            events.emit(Event::PageMessage { page, browser, message });
        }
    }
}

/// Returns a message without places.
fn plain(raw: RawMessage) -> PageMessage {
    let RawMessage { kind, level, message, count, worker, .. } = raw;
    PageMessage { kind, level, message, worker, count: count.max(1), ..PageMessage::default() }
}

/// Returns the error to show over a page that it left blank.
fn crash(message: &PageMessage, page: &str) -> Fault {
    let PageMessage { kind, message, path, file, line, column, frame, stack, components, .. } =
        message.clone();
    let (path, file) = (path.unwrap_or_else(|| page.to_owned()), file.unwrap_or_default());
    let (kind, help) = (Some(kind), None);
    Fault { path, file, line, column, message, frame, help, kind, stack, components }
}
