//! Notifies open tabs of changes: each tab of the files that it uses, once, without delay.
//!
//! [`hub`] holds the state: the current version, the open [`tabs`], the [`graph`] of which file
//! uses which, and a [`log`] of what changed when. A published change set goes into the [`mailbox`]
//! of each tab that it affects. A connection works with its tab through a
//! [`TabHandle`](tab_handle::TabHandle); [`session`] carries the messages of a tab over a
//! WebSocket, [`events`] over Server-Sent Events; [`message`] is the format of both.
//!
//! What a tab acknowledges and reports goes into its [record](tab_record); messages of its console
//! wait in [`reports`] until their places in the source are known. From the records, the
//! [`verdict`] says whether every tab runs the current content of a file.
//!
//! Nothing here knows about files or about how changes are found.

pub(crate) mod events;
mod faults;
mod graph;
pub(crate) mod handshake;
pub(crate) mod hub;
mod log;
mod mailbox;
pub(crate) mod message;
mod reload_socket;
mod reports;
pub(crate) mod session;
pub(super) mod tab_handle;
pub(crate) mod tab_record;
mod tabs;
mod verdict;
