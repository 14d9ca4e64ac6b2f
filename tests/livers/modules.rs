//! Compiled sources and packages, as browsers and HTTP clients see them.

use serde_json::Value;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::http::{Response, get, get_with};
use crate::support::server::Livers;

/// Creates a project with TypeScript, JSX, a CommonJS package, and an ES module package.
fn project() -> TempDir {
    let dir = TempDir::new();
    let package =
        |name: &str, more: &str| format!("{{\"name\":\"{name}\",\"version\":\"1.2.3\"{more}}}");
    for (path, text) in [
        ("package.json", "{\"name\":\"project\",\"type\":\"module\"}".to_owned()),
        (
            "index.html",
            "<!doctype html><title>none</title><input id=text><div id=root></div>\
             <script type=module src=src/main.tsx></script>"
                .to_owned(),
        ),
        (
            "src/main.tsx",
            "import './style.css';\nimport { view } from './view';\nimport { count, add } from 'tiny';\n\
             import same from 'tiny/again.js';\nimport data from './data.json';\n\
             const say = (text: string): void => { document.title = text };\n\
             declare global { interface Window { seen: unknown } }\n\
             add(); same();\nwindow.seen = { count: count(), data, mode: import.meta.env.MODE };\n\
             document.querySelector('#root')!.append(view());\nsay('ready');\n"
                .to_owned(),
        ),
        ("src/view.tsx", view("one")),
        ("src/style.css", "#root { color: rgb(1, 2, 3) }".to_owned()),
        ("src/data.json", "{\"answer\":42}".to_owned()),
        ("classic.js", "var classic = 'react';\n".to_owned()),
        ("video.ts", "this is no TypeScript".to_owned()),
        ("node_modules/tiny/package.json", package("tiny", "")),
        (
            "node_modules/tiny/index.js",
            "let n = 0; module.exports = Object.assign({}, { count: () => n, add: () => { n += 1 } });"
                .to_owned(),
        ),
        ("node_modules/tiny/again.js", "module.exports = require('./index').add;".to_owned()),
        ("node_modules/elements/package.json", package("elements", ",\"type\":\"module\",\"exports\":{\"./jsx-dev-runtime\":\"./jsx.js\",\"./jsx-runtime\":\"./jsx.js\"}")),
        (
            "node_modules/elements/jsx.js",
            "export { make as jsx, make as jsxs, make as jsxDEV } from './make.js';\nexport const Fragment = 'x';"
                .to_owned(),
        ),
        (
            "node_modules/elements/make.js",
            "export function make(tag, { children, ...rest }) {\n\
             const element = Object.assign(document.createElement(tag), rest);\n\
             element.append(...[children].flat().filter((child) => child != null));\nreturn element; }"
                .to_owned(),
        ),
        ("tsconfig.json", "{\"compilerOptions\":{\"jsx\":\"react-jsx\",\"jsxImportSource\":\"elements\"}}".to_owned()),
    ] {
        dir.write(path, text);
    }
    dir.write("favicon.ico", "");
    dir
}

/// Returns a module that shows a text and accepts its own hot updates.
fn view(text: &str) -> String {
    format!(
        "export const view = () => <p id=\"view\">{text}</p>;\n\
         if (import.meta.hot) import.meta.hot.accept((now) =>\n\
         document.querySelector('#view')?.replaceWith(now.view()));\n"
    )
}

