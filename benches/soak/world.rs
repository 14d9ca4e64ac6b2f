//! What all who take part share, and how each goes on until the load ends.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    chance::Chance,
    folder::Files,
    support::{
        dir::TempDir,
        http::{Response, Wire, request_head},
    },
    tally::Tally,
};

/// How long a turn may go on after the end.
const LAST: Duration = Duration::from_secs(5);

/// What all share.
pub(crate) struct World {
    pub(crate) port: u16,
    pub(crate) seed: u64,
    pub(crate) dir: TempDir,
    pub(crate) files: Files,
    pub(crate) tally: Tally,
    pub(crate) stop: CancellationToken,
    /// What is to be done, by parts of its names; all where there are none.
    only: Vec<String>,
    number: AtomicU64,
}

impl World {
    pub(crate) fn new(
        port: u16,
        seed: u64,
        only: Vec<String>,
        dir: TempDir,
        files: Files,
    ) -> Arc<Self> {
        let (tally, stop) = (Tally::default(), CancellationToken::new());
        Arc::new(Self { port, seed, dir, files, tally, stop, only, number: AtomicU64::new(0) })
    }

    /// A number that was never given before.
    pub(crate) fn number(&self) -> u64 {
        self.number.fetch_add(1, Relaxed)
    }

    /// A name that was never used before, and is not to be used again.
    pub(crate) fn name(&self) -> String {
        Tally::count(&self.tally.names);
        format!("n{}", self.number())
    }

    /// Has somebody do the same again and again, with a pause of about this length, until the end.
    pub(crate) fn keep_doing<F>(
        self: &Arc<Self>,
        tasks: &mut JoinSet<()>,
        what: &'static str,
        pause: Duration,
        turn: impl Fn(Arc<Self>, Chance) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        if !self.only.is_empty() && !self.only.iter().any(|part| what.contains(part)) {
            return;
        }
        let world = Arc::clone(self);
        // Two who do the same do it in another way each.
        let chance = Chance::new(self.seed ^ self.number(), what);
        tasks.spawn(async move {
            let mut chance = chance;
            while !world.stop.is_cancelled() {
                let mut turn = tokio::spawn(turn(Arc::clone(&world), chance.fork()));
                let late = async {
                    world.stop.cancelled().await;
                    sleep(LAST).await;
                };
                let ended = tokio::select! {
                    ended = &mut turn => ended,
                    () = late => {
                        turn.abort();
                        turn.await
                    }
                };
                world.tally.turn(what, ended);
                let pause = sleep(chance.about(pause));
                tokio::select! { () = pause => {}, () = world.stop.cancelled() => {} }
            }
        });
    }

    /// A request on a connection of its own; its whole answer.
    pub(crate) async fn ask(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Response> {
        let (method, path) = line.split_once(' ').unwrap_or(("GET", line));
        let mut raw = request_head(self.port, method, path, headers, body.len()).into_bytes();
        raw.extend_from_slice(body);
        let mut wire = Wire::open(self.port).await;
        // One that is refused may be gone before all was sent.
        let _ = wire.try_send(raw).await;
        let response = wire.try_response(method == "HEAD").await;
        Tally::count(&self.tally.answers);
        response
    }

    /// `GET`, with the whole answer.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let response = self.ask(&format!("GET {path}"), headers, b"").await;
        let response = response.unwrap_or_else(|| panic!("{path}: no answer"));
        assert!(response.complete, "{path}: cut short");
        response
    }
}
