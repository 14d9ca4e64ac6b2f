//! Listening, who may speak to us, and what is said before an answer.

pub(crate) mod guard;
pub(crate) mod interim;
pub(crate) mod listen;
