//! Imports that compile but that the browser cannot link: each leaves a page blank, so each has a
//! message in the page and in the terminal.

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// The text of the overlay, or nothing.
const OVERLAY: &str = "(document.documentElement.lastElementChild.shadowRoot?.textContent ?? '')";

/// Creates a project whose entry imports all kinds of modules.
fn project() -> TempDir {
    let dir = TempDir::new();
    for (path, text) in [
        ("package.json", "{\"name\":\"project\",\"type\":\"module\"}"),
        (
            "index.html",
            "<!doctype html><title>none</title><script type=module src=src/main.ts></script>",
        ),
        (
            "src/a.ts",
            "export const one = 1;\nexport interface Shape { a: 1 }\nexport type Name = string;\nexport default 3;\n",
        ),
        ("src/b.ts", "export const two = 2;\nexport const both = 2;\n"),
        ("src/c.ts", "export const three = 3;\nexport const both = 3;\n"),
        ("src/all.ts", "export * from './b';\nexport * from './c';\nexport * from 'common';\n"),
        ("src/known.ts", "export * from './b';\nexport * from './c';\n"),
        ("src/old.js", "module.exports = { old: 1 };\n"),
        (
            "node_modules/esm/package.json",
            "{\"name\":\"esm\",\"version\":\"1.0.0\",\"type\":\"module\",\"main\":\"index.js\"}",
        ),
        ("node_modules/esm/index.js", "export * from './more.js'; export const inside = 1;"),
        ("node_modules/esm/more.js", "export const more = 1;"),
        ("node_modules/common/package.json", "{\"name\":\"common\",\"version\":\"1.0.0\"}"),
        (
            "node_modules/common/index.js",
            "for (const name of ['hidden', 'seen']) exports[name] = name;",
        ),
        ("favicon.ico", ""),
    ] {
        dir.write(path, text);
    }
    dir.write("src/main.ts", main("document.title = 'ready';"));
    dir
}

/// Returns an entry module that imports what exists.
fn main(more: &str) -> String {
    format!(
        "import a, {{ one, Shape, type Name }} from './a';\n\
         import {{ two }} from './all';\n\
         import {{ hidden }} from 'common';\n\
         import {{ more }} from 'esm';\n\
         export type {{ Shape }} from './a';\n\
         export const shape: Shape | Name = String([a, one, two, hidden, more]);\n{more}"
    )
}

/// Waits until the page is ready and shows no error.
async fn wait_until_ready(page: &Page, title: &str) {
    page.wait_until(&format!("document.title === '{title}'")).await;
    page.wait_until(&format!("{OVERLAY} === ''")).await;
}