/// Requests a path as a browser does for a module script.
async fn get_as_script(livers: &Livers, path: &str) -> Response {
    let headers = [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors")];
    get_with(livers.port(), path, &headers).await
}

/// Waits until the page shows a text.
async fn wait_for_text(page: &Page, text: &str) {
    page.wait_until(&format!("document.querySelector('#view')?.textContent === '{text}'")).await;
}

#[tokio::test]
async fn a_project_runs_from_source_and_is_hot_updated() {
    let dir = project();
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for_text(&page, "one").await;
    let seen: Value = page.eval("window.seen").await;
    // Each file of the package exists once, whether it is imported or required.
    assert_eq!(
        seen,
        serde_json::json!({"count": 2, "data": {"answer": 42}, "mode": "development"})
    );
    page.wait_until("getComputedStyle(document.querySelector('#root')).color === 'rgb(1, 2, 3)'")
        .await;

    page.run("document.querySelector('#text').value = 'half-written'").await;
    for text in ["two", "three"] {
        dir.write("src/view.tsx", view(text));
        wait_for_text(&page, text).await;
    }
    dir.write("src/style.css", "#root { color: rgb(4, 5, 6) }");
    page.wait_until("getComputedStyle(document.querySelector('#root')).color === 'rgb(4, 5, 6)'")
        .await;
    assert_eq!(page.navigations(), 1);
    assert_eq!(page.eval::<String>("document.querySelector('#text').value").await, "half-written");

    // No module accepts an update of JSON: the page reloads.
    dir.write("src/data.json", "{\"answer\":43}");
    page.wait_for_navigation().await;
    page.wait_until("window.seen?.data.answer === 43").await;
    wait_for_text(&page, "three").await;
}

#[tokio::test]
async fn a_compile_error_is_shown_in_page_and_terminal_until_it_is_fixed() {
    let dir = project();
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for_text(&page, "one").await;
    page.run("document.querySelector('#text').value = 'half-written'").await;
    let overlay = "document.documentElement.lastElementChild.shadowRoot";
    let shown = format!("{overlay}?.textContent.includes('src/view.tsx:1:')");
    let gone = format!("!{overlay}");

    dir.write("src/view.tsx", "export const view = () => <p>;\n");
    let line = livers.wait_for_line(|line| line.contains("src/view.tsx:1:")).await;
    assert!(line.contains("error"), "{line}");
    page.wait_until(&shown).await;
    dir.write("src/view.tsx", view("two"));
    wait_for_text(&page, "two").await;
    page.wait_until(&gone).await;
    assert_eq!(page.navigations(), 1);
    assert_eq!(page.eval::<String>("document.querySelector('#text').value").await, "half-written");

    // A page that failed to load is loaded again once the error is fixed.
    dir.write("src/view.tsx", "import 'not-there';\n".to_owned() + &view("three"));
    livers.wait_for_line(|line| line.contains("npm install not-there")).await;
    page.reload().await;
    page.wait_until(&shown).await;
    dir.write("src/view.tsx", view("four"));
    wait_for_text(&page, "four").await;

    // Creating a missing dependency fixes its importer, without another save of the importer.
    let importing = |specifier: &str, text: &str| format!("import '{specifier}';\n{}", view(text));
    dir.write("src/view.tsx", importing("./later", "five"));
    livers.wait_for_line(|line| line.contains("cannot resolve \"./later\"")).await;
    dir.write("src/later.ts", "export {};");
    wait_for_text(&page, "five").await;
    dir.write("src/view.tsx", importing("late", "six"));
    livers.wait_for_line(|line| line.contains("npm install late")).await;
    dir.write("node_modules/late/package.json", "{\"name\":\"late\",\"version\":\"1.0.0\"}");
    dir.write("node_modules/late/index.js", "exports.late = true;");
    dir.write("package.json", "{\"name\":\"project\",\"dependencies\":{\"late\":\"1\"}}");
    wait_for_text(&page, "six").await;
}

#[tokio::test]
async fn removing_a_failing_import_from_a_page_clears_its_error() {
    let dir = project();
    let html = |script: &str| {
        format!("<!doctype html><title>none</title><script type=module>{script}</script>")
    };
    dir.write("inline.html", html("import 'absent'"));
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(&livers.at("/inline.html")).await;
    let overlay = "document.documentElement.lastElementChild.shadowRoot";
    livers.wait_for_line(|line| line.contains("npm install absent")).await;
    page.wait_until(&format!("{overlay}?.textContent.includes('inline.html')")).await;
    // An error that is still known is sent before the second change.
    for title in ["first", "second"] {
        dir.write("inline.html", html(&format!("document.title = '{title}'")));
        page.wait_until(&format!("document.title === '{title}'")).await;
    }
    assert!(page.eval::<bool>(&format!("!{overlay}")).await);
}

#[tokio::test]
async fn sources_are_compiled_for_scripts_only() {
    let dir = project();
    dir.write(
        "inline.html",
        "<!doctype html><title>none</title><script type=module>\
        import { count } from 'tiny'; document.title = 'count ' + count()</script>",
    );
    let livers = Livers::on(dir.path()).start().await;
    let compiled = get_as_script(&livers, "/src/main.tsx").await;
    assert_eq!(compiled.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(compiled.text().contains("/__livers/npm/tiny@1.2.3"), "{}", compiled.text());
    assert!(!compiled.text().contains(": string"));
    let tag = compiled.header("etag").expect("an ETag").to_owned();
    let again =
        [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors"), ("If-None-Match", tag.as_str())];
    assert_eq!(get_with(livers.port(), "/src/main.tsx", &again).await.status, 304);

    // Served as they are: to navigations, fetch(), videos, and classic scripts.
    for (path, dest, mode) in [
        ("src/main.tsx", "document", "navigate"),
        ("src/main.tsx", "empty", "cors"),
        ("video.ts", "video", "no-cors"),
        ("classic.js", "script", "no-cors"),
        ("src/data.json", "empty", "cors"),
    ] {
        let headers = [("Sec-Fetch-Dest", dest), ("Sec-Fetch-Mode", mode)];
        let response = get_with(livers.port(), &format!("/{path}"), &headers).await;
        assert_eq!(response.text().as_bytes(), dir.read(path), "{path} {dest}");
    }

    // Inline scripts can import packages, too.
    let page = browser().await.open(&livers.at("/inline.html")).await;
    page.wait_until("document.title === 'count 0'").await;
    // The client removes the import map, too.
    page.wait_until("document.__livers").await;
    let head = "[...document.head.children].map(element => element.localName).join()";
    assert_eq!(page.eval::<String>(head).await, "title,script");

    let plain = Livers::on(dir.path()).arg("--no-compile").start().await;
    let response = get_as_script(&plain, "/src/main.tsx").await;
    assert_eq!(response.text().as_bytes(), dir.read("src/main.tsx"));
    assert_eq!(get_as_script(&plain, "/__livers/npm/tiny@1.2.3/index.js").await.status, 404);
}

#[tokio::test]
async fn a_project_runs_behind_a_service_worker() {
    let begin = "addEventListener('install', () => skipWaiting());
        addEventListener('activate', (event) => event.waitUntil(clients.claim()));";
    let forward = "addEventListener('fetch', (event) => event.respondWith(fetch(event.request)));";
    // As MSW does it: `Referer` then names the worker.
    let change = "addEventListener('fetch', (event) => {
        if (event.request.mode === 'navigate') return;
        const headers = new Headers(event.request.headers);
        event.respondWith(fetch(event.request.clone(), { headers }));
    });";
    let dir = project();
    let html = String::from_utf8(dir.read("index.html")).expect("UTF-8");
    let more = "<script type=module>import '/src/main.tsx'; import '/src/twice.ts'</script>\
        <script type=module src=/src/twice.ts></script><script src=/classic.ts></script>";
    dir.write("index.html", html + more);
    dir.write("src/twice.ts", "import './leaf'; window.runs = (window.runs ?? 0) + 1 as number;");
    dir.write("src/leaf.ts", "window.runs = (window.runs ?? 0) + 10 as number;");
    dir.write("classic.ts", "var classic: string = 'classic';");
    dir.write(
        "src/worker.ts",
        "import { part } from './part'; const text: string = part; postMessage(text);",
    );
    dir.write("src/part.ts", "export const part = 'from a worker' as string;");
    for (name, worker) in [("forward.js", forward), ("change.js", change)] {
        dir.write(name, format!("{begin}{worker}"));
        dir.write("src/view.tsx", view("one"));
        let livers = Livers::on(dir.path()).start().await;
        let page = browser().await.open(livers.url()).await;
        page.run(&format!("void navigator.serviceWorker.register('/{name}')")).await;
        page.wait_until("navigator.serviceWorker.controller").await;
        page.reload().await;
        wait_for_text(&page, "one").await;
        page.wait_until("document.title === 'ready' && window.runs === 11").await;
        assert_eq!(page.eval::<String>("classic").await, "classic");
        page.run("document.querySelector('#text').value = 'half-written'").await;
        dir.write("src/view.tsx", view("two"));
        wait_for_text(&page, "two").await;
        assert_eq!(
            page.eval::<String>("document.querySelector('#text').value").await,
            "half-written"
        );
        page.run(
            "new Worker('/src/worker.ts', { type: 'module' }).onmessage =
             ({ data }) => { document.title = data }",
        )
        .await;
        page.wait_until("document.title === 'from a worker'").await;
        // A worker that changes a request hides where it comes from.
        page.run("fetch('/src/part.ts').then((r) => r.text()).then((t) => { window.text = t })")
            .await;
        page.wait_until("window.text").await;
        let is_source = page.eval::<String>("window.text").await.contains("as string");
        assert_eq!(is_source, name == "forward.js", "{name}");
    }
}

#[tokio::test]
async fn files_in_public_are_imported_by_the_url_that_they_are_served_at() {
    let dir = project();
    dir.write("public/logo.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'/>");
    dir.write("public/names.json", "{\"name\":\"Ada\"}");
    dir.write("public/note.txt", "a note");
    dir.write("public/theme.css", "#root { color: rgb(7, 7, 7) }");
    dir.write("shared/icon.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    let shared = format!("/mounted={}", dir.at("shared").display());
    let start = "import logo from '/logo.svg'; import { name } from '/names.json';
        import note from '/note.txt?raw'; import '/theme.css'; import icon from '/mounted/icon.svg';";
    dir.write(
        "src/main.tsx",
        format!(
            "{start} const image: HTMLImageElement = new Image(); image.src = logo;
             image.onload = () => {{
               document.title = [logo, name, note, icon, image.naturalWidth].join();
             }};"
        ),
    );
    let livers = Livers::on(dir.path()).args(["--mount", &shared]).start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until("document.title === '/logo.svg,Ada,a note,/mounted/icon.svg,7'").await;
    page.wait_until("getComputedStyle(document.querySelector('#root')).color === 'rgb(7, 7, 7)'")
        .await;
    // The same file by its own path.
    let module = get_as_script(&livers, "/public/logo.svg?import").await;
    assert_eq!(module.text(), "export default \"/public/logo.svg\";\n");

    dir.write("public/names.json", "{\"name\":\"Bea\"}");
    page.wait_until("document.title.includes('Bea')").await;

    dir.write("src/main.tsx", "import logo from '/gone.svg'; document.title = logo;");
    let line = livers.wait_for_line(|line| line.contains("cannot load \"/gone.svg\"")).await;
    assert!(line.contains("src/main.tsx:1:19"), "{line}");
    dir.write("public/gone.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    page.wait_until("document.title === '/gone.svg'").await;
}

#[tokio::test]
async fn a_large_file_is_imported_by_its_url_and_no_other_way() {
    let dir = project();
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    dir.write("src/film.mp4", &large);
    dir.write("src/large.json", &large);
    dir.write("src/large.js", [b"export default 7;", &large[..]].concat());
    let main = "import film from './film.mp4'; import json from './large.json?url';
        import seven from './large.js'; document.title = [film, json, seven].join();";
    dir.write("src/main.tsx", main);
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until("document.title === '/src/film.mp4,/src/large.json,7'").await;
    dir.write("src/main.tsx", "import json from './large.json'; document.title = json;");
    livers.wait_for_line(|line| line.contains("this file is too large to be a module")).await;
    page.wait_until("document.querySelector('livers-overlay')").await;
}

#[tokio::test]
async fn packages_are_immutable_and_only_their_files_are_served() {
    let dir = project();
    dir.write("node_modules/tiny/.env", "SECRET=1");
    dir.write("secret/package.json", "{\"name\":\"secret\",\"version\":\"1.0.0\"}");
    dir.write("secret/key.js", "secret");
    let livers = Livers::on(dir.path()).start().await;
    let main = get_as_script(&livers, "/src/main.tsx").await;
    let at = main.text().find("/__livers/npm/tiny").expect("the URL of a package");
    let url: String = main.text()[at..].chars().take_while(|char| *char != '"').collect();
    let response = get_as_script(&livers, &url).await;
    assert_eq!(response.status, 200, "{url}");
    assert_eq!(response.header("cache-control"), Some("max-age=31536000, immutable"));
    let folder = &url[..url.rfind('/').expect("the URL has a folder")];
    for path in [
        format!("{folder}/../../secret/key.js"),
        format!("{folder}/%2e%2e/%2e%2e/secret/key.js"),
        format!("{folder}/..%2f..%2fsecret/key.js"),
        format!("{folder}/not-there.js"),
        "/__livers/npm/secret@1.0.0/key.js".to_owned(),
        "/__livers/npm/../../secret/key.js".to_owned(),
        "/__livers/npm/".to_owned(),
        "/__livers/npm/tiny".to_owned(),
    ] {
        let response = get(livers.port(), &path).await;
        assert!([400, 404].contains(&response.status), "{path}: {}", response.status);
        assert!(!response.text().contains("secret\""), "{path}");
    }
    // Pages of other origins are refused.
    let foreign = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "script")];
    assert_eq!(get_with(livers.port(), &url, &foreign).await.status, 403);
}

#[tokio::test]
async fn open_pages_are_reloaded_after_an_installation() {
    let dir = project();
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for_text(&page, "one").await;
    dir.write("package.json", "{\"name\":\"project\",\"dependencies\":{\"more\":\"1\"}}");
    page.wait_for_navigation().await;
    wait_for_text(&page, "one").await;
    livers.wait_for_line(|line| line.ends_with("(node_modules changed)")).await;
    dir.write("src/view.tsx", view("two"));
    wait_for_text(&page, "two").await;
    assert_eq!(page.navigations(), 2);
}

#[tokio::test]
async fn css_modules_have_scoped_names_and_are_hot_updated() {
    let dir = project();
    let sheet = |names: &str, n: u8| {
        format!("{names} {{ composes: base from './base.module.css'; color: rgb({n}, {n}, {n}) }}")
    };
    dir.write("src/base.module.css", ".base { margin: 7px }");
    dir.write("src/view.module.css", sheet(".title", 1));
    dir.write(
        "src/view.tsx",
        "import names, * as all from './view.module.css';\n\
         export const view = () => <p id=\"view\" className={names.other ?? all['title']}>one</p>;\n\
         import.meta.hot?.accept((now) => document.querySelector('#view')?.replaceWith(now.view()));\n",
    );
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let page = browser().await.open(livers.url()).await;
    let shown = |name: &str, n: u8| {
        format!(
            "(({{ className }}, {{ color, marginTop }}) => /^_{name}_\\w+ _base_\\w+$/.test(className) && \
             color === 'rgb({n}, {n}, {n})' && marginTop === '7px')\
             (document.querySelector('#view'), getComputedStyle(document.querySelector('#view')))"
        )
    };
    page.wait_until("document.title === 'ready'").await;
    page.wait_until(&shown("title", 1)).await;
    page.run("document.querySelector('#text').value = 'half-written'").await;
    dir.write("src/view.module.css", sheet(".title", 2));
    page.wait_until(&shown("title", 2)).await;
    // A new class name is a new export, so importers are updated.
    dir.write("src/view.module.css", sheet(".other", 3));
    page.wait_until(&shown("other", 3)).await;
    dir.write("src/base.module.css", ".base { margin: 8px }");
    page.wait_until("getComputedStyle(document.querySelector('#view')).marginTop === '8px'").await;
    assert_eq!(page.navigations(), 1);
    assert_eq!(page.eval::<String>("document.querySelector('#text').value").await, "half-written");
    assert_eq!(
        page.eval::<u32>("document.querySelectorAll('[data-livers*=view]').length").await,
        1
    );
    let plain = get(livers.port(), "/src/view.module.css").await;
    assert_eq!(plain.text().as_bytes(), dir.read("src/view.module.css"));
}

#[tokio::test]
async fn import_meta_glob_follows_created_and_removed_files() {
    let dir = project();
    dir.write("src/pages/a.ts", "export const name = 'a';");
    dir.write(
        "src/pages.ts",
        "const lazy = import.meta.glob<{ name: string }>('./pages/*.ts');\n\
         const eager = import.meta.glob(['./pages/*.ts', '!./pages/b.ts'], { eager: true, import: 'name' });\n\
         export const names = async () => [Object.values(eager).join(), ...await Promise.all(\n\
           Object.entries(lazy).map(async ([path, load]) => path + (await load()).name))].join(' ');\n",
    );
    dir.write(
        "src/view.tsx",
        "import { names } from './pages';\n\
         const show = async (from: typeof names) => document.querySelector('#view')!.textContent = await from();\n\
         export const view = () => { setTimeout(show, 0, names); return <p id=\"view\"></p> };\n\
         import.meta.hot?.accept('./pages', (now) => show(now.names));\n",
    );
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for_text(&page, "a ./pages/a.tsa").await;
    dir.write("src/pages/b.ts", "export const name = 'b';");
    wait_for_text(&page, "a ./pages/a.tsa ./pages/b.tsb").await;
    dir.write("src/pages/c.ts", "export const name = 'c';");
    wait_for_text(&page, "a,c ./pages/a.tsa ./pages/b.tsb ./pages/c.tsc").await;
    assert_eq!(page.navigations(), 1);
    dir.remove("src/pages/b.ts");
    dir.remove("src/pages/a.ts");
    wait_for_text(&page, "c ./pages/c.tsc").await;
    dir.write("src/pages.ts", "export const names = import.meta.glob('none/*.ts');");
    livers.wait_for_line(|line| line.contains("src/pages.ts:1:")).await;
}

#[tokio::test]
async fn public_files_application_routes_and_package_style_sheets_are_served() {
    let dir = project();
    dir.write("public/logo.txt", "the logo");
    dir.write("src/style.css", "@import 'theme/theme.css'; @import 'theme';");
    dir.write(
        "node_modules/theme/package.json",
        "{\"name\":\"theme\",\"version\":\"1.0.0\",\"exports\":{\".\":{\"style\":\"./index.css\"},\"./theme.css\":\"./theme.css\"}}",
    );
    dir.write("node_modules/theme/index.css", "#root { background: url(dot.svg) }");
    dir.write("node_modules/theme/theme.css", "#root { color: rgb(9, 9, 9) }");
    dir.write("node_modules/theme/dot.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    let livers = Livers::on(dir.path()).start().await;
    assert_eq!(get(livers.port(), "/logo.txt").await.text(), "the logo");
    assert_eq!(get(livers.port(), "/other.txt").await.status, 404);

    let html = std::fs::read_to_string(dir.at("index.html")).expect("read index.html");
    dir.write("index.html", html.replace("src=src", "src=/src"));
    let page = browser().await.open(&livers.at("/settings/profile")).await;
    page.wait_until("document.title === 'ready'").await;
    page.wait_until("getComputedStyle(document.querySelector('#root')).color === 'rgb(9, 9, 9)'")
        .await;
    page.wait_until("performance.getEntriesByType('resource').some(({ name }) => /theme@.*dot.svg$/.test(name))").await;
    let navigation = [("Accept", "text/html"), ("Sec-Fetch-Dest", "document")];
    assert_eq!(get_with(livers.port(), "/gone.html", &navigation).await.status, 404);
    dir.remove("package.json");
    assert_eq!(get_with(livers.port(), "/settings", &navigation).await.status, 404);
}
