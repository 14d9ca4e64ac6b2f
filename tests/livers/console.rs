//! What Chromium's pages, frames and workers report: in the terminal, at `/__livers/errors`, and
//! over a page that an error leaves blank.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::browser::{Frame, browser};
use crate::support::dir::TempDir;
use crate::support::http::get;
use crate::support::server::Livers;

/// The text of the overlay, or nothing.
const OVERLAY: &str = "(document.documentElement.lastElementChild.shadowRoot?.textContent ?? '')";

/// Lines that the compiler removes, so that positions differ.
const TYPES: &str = "interface Removed {\n  one: 1;\n}\n";

/// Creates a project of an entry module in TypeScript.
fn project(main: &str) -> TempDir {
    let dir = TempDir::new();
    for (path, text) in [
        ("package.json", "{\"name\":\"project\",\"type\":\"module\"}"),
        (
            "index.html",
            "<!doctype html><title>none</title><p>text</p><script type=module src=/src/main.tsx></script>",
        ),
        ("favicon.ico", ""),
    ] {
        dir.write(path, text);
    }
    dir.write("src/main.tsx", main);
    dir
}

/// Returns the messages about the console that a page has sent, of all its documents.
fn messages(frames: &[Frame]) -> Vec<Value> {
    let sent = frames.iter().filter(|frame| frame.sent);
    let messages = sent.filter_map(|frame| serde_json::from_str::<Value>(&frame.text).ok());
    messages.filter(|message| message["type"] == "console").collect()
}

/// Returns the entries of these messages.
fn entries(frames: &[Frame]) -> Vec<Value> {
    let messages = messages(frames).into_iter();
    messages.filter_map(|message| message["entries"].as_array().cloned()).flatten().collect()
}

/// Returns the messages at `/__livers/errors`.
async fn errors(livers: &Livers) -> Vec<Value> {
    let errors: Value = get(livers.port(), "/__livers/errors").await.json();
    let tabs = errors["tabs"].as_array().cloned().unwrap_or_default();
    tabs.iter().filter_map(|tab| tab["errors"].as_array().cloned()).flatten().collect()
}

