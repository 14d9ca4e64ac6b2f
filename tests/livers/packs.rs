//! Packs: the modules of a page in a few responses.
//!
//! What modules do in packs is tested in `module_semantics`, and which tabs are notified in
//! `live::tabs`; this is about what is requested and when.

use std::fmt::Write;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::http::{Response, get, get_with};
use crate::support::server::Livers;

/// More modules than a page without packs has.
const MANY: usize = 60;

/// Creates a project whose page imports a number of modules, and another one when it is asked to.
/// Its title is the sum of what they export.
fn project(modules: usize) -> TempDir {
    let dir = TempDir::new();
    let mut main = String::new();
    for n in 0..modules {
        dir.write(format!("src/m{n}.ts"), module(n, 1));
        let _ = writeln!(main, "import {{ value as v{n} }} from './m{n}';");
    }
    let sum: Vec<_> = (0..modules).map(|n| format!("v{n}")).collect();
    let _ = writeln!(
        main,
        "document.title = String({});\n\
         let last: number = v0;\n\
         import.meta.hot?.accept('./m0', (next) => {{ document.title = `m0 ${{next.value}} ${{last}}`; }});\n\
         Object.assign(globalThis, {{ later: () => import('./later') }});",
        sum.join(" + ")
    );
    for (path, text) in [
        ("package.json", "{}"),
        ("favicon.ico", ""),
        (
            "index.html",
            "<!doctype html><title>none</title><script type=module src=/src/main.ts></script>",
        ),
        ("src/main.ts", &main),
        (
            "src/later.ts",
            "import { value } from './m1'; import { more } from './more';\n\
             document.title = `later ${value + more}`;",
        ),
        ("src/more.ts", "export const more: number = 10;"),
    ] {
        dir.write(path, text);
    }
    dir
}

fn module(n: usize, value: usize) -> String {
    format!("export const value: number = {value}; // of m{n}\n")
}

/// Returns the paths and queries of the modules and packs that a page has requested.
fn requested(page: &Page) -> Vec<String> {
    let requests = page.requests().into_iter().map(|request| request.url);
    let paths = requests.filter_map(|url| Some(url.splitn(4, '/').nth(3)?.to_owned()));
    paths.filter(|path| path.starts_with("src/") || path.starts_with("__livers/pack")).collect()
}

/// Returns the names of the modules in a pack.
async fn modules_of(livers: &Livers, pack: &str) -> String {
    let response = get(livers.port(), &format!("/{pack}")).await;
    let lines = response.text().lines().filter_map(|line| line.strip_prefix("\"/"));
    let names = lines.filter_map(|line| line.split_once(".ts")).map(|it| it.0);
    names.collect::<Vec<_>>().join(" ")
}

async fn wait_for_title(page: &Page, title: &str) {
    page.wait_until(&format!("document.title === '{title}'")).await;
}

#[tokio::test]
async fn a_page_with_many_modules_gets_them_in_packs() {
    for (modules, args, packed) in [
        (MANY, &["--packs", "auto"][..], true),
        (MANY, &["--packs", "never"], false),
        (3, &[], false),
        (3, &["--packs", "always"], true),
    ] {
        let dir = project(modules);
        let livers = Livers::on(dir.path()).args(args).start().await;
        let page = browser().await.open(livers.url()).await;
        wait_for_title(&page, &modules.to_string()).await;
        let requested = requested(&page);
        let packs = requested.iter().filter(|path| path.starts_with("__livers/pack")).count();
        let expected = if packed { (2, 3) } else { (0, modules + 1) };
        assert_eq!((packs, requested.len()), expected, "{modules} {args:?}: {requested:?}");
    }
}

