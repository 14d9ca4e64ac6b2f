//! A connection's access to its tab in the [`Hub`].

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    hub::{Hub, Usage},
    mailbox::{Mailbox, Pending, PushNow, Update},
    message::Hello,
    tab_record::{Ack, ClientInfo, Recorded, is_error},
    tabs::{Tab, TabId, Tabs, find},
};
use crate::{
    change::{Change, ChangeSet, Kind},
    fault::Fault,
    http::url_path::UrlPath,
    page_message::PageMessage,
};

/// The maximum number of files that a tab may use; one that uses more is notified of every change.
const USES: usize = 10_000;

/// The maximum total length of those paths, bytes.
const USES_BYTES: usize = 1 << 20;

/// The path of the change that a tab is notified of if nothing is known about what it missed. No
/// file has this path, so the page reloads.
const UNKNOWN: &str = "unknown files";

/// What a tab missed before it said hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Nothing, or it is in the mailbox already.
    Delivered,
    /// The tab was served by another run of the server, or so long ago that the changes are no
    /// longer recorded: it missed the changes of these paths on the disk since that time.
    Since(Vec<String>, SystemTime),
}

/// An open tab. It leaves the hub when this is dropped.
#[derive(Debug)]
pub(crate) struct TabHandle {
    hub: Arc<Hub>,
    id: TabId,
    mailbox: Arc<Mailbox>,
}

impl TabHandle {
    /// Adds a tab to the hub.
    pub(crate) fn join(hub: Arc<Hub>, client: ClientInfo) -> Self {
        let (id, mailbox) = hub.join(client);
        Self { hub, id, mailbox }
    }

    /// Waits until something may be in the mailbox. Cancel safe: a wake-up is kept.
    pub(crate) async fn changed(&self) {
        self.mailbox.changed().await;
    }

    /// Registers the connection that writes new messages at once. Only the first call counts.
    pub(super) fn register(&self, connection: Weak<dyn PushNow>) {
        self.mailbox.connect(connection);
    }

