use hyper::{StatusCode, header::HeaderMap};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Call, LEGACY, MODERN, Received, VERSION_KEY, WaitArguments, receive};

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn send(fields: &[(&'static str, &str)], message: &Value) -> Received {
    receive(&headers(fields), message.to_string().as_bytes())
}

/// The status of a reply, and its result or the code of its error.
fn outcome(received: Received) -> (u16, Value) {
    match received {
        Received::Reply(status, body) => {
            assert_eq!(body["jsonrpc"], "2.0");
            let result = body.get("result").cloned();
            (status.as_u16(), result.unwrap_or_else(|| body["error"]["code"].clone()))
        }
        Received::Accepted => (202, Value::Null),
        other => panic!("{other:?}"),
    }
}

fn legacy(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

fn modern(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({ VERSION_KEY: MODERN });
    legacy(method, &params)
}

#[test]
fn a_client_negotiates_a_version() {
    for (wanted, version) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", LEGACY[0]),
        ("2099-01-01", LEGACY[0]),
        (MODERN, LEGACY[0]),
    ] {
        let message = legacy("initialize", &json!({ "protocolVersion": wanted }));
        let (status, result) = outcome(send(&[], &message));
        assert_eq!((status, &result["protocolVersion"]), (200, &json!(version)), "{wanted}");
        assert_eq!(result["serverInfo"]["name"], "livers");
        assert!(result["capabilities"]["tools"].is_object());
    }
    let (status, code) =
        outcome(send(&[("mcp-protocol-version", "1900-01-01")], &legacy("tools/list", &json!({}))));
    assert_eq!((status, code), (400, json!(-32022)));
    for version in LEGACY {
        let fields = [("mcp-protocol-version", version)];
        let (status, result) = outcome(send(&fields, &legacy("tools/list", &json!({}))));
        assert_eq!((status, result["tools"].as_array().unwrap().len()), (200, 4));
        assert!(result.get("resultType").is_none());
    }
}

#[test]
fn messages_that_expect_no_reply_are_accepted() {
    for message in [
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "method": "unknown" }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
        json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": 1, "message": "" } }),
    ] {
        assert_eq!(outcome(send(&[], &message)).0, 202, "{message}");
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("\u{fffd}", -32700),
        ("1", -32600),
        ("null", -32600),
        ("{}", -32600),
        (r#"{"id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":[],"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, -32602),
        ("[]", -32600),
    ] {
        let (status, got) = outcome(receive(&HeaderMap::new(), body.as_bytes()));
        assert_eq!((status, got), (400, json!(code)), "{body}");
    }
    // Not too deep for the stack.
    let deep = "[".repeat(100_000);
    assert_eq!(outcome(receive(&HeaderMap::new(), deep.as_bytes())).0, 400);
}

#[test]
fn batches_are_of_one_version() {
    let ping = legacy("ping", &json!({}));
    let batch = json!([ping, { "jsonrpc": "2.0", "method": "notifications/initialized" }, 7]);
    for fields in [&[][..], &[("mcp-protocol-version", "2025-03-26")]] {
        let Received::Batch(all) = send(fields, &batch) else { panic!() };
        let statuses: Vec<_> = all.into_iter().map(|one| outcome(one).0).collect();
        assert_eq!(statuses, [200, 202, 400]);
    }
    for version in ["2025-06-18", "2025-11-25", MODERN] {
        assert_eq!(outcome(send(&[("mcp-protocol-version", version)], &batch)).0, 400);
    }
    assert_eq!(outcome(send(&[], &json!(vec![ping; 17]))).0, 400);
}

#[test]
fn tools_are_called_with_their_arguments() {
    let call = |name: &str, arguments: &Value| {
        let params = json!({ "name": name, "arguments": arguments });
        match send(&[], &legacy("tools/call", &params)) {
            Received::Call(call, pending) => {
                let reply = pending.finish(Ok(json!({ "a": 1 })));
                let result = &reply["result"];
                assert_eq!(reply["id"], 1);
                assert_eq!(result["content"][0]["text"], r#"{"a":1}"#);
                assert_eq!(result["structuredContent"], json!({ "a": 1 }));
                Ok(call)
            }
            Received::Reply(StatusCode::OK, body) => Err(body),
            other => panic!("{other:?}"),
        }
    };
    let files = vec!["a.css".to_owned()];
    for (name, arguments, wanted) in [
        ("wait", Value::Null, Call::Wait(WaitArguments::default())),
        (
            "wait",
            json!({ "files": ["a.css"], "timeout": 1.5, "settle": 0, "since": 3 }),
            Call::Wait(WaitArguments {
                files,
                timeout: Some(1.5),
                settle: Some(0),
                since: Some(3),
            }),
        ),
        ("errors", json!({}), Call::Errors),
        ("tabs", Value::Null, Call::Tabs),
        ("reload", json!({}), Call::Reload(None)),
        ("reload", json!({ "page": "/a" }), Call::Reload(Some("/a".to_owned()))),
    ] {
        assert_eq!(call(name, &arguments), Ok(wanted), "{name} {arguments}");
    }
    for (name, arguments) in [
        ("wait", json!({ "files": "a.css" })),
        ("wait", json!({ "file": [] })),
        ("wait", json!({ "since": -1 })),
        ("errors", json!({ "all": true })),
        ("reload", json!({ "page": 1 })),
        ("tabs", json!([1])),
    ] {
        let reply = call(name, &arguments).unwrap_err();
        assert_eq!(reply["result"]["isError"], true, "{name} {arguments}");
    }
    let reply = call("remove", &json!({})).unwrap_err();
    assert_eq!(reply["error"]["code"], -32602);
}

#[test]
fn modern_requests_describe_themselves() {
    let fields = |method: &'static str, name: &'static str| {
        [("mcp-protocol-version", MODERN), ("mcp-method", method), ("mcp-name", name)]
    };
    let discover = modern("server/discover", json!({}));
    let (status, result) = outcome(send(&fields("server/discover", "")[..2], &discover));
    assert_eq!((status, &result["resultType"]), (200, &json!("complete")));
    assert_eq!(result["supportedVersions"][0], MODERN);
    assert_eq!(result["cacheScope"], "public");
    let list = modern("tools/list", json!({}));
    let (_, result) = outcome(send(&fields("tools/list", "")[..2], &list));
    assert_eq!((&result["resultType"], result["ttlMs"].is_u64()), (&json!("complete"), true));
    let tabs = modern("tools/call", json!({ "name": "tabs" }));
    let Received::Call(Call::Tabs, pending) = send(&fields("tools/call", "tabs"), &tabs) else {
        panic!()
    };
    assert_eq!(pending.finish(Ok(json!({})))["result"]["resultType"], "complete");
    for (fields, message, wanted) in [
        (&fields("tools/call", "wait")[..], &tabs, (400, -32020)),
        (&fields("tools/list", "tabs"), &tabs, (400, -32020)),
        (&fields("tools/call", "tabs")[..2], &tabs, (400, -32020)),
        (&fields("tools/call", "tabs")[1..], &tabs, (400, -32020)),
        (&[("mcp-protocol-version", MODERN)], &legacy("tools/list", &json!({})), (400, -32020)),
        (&fields("initialize", "")[..2], &modern("initialize", json!({})), (404, -32601)),
        (&fields("ping", "")[..2], &modern("ping", json!({})), (404, -32601)),
    ] {
        let (status, code) = outcome(send(fields, message));
        assert_eq!((status, code), (wanted.0, json!(wanted.1)), "{message}");
    }
    let mut next = modern("tools/list", json!({}));
    next["params"]["_meta"][VERSION_KEY] = "2027-01-01".into();
    let (status, code) = outcome(send(&[("mcp-protocol-version", "2027-01-01")], &next));
    assert_eq!((status, code), (400, json!(-32022)));
    let (status, code) = outcome(send(&[], &legacy("resources/list", &json!({}))));
    assert_eq!((status, code), (200, json!(-32601)));
}

/// JSON, with the words of the protocol.
fn any_json() -> impl Strategy<Value = Value> {
    let words = [
        "2.0",
        "initialize",
        "tools/list",
        "tools/call",
        "server/discover",
        "wait",
        "reload",
        MODERN,
        LEGACY[0],
        "",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let keys = ["jsonrpc", "id", "method", "params", "name", "arguments", "_meta", VERSION_KEY];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let key = proptest::sample::select(keys.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_message_gets_an_answer(message in any_json(), version in "2025-06-18|2026-07-28|.{0,4}") {
        let mut headers = HeaderMap::new();
        if let Ok(version) = version.parse() {
            headers.insert("mcp-protocol-version", version);
        }
        let mut all = vec![receive(&headers, message.to_string().as_bytes())];
        while let Some(received) = all.pop() {
            match received {
                Received::Batch(more) => all.extend(more),
                Received::Reply(_, body) => prop_assert_eq!(&body["jsonrpc"], "2.0"),
                Received::Call(_, pending) => {
                    let reply = pending.finish(Ok(Value::Null));
                    prop_assert!(reply["result"].is_object());
                }
                Received::Accepted => {}
            }
        }
    }
}
