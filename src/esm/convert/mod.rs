//! Converts ES modules to definitions for the registry in the page, and analyses CommonJS.
//!
//! [`es_module`] turns a module into a generator function, which the registry
//! (`client-snippet/packages/registry.js`) links and runs. [`transform`] walks the syntax tree;
//! the others are what it collects.

mod constant_folding;
pub(super) mod es_module;
pub(super) mod export_names;
pub(super) mod js;
pub(super) mod requests;
pub(super) mod transform;
