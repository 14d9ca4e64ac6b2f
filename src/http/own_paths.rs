//! URL paths that livers reserves for itself. No file, mount or proxy route can shadow them.

/// Expands to a path below `/__livers`, as a literal.
macro_rules! own {
    ($rest:literal) => {
        concat!("/__livers", $rest)
    };
}

/// The first segment of every reserved path.
pub(crate) const SEGMENT: &str = "__livers";
/// The prefix of every reserved path. `/__liversX` is not reserved: see [`is_own`].
pub(crate) const PREFIX: &str = own!("");
/// The folder of all reserved paths.
pub(crate) const FOLDER: &str = own!("/");
/// The script that the injected element loads.
pub(crate) const CLIENT: &str = own!("/client.js");
/// The script that hears errors until the client does.
pub(crate) const EARLY: &str = own!("/early.js");
/// The module that implements `import.meta.hot`.
#[cfg(feature = "esm")]
pub(crate) const HOT: &str = own!("/hot.js");
/// The module that hears the errors and the console of a page or worker.
#[cfg(feature = "esm")]
pub(crate) const CONSOLE: &str = own!("/console.js");
/// The module that implements React Fast Refresh.
#[cfg(feature = "esm")]
pub(crate) const REFRESH: &str = own!("/refresh.js");
/// The module that implements Fast Refresh of Preact.
#[cfg(feature = "esm")]
pub(crate) const PREFRESH: &str = own!("/prefresh.js");
/// The module that implements hot updates of Vue components.
#[cfg(feature = "esm")]
pub(crate) const VUE: &str = own!("/vue.js");
/// The run-time helpers that compiled modules call.
#[cfg(feature = "esm")]
pub(crate) const HELPERS: &str = own!("/helpers.js");
/// The module that links and runs the files of packages.
#[cfg(feature = "esm")]
pub(crate) const REGISTRY: &str = own!("/registry.js");
/// The module that loads and runs the modules of the project.
#[cfg(feature = "esm")]
pub(crate) const GRAPH: &str = own!("/graph.js");
/// Packs of modules of the project.
#[cfg(feature = "esm")]
pub(crate) const PACK: &str = own!("/pack");
/// The folder of modules made from packages.
#[cfg(feature = "esm")]
pub(crate) const PACKAGES: &str = own!("/npm/");

/// Returns whether a URL path is reserved.
pub(crate) fn is_own(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
