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

/// The most messages in a second. The client sends no more than that.
const PER_SECOND: u32 = 200;

/// The longest texts: of a message or a stack, and of a URL, bytes.
const MAX_TEXT: usize = 32 * 1024;
const MAX_URL: usize = 2048;

/// The messages of a page.
#[derive(Default)]
pub(super) struct Reports<'c> {
    /// When the current second began, and how many messages were taken since.
    second: Option<(Instant, u32)>,
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
        self.dropped = self.dropped.saturating_add(dropped);
        for entry in entries {
            if self.waiting.len() >= CAPACITY || !self.admits(now) {
                self.dropped = self.dropped.saturating_add(u64::from(entry.count.max(1)));
                continue;
            }
            let entry = limited(entry);
            let at = now.checked_sub(Duration::from_millis(entry.age)).unwrap_or(now);
            self.waiting.push_back((entry, at));
        }
    }

    /// Counts a message, and returns whether there is room for it in this second.
    fn admits(&mut self, now: Instant) -> bool {
        let (began, taken) = self.second.get_or_insert((now, 0));
        if now.duration_since(*began) >= Duration::from_secs(1) {
            (*began, *taken) = (now, 0);
        }
        *taken += 1;
        *taken <= PER_SECOND
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

/// Returns a message with texts of limited length.
fn limited(mut message: RawMessage) -> RawMessage {
    let cut = |text: &mut String, length: usize| text.truncate(text.floor_char_boundary(length));
    cut(&mut message.message, MAX_TEXT);
    cut(&mut message.stack, MAX_TEXT);
    cut(&mut message.components, MAX_TEXT);
    cut(&mut message.url, MAX_URL);
    if let Some(worker) = &mut message.worker {
        cut(worker, MAX_URL);
    }
    message
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

#[cfg(test)]
mod tests {
    use std::{
        task::{Context, Poll, Waker},
        time::{Duration, Instant},
    };

    use super::{CAPACITY, MAX_TEXT, MAX_URL, PER_SECOND, Reports};
    use crate::live::page_errors::RawMessage;

    fn entries(count: usize) -> Vec<RawMessage> {
        vec![RawMessage { message: "a".into(), ..RawMessage::default() }; count]
    }

    fn take(reports: &mut Reports<'_>) -> Option<String> {
        match reports.poll_described(None, "/", &mut Context::from_waker(Waker::noop())) {
            Poll::Ready((_, message)) => Some(message.message),
            Poll::Pending => None,
        }
    }

    #[test]
    fn messages_are_bounded_in_number_and_in_time() {
        let (mut reports, now) = (Reports::default(), Instant::now());
        reports.add(entries(CAPACITY + 1), 5, now);
        assert_eq!((reports.len(), reports.dropped), (CAPACITY, 6));
        while take(&mut reports).is_some() {}
        let soon = now + Duration::from_millis(999);
        reports.add(entries(1), 0, soon);
        assert_eq!((reports.len(), reports.dropped), (0, 7), "one second has a limit");
        reports.add(entries(1), 0, now + Duration::from_secs(1));
        assert_eq!(reports.len(), 1);
        assert_eq!(usize::try_from(PER_SECOND).unwrap(), CAPACITY);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let long = "é".repeat(MAX_TEXT);
        let message = RawMessage {
            message: long.clone(),
            url: long.clone(),
            worker: Some(long),
            ..RawMessage::default()
        };
        let mut reports = Reports::default();
        reports.add(vec![message], 0, Instant::now());
        let (cut, _) = &reports.waiting[0];
        assert_eq!((cut.message.len(), cut.url.len()), (MAX_TEXT, MAX_URL));
        assert_eq!(cut.worker.as_ref().map(String::len), Some(MAX_URL));
        assert_eq!(take(&mut reports).map(|text| text.len()), Some(MAX_TEXT));
    }
}
