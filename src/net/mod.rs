//! Listening, and who may speak to us.

pub(crate) mod guard;
pub(crate) mod listen;
