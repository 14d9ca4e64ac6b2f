//! Answers to questions about the open tabs, as plain data with the JSON that tools receive.

use serde::{Deserialize, Serialize};

use crate::{change::Change, fault::Fault, page_message::PageMessage};

/// Whether the tabs run the current content of some files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Every tab that uses a file runs its current content.
    Applied,
    /// A tab that uses a file threw, rejected or failed to load something since the change, or has
    /// nothing to run because of a compile error.
    Failed,
    /// There is a compile error, and the tabs keep running the old code.
    Kept,
    /// No open tab uses the files.
    Unused,
    /// No tab is open.
    NoTabs,
    /// The content is what the tabs loaded, and nothing was changed since.
    Unchanged,
    /// The tabs did not report in time.
    Timeout,
}

/// The answer to the question whether changes have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WaitAnswer {
    /// The outcome.
    pub verdict: Verdict,
    /// The current version.
    pub version: u64,
    /// The changes that the question is about.
    pub changes: Vec<Change>,
    /// The tabs that use the files.
    pub tabs: Vec<TabOutcome>,
    /// The compile errors of the files, or that keep their tabs from running them.
    pub faults: Vec<Fault>,
}

/// What a tab did with a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TabOutcome {
    /// The page's URL path.
    pub page: String,
    /// The browser and its version.
    pub browser: String,
    /// What the page did: `hot`, `css`, `reload` and so on; `None` if it did nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// The time in the page, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Why it reloaded or kept its old code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it reported since the change.
    pub errors: Vec<PageMessage>,
}

/// What is wrong now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Errors {
    /// The compile errors.
    pub faults: Vec<Fault>,
    /// The tabs that reported errors.
    pub tabs: Vec<TabErrors>,
}

/// The errors of a tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TabErrors {
    /// The page's URL path.
    pub page: String,
    /// The browser and its version.
    pub browser: String,
    /// What it reported.
    pub errors: Vec<PageMessage>,
}

/// The open tabs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tabs {
    /// The current version.
    pub version: u64,
    /// The tabs, by their pages.
    pub tabs: Vec<Tab>,
}

/// An open tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tab {
    /// The page's URL path.
    pub page: String,
    /// The browser and its version.
    pub browser: String,
    /// The address of another device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The version up to which it was notified.
    pub version: u64,
    /// How many files it uses, if that is known.
    pub uses: Option<usize>,
    /// What it is doing.
    pub state: TabState,
    /// How many errors it has reported.
    pub errors: usize,
}

/// What a tab is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TabState {
    /// Its document is loading.
    Loading,
    /// It is applying a change.
    Updating,
    /// It waits for changes.
    Ready,
}
