//! Tells the open tabs what changed: each one what it uses, once, at once.
//!
//! [`hub`] keeps the tabs and the version; [`interest`] knows which tab uses which file, [`log`] what
//! changed when; [`message`] is what travels; [`socket`] and [`events`] carry it over a WebSocket and over Server-Sent Events.
//! Nothing here knows of files or of how changes are found.

pub(crate) mod events;
pub(crate) mod hub;
pub(crate) mod interest;
mod line;
mod log;
pub(crate) mod message;
pub(crate) mod socket;
