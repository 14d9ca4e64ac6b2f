//! ES modules from source: compiles TypeScript and JSX, rewrites import specifiers to URLs, and
//! serves packages from `node_modules`.
//!
//! [`Esm`] is the whole public surface; it answers with the plain data of [`outcome`]. Without the
//! feature `esm`, a stub with the same API takes its place (`disabled.rs`).
//!
//! A file of the project keeps its own URL ([`compiler`]); packages are served below livers' own
//! path, many files to a response ([`packages`]). [`resolve`] decides which of the two a specifier
//! leads to. The inline scripts of a page get an import map ([`page`]). A source that does not
//! compile yields a [`mod@compile_error`], shown in the page and in the terminal.
//!
//! Style sheets and components are compiled by the compilers that the project has installed
//! ([`toolchain`]), in an engine inside of livers or in a process of Node.
//!
//! A page with many modules gets them in packs: each module becomes a function ([`mod@definition`])
//! for the registry in the page, as the files of packages do ([`convert`]), and [`mod@pack`] writes
//! many of them into one response.
//!
//! Nothing outside of this module names oxc. Compiling and resolving block, on the disk and on the
//! processor, so [`Esm`] runs them on threads of their own ([`workers`]), within a deadline.
//! A request looks at each path on the disk once ([`disk_view`]).
//!
//! Left out on purpose: bundling, minifying, type checking, old browsers.

mod compile_error;
mod compiler;
mod convert;
mod css_module;
mod definition;
mod dependents;
mod describe;
mod disk_cache;
mod disk_view;
mod edits;
mod embedded_map;
mod enums;
mod fallback;
mod glob_table;
mod importers;
mod installed;
mod lock;
mod missing_module;
mod module_url;
mod nesting;
mod outcome;
mod pack;
mod packages;
mod page;
mod page_error;
mod progress;
mod relative_url;
mod resolve;
mod service;
mod source_position;
mod stack;
mod style_sheet;
mod toolchain;
mod vite_config;
mod vite_settings;
mod workers;

pub use self::outcome::Packs;
pub(crate) use self::{
    convert::requests::split_attributes,
    definition::Definition,
    disk_view::DiskView,
    outcome::{
        Module, ModuleOutcome, ModuleRequest, PACKAGES_PATH, PackageContent, PackageOutcome,
        PackageResponse, PageVariables, ServedPosition, ServedScript, SourcePosition, StyleSheet,
        VARY, Versions,
    },
    pack::{Member, Pack, is_native},
    page::module_scripts,
    relative_url::resolve as resolve_url,
    service::Esm,
    vite_settings::{OUTER_PUBLIC, ProxyRule, PublicDir, ServerSettings, ViteSettings},
};
