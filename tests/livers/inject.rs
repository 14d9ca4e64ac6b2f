//! The element in pages.
