//! The names of the modules that are built into Node.
//!
//! Browsers have none of them. A package of the same name in `node_modules` takes precedence:
//! `events`, `buffer` and `process` are commonly installed as replacements.

/// Sorted for the binary search; internal modules, whose names begin with an underscore, are left
/// out.
const NAMES: [&str; 43] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "test",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// Returns the name without `node:`, if a specifier names a module of Node.
pub(super) fn name(specifier: &str) -> Option<&str> {
    if let Some(name) = specifier.strip_prefix("node:") {
        return Some(name);
    }
    let first = specifier.split('/').next().unwrap_or_default();
    NAMES.binary_search(&first).is_ok().then_some(specifier)
}

#[cfg(test)]
mod tests {
    use super::{NAMES, name};

    #[test]
    fn names_are_sorted() {
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn names_of_node_modules_are_recognized() {
        for (specifier, wanted) in [
            ("fs", Some("fs")),
            ("fs/promises", Some("fs/promises")),
            ("node:fs", Some("fs")),
            ("node:sqlite", Some("sqlite")),
            ("fsevents", None),
            ("./fs", None),
            ("react", None),
        ] {
            assert_eq!(name(specifier), wanted, "{specifier}");
        }
    }
}
