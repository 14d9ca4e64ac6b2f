//! Hot updates by `import.meta.hot`, and the error overlay, without the compiler: the modules are
//! written as the compiler would write them.

use serde_json::json;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// Returns a module with imports and a body that can use `hot`.
fn module(path: &str, imports: &[&str], body: &str) -> String {
    let imported: String = imports
        .iter()
        .filter(|import| import.contains(".js"))
        .map(|import| format!("import '{import}';"))
        .collect();
    format!(
        "import {{ hot as register }} from '/__livers/hot.js'; {imported}\n\
         const hot = register('{path}', import.meta.url, {});\n{body}\n",
        json!(imports)
    )
}

/// Returns a module that accepts itself and sets the title.
fn part(title: &str) -> String {
    module("/part.js", &[], &format!("document.title = '{title}'; hot.accept();"))
}

fn project() -> TempDir {
    let dir = TempDir::with_page(
        "<!doctype html><title>none</title><input id=text><p>text</p>\
         <script type=module src=main.js></script>",
    );
    let body = "import '/style.css?import';";
    dir.write("main.js", module("/main.js", &["/part.js", "/style.css"], body));
    dir.write("part.js", part("one"));
    dir.write("style.css", "p { color: rgb(1, 1, 1) }");
    dir.write("favicon.ico", "");
    dir
}

/// Waits for the line that the server prints when the page at `/` acknowledges a change.
async fn applied(livers: &Livers, what: &str) {
    let begins = format!("applied  /  {what}");
    livers.wait_for_line(|line| line.starts_with(&begins)).await;
}

async fn reloaded(livers: &Livers, why: &str) {
    let is = |line: &str| line.starts_with("applied  /  reload ") && line.ends_with(why);
    livers.wait_for_line(is).await;
}

async fn wait_for_title(page: &Page, text: &str) {
    page.wait_until(&format!("document.title === '{text}'")).await;
}

#[tokio::test]
async fn an_accepted_module_is_updated_and_any_other_reloads() {
    let dir = project();
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let page = browser().await.open(livers.url()).await;
    let colour = |n: u8| {
        format!("getComputedStyle(document.querySelector('p')).color === 'rgb({n}, {n}, {n})'")
    };
    wait_for_title(&page, "one").await;
    page.wait_until(&colour(1)).await;
    page.run("document.querySelector('#text').value = 'half-written'").await;

    for text in ["two", "three"] {
        dir.write("part.js", part(text));
        wait_for_title(&page, text).await;
        applied(&livers, "hot ").await;
    }
    dir.write("style.css", "p { color: rgb(2, 2, 2) }");
    page.wait_until(&colour(2)).await;
    assert_eq!(page.navigations(), 1);
    assert_eq!(page.eval::<String>("document.querySelector('#text').value").await, "half-written");

    // Code that throws, and then the fixed code.
    dir.write("part.js", module("/part.js", &[], "throw new Error('not yet')"));
    page.wait_for_console(|line| line.text.contains("not yet")).await;
    applied(&livers, "kept ").await;
    dir.write("part.js", part("four"));
    wait_for_title(&page, "four").await;
    assert_eq!(page.navigations(), 1);

    let main = String::from_utf8(dir.read("main.js")).expect("UTF-8");
    dir.write("main.js", main + "// changed");
    page.wait_for_navigation().await;
    reloaded(&livers, "(main.js changed)").await;
    wait_for_title(&page, "four").await;
}

#[tokio::test]
async fn a_module_that_a_worker_runs_reloads() {
    let dir = project();
    let both =
        |text: &str| module("/both.js", &[], &format!("self.text = '{text}'; hot.accept();"));
    dir.write("both.js", both("one"));
    dir.write("worker.js", module("/worker.js", &["/both.js"], "postMessage(self.text)"));
    let body = "new Worker('worker.js', { type: 'module' }).onmessage = ({ data }) => document.title = data;";
    dir.write("main.js", module("/main.js", &["/both.js"], body));
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for_title(&page, "one").await;
    dir.write("both.js", both("two"));
    page.wait_for_navigation().await;
    reloaded(&livers, "(both.js changed, and a worker runs it)").await;
    wait_for_title(&page, "two").await;
}

#[tokio::test]
async fn overlay_shows_errors_as_text_until_they_are_fixed_or_it_is_closed() {
    let dir = project();
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for_title(&page, "one").await;
    page.run("document.querySelector('#text').focus()").await;
    let hostile = "<img src=x onerror='window.harmed = true'>";
    let faults = json!([{
        "path": "/a.js", "file": "a.js", "line": 2, "column": 3, "message": hostile,
        "frame": format!("1 | {hostile}\n2 | let x\n  |     ^^"), "help": hostile,
    }]);
    let show = |faults: &serde_json::Value| {
        format!("import('/__livers/overlay.js').then(({{ show }}) => show({faults}))")
    };
    let text = |of: &str| {
        format!(
            "document.querySelector('livers-overlay').shadowRoot.querySelector('{of}').textContent"
        )
    };
    let open = "document.querySelector('livers-overlay')?.shadowRoot.querySelector('dialog').open";
    let closed =
        "!document.querySelector('livers-overlay') && document.activeElement.id === 'text'";

    page.run(&show(&faults)).await;
    page.wait_until(open).await;
    assert_eq!(page.eval::<String>(&text(".place")).await, "a.js:2:3");
    assert_eq!(page.eval::<String>(&text("h2")).await, hostile);
    assert_eq!(page.eval::<String>(&text(".help")).await, hostile);
    assert_eq!(page.eval::<String>(&text(".row")).await, "2 | let x\n");
    assert_eq!(page.eval::<String>(&text(".mark")).await, "  |     ^^\n");

    let key = |kind: &str| json!({ "type": kind, "key": "Escape", "windowsVirtualKeyCode": 27 });
    for kind in ["rawKeyDown", "keyUp"] {
        page.command("Input.dispatchKeyEvent", key(kind)).await;
    }
    page.wait_until(closed).await;
    page.run(&show(&faults)).await;
    page.wait_until(closed).await; // the same errors stay closed
    page.run(&show(&json!([]))).await;
    page.run(&show(&faults)).await;
    page.wait_until(open).await;
    page.run(&show(&json!([]))).await;
    page.wait_until(closed).await;
    assert!(page.eval::<bool>("window.harmed === undefined && !document.images.length").await);
}
