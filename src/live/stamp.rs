//! What a page contains about the time at which it was served.

/// The version that a page was served at, and since when that version was current.
///
/// The version finds what the page missed in this run of the server. Another run cannot know the
/// version, but it can compare the time with those of the files: nothing changed between the
/// beginning of a version and a request at that version. Both times are of the server's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) version: u64,
    /// The beginning of the version, milliseconds since the Unix epoch.
    pub(crate) since: u64,
}
