//! `livers logs`: prints the events of a server.

use std::{
    future::pending,
    io::{self, Write},
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{Method, body::Incoming};
use livers::Record;

use super::{NoAnswer, Outcome, client::Connection, refused, silent};
use crate::{args::Logs, terminal::Replay, verbosity::Verbosity};

/// The longest line that is printed, bytes. The server's are shorter.
const MAX_LINE: usize = 4 << 20;

/// Prints what the server has reported; with `--follow`, also what it reports until it stops.
pub(super) async fn print(connection: &mut Connection, logs: &Logs) -> Result<Outcome, NoAnswer> {
    let target = if logs.follow { "/__livers/logs?follow" } else { "/__livers/logs" };
    let response = connection.send(Method::GET, target).await.map_err(|_| silent("its port"))?;
    let status = response.status().as_u16();
    let mut lines = Lines { body: response.into_body(), read: BytesMut::new() };
    if status != 200 {
        let body = lines.body.collect().await.map(http_body_util::Collected::to_bytes);
        return Err(refused(status, &body.unwrap_or_default()));
    }
    if logs.target.json {
        while let Some(line) = lines.next().await {
            let mut output = io::stdout().lock();
            if output.write_all(&line).and_then(|()| output.flush()).is_err() {
                break;
            }
        }
        return Ok(Outcome::Good);
    }
    let mut replay = Replay::new(if logs.verbose { Verbosity::All } else { Verbosity::Changes });
    loop {
        let deadline = replay.deadline();
        let due = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            line = lines.next() => match line {
                Some(line) => match serde_json::from_slice::<Record>(&line) {
                    Ok(record) => replay.print(record),
                    Err(_) => replay.print_unknown(String::from_utf8_lossy(&line).trim_end()),
                },
                None => break,
            },
            () = due => {}
        }
        replay.write_due();
        if replay.is_closed() {
            break;
        }
    }
    replay.finish();
    Ok(Outcome::Good)
}

/// The lines of a response.
struct Lines {
    body: Incoming,
    /// What was read of the next lines.
    read: BytesMut,
}

impl Lines {
    /// Returns the next line with its end, or `None` after the last one. May be cancelled.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.read) {
                return Some(self.read.split_to(end + 1).freeze());
            }
            let frame = self.body.frame().await?.ok()?;
            self.read.extend_from_slice(&frame.into_data().unwrap_or_default());
            if self.read.len() > MAX_LINE && !self.read.contains(&b'\n') {
                return None;
            }
        }
    }
}
