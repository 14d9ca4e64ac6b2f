//! The tools over the Model Context Protocol, with the client of its SDK, and access to them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http::{Response, send};
use crate::support::server::Livers;

const PATH: &str = "/__livers/mcp";

/// Calls tools with the client, and returns what it prints.
async fn client(livers: &Livers, calls: &Value) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(
        root.join("tests/node_modules/@modelcontextprotocol/sdk/package.json").is_file(),
        "the Node packages of the tests are missing: run ./tests/run once to install them"
    );
    let mut command = tokio::process::Command::new("node");
    command.arg(root.join("tests/mcp/client.mjs")).args([livers.at(PATH), calls.to_string()]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_mins(1), command.output()).await;
    let output = output.expect("waited 60 s for the client").expect("run node");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Calls one tool, and returns its answer.
async fn call(livers: &Livers, name: &str, arguments: Value) -> Value {
    let outcome = client(livers, &json!([[name, arguments]])).await;
    let result = &outcome["results"][0];
    let text = result["content"][0]["text"].as_str().expect("a text");
    let answer = &result["structuredContent"];
    assert_eq!(&serde_json::from_str::<Value>(text).expect("JSON"), answer);
    answer.clone()
}

#[tokio::test]
async fn an_agent_calls_the_tools() {
    let dir = TempDir::new();
    dir.write("favicon.ico", "");
    dir.write(
        "index.html",
        "<!doctype html><title>none</title><link rel=stylesheet href=/app.css><p>a",
    );
    dir.write("app.css", "p { color: red }");
    let livers = Livers::on(dir.path()).start().await;
    let described = client(&livers, &json!([["tabs", {}], ["errors", {}]])).await;
    assert_eq!(described["server"]["name"], "livers");
    assert_eq!(described["protocolVersion"], "2025-11-25");
    assert!(described["sessionId"].is_null());
    assert!(described["instructions"].as_str().expect("a text").contains("`wait`"));
    let tools = described["tools"].as_array().expect("a list");
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["wait", "errors", "tabs", "reload"]);
    for tool in tools {
        let reads = tool["name"] != "reload";
        assert_eq!(tool["annotations"]["readOnlyHint"], reads, "{tool}");
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
    }
    assert_eq!(described["results"][0]["structuredContent"]["tabs"], json!([]));
    assert_eq!(call(&livers, "wait", json!({ "files": ["app.css"] })).await["verdict"], "no-tabs");

    let page = browser().await.open(livers.url()).await;
    livers_knows(&livers).await;
    let unchanged = call(&livers, "wait", json!({ "files": ["app.css"], "settle": 0 })).await;
    assert_eq!(unchanged["verdict"], "unchanged", "{unchanged}");
    dir.write("app.css", "p { color: blue }");
    // By a path on the disk, by one relative to the folder, by its URL, and the last change.
    let file = dir.at("app.css").display().to_string();
    for files in [
        json!({ "files": [file] }),
        json!({ "files": ["./app.css"] }),
        json!({ "files": ["/app.css"] }),
        json!({}),
    ] {
        let answer = call(&livers, "wait", files.clone()).await;
        assert_eq!(answer["verdict"], "applied", "{files}: {answer}");
        assert_eq!(answer["tabs"][0]["how"], "css", "{files}: {answer}");
        assert_eq!(answer["changes"][0]["path"], "/app.css", "{files}: {answer}");
    }
    let color = "getComputedStyle(document.querySelector('p')).color";
    assert_eq!(page.eval::<String>(color).await, "rgb(0, 0, 255)");

    page.run("setTimeout(() => { throw new Error('from the page') })").await;
    livers.wait_for_line(|line| line.contains("from the page")).await;
    let errors = call(&livers, "errors", json!({})).await;
    let error = &errors["tabs"][0]["errors"][0];
    assert_eq!(error["kind"], "exception", "{errors}");
    assert!(error["message"].as_str().expect("a text").contains("from the page"), "{errors}");
    let tabs = call(&livers, "tabs", json!({})).await;
    assert_eq!(tabs["tabs"][0]["errors"], 1, "{tabs}");

    let reloaded = call(&livers, "reload", json!({ "page": "/other" })).await;
    assert_eq!(reloaded, json!({ "reloaded": 0 }));
    assert_eq!(call(&livers, "reload", json!({})).await, json!({ "reloaded": 1 }));
    page.wait_for_navigation().await;

    let wrong = json!([["wait", { "files": ["../x"] }], ["wait", { "files": ["missing"] }],
        ["wait", { "file": "a" }], ["wait", { "timeout": -1 }]]);
    for result in client(&livers, &wrong).await["results"].as_array().expect("a list") {
        assert_eq!(result["isError"], true, "{result}");
    }
}

/// Waits until the tab is known to the server.
async fn livers_knows(livers: &Livers) {
    loop {
        let tabs = call(livers, "tabs", json!({})).await;
        if tabs["tabs"][0]["state"] == "ready" {
            return;
        }
    }
}

/// Sends a message.
async fn post(livers: &Livers, headers: &[(&str, &str)], body: &str) -> Response {
    let json =
        [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
    let headers: Vec<_> = json.into_iter().chain(headers.iter().copied()).collect();
    send(livers.port(), "POST", PATH, &headers, body.as_bytes()).await
}

#[tokio::test]
async fn only_programs_on_this_machine_and_own_pages_are_answered() {
    let dir = TempDir::with_page("<p>a");
    let livers = Livers::on(dir.path()).start().await;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let own = format!("http://localhost:{}", livers.port());
    for headers in [&[][..], &[("Origin", &*own), ("Sec-Fetch-Site", "same-origin")]] {
        let response = post(&livers, headers, list).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert!(response.header("mcp-session-id").is_none());
    }
    for headers in [
        &[("Origin", "https://evil.example")][..],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Host", "evil.example")],
        &[("X-Forwarded-For", "192.0.2.1")],
        &[("Host", "localhost"), ("Forwarded", "for=192.0.2.1")],
    ] {
        let response = post(&livers, headers, list).await;
        assert_eq!(response.status, 403, "{headers:?}: {response:?}");
        assert!(response.header("access-control-allow-origin").is_none());
    }
    for (method, status) in [("GET", 405), ("DELETE", 405), ("PUT", 405)] {
        let response = send(livers.port(), method, PATH, &[], b"").await;
        assert_eq!((response.status, response.header("allow")), (status, Some("POST")));
    }
    let text = [("Content-Type", "text/plain")];
    assert_eq!(send(livers.port(), "POST", PATH, &text, list.as_bytes()).await.status, 415);
    assert_eq!(post(&livers, &[], &" ".repeat(64 * 1024 + 1)).await.status, 413);
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let response = post(&livers, &[], initialized).await;
    assert_eq!((response.status, response.body.len()), (202, 0));
    let batch = format!("[{list},{initialized},{list}]");
    let replies: Vec<Value> = post(&livers, &[], &batch).await.json();
    assert_eq!(replies.len(), 2);
    let modern = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "tabs"),
    ];
    let call = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"tabs",
        "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let reply: Value = post(&livers, &modern, call).await.json();
    assert_eq!(reply["result"]["resultType"], "complete", "{reply}");
    assert_eq!(reply["result"]["structuredContent"]["tabs"], json!([]), "{reply}");
}
