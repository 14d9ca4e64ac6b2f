//! `POST /__livers/mcp`: the tools, for agents.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use hyper::{StatusCode, body::Body as HttpBody, header::HeaderMap};
use serde_json::{Value, json};

use super::{
    Site,
    answers::{MAX_TIMEOUT, WaitQuery},
    json_with, refuse,
};
use crate::{
    http::{
        body::{self, BodyError, Response},
        json_request::read_json,
    },
    mcp::{self, Call, Received, WaitArguments},
};

/// How long a request's body may be.
const MAX_BODY: usize = 64 * 1024;

impl Site {
    /// Answers a message of the Model Context Protocol.
    pub(super) async fn mcp<B>(&self, headers: &HeaderMap, body: B) -> Response
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BodyError>,
    {
        let body = match read_json(headers, body, MAX_BODY).await {
            Ok(body) => body,
            Err(why) => return refuse(why.status(), &why.to_string()),
        };
        match mcp::receive(headers, &body) {
            Received::Batch(all) => {
                let mut replies = Vec::new();
                for one in all {
                    replies.extend(self.answer(one).await.map(|(_, reply)| reply));
                }
                if replies.is_empty() { accepted() } else { json_with(StatusCode::OK, &replies) }
            }
            one => match self.answer(one).await {
                Some((status, reply)) => json_with(status, &reply),
                None => accepted(),
            },
        }
    }

    /// Returns the reply to a message, if it gets one.
    async fn answer(&self, received: Received) -> Option<(StatusCode, Value)> {
        match received {
            Received::Reply(status, reply) => Some((status, reply)),
            Received::Call(call, pending) => {
                let outcome = self.call(call).await;
                Some((StatusCode::OK, pending.finish(outcome)))
            }
            Received::Accepted | Received::Batch(_) => None,
        }
    }

    /// Runs a tool.
    ///
    /// # Errors
    /// What is wrong with its arguments.
    async fn call(&self, call: Call) -> Result<Value, String> {
        match call {
            Call::Errors => Ok(json!(self.live.hub().errors())),
            Call::Tabs => Ok(json!(self.live.hub().open())),
            Call::Reload(page) => {
                self.reload(page.as_deref()).map(|reloaded| json!({ "reloaded": reloaded }))
            }
            Call::Wait(arguments) => {
                let answer = self.wait(self.wait_query(arguments)?).await?;
                Ok(json!(answer))
            }
        }
    }

    /// Returns the question in the arguments of `wait`.
    ///
    /// # Errors
    /// The timeout is no time.
    fn wait_query(&self, arguments: WaitArguments) -> Result<WaitQuery, String> {
        let WaitArguments { files, since, timeout, settle } = arguments;
        let seconds = |seconds| {
            let timeout = Duration::try_from_secs_f64(seconds);
            timeout.map(|timeout| timeout.min(MAX_TIMEOUT)).map_err(|why| format!("timeout: {why}"))
        };
        let timeout = timeout.map(seconds).transpose()?;
        let settle = settle.map(|settle| Duration::from_millis(settle).min(MAX_TIMEOUT));
        // Errors name files by URL paths, too.
        let (files, paths): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| self.is_url_path(Path::new(file)));
        let paths = paths.iter().map(|path| self.root.path().join(path)).collect();
        Ok(WaitQuery { files, paths, since, timeout, settle })
    }

    /// Returns whether a path is not one on the disk: absolute, but in none of the served folders.
    fn is_url_path(&self, path: &Path) -> bool {
        let mut folders = [self.root.path()].into_iter().chain(self.root.mounted());
        path.has_root() && !folders.any(|folder| path.starts_with(folder))
    }
}

fn accepted() -> Response {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}