    pub(super) fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.mailbox)
    }

    /// Empties the mailbox.
    pub(super) fn take(&self) -> Pending {
        self.mailbox.take()
    }

    /// Takes in what the tab says about itself. What it missed goes into its mailbox, as far as
    /// this run of the server knows; the caller looks there next.
    pub(crate) fn hello(&self, hello: &Hello, now: SystemTime) -> Missed {
        let page = spelled(&hello.page);
        // A page that does not say what it uses, or uses too much, is notified of every change.
        let reported = hello.uses.as_ref().filter(|uses| page.is_some() && uses.len() <= USES);
        let uses: Option<Vec<String>> = reported.map(|uses| {
            page.iter().cloned().chain(uses.iter().filter_map(|path| spelled(path))).collect()
        });
        // A document that comes back was last notified of a later version than it was served at.
        let fresh = hello.version.filter(|_| hello.age.is_none());
        let ours = hello.boot.as_deref() == Some(self.hub.boot());
        let served = hello.served.or(fresh).filter(|_| ours).unwrap_or_default();

        let mut usage = self.hub.usage();
        if let Some(uses) = &uses {
            self.attribute(&mut usage, uses);
        }
        let mut tabs = self.hub.tabs();
        tabs.identify(self.id, page.as_deref(), uses.as_deref(), served);
        let Some(tab) = tabs.get(self.id) else { return Missed::Delivered };
        // Until now every change was delivered, whatever the tab uses.
        let is_affected =
            |tab: &Tab, path: &str| tab.is_affected(&self.hub.reach(&usage.graph, path));
        self.mailbox.retain(|path| is_affected(tab, path));
        let mut missed = None;
        if let Some(version) = hello.version.filter(|_| hello.boot.is_some()) {
            if ours && tabs.log.is_complete_after(version) {
                let changes = tabs.log.between(version, tab.joined);
                let changes = changes.filter(|(path, _)| is_affected(tab, path));
                let changes = changes.map(|(path, kind)| Change { path: path.to_owned(), kind });
                self.deliver(&tabs, changes.collect());
            } else if let (Some(uses), Some(since)) = (uses, up_to_date_at(hello, now)) {
                let uses: HashSet<_> = uses.into_iter().collect();
                missed = Some((uses.into_iter().collect(), since));
            } else {
                let unknown = Change { path: UNKNOWN.to_owned(), kind: Kind::Modified };
                self.deliver(&tabs, ChangeSet::from_iter([unknown]));
            }
        }
        if !usage.faults.is_empty() {
            let (faults, reaches) = self.hub.faults_with_reach(&usage);
            tabs.deliver_faults(&[self.id], &faults, &reaches);
        }
        drop(tabs);
        self.hub.reported.notify_waiters();
        missed.map_or(Missed::Delivered, |(uses, since)| Missed::Since(uses, since))
    }

    /// Takes in that the tab uses more files, and no longer uses others.
    pub(crate) fn update_uses(&self, add: &[String], drop: &[String]) {
        let add: Vec<_> = add.iter().filter_map(|path| spelled(path)).collect();
        let mut usage = self.hub.usage();
        let mut tabs = self.hub.tabs();
        let Some(tab) = tabs.get(self.id) else { return };
        let (page, Some(mut uses)) = (tab.page.clone(), tab.uses.clone()) else { return };
        self.attribute(&mut usage, &add);
        for used in drop.iter().filter_map(|path| spelled(path)) {
            if page.as_deref() == Some(&used) {
                continue;
            }
            if let Ok(at) = find(&uses, &used) {
                uses.remove(at);
            }
            // Other documents at this path have reported the file if they still use it.
            if page.as_ref().is_some_and(|page| usage.graph.remove(page, &used)) {
                self.hub.next_epoch();
            }
        }
        for used in &add {
            if let Err(at) = find(&uses, used) {
                uses.insert(at, tabs.shared(used));
            }
        }
        let bytes = uses.iter().map(|path| path.len()).sum::<usize>();
        let bounded = uses.len() <= USES && bytes <= USES_BYTES;
        tabs.set_uses(self.id, bounded.then_some(uses));
    }

    /// Records that the tab has applied a version.
    pub(super) fn acknowledge(&self, ack: Ack) {
        let mailbox = self.hub.tabs().acknowledge(self.id, ack);
        self.report(mailbox);
    }

    /// Records that the tab's document and its scripts have been loaded.
    pub(super) fn loaded(&self, now: Instant) {
        if let Some(tab) = self.hub.tabs().get_mut(self.id) {
            tab.record.loaded.get_or_insert(now);
        }
        self.hub.reported.notify_waiters();
    }

    /// Records how many messages were received that are not described yet.
    pub(super) fn set_undescribed(&self, count: usize) {
        if let Some(tab) = self.hub.tabs().get_mut(self.id) {
            tab.record.undescribed = count;
        }
    }

    /// Records a message of the tab. `crash` is the error to show if it left the page blank.
    /// Returns the browser if tabs of several browsers or devices are open.
    pub(super) fn record(
        &self,
        message: PageMessage,
        at: Instant,
        again: bool,
        crash: Option<Fault>,
    ) -> Option<ClientInfo> {
        let mut tabs = self.hub.tabs();
        let (client, version) = {
            let tab = tabs.get(self.id)?;
            (tab.record.client.clone(), tab.version_at(at))
        };
        let several = tabs.has_several_clients().then_some(client);
        let mailbox = if is_error(&message) {
            tabs.record(self.id, Recorded { message, version, at }, again, crash)
        } else {
            None
        };
        drop(tabs);
        self.report(mailbox);
        several
    }

    /// Wakes the tab's connection if there is something to send, and those who wait for a report.
    fn report(&self, mailbox: Option<Arc<Mailbox>>) {
        if let Some(mailbox) = mailbox {
            mailbox.wake();
        }
        self.hub.reported.notify_waiters();
    }

    /// Puts changes into this tab's mailbox that it missed. The caller looks there next.
    pub(crate) fn add_missed(&self, changes: ChangeSet) {
        self.deliver(&self.hub.tabs(), changes);
    }

    fn deliver(&self, tabs: &Tabs, changes: ChangeSet) {
        if !changes.is_empty() {
            let update = Update::new(tabs.version, changes.into_iter().collect());
            self.mailbox.add(&Arc::new(update));
        }
    }

    /// Records that a page reports to use these paths.
    fn attribute(&self, usage: &mut Usage, uses: &[String]) {
        let removed = uses.iter().filter(|used| usage.graph.attribute(used)).count();
        if removed > 0 {
            self.hub.next_epoch();
        }
    }
}

impl Drop for TabHandle {
    fn drop(&mut self) {
        self.hub.leave(self.id);
    }
}

/// Returns a time at which the page had seen every change, or `None` if that is not known, as for a
/// page that reports a backend that is down.
fn up_to_date_at(hello: &Hello, now: SystemTime) -> Option<SystemTime> {
    match (hello.age, hello.since) {
        (Some(age), _) => now.checked_sub(Duration::from_millis(age)).or(Some(UNIX_EPOCH)),
        // A time in the future means that the clock was set back.
        (None, since) => {
            UNIX_EPOCH.checked_add(Duration::from_millis(since?)).filter(|since| *since <= now)
        }
    }
}

/// Returns a path that a page reported as the server spells it.
fn spelled(path: &str) -> Option<String> {
    UrlPath::parse(path).ok().map(|path| path.to_string())
}