#[tokio::test]
async fn other_requests_get_the_module_itself() {
    let dir = project(3);
    let livers = Livers::on(dir.path()).args(["--packs", "always"]).start().await;
    let host = format!("localhost:{}", livers.port());
    let page = format!("http://{host}/");
    let main = format!("http://{host}/src/main.ts");
    let [of_page, of_module] = [&page, &main].map(|from| {
        [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors"), ("Referer", from.as_str())]
    });
    let is_packed = |response: Response| response.text().contains("/__livers/pack?");
    assert!(is_packed(get_with(livers.port(), "/src/main.ts", &of_page).await));
    for (path, headers) in [
        ("/src/main.ts", &of_module[..]),
        ("/src/m1.ts", &of_page),
        ("/src/main.ts", &[("Sec-Fetch-Dest", "worker"), ("Referer", &page)]),
        ("/src/main.ts", &[]),
    ] {
        let response = get_with(livers.port(), path, headers).await;
        assert_eq!(response.status, 200, "{path} {headers:?}");
        assert!(!is_packed(response), "{path} {headers:?}");
    }
    // Each module must exist once in a page.
    for more in
        ["<script type=module>import './src/m1.ts'</script>", "<script type=importmap>{}</script>"]
    {
        dir.write("index.html", format!("<script type=module src=src/main.ts></script>{more}"));
        let response = get_with(livers.port(), "/src/main.ts", &of_page).await;
        assert!(!is_packed(response), "{more}");
    }
}

#[tokio::test]
async fn an_edit_and_an_import_send_only_what_the_page_lacks() {
    let dir = project(MANY);
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for_title(&page, &MANY.to_string()).await;

    dir.write("src/m0.ts", module(0, 7));
    wait_for_title(&page, "m0 7 1").await;
    page.run("later()").await;
    wait_for_title(&page, "later 11").await;
    dir.write("src/m0.ts", module(0, 8));
    wait_for_title(&page, "m0 8 1").await;
    assert_eq!(page.navigations(), 1);

    let packs = requested(&page);
    let [.., edit, later, again] = &packs[..] else { panic!("{packs:?}") };
    for (pack, modules) in [(edit, "src/m0"), (later, "src/later src/more"), (again, "src/m0")] {
        assert_eq!(modules_of(&livers, pack).await, modules, "{pack}");
    }
}

#[tokio::test]
async fn a_module_that_changed_is_imported_again() {
    let dir = TempDir::new();
    for (path, text) in [
        ("package.json", "{}"),
        ("favicon.ico", ""),
        (
            "index.html",
            "<!doctype html><title>none</title><script type=module src=/src/main.ts></script>",
        ),
        (
            "src/main.ts",
            "import { open } from './routes';\nopen();\n\
             import.meta.hot.accept('./routes', (next) => next.open());",
        ),
        ("src/routes.ts", "export const open = () => import('./route');"),
        ("src/route.ts", "import { text } from './text';\ndocument.title = `route 1 ${text}`;"),
        ("src/text.ts", "export const text = 'a';"),
    ] {
        dir.write(path, text);
    }
    for packs in ["never", "always"] {
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let page = browser().await.open(livers.url()).await;
        wait_for_title(&page, "route 1 a").await;
        for (path, text, title) in [
            ("src/text.ts", "export const text = 'b';", "route 1 b"),
            (
                "src/route.ts",
                "import { text } from './text';\ndocument.title = `route 2 ${text}`;",
                "route 2 b",
            ),
            ("src/text.ts", "export const text = 'a';", "route 2 a"),
            (
                "src/route.ts",
                "import { text } from './text';\ndocument.title = `route 1 ${text}`;",
                "route 1 a",
            ),
        ] {
            dir.write(path, text);
            wait_for_title(&page, title).await;
        }
        assert_eq!(page.navigations(), 1, "{packs}");
    }
}

#[tokio::test]
async fn a_pack_is_sent_again_once_a_module_has_changed() {
    let dir = project(3);
    let livers = Livers::on(dir.path()).args(["--packs", "always"]).start().await;
    let pack = "/__livers/pack?entry=%2Fsrc%2Fmain.ts";
    let first = get(livers.port(), pack).await;
    let tag = first.header("etag").expect("a tag").to_owned();
    let again = async || get_with(livers.port(), pack, &[("If-None-Match", &tag)]).await;
    assert_eq!(again().await.status, 304);
    // Before the file watcher can have noticed it.
    dir.write("src/m2.ts", module(2, 5));
    let changed = again().await;
    assert_eq!(changed.status, 200);
    assert!(changed.text().contains("value = 5"));
}

#[tokio::test]
async fn a_page_keeps_being_notified_of_its_modules_after_a_restart() {
    let dir = project(MANY);
    let mut livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for_title(&page, &MANY.to_string()).await;
    page.run("later()").await;
    wait_for_title(&page, "later 11").await;
    livers.restart().await;
    // No request has told this server that the page uses the module.
    dir.write("src/more.ts", "export const more: number = 20;");
    page.wait_for_navigation().await;
    wait_for_title(&page, &MANY.to_string()).await;
}

#[tokio::test]
async fn an_error_in_a_pack_is_reported_and_goes_away() {
    let dir = project(MANY);
    let livers = Livers::on(dir.path()).start().await;
    dir.write("src/m5.ts", "export const value = ;");
    let page = browser().await.open(livers.url()).await;
    livers.wait_for_line(|line| line.contains("src/m5.ts:1:")).await;
    dir.write("src/m5.ts", module(5, 1));
    wait_for_title(&page, &MANY.to_string()).await;
    // Syntax that only the browser rejects, in its place.
    dir.write("src/m6.ts", "export const value = 1;\nconst pattern = /(?<a>.)(?<a>.)/;");
    livers.wait_for_line(|line| line.contains("src/m6.ts:2:")).await;
    dir.write("src/m6.ts", module(6, 2));
    wait_for_title(&page, &(MANY + 1).to_string()).await;
}

#[tokio::test]
async fn the_error_of_an_import_names_the_module() {
    let dir = TempDir::new();
    dir.write("package.json", "{}");
    dir.write("favicon.ico", "");
    dir.write(
        "index.html",
        "<!doctype html><title>none</title><script type=module src=main.ts></script>",
    );
    dir.write("main.ts", "import('./lazy').catch(({ message }) => { document.title = message; });");
    dir.write("lazy.ts", "export const value = ;");
    for packs in ["never", "always"] {
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let page = browser().await.open(livers.url()).await;
        page.wait_until("document.title !== 'none'").await;
        let title: String = page.eval("document.title.replace(location.origin, '')").await;
        assert_eq!(title, "Failed to fetch dynamically imported module: /lazy.ts", "{packs}");
    }
}

#[tokio::test]
async fn scripts_of_a_page_share_the_modules_of_their_pack() {
    let dir = TempDir::new();
    for (path, text) in [
        ("package.json", "{}"),
        ("favicon.ico", ""),
        (
            "index.html",
            "<!doctype html><title>none</title><script type=module src=a.ts></script>\
             <script>order = ['classic']</script><script type=module src=b.ts></script>",
        ),
        (
            "a.ts",
            "import { shared } from './shared'; shared.push('a'); await 0; shared.push('a2');",
        ),
        (
            "b.ts",
            "import { shared } from './shared'; shared.push('b');\n\
                  setTimeout(() => { document.title = shared.join(); });",
        ),
        (
            "shared.ts",
            "declare const order: string[]; export const shared = order; order.push('shared');",
        ),
    ] {
        dir.write(path, text);
    }
    for packs in ["never", "always"] {
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let page = browser().await.open(livers.url()).await;
        page.wait_until("document.title !== 'none'").await;
        let title: String = page.eval("document.title").await;
        assert_eq!(title, "classic,shared,a,a2,b", "{packs}");
        let requested = requested(&page);
        let mut sent = Vec::new();
        for pack in requested.iter().filter(|path| path.contains("?entry=")) {
            sent.push(modules_of(&livers, pack).await);
        }
        sent.sort();
        assert_eq!(sent, if packs == "always" { &["a shared", "b"][..] } else { &[] });
    }
}
