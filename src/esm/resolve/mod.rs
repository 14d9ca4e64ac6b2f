//! Resolves import specifiers to files of the project, files of packages, or URLs.
//!
//! Follows Node and the bundlers for browsers: conditional `exports` and `imports`, the `browser`
//! field, the paths of `tsconfig.json` and `jsconfig.json`, the aliases of `vite.config.*`,
//! extensions and index files. A file
//! outside of the root belongs to a package if the package is installed or part of the workspace
//! ([`package_folders`]). A package that the project links from `node_modules` is a source like
//! those in the root ([`linked`]).
//!
//! Lookups on the disk are cached. The cache is cleared when packages are installed, when a
//! specifier does not resolve, and by [`Resolver::clear_cache`].
//!
//! Left out on purpose: Yarn Plug'n'Play.

mod aliases;
mod bounded_files;
mod builtin;
mod engine;
mod install;
mod linked;
pub(crate) mod manifest;
mod package;
mod package_folders;
mod references;
mod resolver;
mod served;
mod similar_package;
mod specifier;
mod target;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use self::{
    aliases::Aliases,
    bounded_files::{BoundedFiles, bounded},
    install::file_stamp,
    linked::linked_packages,
    package::PackageFile,
    package_folders::is_installed,
    resolver::Resolver,
    specifier::{is_bare, is_script},
    target::{ImportKind, Resolved, Target},
};
