//! One exchange with a backend over HTTP/1.1.
//!
//! A request that may be sent twice without harm (its method is idempotent, RFC 9110 section 9.2.2,
//! and it has no body, of which nothing would be left) is sent on an idle connection, if there is
//! one ([`pool`](super::pool)). If that has been closed meanwhile, it is sent again, once, on a new
//! one. Every other request is sent once, on a new connection.
//!
//! The driver of a connection is a tracked task. It ends when the browser gives the exchange up, when
//! the connection is not kept, or when livers stops.
//!
//! There is no limit on how long a backend may take to answer: long polls and breakpoints wait as
//! long as the browser does. Only what cannot be a long poll has one ([`patience`](super::patience)).

use std::{error::Error as _, io, time::Duration};

use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    bodies::{Patient, Upload},
    dial::{Socket, dial, in_words},
    expect::Word,
    health::Health,
    pool::{Kept, PATIENCE, Pool, SWEEP},
    tls::Tls,
    unreachable::Trouble,
    upstream::Upstream,
};
use crate::http::informational::InformationalWriter;

/// How many fields an answer may have. Their bytes are bounded by hyper's buffer, about 400 KiB.
const FIELDS: usize = 1000;

/// How many interim answers may wait to be passed on; what comes faster is dropped.
const INTERIMS: usize = 16;

/// How connections to backends are opened and kept.
pub(super) struct Transport {
    pub(super) pool: Pool<SendRequest<Upload>>,
    pub(super) tls: Tls,
    pub(super) health: Health,
    pub(super) tasks: TaskTracker,
    pub(super) cancel: CancellationToken,
}

/// How one exchange is to be done.
pub(super) struct Manner {
    /// It opens a WebSocket.
    pub(super) upgrades: bool,
    /// How long the head of the answer may take, if that is limited.
    pub(super) limit: Option<Duration>,
    /// How long to wait for a backend that is down.
    pub(super) wait: Duration,
    /// Where interim answers go.
    pub(super) line: Option<InformationalWriter>,
    /// Whom to tell of a 100, if the request expects one.
    pub(super) word: Option<Word>,
}

/// The head of an answer, with its body to come.
pub(super) struct Answered {
    pub(super) response: Response<Incoming>,
    /// What has to end with the body.
    pub(super) ends: Option<DropGuard>,
}

type Said = mpsc::Receiver<(StatusCode, HeaderMap)>;

/// What comes instead of an answer.
enum Failed {
    Hyper(hyper::Error),
    Slow(Duration),
}

impl Transport {
    /// Sends a request and waits for the head of its answer.
    ///
    /// The connection closes when this is given up, when the answer's body is dropped, and when
    /// livers stops.
    pub(super) async fn exchange(
        &self,
        upstream: &Upstream,
        mut request: Request<Upload>,
        manner: &Manner,
    ) -> Result<Answered, Trouble> {
        let mut said = listen(&mut request, manner);
        if !manner.upgrades && is_repeatable(&request) {
            if let Some(sender) = self.pool.take(upstream.place(), Instant::now()) {
                let again = copy(&request);
                match head(sender, request, manner, &mut said, || None::<()>).await {
                    Ok((response, sender)) => return Ok(self.answered(upstream, response, sender)),
                    Err(Failed::Hyper(error)) if is_stale(&error) => request = again,
                    Err(failed) => return Err(self.trouble(failed)),
                }
            }
        } else {
            self.pool.make_room(upstream.place());
        }
        let dialled = self.cancel.run_until_cancelled(self.connect(upstream, manner.wait)).await;
        let socket = dialled.ok_or(Trouble::Stopping)??;
        let (sender, connection) = self.handshake(upstream, socket, !manner.upgrades).await?;
        let stuck = || Some(self.pool.stuck(upstream.place()));
        let (response, sender) = head(sender, request, manner, &mut said, stuck)
            .await
            .map_err(|failed| self.trouble(failed))?;
        if manner.upgrades {
            return Ok(Answered { response, ends: None });
        }
        let mut answered = self.answered(upstream, response, sender);
        if manner.word.as_ref().is_some_and(Word::shut) {
            answered.ends = Some(connection.drop_guard());
        }
        Ok(answered)
    }

    /// Opens a connection. Where the backend is down, it may be on its way up again.
    async fn connect(&self, upstream: &Upstream, wait: Duration) -> Result<Socket, Trouble> {
        let until = Instant::now() + wait;
        loop {
            match dial(upstream, &self.tls).await {
                Ok(socket) => {
                    self.health.answered(upstream);
                    return Ok(socket);
                }
                Err(why) => {
                    if !self.health.up_again(upstream, &why, until).await {
                        return Err(Trouble::Unreachable(why));
                    }
                }
            }
        }
    }

    /// Speaks HTTP on a new connection.
    async fn handshake(
        &self,
        upstream: &Upstream,
        socket: Socket,
        forgives: bool,
    ) -> Result<(SendRequest<Upload>, CancellationToken), Trouble> {
        let (sender, driver) = http1::Builder::new()
            .preserve_header_case(true)
            .max_headers(FIELDS)
            // What a gateway is to mend on the way (RFC 9112, sections 5.1 and 5.2).
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .handshake(TokioIo::new(Patient::new(socket, forgives)))
            .await
            .map_err(|error| Trouble::Broken(explain(&error)))?;
        let stop = self.cancel.child_token();
        let (ends, pool, health) = (stop.clone(), self.pool.clone(), self.health.clone());
        let upstream = upstream.clone();
        self.tasks.spawn(async move {
            // Its faults come out of the request, or of the answer's body.
            tokio::select! {
                _ = driver.with_upgrades() => {}
                () = ends.cancelled() => return,
            }
            if pool.closed(upstream.place(), Instant::now()) {
                health.doubt(&upstream);
            }
        });
        Ok((sender, stop))
    }

