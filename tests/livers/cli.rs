//! The command line: flags, the banner, errors, the end.
