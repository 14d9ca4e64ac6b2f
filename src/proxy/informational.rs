//! Receives informational responses (1xx) of a backend, and forwards them to the client.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hyper::{HeaderMap, Request, StatusCode};

use super::{continue_gate::ContinueSignal, headers};
use crate::http::informational::InformationalWriter;

/// Limit of informational responses that wait to be forwarded. Further ones are dropped.
const MAX_WAITING: usize = 16;

type Queue = Mutex<VecDeque<(StatusCode, HeaderMap)>>;

/// The informational responses to one request.
pub(super) struct Informational {
    writer: Option<InformationalWriter>,
    queue: Arc<Queue>,
}

impl Informational {
    /// Has hyper report the informational responses to a request: a 100 opens the gate of the body,
    /// all others are queued for the client.
    pub(super) fn collect<B>(
        request: &mut Request<B>,
        writer: Option<&InformationalWriter>,
        signal: Option<&ContinueSignal>,
    ) -> Self {
        let queue = Arc::<Queue>::default();
        if writer.is_some() || signal.is_some() {
            let (queue, signal, has_writer) =
                (Arc::clone(&queue), signal.cloned(), writer.is_some());
            hyper::ext::on_informational(request, move |response| {
                if response.status() == StatusCode::CONTINUE {
                    signal.iter().for_each(ContinueSignal::open);
                    return;
                }
                let mut queue = lock(&queue);
                if has_writer && queue.len() < MAX_WAITING {
                    let mut fields = response.headers().clone();
                    headers::response(response.status(), &mut fields);
                    queue.push_back((response.status(), fields));
                }
            });
        }
        Self { writer: writer.cloned(), queue }
    }

    /// Returns whether none is queued.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.queue).is_empty()
    }

    /// Sends those that are queued.
    pub(super) async fn forward(&self) {
        let Some(writer) = &self.writer else { return };
        loop {
            let Some((status, headers)) = lock(&self.queue).pop_front() else { return };
            writer.send(status, &headers).await;
        }
    }
}

fn lock(queue: &Queue) -> MutexGuard<'_, VecDeque<(StatusCode, HeaderMap)>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
