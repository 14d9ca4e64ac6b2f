//! The Model Context Protocol over streamable HTTP: messages in, replies or tool calls out.
//!
//! Each POST has one JSON-RPC message and gets one JSON response; there are no sessions, no streams
//! and no requests of the server. Two eras are served side by side, as the specification describes
//! it (2026-07-28, "Versioning"): since 2026-07-28 each request names its version, and header
//! fields repeat parts of it; clients of the versions before begin with `initialize`.
//!
//! This module does no I/O. Running the tools is left to the caller.

mod tools;

use hyper::{StatusCode, header::HeaderMap};
use serde_json::{Value, json};

pub(crate) use self::tools::{Call, WaitArguments};

/// The version in which each request describes itself.
const MODERN: &str = "2026-07-28";

/// The versions with `initialize`, the newest first.
const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", BATCHED];

/// The version of requests that name none, and the only one with batches.
const BATCHED: &str = "2025-03-26";

/// How many messages a batch can have.
const MAX_BATCH: usize = 16;

/// The key of the version in a request's metadata.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// How long clients may keep the list of tools, in ms. It is part of the program.
const TTL: u32 = 3_600_000;

/// The instructions for agents, which the server sends when it is initialized.
const INSTRUCTIONS: &str = "livers serves this project to the browser, and knows which code each \
    open tab runs and which errors it has. After you save files, call `wait` with their paths. \
    Only the verdicts `applied` and `unchanged` are success; for `failed` and `kept`, the answer \
    has the errors with their places in the sources. Call `errors` to see what is wrong now.";

/// JSON-RPC 2.0, section 5.1, and the codes of MCP.
mod code {
    pub(super) const PARSE: i32 = -32700;
    pub(super) const INVALID_REQUEST: i32 = -32600;
    pub(super) const UNKNOWN_METHOD: i32 = -32601;
    pub(super) const INVALID_PARAMS: i32 = -32602;
    pub(super) const HEADER_MISMATCH: i32 = -32020;
    pub(super) const UNSUPPORTED_VERSION: i32 = -32022;
}

/// What to do about the body of a request.
#[derive(Debug)]
pub(crate) enum Received {
    /// Nothing: it is a notification, or a response. Its status is 202.
    Accepted,
    /// Send this.
    Reply(StatusCode, Value),
    /// Run a tool, and send what [`Pending::finish`] makes of its outcome.
    Call(Call, Pending),
    /// Do this about each message, and send the array of replies, if there are any.
    Batch(Vec<Received>),
}

/// A tool call that waits for its outcome.
#[derive(Debug)]
pub(crate) struct Pending {
    id: Value,
    is_modern: bool,
}

impl Pending {
    /// Returns the reply for an outcome: an answer, or what is wrong with the arguments.
    pub(crate) fn finish(self, outcome: Result<Value, String>) -> Value {
        let mut result = match outcome {
            Ok(answer) => json!({
                "content": [{ "type": "text", "text": answer.to_string() }],
                "structuredContent": answer,
            }),
            Err(why) => {
                json!({ "content": [{ "type": "text", "text": why }], "isError": true })
            }
        };
        if self.is_modern {
            result["resultType"] = "complete".into();
        }
        json!({ "jsonrpc": "2.0", "id": self.id, "result": result })
    }
}

/// Reads the body of a POST request.
pub(crate) fn receive(headers: &HeaderMap, body: &[u8]) -> Received {
    let Ok(message) = serde_json::from_slice::<Value>(body) else {
        return refuse(&Value::Null, code::PARSE, "the body is not JSON");
    };
    let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Value::Array(messages) = message else { return one(&field, &message, false) };
    if field("mcp-protocol-version").is_some_and(|version| version != BATCHED) {
        let text = "batches are not part of this version of the protocol";
        return refuse(&Value::Null, code::INVALID_REQUEST, text);
    }
    if messages.is_empty() || messages.len() > MAX_BATCH {
        let text = format!("a batch has 1 to {MAX_BATCH} messages");
        return refuse(&Value::Null, code::INVALID_REQUEST, &text);
    }
    Received::Batch(messages.iter().map(|message| one(&field, message, true)).collect())
}

