//! Style sheets that modules import, in browsers.

use serde_json::json;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::server::Livers;

const MEASURE: &str = "export const measured = Object.fromEntries(
    ['color', 'marginTop', 'paddingTop', 'opacity', 'top', 'left', 'zIndex'].map((name) =>
      [name, getComputedStyle(document.querySelector('#box'))[name]]));
    window.measured = measured; document.title = 'ready';";

/// Creates a project whose modules import style sheets of all kinds, and then measure an element.
fn project(head: &str) -> TempDir {
    let dir = TempDir::new();
    let html = format!(
        "<!doctype html>{head}<title>none</title><input id=text><div id=box style='position:relative'>\
         </div><script type=module src=/src/main.ts></script>"
    );
    let theme = json!({ "name": "theme", "version": "1.0.0", "type": "module" }).to_string();
    for (path, text) in [
        ("package.json", "{}"),
        ("favicon.ico", ""),
        ("index.html", &html),
        ("src/dot.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("src/measure.ts", MEASURE),
        (
            "src/main.ts",
            "import './first.css'; import './second.css'; import names from './box.module.css';
             import 'theme'; import './measure';
             document.querySelector('#box')!.className = names.box as string;",
        ),
        (
            "src/first.css",
            "@layer low, high; @import 'parts/inner.css' layer(low) screen;
             @import 'theme/theme.css'; @import 'missing.css';
             #box { color: rgb(1, 1, 1); margin-top: 1px; background-image: url(dot.svg) }
             @layer high { #box { z-index: 3 } }",
        ),
        ("src/second.css", "#box { margin-top: 2px }"),
        ("src/parts/inner.css", "@import '../deep.css'; #box { padding-top: 3px; z-index: 1 }"),
        ("src/deep.css", "#box { opacity: 0.5; background-image: url(none.svg) }"),
        (
            "src/box.module.css",
            ".box { left: 6px } #box { color: red } :global(#box) { left: 5px }",
        ),
        ("node_modules/theme/package.json", &theme),
        ("node_modules/theme/index.js", "import './own.css';"),
        ("node_modules/theme/own.css", "#box { top: 4px }"),
        ("node_modules/theme/theme.css", "#box { border-image-source: url(dot.svg) }"),
    ] {
        dir.write(path, text);
    }
    dir
}

async fn open(livers: &Livers) -> Page {
    let page = browser().await.open(livers.url()).await;
    page.wait_until("document.title === 'ready'").await;
    page.run("document.querySelector('#text').value = 'half-written'").await;
    page
}

/// Waits until the style of the box has a value.
async fn wait_for_style(page: &Page, name: &str, value: &str) {
    let style = "getComputedStyle(document.querySelector('#box'))";
    page.wait_until(&format!("{style}.{name} === '{value}'")).await;
}

async fn assert_kept(page: &Page) {
    assert_eq!(page.navigations(), 1);
    assert_eq!(page.eval::<String>("document.querySelector('#text').value").await, "half-written");
}

#[tokio::test]
async fn imported_sheets_apply_before_the_next_module_runs() {
    let dir = project("");
    let livers = Livers::on(dir.path()).start().await;
    let page = open(&livers).await;
    assert_eq!(
        page.eval::<serde_json::Value>("window.measured").await,
        json!({
            "color": "rgb(1, 1, 1)", "marginTop": "2px", "paddingTop": "3px", "opacity": "0.5",
            "top": "4px", "left": "5px", "zIndex": "3",
        })
    );
    let url = |path: &str| format!("url(\"{}\")", livers.at(path));
    wait_for_style(&page, "backgroundImage", &url("/src/dot.svg")).await;
    page.wait_until(
        "/npm\\/theme@1[^/]*\\/dot.svg/.test(getComputedStyle(document.querySelector('#box')).borderImageSource)",
    )
    .await;

    // The order is that of the imports, also after an edit.
    dir.write(
        "src/first.css",
        "@import './parts/inner.css'; #box { color: rgb(7, 7, 7); margin-top: 7px }",
    );
    wait_for_style(&page, "color", "rgb(7, 7, 7)").await;
    wait_for_style(&page, "marginTop", "2px").await;
    dir.write("src/deep.css", "#box { opacity: 0.25 }");
    wait_for_style(&page, "opacity", "0.25").await;
    dir.write("src/parts/inner.css", "@import '../later.css'; #box { padding-top: 8px }");
    wait_for_style(&page, "paddingTop", "8px").await;
    dir.write("src/later.css", "#box { opacity: 0.75 }");
    wait_for_style(&page, "opacity", "0.75").await;
    dir.write("src/box.module.css", ":global(#box) { left: 9px } .box { }");
    wait_for_style(&page, "left", "9px").await;
    assert_kept(&page).await;

    // A module that no longer imports a sheet leaves the page without it.
    let accepting = "import.meta.hot?.accept();";
    dir.write("src/main.ts", format!("import './first.css'; import './second.css'; {accepting}"));
    page.wait_for_navigation().await;
    wait_for_style(&page, "marginTop", "2px").await;
    dir.write("src/main.ts", format!("import './first.css'; {accepting}"));
    wait_for_style(&page, "marginTop", "7px").await;
    dir.write("src/main.ts", format!("import './first.css'; import './second.css'; {accepting}"));
    wait_for_style(&page, "marginTop", "2px").await;
    assert_eq!(page.navigations(), 2);
}

#[tokio::test]
async fn imported_sheets_work_under_a_policy_that_forbids_style_elements() {
    for policy in ["style-src 'self'", "style-src 'self' 'nonce-abc'"] {
        let meta = format!(
            "<meta http-equiv=Content-Security-Policy content=\"{policy}\"><style nonce=abc></style>"
        );
        let dir = project(&meta);
        let livers = Livers::on(dir.path()).start().await;
        let page = open(&livers).await;
        let measured = page.eval::<serde_json::Value>("window.measured").await;
        assert_eq!(measured["marginTop"], "2px", "{policy}");
        dir.write("src/second.css", "#box { margin-top: 3px }");
        wait_for_style(&page, "marginTop", "3px").await;
        dir.write("src/deep.css", "#box { opacity: 0.25 }");
        wait_for_style(&page, "opacity", "0.25").await;
        assert_kept(&page).await;
    }
}
