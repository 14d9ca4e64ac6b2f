//! The workspace of Chrome's developer tools: where it is, and edits that they save.

use serde_json::{Value, json};

use crate::support::backend::Backend;
use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http::{get, get_with};
use crate::support::server::Livers;

const PATH: &str = "/.well-known/appspecific/com.chrome.devtools.json";

#[tokio::test]
async fn developer_tools_on_this_machine_learn_where_the_folder_is() {
    let dir = TempDir::with_page("<p>a");
    let mut livers = Livers::on(dir.path()).start().await;
    let response = get(livers.port(), PATH).await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    let settings: Value = response.json();
    assert_eq!(settings["workspace"]["root"], dir.path().to_str().unwrap(), "{settings}");
    // Chromium asks again when the server has another id.
    livers.restart().await;
    assert_eq!(get(livers.port(), PATH).await.json::<Value>(), settings);
    for headers in [
        [("X-Forwarded-For", "192.0.2.1")],
        [("Origin", "https://evil.example")],
        [("Sec-Fetch-Site", "cross-site")],
    ] {
        let response = get_with(livers.port(), PATH, &headers).await;
        assert!(matches!(response.status, 403 | 404), "{headers:?}: {response:?}");
    }
    // As the developer tools load it.
    let page = browser().await.open(livers.url()).await;
    let tree = page.command("Page.getFrameTree", json!({})).await;
    let frame = &tree["frameTree"]["frame"]["id"];
    let options = json!({ "disableCache": true, "includeCredentials": true });
    let request = json!({ "frameId": frame, "url": livers.at(PATH), "options": options });
    let loaded = page.command("Network.loadNetworkResource", request).await;
    assert_eq!(loaded["resource"]["httpStatusCode"], 200, "{loaded}");
}

#[tokio::test]
async fn a_file_of_the_project_and_a_backend_come_first() {
    let dir = TempDir::with_page("<p>a");
    dir.write(&PATH[1..], "{}");
    let livers = Livers::on(dir.path()).start().await;
    assert_eq!(get(livers.port(), PATH).await.text(), "{}");
    dir.remove(&PATH[1..]);
    assert!(get(livers.port(), PATH).await.text().contains("workspace"));
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nbackend").await;
    let route = format!("/={}", backend.port());
    let livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
    assert_eq!(get(livers.port(), PATH).await.text(), "backend");
}

/// Sets the text of the sheet of the first link as the Styles pane does, and saves it.
#[tokio::test]
async fn an_edit_that_developer_tools_save_keeps_the_style_sheet() {
    let dir = TempDir::new();
    dir.write("favicon.ico", "");
    dir.write("part.css", "b { color: red }");
    dir.write("app.css", "p { color: red }\n@media print { p { margin: 0 } }");
    dir.write("other.css", "@import '/part.css';\ni { color: red }");
    dir.write(
        "index.html",
        "<!doctype html><title>none</title><link rel=stylesheet href=/app.css>\
         <link rel=stylesheet href=/other.css><p>a<b>b</b><i>c",
    );
    let livers = Livers::on(dir.path()).args(["--verbose"]).start().await;
    let page = browser().await.open(livers.url()).await;
    page.command("DOM.enable", json!({})).await;
    page.command("CSS.enable", json!({})).await;
    page.run(
        "window.sheets = () => [...document.styleSheets].flatMap((sheet) =>
           [sheet, ...[...sheet.cssRules].flatMap((rule) => rule.styleSheet ?? [])]);
         window.before = sheets(); for (const sheet of before) sheet.mark = true;
         window.kept = () => sheets().every((sheet, at) => sheet === before[at] && sheet.mark)",
    )
    .await;
    let ids = page.style_sheets();
    for (file, text, element, color) in [
        (
            "app.css",
            "p { color: blue; background: url(a.png) }\n@media print { p { margin: 1px } }",
            "p",
            "rgb(0, 0, 255)",
        ),
        ("part.css", "b { color: lime }", "b", "rgb(0, 255, 0)"),
        (
            "other.css",
            "@import '/part.css';\ni { color: lime } /* a comment */",
            "i",
            "rgb(0, 255, 0)",
        ),
    ] {
        let before = livers.lines().len();
        let id = ids.iter().find(|(url, _)| url.ends_with(file)).map(|(_, id)| id);
        let edit = json!({ "styleSheetId": id.expect("a sheet"), "text": text });
        page.command("CSS.setStyleSheetText", edit).await;
        // Setting the text of a sheet with imports loads them anew, and the document does not list it
        // meanwhile.
        page.wait_until(
            "document.styleSheets.length === 2 && [...document.styleSheets].every((sheet) => [...sheet.cssRules].every((rule) =>
               !rule.href || rule.styleSheet?.cssRules.length))",
        )
        .await;
        page.run("window.before = sheets(); for (const sheet of before) sheet.mark = true").await;
        dir.write(file, text);
        livers
            .wait_for_line_after(before, |line| line.contains("applied") && line.contains("css"))
            .await;
        assert!(page.eval::<bool>("kept()").await, "{file}");
        let shown = format!("getComputedStyle(document.querySelector('{element}')).color");
        assert_eq!(page.eval::<String>(&shown).await, color, "{file}");
    }
    // Another content replaces it.
    dir.write("app.css", "p { color: black }");
    page.wait_until("getComputedStyle(document.querySelector('p')).color === 'rgb(0, 0, 0)'").await;
    assert!(!page.eval::<bool>("kept()").await);
}
