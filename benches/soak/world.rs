//! State that all tasks share, and the loop that repeats a task until the load ends.

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
    folder::Files,
    rng::Rng,
    support::{
        dir::TempDir,
        http::{Response, Wire, request_head},
    },
    tally::Tally,
};

/// How long a task may continue after the end of the load.
const GRACE: Duration = Duration::from_secs(5);

/// State that all tasks share.
pub(crate) struct World {
    pub(crate) port: u16,
    /// The port of the server for the [hostile](crate::hostile) part of the folder.
    pub(crate) hostile_port: u16,
    pub(crate) seed: u64,
    pub(crate) dir: TempDir,
    pub(crate) files: Files,
    pub(crate) tally: Tally,
    pub(crate) stop: CancellationToken,
    /// Parts of the names of the tasks to run. Empty: all.
    only: Vec<String>,
    number: AtomicU64,
}

impl World {
    pub(crate) fn new(
        [port, hostile_port]: [u16; 2],
        seed: u64,
        only: Vec<String>,
        dir: TempDir,
        files: Files,
    ) -> Arc<Self> {
        let (tally, stop) = (Tally::default(), CancellationToken::new());
        Arc::new(Self {
            port,
            hostile_port,
            seed,
            dir,
            files,
            tally,
            stop,
            only,
            number: AtomicU64::new(0),
        })
    }

    /// Returns a new number.
    pub(crate) fn number(&self) -> u64 {
        self.number.fetch_add(1, Relaxed)
    }

    /// Returns a new name, which is used only once.
    pub(crate) fn name(&self) -> String {
        Tally::count(&self.tally.names);
        format!("n{}", self.number())
    }

    /// Repeats a task until the end of the load, with a pause of about this length.
    pub(crate) fn repeat<F>(
        self: &Arc<Self>,
        tasks: &mut JoinSet<()>,
        what: &'static str,
        pause: Duration,
        turn: impl Fn(Arc<Self>, Rng) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        if !self.only.is_empty() && !self.only.iter().any(|part| what.contains(part)) {
            return;
        }
        let world = Arc::clone(self);
        // Two tasks of the same name make different choices.
        let rng = Rng::new(self.seed ^ self.number(), what);
        tasks.spawn(async move {
            let mut rng = rng;
            while !world.stop.is_cancelled() {
                let mut turn = tokio::spawn(turn(Arc::clone(&world), rng.fork()));
                let late = async {
                    world.stop.cancelled().await;
                    sleep(GRACE).await;
                };
                let ended = tokio::select! {
                    ended = &mut turn => ended,
                    () = late => {
                        turn.abort();
                        turn.await
                    }
                };
                world.tally.turn(what, ended);
                let pause = sleep(rng.about(pause));
                tokio::select! { () = pause => {}, () = world.stop.cancelled() => {} }
            }
        });
    }

    /// Sends a request on a new connection and reads the whole response, if there is one.
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
        // The server may refuse the request and close the connection before all was sent.
        let _ = wire.try_send(raw).await;
        let response = wire.try_response(method == "HEAD").await;
        Tally::count(&self.tally.answers);
        response
    }

    /// Sends `GET` and reads the whole response.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let response = self.ask(&format!("GET {path}"), headers, b"").await;
        let response = response.unwrap_or_else(|| panic!("{path}: no response"));
        assert!(response.complete, "{path}: incomplete response");
        response
    }
}