/// Handles one message. `field` returns the value of a header field.
fn one<'h>(
    field: &impl Fn(&str) -> Option<&'h str>,
    message: &Value,
    is_in_batch: bool,
) -> Received {
    let (id, params) = (&message["id"], &message["params"]);
    let is_response = message.get("result").or(message.get("error")).is_some();
    let method = match message["method"].as_str() {
        Some(method) if message["jsonrpc"] == "2.0" => method,
        None if message["jsonrpc"] == "2.0" && is_response => return Received::Accepted,
        _ => return refuse(&Value::Null, code::INVALID_REQUEST, "this is no JSON-RPC 2.0 message"),
    };
    if message.get("id").is_none() {
        return Received::Accepted;
    }
    if !(id.is_string() || id.is_number()) {
        return refuse(&Value::Null, code::INVALID_REQUEST, "the id is no string or number");
    }
    if !matches!(params, Value::Null | Value::Object(_)) {
        return refuse(id, code::INVALID_PARAMS, "the parameters are no object");
    }
    let named = field("mcp-protocol-version");
    let described = params["_meta"][VERSION_KEY].as_str();
    let is_supported = |version: &&str| *version == MODERN || LEGACY.contains(version);
    // Clients before 2025-06-18 name a version in `initialize` only, which negotiates it.
    if let Some(version) = [described, named].into_iter().flatten().find(|it| !is_supported(it))
        && method != "initialize"
    {
        return unsupported(id, version);
    }
    let is_modern = [named, described].contains(&Some(MODERN));
    if is_modern && let Err(what) = check_headers(field, method, params) {
        return refuse(
            id,
            code::HEADER_MISMATCH,
            &format!("the field {what} is not as in the body"),
        );
    }
    match method {
        "initialize" if !is_modern && !is_in_batch => reply(id, &initialize(params)),
        "ping" if !is_modern => reply(id, &json!({})),
        "server/discover" if is_modern => reply(id, &discover()),
        "tools/list" => {
            let list = json!({ "tools": tools::definitions() });
            reply(id, &if is_modern { complete(list) } else { list })
        }
        "tools/call" => call(id, params, is_modern),
        _ => {
            // The status tells clients of both eras apart from a missing endpoint.
            let status = if is_modern { StatusCode::NOT_FOUND } else { StatusCode::OK };
            let text = format!("there is no method {method}");
            Received::Reply(status, error(id, code::UNKNOWN_METHOD, &text))
        }
    }
}

/// Checks that the header fields of a modern request are those of its body. Returns the name of one
/// that is not.
fn check_headers<'h>(
    field: &impl Fn(&str) -> Option<&'h str>,
    method: &str,
    params: &Value,
) -> Result<(), &'static str> {
    let version = params["_meta"][VERSION_KEY].as_str();
    for (name, wanted, is_needed) in [
        ("MCP-Protocol-Version", version, true),
        ("Mcp-Method", Some(method), true),
        ("Mcp-Name", params["name"].as_str(), method == "tools/call"),
    ] {
        if is_needed && (wanted.is_none() || field(name) != wanted) {
            return Err(name);
        }
    }
    Ok(())
}

fn call(id: &Value, params: &Value, is_modern: bool) -> Received {
    let name = params["name"].as_str().unwrap_or_default();
    let pending = Pending { id: id.clone(), is_modern };
    match tools::call(name, &params["arguments"]) {
        Some(Ok(call)) => Received::Call(call, pending),
        // The agent can correct its arguments.
        Some(Err(why)) => Received::Reply(StatusCode::OK, pending.finish(Err(why))),
        None => {
            let text = format!("there is no tool {name}");
            Received::Reply(StatusCode::OK, error(id, code::INVALID_PARAMS, &text))
        }
    }
}

/// Returns the result of `initialize`: the client's version, or the newest one.
fn initialize(params: &Value) -> Value {
    let wanted = params["protocolVersion"].as_str().unwrap_or_default();
    let version = LEGACY.into_iter().find(|version| *version == wanted).unwrap_or(LEGACY[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": server_info(),
        "instructions": INSTRUCTIONS,
    })
}

fn discover() -> Value {
    let mut result = complete(json!({
        "supportedVersions": versions(),
        "capabilities": { "tools": {} },
        "instructions": INSTRUCTIONS,
    }));
    result["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": server_info() });
    result
}

/// Adds what modern results have that clients may keep.
fn complete(mut result: Value) -> Value {
    result["resultType"] = "complete".into();
    result["ttlMs"] = TTL.into();
    result["cacheScope"] = "public".into();
    result
}

fn server_info() -> Value {
    json!({ "name": "livers", "title": "livers", "version": env!("CARGO_PKG_VERSION") })
}

fn versions() -> Vec<&'static str> {
    [MODERN].into_iter().chain(LEGACY).collect()
}

fn reply(id: &Value, result: &Value) -> Received {
    Received::Reply(StatusCode::OK, json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

fn refuse(id: &Value, code: i32, message: &str) -> Received {
    Received::Reply(StatusCode::BAD_REQUEST, error(id, code, message))
}

fn unsupported(id: &Value, requested: &str) -> Received {
    let mut body = error(id, code::UNSUPPORTED_VERSION, "this version is not supported");
    body["error"]["data"] = json!({ "supported": versions(), "requested": requested });
    Received::Reply(StatusCode::BAD_REQUEST, body)
}

#[cfg(test)]
mod tests;
