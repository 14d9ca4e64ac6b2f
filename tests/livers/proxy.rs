//! Backends behind routes.
