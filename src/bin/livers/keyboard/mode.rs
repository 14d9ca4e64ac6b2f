//! The mode of the terminal in which each key arrives by itself, without Enter.
//!
//! Only line editing and the echo are off. Ctrl-C and Ctrl-Z still send signals, and the output is
//! processed as always, so any program can write to the terminal meanwhile, also a panic.

use std::io::stdin;

use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcsetattr,
};

use crate::foreground::is_foreground;

/// The mode of the terminal at standard input. Dropping it restores the terminal.
#[derive(Debug, Default)]
pub(super) struct Mode {
    /// The mode before, while that of livers is set.
    original: Option<Termios>,
}

impl Mode {
    /// Returns whether the terminal is in the mode of livers.
    pub(super) fn is_entered(&self) -> bool {
        self.original.is_some()
    }

    /// Enters the mode, and discards what was typed before. Returns whether the terminal is in it.
    ///
    /// The terminal is left alone while another process group is in the foreground, and while line
    /// editing is off already: another program then reads keys, and would be given back the mode of
    /// livers.
    pub(super) fn enter(&mut self) -> bool {
        if !may_read() {
            // The shell has set the mode that it needs.
            self.original = None;
            return false;
        }
        if let Ok(original) = tcgetattr(stdin())
            && original.local_modes.contains(LocalModes::ICANON)
        {
            let mut termios = original.clone();
            termios.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            // A read returns at once, also without input.
            termios.special_codes[SpecialCodeIndex::VMIN] = 0;
            termios.special_codes[SpecialCodeIndex::VTIME] = 0;
            // Not after the output is written: a terminal that Ctrl-S has stopped would block.
            let set = tcsetattr(stdin(), OptionalActions::Now, &termios);
            self.original = set.is_ok().then_some(original);
            let _ = tcflush(stdin(), QueueSelector::IFlush);
        }
        self.is_entered()
    }

    /// Restores the mode before, unless another process group uses the terminal by now.
    pub(super) fn restore(&mut self) {
        // A background process that changes the mode is stopped.
        if let Some(original) = self.original.take().filter(|_| may_read()) {
            // Without the terminal there is nothing to restore.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &original);
        }
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Returns whether this process may read the terminal.
pub(super) fn may_read() -> bool {
    is_foreground(stdin()) == Some(true)
}
