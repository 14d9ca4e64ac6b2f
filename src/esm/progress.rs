//! Reports compilations that take long.

use std::{future::Future, pin::pin, time::Duration};

use tokio::time::timeout;

use crate::event::{Event, Events};

/// How long a compilation takes before it is reported.
const LONG: Duration = Duration::from_millis(500);

/// Reports compilations that take more than half a second.
pub(super) struct Progress(Events);

impl Progress {
    pub(super) fn new(events: Events) -> Self {
        Self(events)
    }

    /// Waits for the compilation of a file, by its URL path, and emits events if it takes long.
    pub(super) async fn watch<T>(&self, path: &str, compiling: impl Future<Output = T>) -> T {
        let mut compiling = pin!(compiling);
        if let Ok(result) = timeout(LONG, &mut compiling).await {
            return result;
        }
        self.emit(path, false);
        // Also if the client goes away and this future is dropped.
        let _end = End { progress: self, path };
        compiling.await
    }

    fn emit(&self, path: &str, ended: bool) {
        self.0.emit(Event::Compiling { path: path.to_owned(), ended });
    }
}

struct End<'p> {
    progress: &'p Progress,
    path: &'p str,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.progress.emit(self.path, true);
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::time::{sleep, timeout};

    use super::Progress;
    use crate::event::{Event, Events};

    #[tokio::test(start_paused = true)]
    async fn long_compilations_have_an_event_at_their_end_and_short_ones_none() {
        let events = Events::default();
        let mut received = events.subscribe();
        let progress = Progress::new(events);
        let mut emitted = || {
            std::iter::from_fn(|| received.try_recv().ok())
                .map(|record| match record.event {
                    Event::Compiling { path, ended } => (path, ended),
                    event => panic!("{event:?}"),
                })
                .collect::<Vec<_>>()
        };
        progress.watch("/a", sleep(Duration::from_millis(400))).await;
        assert_eq!(emitted(), []);
        progress.watch("/a", sleep(Duration::from_millis(600))).await;
        let both = [("/a".to_owned(), false), ("/a".to_owned(), true)];
        assert_eq!(emitted(), both);
        // The client goes away.
        let gone = timeout(Duration::from_secs(1), progress.watch("/a", pending::<()>())).await;
        assert!(gone.is_err());
        assert_eq!(emitted(), both);
    }
}
