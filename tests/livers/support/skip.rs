//! Skips a test, or a part of one, that needs something this machine lacks.
//!
//! A skipped test passes, so a test that the gate no longer runs would go unnoticed. Under
//! `CI=true` a skip therefore fails the test, unless [`ALLOWED`] lists it.

/// Tests that may be skipped under `CI=true`, and what they lack.
const ALLOWED: &[(&str, &str)] = &[
    // The suite is a program for Python 2.7, which current distributions no longer package.
    ("proxy::autobahn", "wstest"),
    // A kernel can be started without IPv6, and a container network often has no ::1.
    ("cli::both_loopback_addresses_accept_connections", "::1"),
    // Only root may mount, and containers often have no /dev/fuse. Other files hang there as well.
    ("cli::shutdown::hanging", "FUSE"),
    ("cli::terminal", "FUSE"),
    // Container runtimes and hardened kernels forbid user namespaces.
    ("watch::polled", "user namespaces"),
];

/// Reports that `test` is skipped because this machine lacks `missing`.
///
/// # Panics
/// Under `CI=true`, unless [`ALLOWED`] contains the pair.
pub fn skip(test: &str, missing: &str) {
    assert!(
        !is_ci() || ALLOWED.contains(&(test, missing)),
        "{test} needs {missing}: install it, or allow the skip in tests/livers/support/skip.rs"
    );
    println!("skipped {test}: no {missing} on this machine");
}

/// Returns whether this is the gate, which must run every test.
fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}