    /// Has the connection kept when the answer is through.
    fn answered(
        &self,
        upstream: &Upstream,
        response: Response<Incoming>,
        mut sender: SendRequest<Upload>,
    ) -> Answered {
        let (pool, place) = (self.pool.clone(), upstream.place().clone());
        let cancel = self.cancel.clone();
        let keep = async move {
            if sender.ready().await.is_err()
                || pool.put(&place, sender, Instant::now()) != Kept::First
            {
                return;
            }
            loop {
                sleep(SWEEP).await;
                if !pool.sweep(&place, Instant::now()) {
                    return;
                }
            }
        };
        self.tasks.spawn(async move { cancel.run_until_cancelled(keep).await });
        Answered { response, ends: None }
    }

    fn trouble(&self, failed: Failed) -> Trouble {
        match failed {
            _ if self.cancel.is_cancelled() => Trouble::Stopping,
            Failed::Slow(limit) => Trouble::Slow(limit),
            // The browser's own body failed, and that was said to hyper by us.
            Failed::Hyper(error) if error.is_user() => {
                Trouble::Request(StatusCode::BAD_REQUEST, "its body broke off")
            }
            Failed::Hyper(error) => Trouble::Broken(explain(&error)),
        }
    }
}

/// Sends a request and waits for the head of its answer, passing on what is said before. When that
/// takes long, `stuck` is called, and what it gives is held.
async fn head<S>(
    mut sender: SendRequest<Upload>,
    request: Request<Upload>,
    manner: &Manner,
    said: &mut Said,
    stuck: impl FnOnce() -> Option<S>,
) -> Result<(Response<Incoming>, SendRequest<Upload>), Failed> {
    let (mut stuck, mut _held) = (Some(stuck), None);
    let limit = manner.limit.unwrap_or(Duration::MAX);
    let answer = {
        let mut answer = std::pin::pin!(sender.send_request(request));
        let mut patience = std::pin::pin!(sleep(PATIENCE));
        let mut slow = std::pin::pin!(sleep(limit));
        loop {
            tokio::select! {
                biased;
                Some((status, headers)) = said.recv() => pass_on(manner, status, &headers).await,
                answer = &mut answer => break answer.map_err(Failed::Hyper)?,
                () = &mut patience, if stuck.is_some() => {
                    _held = stuck.take().and_then(|stuck| stuck());
                }
                () = &mut slow, if manner.limit.is_some() => return Err(Failed::Slow(limit)),
            }
        }
    };
    while let Ok((status, headers)) = said.try_recv() {
        pass_on(manner, status, &headers).await;
    }
    Ok((answer, sender))
}

async fn pass_on(manner: &Manner, status: StatusCode, headers: &HeaderMap) {
    if let Some(line) = &manner.line {
        line.send(status, headers).await;
    }
}

/// Hears what is said before the answer: a 100 is for the one who waits with the body, all else for
/// the browser.
fn listen(request: &mut Request<Upload>, manner: &Manner) -> Said {
    let (tell, said) = mpsc::channel(INTERIMS);
    if manner.line.is_none() && manner.word.is_none() {
        return said;
    }
    let word = manner.word.clone();
    hyper::ext::on_informational(request, move |interim| {
        if interim.status() == StatusCode::CONTINUE {
            word.iter().for_each(Word::go_on);
            return;
        }
        let mut headers = interim.headers().clone();
        super::headers::response(interim.status(), &mut headers);
        // Nobody counts on any of them.
        let _ = tell.try_send((interim.status(), headers));
    });
    said
}

/// Whether a request may be sent twice.
fn is_repeatable(request: &Request<Upload>) -> bool {
    use Method as M;
    let idempotent = [M::GET, M::HEAD, M::OPTIONS, M::PUT, M::DELETE];
    request.body().is_end_stream() && idempotent.contains(request.method())
}

fn copy(request: &Request<Upload>) -> Request<Upload> {
    let mut copy = Request::new(request.body().none());
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    *copy.version_mut() = request.version();
    request.headers().clone_into(copy.headers_mut());
    request.extensions().clone_into(copy.extensions_mut());
    copy
}

/// Whether a kept connection was closed before there was an answer on it.
fn is_stale(error: &hyper::Error) -> bool {
    let socket = cause(error).is_some_and(|error| {
        matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    });
    socket || error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}

/// The socket's error in it.
fn cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return Some(error);
        }
        source = cause.source();
    }
    None
}

/// What went wrong on a connection to a backend, in words.
pub(super) fn explain(error: &hyper::Error) -> String {
    if error.is_parse_too_large() {
        return "its headers are too large".to_owned();
    }
    if error.is_parse() {
        return "what it sent is not HTTP".to_owned();
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return "it closed the connection".to_owned();
    }
    cause(error).map_or_else(|| error.to_string(), in_words)
}
