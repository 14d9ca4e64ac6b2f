//! Answers what the open tabs run and what is wrong.

use std::time::Instant;

use super::Hub;
use crate::{
    answer::{self, Errors, TabErrors, TabState},
    live::reload::tabs::Tab,
};

impl Hub {
    /// Returns the compile errors, and what the open tabs reported, by their pages.
    pub(crate) fn errors(&self) -> Errors {
        let usage = self.usage();
        let faults = usage.faults.iter().map(|(_, failing)| (*failing.fault).clone()).collect();
        drop(usage);
        let tabs = self.tabs();
        let errors = tabs.iter().filter_map(|tab| {
            let errors: Vec<_> =
                tab.record.errors().map(|recorded| recorded.message.clone()).collect();
            let page = tab.page.as_ref().filter(|_| !errors.is_empty())?;
            let browser = tab.record.client.browser.clone();
            Some(TabErrors { page: page.to_string(), browser, errors })
        });
        let mut tabs: Vec<_> = errors.collect();
        tabs.sort_by(|one, other| one.page.cmp(&other.page));
        Errors { faults, tabs }
    }

    /// Returns the open tabs, by their pages.
    pub(crate) fn open(&self) -> answer::Tabs {
        let tabs = self.tabs();
        let version = tabs.version;
        let mut open: Vec<_> = tabs.iter().filter_map(described).collect();
        drop(tabs);
        open.sort_by(|one, other| one.page.cmp(&other.page));
        answer::Tabs { version, tabs: open }
    }
}

/// Returns a tab as others see it, unless it has not said which page it is.
fn described(tab: &Tab) -> Option<answer::Tab> {
    let record = &tab.record;
    let state = match record.loaded {
        None => TabState::Loading,
        Some(_) if is_updating(tab) => TabState::Updating,
        Some(_) => TabState::Ready,
    };
    Some(answer::Tab {
        page: tab.page.as_ref()?.to_string(),
        browser: record.client.browser.clone(),
        address: record.client.address.map(|address| address.to_string()),
        version: tab.version_at(Instant::now()).max(tab.joined),
        uses: tab.uses.as_ref().map(Vec::len),
        state,
        errors: record.errors().count(),
    })
}

/// Returns whether a tab has yet to acknowledge a version after the last one that it did.
fn is_updating(tab: &Tab) -> bool {
    let last = tab.record.last_ack().map_or(0, |ack| ack.version);
    tab.mailbox.outstanding().into_iter().any(|outstanding| outstanding > last)
}
