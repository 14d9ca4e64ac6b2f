//! What the system says, through notify, as signals.
//!
//! The kinds that notify gives an event are hints at best (a rename over a file arrives as `Create`
//! on one system and as `Name(To)` on another), so only what matters for waiting is taken from them:
//! was something finished, is something being written, did something go. Our own reads raise events
//! too; they are dropped here.

use notify::{
    Event, EventKind,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};

use super::coalesce::Signal;

/// What an event says of its paths: nothing, a signal, or that events were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Nothing that matters.
    Nothing,
    /// This happened to the path.
    Signal(Signal),
    /// Events were lost: anything may have happened.
    Lost,
}

/// Whether this system says when a writer has closed a file.
pub(super) const CLOSES: bool = cfg!(target_os = "linux");

/// What an event says.
pub(super) fn says(event: &Event) -> Says {
    if event.need_rescan() {
        return Says::Lost;
    }
    Says::Signal(match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Signal::Finished,
        EventKind::Access(_) => return Says::Nothing,
        EventKind::Create(_) => Signal::Appeared,
        EventKind::Remove(_) => Signal::Gone,
        EventKind::Modify(ModifyKind::Metadata(_)) => Signal::Touched,
        EventKind::Modify(ModifyKind::Name(mode)) => match mode {
            RenameMode::From => Signal::Gone,
            RenameMode::To => Signal::Arrived,
            // inotify says both halves one by one before.
            RenameMode::Both if CLOSES => return Says::Nothing,
            _ => Signal::Written,
        },
        EventKind::Modify(_) | EventKind::Any | EventKind::Other => Signal::Written,
    })
}

#[cfg(test)]
mod tests {
    use notify::{
        Event, EventKind,
        event::{
            AccessKind, AccessMode, CreateKind, DataChange, Flag, MetadataKind, ModifyKind,
            RemoveKind, RenameMode,
        },
    };

    use super::{Says, says};
    use crate::watch::coalesce::Signal::*;

    #[test]
    fn events_say_what_matters_for_waiting() {
        let access = |kind| EventKind::Access(kind);
        let modify = |kind| EventKind::Modify(kind);
        let table = [
            (access(AccessKind::Open(AccessMode::Any)), Says::Nothing),
            (access(AccessKind::Close(AccessMode::Read)), Says::Nothing),
            (access(AccessKind::Close(AccessMode::Write)), Says::Signal(Finished)),
            (modify(ModifyKind::Data(DataChange::Any)), Says::Signal(Written)),
            (modify(ModifyKind::Metadata(MetadataKind::Any)), Says::Signal(Touched)),
            (modify(ModifyKind::Name(RenameMode::From)), Says::Signal(Gone)),
            (modify(ModifyKind::Name(RenameMode::To)), Says::Signal(Arrived)),
            (EventKind::Create(CreateKind::File), Says::Signal(Appeared)),
            (EventKind::Remove(RemoveKind::Folder), Says::Signal(Gone)),
        ];
        for (kind, wanted) in table {
            assert_eq!(says(&Event::new(kind)), wanted, "{kind:?}");
        }
        assert_eq!(says(&Event::new(EventKind::Other).set_flag(Flag::Rescan)), Says::Lost);
    }
}
