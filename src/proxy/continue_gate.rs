//! `Expect: 100-continue` (RFC 9110, section 10.1.1) from client to backend.
//!
//! A client that sends it withholds its body until it receives a 100. hyper's server sends the 100
//! when the body is first read, so the proxy does not read the body before the 100 of the
//! backend arrives. If the backend responds instead, the client may never send the body, and the
//! connection to the backend ends with the response. A backend that sends neither gets the body
//! after one second, as clients do it.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{sync::oneshot, time::sleep};

/// How long to wait for the backend's 100: the default of curl.
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// Opens a [`ContinueGate`]. Clones share the gate.
#[derive(Clone)]
pub(super) struct ContinueSignal(Arc<Mutex<Option<oneshot::Sender<()>>>>);

/// Holds a request body back until its [`ContinueSignal`] or a timeout opens it.
pub(super) struct ContinueGate(Pin<Box<dyn Future<Output = ()> + Send>>);

/// Returns a closed gate and the signal that opens it.
pub(super) fn continue_gate() -> (ContinueSignal, ContinueGate) {
    let (sender, receiver) = oneshot::channel();
    let open = async {
        tokio::select! {
            signal = receiver => match signal {
                Ok(()) => {}
                Err(_) => pending().await,
            },
            () = sleep(CONTINUE_TIMEOUT) => {}
        }
    };
    (ContinueSignal(Arc::new(Mutex::new(Some(sender)))), ContinueGate(Box::pin(open)))
}

impl ContinueSignal {
    /// Opens the gate: the backend has sent a 100.
    pub(super) fn open(&self) {
        if let Some(sender) = self.take() {
            // The timeout may have opened the gate already.
            let _ = sender.send(());
        }
    }

    /// Locks the gate for good if it is closed: the backend has responded. Returns whether it is
    /// locked.
    pub(super) fn lock(&self) -> bool {
        self.take().is_some_and(|sender| !sender.is_closed())
    }

    fn take(&self) -> Option<oneshot::Sender<()>> {
        // No code that holds the lock can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ContinueGate {
    /// Polls until the gate is open.
    pub(super) fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use super::{ContinueGate, continue_gate};

    async fn is_open(gate: &mut ContinueGate) -> bool {
        poll_fn(|context| Poll::Ready(gate.poll_open(context).is_ready())).await
    }

    #[tokio::test(start_paused = true)]
    async fn signal_opens_the_gate() {
        let (signal, mut gate) = continue_gate();
        assert!(!is_open(&mut gate).await);
        signal.open();
        assert!(is_open(&mut gate).await);
        drop(gate);
        assert!(!signal.lock());
    }

    #[tokio::test(start_paused = true)]
    async fn locked_gate_stays_closed() {
        let (signal, mut gate) = continue_gate();
        assert!(!is_open(&mut gate).await);
        assert!(signal.lock());
        signal.open();
        assert!(!is_open(&mut gate).await);
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_opens_the_gate() {
        let (signal, mut gate) = continue_gate();
        poll_fn(|context| gate.poll_open(context)).await;
        assert!(!signal.lock(), "the gate is open");
    }
}
