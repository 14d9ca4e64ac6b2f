//! Svelte, with the real package: which edits keep the state of components.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// Creates a project with Svelte and a package that contains a component.
fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new();
    dir.make_dir("node_modules");
    for package in ["svelte", "esm-env", "clsx"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules").join(package);
        let copied = Command::new("cp").arg("-r").arg(&from).arg(dir.at("node_modules")).status();
        assert!(copied.is_ok_and(|it| it.success()), "run: npm ci --prefix tests");
    }
    dir.write("package.json", "{\"type\":\"module\"}");
    dir.write(
        "index.html",
        "<!doctype html><title>t</title><link rel=icon href=data:,><div id=root></div>
         <script type=module src=/src/main.ts></script>",
    );
    dir.write(
        "src/main.ts",
        "import { mount } from 'svelte'; import App from './App.svelte';
         mount(App, { target: document.querySelector('#root')! });",
    );
    for (path, text) in files {
        dir.write(path, text);
    }
    dir
}

fn counter(label: &str, colour: &str) -> String {
    format!(
        "<script lang=\"ts\">
  import {{ unit }} from './unit';
  let count: number = $state(0);
</script>
<button onclick={{() => count++}}>{label} {{count}} {{unit as string}}</button>
<style>
  button {{ color: {colour} }}
</style>\n"
    )
}

async fn wait_for_text(page: &Page, text: &str) {
    page.wait_until(&format!("document.querySelector('button')?.textContent === '{text}'")).await;
}

async fn click(page: &Page) {
    page.run("document.querySelector('button').click()").await;
}

async fn wait_for_colour(page: &Page, colour: &str) {
    let colour_of = "getComputedStyle(document.querySelector('button')).color";
    page.wait_until(&format!("{colour_of} === '{colour}'")).await;
}

const APP: &str = "<script>
  import Box from 'box'; import Counter from './Counter.svelte'; import { total } from './total.svelte';
</script>
<Box><Counter /></Box><p>{total.value}</p>\n";

#[tokio::test]
async fn a_style_edit_keeps_the_state_and_other_edits_replace_the_component() {
    let dir = project(&[
        (
            "node_modules/box/package.json",
            r#"{"name":"box","version":"1.0.0","type":"module","exports":{".":{"svelte":"./index.js"}}}"#,
        ),
        ("node_modules/box/index.js", "export { default } from './Box.svelte';"),
        (
            "node_modules/box/Box.svelte",
            "<script>let { children } = $props();</script><div>{@render children()}</div>
             <style>div { padding: 3px }</style>",
        ),
        ("src/App.svelte", APP),
        ("src/Counter.svelte", &counter("one", "rgb(1, 1, 1)")),
        ("src/unit.ts", "export const unit: string = 'm';"),
        (
            "src/total.svelte.ts",
            "class Total { value: number = $state(7); } export const total = new Total();",
        ),
    ]);
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for_text(&page, "one 0 m").await;
    let shown: serde_json::Value = page
        .eval(
            "[document.querySelector('p').textContent,
              getComputedStyle(document.querySelector('#root div')).paddingLeft]",
        )
        .await;
    assert_eq!(shown, json!(["7", "3px"]));
    click(&page).await;
    wait_for_text(&page, "one 1 m").await;

    dir.write("src/Counter.svelte", counter("one", "rgb(2, 2, 2)"));
    wait_for_colour(&page, "rgb(2, 2, 2)").await;
    wait_for_text(&page, "one 1 m").await;
    // The components that a parent creates from then on take part in later updates as well.
    dir.write("src/App.svelte", APP.replace("<p>", "<hr><p>"));
    page.wait_until("document.querySelector('hr')").await;
    dir.write("src/Counter.svelte", counter("two", "rgb(2, 2, 2)"));
    wait_for_text(&page, "two 0 m").await;
    dir.write("src/unit.ts", "export const unit: string = 'km';");
    wait_for_text(&page, "two 0 km").await;

    dir.write("src/Counter.svelte", counter("two {#if}", "rgb(2, 2, 2)"));
    livers
        .wait_for_line(|line| line.contains("src/Counter.svelte:5:41: Expected whitespace"))
        .await;
    dir.write("src/Counter.svelte", counter("three", "rgb(3, 3, 3)"));
    wait_for_text(&page, "three 0 km").await;
    wait_for_colour(&page, "rgb(3, 3, 3)").await;
    dir.write("src/total.svelte.ts", "export const total = $state({ value: 8 });");
    page.wait_until("document.querySelector('p').textContent === '8'").await;
    assert_eq!(page.navigations(), 1);
}

#[tokio::test]
async fn errors_are_where_they_are_in_the_component() {
    let dir = project(&[(
        "src/App.svelte",
        "<script lang=\"ts\">
  interface User { name: { first: string } }
  let user: User | undefined = $state();
  const fail = () => { throw new Error('in the script'); };
</script>

<button onclick={fail}>script</button>
<p onclick={() => user!.name.first}>template</p>
",
    )]);
    for packs in ["never", "always"] {
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let page = browser().await.open(livers.url()).await;
        wait_for_text(&page, "script").await;
        click(&page).await;
        let found = |place: &'static str, message: &'static str| {
            move |line: &str| line.contains(place) && line.contains(message)
        };
        livers.wait_for_line(found("src/App.svelte:4:30: ", "in the script")).await;
        page.run("document.querySelector('p').click()").await;
        livers.wait_for_line(found("src/App.svelte:8:", "TypeError: Cannot read")).await;
    }
}