/// Waits until a message is at `/__livers/errors`: it is described after it has arrived.
async fn wait_for_error(livers: &Livers, what: &str, is_it: impl Fn(&Value) -> bool) {
    let listed = async {
        while !errors(livers).await.iter().any(&is_it) {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(15), listed).await;
    assert!(waited.is_ok(), "waited for {what}, not {:#?}", errors(livers).await);
}

#[tokio::test]
async fn each_kind_of_error_is_reported_at_its_place_in_the_source() {
    let main = format!(
        "{TYPES}console.warn('warned %s', 'once', {{ deep: [1, new Map([['k', document.body]])] }});\n\
         console.error('caught', new TypeError('outer', {{ cause: new RangeError('inner') }}));\n\
         setTimeout(() => {{\n  const size: number = 1;\n  throw new Error(`thrown ${{size}}`);\n}});\n\
         void Promise.reject(new Error('rejected'));\n\
         console.log('not reported');\n\
         document.body.append(Object.assign(new Image(), {{ src: '/gone.png' }}));\n\
         document.head.append(Object.assign(document.createElement('script'), {{ src: '/gone.js' }}));\n\
         document.head.append(Object.assign(document.createElement('link'), {{ rel: 'stylesheet', href: '/gone.css' }}));\n\
         void fetch('/gone.json');\n\
         document.body.append(Object.assign(new Image(), {{ src: 'https://other.test/x.png' }}));\n"
    );
    for packs in ["never", "always"] {
        let dir = project(&main);
        dir.write("_headers", "/*\n  Content-Security-Policy: img-src 'self'\n");
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let page = browser().await.open(livers.url()).await;
        for expected in [
            "src/main.tsx:4:9: warned once {deep: [1, Map(1) {'k' => <body>…</body>}]}",
            "src/main.tsx:5:25: caught TypeError: outer",
            "src/main.tsx:8:9: Error: thrown 1",
            "src/main.tsx:10:21: Error: rejected",
            "blocks https://other.test/x.png (img-src)",
            "/gone.json: 404",
        ] {
            livers.wait_for_line(|line| line.contains(expected)).await;
        }
        for (kind, text) in [
            ("console", "warned once"),
            ("console", "[cause]: RangeError: inner"),
            ("exception", "Error: thrown 1"),
            ("rejection", "Error: rejected"),
            ("load", "the image /gone.png"),
            ("load", "the script /gone.js"),
            ("load", "the style sheet /gone.css"),
            ("load", "/gone.json"),
            ("csp", "img-src"),
        ] {
            let is_it = |error: &Value| {
                let message = error["message"].as_str().unwrap_or_default();
                error["kind"] == kind && message.contains(text)
            };
            wait_for_error(&livers, &format!("{packs}: {kind} {text}"), is_it).await;
        }
        assert!(!entries(&page.frames(0)).iter().any(|entry| entry["message"] == "not reported"));
    }
}

#[tokio::test]
async fn the_flag_decides_what_is_heard() {
    let dir = project("console.error('error');\nconsole.info('info');\ndocument.title = 'ran';\n");
    let all = Livers::on(dir.path()).args(["--console", "all"]).start().await;
    let _page = browser().await.open(all.url()).await;
    all.wait_for_line(|line| line.contains("src/main.tsx:2:9: info")).await;
    let off = Livers::on(dir.path()).args(["--console", "off"]).start().await;
    let page = browser().await.open(off.url()).await;
    // A page that hears nothing says when it has loaded.
    page.wait_for_frames(|frames| frames.iter().any(|it| it.text.contains("\"loaded\""))).await;
    assert_eq!(entries(&page.frames(0)), Vec::<Value>::new());
}

#[tokio::test]
async fn frames_and_workers_are_heard() {
    let dir = project(
        "new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });\n\
         document.body.append(Object.assign(document.createElement('iframe'), { src: '/frame.html' }));\n",
    );
    dir.write(
        "src/worker.ts",
        format!("{TYPES}export {{}};\nconsole.error('from the worker');\nthrow new Error('in the worker');\n"),
    );
    dir.write(
        "frame.html",
        "<!doctype html><title>frame</title><p>text</p><script type=module>\nthrow new Error('in the frame');\n</script>",
    );
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    for expected in [
        "src/worker.ts:5:9: from the worker",
        "src/worker.ts:6:7: Error: in the worker",
        "frame.html:2:7: Error: in the frame",
    ] {
        livers.wait_for_line(|line| line.contains(expected)).await;
    }
    let is_of_worker = |entry: &Value| {
        entry["message"] == "from the worker" && entry["worker"] == "/src/worker.ts"
    };
    page.wait_for_frames(|frames| entries(frames).iter().any(is_of_worker)).await;
}

#[tokio::test]
async fn a_component_that_throws_is_shown_until_it_is_fixed() {
    let dir = project(
        "import { createRoot } from 'react-dom/client';\nimport { App } from './App';\n\
         createRoot(document.getElementById('root')!).render(<App />);\n",
    );
    dir.write(
        "index.html",
        "<!doctype html><title>none</title><div id=root></div><script type=module src=/src/main.tsx></script>",
    );
    let app = |body: &str| {
        format!(
            "{TYPES}const Inner = ({{ size }}: {{ size: number }}) => {{\n  {body}\n}};\n\
             export const App = () => <main><Inner size={{2}} /></main>;\n"
        )
    };
    dir.write("src/App.tsx", app("throw new Error(`size ${size}`);"));
    dir.make_dir("node_modules");
    for package in ["react", "react-dom", "scheduler"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules").join(package);
        let copied = Command::new("cp").arg("-r").arg(&from).arg(dir.at("node_modules")).status();
        assert!(copied.is_ok_and(|it| it.success()), "run: npm ci --prefix tests");
    }
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    for shown in
        ["Uncaught error", "src/App.tsx:5:9", "Error: size 2", "Components", "src/App.tsx:7:32"]
    {
        page.wait_until(&format!("{OVERLAY}.includes({})", serde_json::json!(shown))).await;
    }
    livers.wait_for_line(|line| line.contains("src/App.tsx:5:9: Error: size 2")).await;
    dir.write("src/App.tsx", app("return <p>{size}</p>;"));
    page.wait_until("document.querySelector('p')?.textContent === '2'").await;
    page.wait_until(&format!("{OVERLAY} === ''")).await;
}

#[tokio::test]
async fn an_error_of_a_page_that_shows_something_is_not_shown_over_it() {
    let dir = project(&format!("{TYPES}throw new Error('beside the text');\n"));
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    livers.wait_for_line(|line| line.contains("src/main.tsx:4:7: Error: beside the text")).await;
    assert_eq!(page.eval::<String>(OVERLAY).await, "");
    // Another error, with nothing in the page, is.
    page.run("document.body.textContent = ''; setTimeout(() => { throw new Error('blank'); })")
        .await;
    page.wait_until(&format!("{OVERLAY}.includes('Error: blank')")).await;
    // The page shows something after all.
    page.run("document.body.textContent = 'later'").await;
    page.wait_until(&format!("{OVERLAY} === ''")).await;
}

#[tokio::test]
async fn a_flood_of_messages_reaches_the_server_as_few() {
    let dir = project("document.title = 'ready';\n");
    dir.write("other.html", "<!doctype html><title>other</title><link rel=stylesheet href=/a.css>");
    dir.write("a.css", "");
    let livers = Livers::on(dir.path()).start().await;
    let context = browser().await;
    let page = context.open(livers.url()).await;
    let other = context.open(&livers.at("/other.html")).await;
    other.wait_until("document.querySelectorAll('script[data-livers]').length === 0").await;
    page.run("for (let at = 0; at < 1e5; at++) console.error('line', at);").await;
    page.run("console.error('end of the flood');").await;
    // The other tab is updated meanwhile.
    dir.write("a.css", "html { color: red }");
    other.wait_until("getComputedStyle(document.documentElement).color === 'rgb(255, 0, 0)'").await;
    let counts = |frames: &[Frame]| {
        let dropped = messages(frames).iter().filter_map(|it| it["dropped"].as_u64()).sum::<u64>();
        (entries(frames).len() as u64, dropped)
    };
    let is_all = |frames: &[Frame]| {
        let (sent, dropped) = counts(frames);
        sent + dropped == 100_001
    };
    page.wait_for_frames(is_all).await;
    // The loop may take some seconds on a busy machine, and 100 a second are sent.
    let (sent, dropped) = counts(&page.frames(0));
    assert!(dropped > 90_000, "{sent} sent, {dropped} not");
}

#[tokio::test]
async fn a_page_says_again_what_a_new_server_has_not_heard() {
    let dir = project("console.error('said once');\n");
    let mut livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    livers.wait_for_line(|line| line.contains("said once")).await;
    // The line of the source, which follows, has the same words.
    let is_said = |line: &str| line.starts_with("error") && line.contains("said once");
    let seen = livers.lines().len();
    livers.restart().await;
    let is_again = |frames: &[Frame]| entries(frames).iter().any(|entry| entry["again"] == true);
    page.wait_for_frames(is_again).await;
    wait_for_error(&livers, "the message again", |it| it["message"] == "said once").await;
    assert!(!livers.lines()[seen..].iter().any(|(_, line)| is_said(line)));
}
