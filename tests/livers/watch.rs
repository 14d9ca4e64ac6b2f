//! Which changes are noticed.
