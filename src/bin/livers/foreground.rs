//! Whether this process group is the one that uses a terminal.

/// Returns whether this process is in the foreground of a terminal, or `None` if the terminal is not
/// the one that controls the process.
#[cfg(unix)]
pub(crate) fn is_foreground(terminal: impl std::os::fd::AsFd) -> Option<bool> {
    let foreground = rustix::termios::tcgetpgrp(terminal).ok()?;
    Some(foreground == rustix::process::getpgrp())
}

#[cfg(not(unix))]
pub(crate) fn is_foreground<T>(_: T) -> Option<bool> {
    None
}
