//! How much is printed.

/// How much is printed. Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors and refusals.
    Errors,
    /// Changes.
    Changes,
    /// Requests, and what each tab did with a change.
    All,
}
