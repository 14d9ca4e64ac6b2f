//! `Expect: 100-continue` (RFC 9110, section 10.1.1), from end to end.
//!
//! A client that sends it waits with its body for a 100. It is the backend's to say that: until it
//! does, nothing is read of the body, and so nobody asks the client for it (hyper says 100 with the
//! first read). When the backend answers instead, the client may keep its body, and this connection
//! to the backend ends with the answer. A backend that knows nothing of all this is sent the body
//! after a moment, as clients do.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{sync::oneshot, time::sleep};

/// How long the backend's word is waited for: as long as curl does.
const MOMENT: Duration = Duration::from_secs(1);

/// Where the backend's word is passed on.
#[derive(Clone)]
pub(super) struct Word(Arc<Mutex<Option<oneshot::Sender<()>>>>);

/// Where a body waits for it.
pub(super) struct Gate(Pin<Box<dyn Future<Output = ()> + Send>>);

/// A gate, and the word that opens it.
pub(super) fn gate() -> (Word, Gate) {
    let (sender, receiver) = oneshot::channel();
    let open = async {
        tokio::select! {
            said = receiver => match said {
                Ok(()) => {}
                Err(_) => pending().await,
            },
            () = sleep(MOMENT) => {}
        }
    };
    (Word(Arc::new(Mutex::new(Some(sender)))), Gate(Box::pin(open)))
}

impl Word {
    /// The backend wants the body.
    pub(super) fn go_on(&self) {
        if let Some(sender) = self.take() {
            // It may have gone on by itself.
            let _ = sender.send(());
        }
    }

    /// The backend has answered: what is not open by now will stay shut. Says whether it is shut.
    pub(super) fn shut(&self) -> bool {
        self.take().is_some_and(|sender| !sender.is_closed())
    }

    fn take(&self) -> Option<oneshot::Sender<()>> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Gate {
    pub(super) fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{Future, poll_fn},
        task::Poll,
    };

    use super::{Gate, gate};

    async fn is_open(gate: &mut Gate) -> bool {
        poll_fn(|context| Poll::Ready(gate.poll_open(context).is_ready())).await
    }

    fn paused(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(test);
    }

    #[test]
    fn the_word_opens_it() {
        paused(async {
            let (word, mut gate) = gate();
            assert!(!is_open(&mut gate).await);
            word.go_on();
            assert!(is_open(&mut gate).await);
            drop(gate);
            assert!(!word.shut());
        });
    }

    #[test]
    fn an_answer_shuts_it() {
        paused(async {
            let (word, mut gate) = gate();
            assert!(!is_open(&mut gate).await);
            assert!(word.shut());
            word.go_on();
            assert!(!is_open(&mut gate).await);
        });
    }

    #[test]
    fn silence_opens_it_after_a_moment() {
        paused(async {
            let (word, mut gate) = gate();
            poll_fn(|context| gate.poll_open(context)).await;
            assert!(!word.shut(), "it is open");
        });
    }
}
