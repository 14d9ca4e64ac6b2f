//! `/__livers/wait`: whether every tab runs the current content of a file.

#[cfg(feature = "esm")]
mod edits;

use serde_json::{Value, json};

use crate::support::dir::TempDir;
use crate::support::http::{Response, get, get_with};
use crate::support::server::Livers;
use crate::support::tab::Tab;

async fn ask(livers: &Livers, query: &str) -> Response {
    get(livers.port(), &format!("/__livers/wait?{query}")).await
}

/// Returns the verdict, and the answer.
async fn verdict(livers: &Livers, query: &str) -> (String, Value) {
    let response = ask(livers, query).await;
    assert_eq!(response.status, 200, "{query}: {}", response.text());
    let answer: Value = response.json();
    (answer["verdict"].as_str().expect("a verdict").to_owned(), answer)
}

#[tokio::test]
async fn the_answer_follows_what_the_tabs_report() {
    let dir = TempDir::new();
    dir.write("index.html", "<link rel=stylesheet href=a.css>");
    dir.write("a.css", "a{}");
    dir.write("unused.txt", "1");
    let livers = Livers::on(dir.path()).start().await;
    assert_eq!(verdict(&livers, "settle=0").await.0, "no-tabs");
    assert_eq!(verdict(&livers, "file=/a.css&settle=0").await.0, "no-tabs");

    for path in ["/", "/a.css"] {
        get_with(livers.port(), path, &[("Referer", &livers.at("/"))]).await;
    }
    let mut tab = Tab::page(&livers, "/", &["/a.css"]).await;
    tab.say(&json!({ "type": "loaded" })).await;
    assert_eq!(verdict(&livers, "settle=0").await.0, "unchanged");
    assert_eq!(verdict(&livers, "file=/a.css&settle=0").await.0, "unchanged");
    assert_eq!(verdict(&livers, "file=/unused.txt").await.0, "unused");

    dir.write("a.css", "b{}");
    let timeout = verdict(&livers, "file=/a.css&timeout=0.2").await;
    assert_eq!(timeout.0, "timeout", "the tab has not reported");
    let version = tab.updated().await.version;
    tab.say(&json!({ "type": "applied", "version": version, "how": "css", "ms": 7 })).await;
    let wanted = json!({
        "verdict": "applied",
        "version": version,
        "changes": [{ "path": "/a.css", "kind": "modified" }],
        "tabs": [{
            "page": "/", "browser": "unknown browser", "how": "css", "ms": 7, "errors": []
        }],
        "faults": [],
    });
    for query in ["file=/a.css", "file=/a.css&file=/unused.txt", "", "since=0"] {
        assert_eq!(verdict(&livers, query).await.1, wanted, "{query}");
    }
    let path = format!("path={}", dir.at("a.css").display());
    assert_eq!(verdict(&livers, &path).await.1, wanted);
    let since = format!("file=/a.css&since={version}");
    assert_eq!(verdict(&livers, &since).await.0, "unchanged");

    // An error after the settle time does not change the answer.
    let entry = json!({ "kind": "exception", "level": "error", "message": "Error: late" });
    tab.say(&json!({ "type": "console", "entries": [entry] })).await;
    assert_eq!(verdict(&livers, "settle=0").await.0, "applied");
    let errors: Value = get(livers.port(), "/__livers/errors").await.json();
    assert_eq!(errors["tabs"][0]["errors"][0]["message"], "Error: late");

    dir.remove("a.css");
    let version = tab.updated().await.version;
    let entry = json!({ "kind": "exception", "level": "error", "message": "Error: early" });
    tab.say(&json!({ "type": "console", "entries": [entry] })).await;
    tab.say(&json!({ "type": "applied", "version": version, "how": "css", "ms": 7 })).await;
    let (failed, answer) = verdict(&livers, "file=/a.css").await;
    assert_eq!(failed, "failed");
    assert_eq!(answer["changes"][0]["kind"], "removed");
    assert_eq!(answer["tabs"][0]["errors"][0]["message"], "Error: early");
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let dir = TempDir::new();
    dir.write("a.css", "a{}");
    let livers = Livers::on(dir.path()).start().await;
    for query in [
        "file=/never.css",
        "path=/etc/passwd",
        "path=relative.css",
        "file=/../a.css",
        "since=x",
        "timeout=-1",
        "what=1",
    ] {
        let response = ask(&livers, query).await;
        assert_eq!(response.status, 400, "{query}");
        assert!(response.json::<Value>()["error"].is_string(), "{query}");
    }
    // A file that was asked for and is missing can be waited for.
    get(livers.port(), "/missing.css").await;
    let foreign = [("Origin", "https://evil.test")];
    assert_eq!(get_with(livers.port(), "/__livers/wait", &foreign).await.status, 403);
    assert_eq!(get_with(livers.port(), "/__livers/errors", &foreign).await.status, 403);
    assert_eq!(get(livers.port(), "/__livers/reload").await.status, 405);
}

/// A template of a backend is watched and not served: all tabs reload.
#[tokio::test]
async fn a_watched_file_that_is_not_served_can_be_waited_for() {
    let (dir, templates) = (TempDir::with_page("<p>"), TempDir::new());
    templates.write("a.tpl", "1");
    let livers = Livers::on(dir.path()).arg("--watch").arg(templates.path()).start().await;
    let mut tab = Tab::page(&livers, "/", &[]).await;
    tab.say(&json!({ "type": "loaded" })).await;
    let query = format!("path={}&settle=0", templates.at("a.tpl").display());
    assert_eq!(verdict(&livers, &query).await.0, "unchanged");
    templates.write("a.tpl", "2");
    let version = tab.updated().await.version;
    tab.say(&json!({ "type": "applied", "version": version, "how": "none", "ms": 1 })).await;
    assert_eq!(verdict(&livers, &query).await.0, "applied");
    let beside = format!("path={}", templates.path().with_extension("x").display());
    assert_eq!(ask(&livers, &beside).await.status, 400);
}
