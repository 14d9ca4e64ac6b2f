//! Source to what a browser runs: TypeScript and JSX to JavaScript, import specifiers to URLs,
//! packages from `node_modules` to modules.
//!
//! A file of the project stays at its own URL ([`source`]); what lies in `node_modules` is served in
//! packs below livers' own path ([`packages`]). [`resolve`] says which of the two a specifier means.
//! The scripts in a page itself get an import map ([`page`]). What imports what is remembered
//! ([`importers`]).
//! What is wrong with a source is a [`Fault`], said in the page and in the terminal.
//!
//! Nothing outside of this module names oxc. All of it blocks, on the disk and on the processor.
//!
//! Left out on purpose: bundling, minifying, checking types, old browsers.

mod edits;
mod fault;
mod importers;
mod packages;
mod page;
mod resolve;
mod source;

pub(crate) use self::{
    fault::Fault,
    importers::Importers,
    packages::Packages,
    page::{has_module, may_import},
    resolve::{Resolver, Target},
    source::{Compiled, Compiler, Glob, Output},
};