#[tokio::test]
async fn a_missing_export_is_reported_until_a_save_fixes_it() {
    let dir = project();
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_until_ready(&page, "ready").await;
    for (at, (text, message, help)) in [
        (
            "import { nope } from './a'; nope;",
            "\"./a\" has no export \"nope\"",
            "import nope from \"./a\"",
        ),
        (
            "import { twoo } from './known'; twoo;",
            "\"./known\" has no export \"twoo\"",
            "did you mean \"two\"?",
        ),
        (
            "import nope from './b'; nope;",
            "\"./b\" has no default export",
            "import { both, two } from \"./b\"",
        ),
        (
            "import { both } from './known'; both;",
            "\"./known\" exports \"both\" twice: from src/b.ts and from src/c.ts",
            "its name",
        ),
        (
            "import { insid } from 'esm'; insid;",
            "\"esm\" has no export \"insid\"",
            "did you mean \"inside\"?",
        ),
        (
            "import nope from 'esm'; nope;",
            "\"esm\" has no default export",
            "import { inside, more } from \"esm\"",
        ),
        ("import old from './old'; old;", "\"./old\" has no default export", "CommonJS"),
        ("export { Shape } from './a';", "\"./a\" has no export \"Shape\"", "export type"),
        ("export { four } from './b';", "\"./b\" has no export \"four\"", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let seen = livers.lines().len();
        dir.write("src/main.ts", main(text));
        livers.wait_for_line_after(seen, |line| line.contains("src/main.ts:7:")).await;
        livers.wait_for_line_after(seen, |line| line.contains(message)).await;
        let shown = [message, help, "src/main.ts:7:", text];
        for shown in shown {
            let shown = serde_json::to_string(shown).expect("JSON");
            page.wait_until(&format!("{OVERLAY}.includes({shown})")).await;
        }
        let title = format!("fixed {at}");
        dir.write("src/main.ts", main(&format!("document.title = '{title}';")));
        wait_until_ready(&page, &title).await;
    }
}

#[tokio::test]
async fn a_missing_dependency_of_a_package_is_reported_while_the_package_is_imported() {
    let dir = project();
    dir.write("node_modules/needs/index.mjs", "export { absent } from 'absent';");
    dir.write(
        "node_modules/needs/package.json",
        r#"{"name":"needs","version":"1.0.0","main":"index.mjs"}"#,
    );
    for packs in ["never", "always"] {
        dir.write("src/main.ts", "import { absent } from 'needs';\ndocument.title = absent;");
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let page = browser().await.open(livers.url()).await;
        let message = "Cannot find module 'absent', imported by needs";
        livers.wait_for_line(|line| line.contains("src/main.ts: ") && line.contains(message)).await;
        page.wait_until(&format!("{OVERLAY}.includes(\"{message}\")")).await;
        dir.write("src/main.ts", "document.title = 'without';");
        wait_until_ready(&page, "without").await;
    }
}

#[tokio::test]
async fn an_importers_error_follows_the_imported_file() {
    let dir = project();
    let entry = "import { late } from './all';\ndocument.title = late;";
    dir.write("src/known.ts", "export * from './b';\n");
    dir.write("src/all.ts", "export * from './known';\n");
    dir.write("src/main.ts", entry);
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    let missing = "\"./all\" has no export \"late\"";
    let shown = format!("{OVERLAY}.includes('src/main.ts:1:10')");
    livers.wait_for_line(|line| line.contains(missing)).await;
    page.wait_until(&shown).await;
    // The file behind two `export *` gets the name, loses it, and gets it again.
    for title in ["first", "second"] {
        dir.write("src/b.ts", format!("export const late = '{title}';"));
        wait_until_ready(&page, title).await;
        let seen = livers.lines().len();
        dir.write("src/b.ts", "export const other = 1;");
        livers.wait_for_line_after(seen, |line| line.contains(missing)).await;
        page.wait_until(&shown).await;
    }
    dir.write("src/b.ts", "export const late = 'third';");
    wait_until_ready(&page, "third").await;
}

#[tokio::test]
async fn a_site_of_plain_modules_reports_link_errors() {
    let dir = TempDir::new();
    dir.write(
        "index.html",
        "<!doctype html><title>none</title><script type=module src=main.js></script>",
    );
    dir.write("main.js", "import { a } from './a.js';\n\nimport { nope } from './a.js';\n");
    dir.write("a.js", "export const a = 'a';\n");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    livers.wait_for_line(|line| line.contains("main.js:3:10")).await;
    page.wait_until(&format!("{OVERLAY}.includes('\"./a.js\" has no export \"nope\"')")).await;
    dir.write("a.js", "export const a = 'a', nope = 1;\n");
    page.wait_until(&format!("{OVERLAY} === ''")).await;
    dir.write("main.js", "import { a } from './a.js';\ndocument.title = a;\n");
    wait_until_ready(&page, "a").await;
}

#[tokio::test]
async fn a_module_that_does_not_exist_is_reported_where_it_is_imported() {
    let dir = TempDir::new();
    let html = "<!doctype html><title>none</title>\n<script type=module src=/js/mian.js></script>";
    dir.write("index.html", html);
    dir.write("js/main.js", "import '/js/gone.js';\ndocument.title = 'main';\n");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    let reported = async |place: &str, message: &str| {
        livers.wait_for_line(|line| line.contains(place)).await;
        for shown in [place, message] {
            let shown = serde_json::to_string(shown).expect("JSON");
            page.wait_until(&format!("{OVERLAY}.includes({shown})")).await;
        }
    };
    reported("index.html:2:25", "cannot load \"/js/mian.js\"").await;
    dir.write("index.html", html.replace("mian", "main"));
    reported("js/main.js:1:9", "cannot load \"/js/gone.js\"").await;
    // The file is created.
    dir.write("js/gone.js", "export {};");
    wait_until_ready(&page, "main").await;
    dir.write("index.html", html.replace("mian", "later"));
    reported("index.html:2:25", "cannot load \"/js/later.js\"").await;
    page.reload().await;
    page.wait_until(&format!("{OVERLAY}.includes('index.html:2:25')")).await;
    dir.write("js/later.js", "document.title = 'later';");
    wait_until_ready(&page, "later").await;
    // A dynamic import may fail.
    let text = "document.title = 'kept'; import('/js/optional.js').catch(() => {});";
    dir.write("js/later.js", text);
    livers.wait_for_line(|line| line.contains("/js/optional.js")).await;
    wait_until_ready(&page, "kept").await;
}

#[tokio::test]
async fn an_error_that_only_the_browser_finds_is_reported_with_its_source() {
    let dir = project();
    dir.write("src/data.json", "{\"known\":1}");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_until_ready(&page, "ready").await;
    for (at, (text, message)) in [
        // The names of a CommonJS package are not known.
        ("import { nope } from './all'; nope;", "export named 'nope'"),
        ("import { nope } from './data.json'; nope;", "export named 'nope'"),
    ]
    .into_iter()
    .enumerate()
    {
        let seen = livers.lines().len();
        dir.write("src/main.ts", format!("interface Removed {{\n  a: 1;\n}}\n\n{text}\n"));
        livers.wait_for_line_after(seen, |line| line.contains("src/main.ts:5:")).await;
        for shown in [message, "src/main.ts:5:", text] {
            let shown = serde_json::to_string(shown).expect("JSON");
            page.wait_until(&format!("{OVERLAY}.includes({shown})")).await;
        }
        let title = format!("fixed {at}");
        dir.write("src/main.ts", main(&format!("document.title = '{title}';")));
        wait_until_ready(&page, &title).await;
    }
    // An inline script.
    let html = |name: &str| {
        format!(
            "<!doctype html><title>none</title>\n<script type=module>\nimport {{ {name} as a }} \
             from '/src/b.ts';\ndocument.title = 'inline ' + a;</script>"
        )
    };
    dir.write("index.html", html("nope"));
    livers.wait_for_line(|line| line.contains("index.html:3:")).await;
    page.wait_until(&format!("{OVERLAY}.includes('index.html:3:')")).await;
    dir.write("index.html", html("two"));
    wait_until_ready(&page, "inline 2").await;
    // Code that throws such an error has run.
    let thrown = "document.title = 'thrown'; JSON.parse('{');";
    dir.write("src/main.ts", thrown);
    dir.write(
        "index.html",
        "<!doctype html><title>none</title><script type=module src=src/main.ts></script>",
    );
    page.wait_for_console(|line| line.text.contains("in JSON at position")).await;
    wait_until_ready(&page, "thrown").await;
}
