//! Live reload as seen in Chromium: what a page shows after files are saved.

mod again;
mod assets;
mod editors;
mod modules;
mod morph;
mod policies;
mod tabs;
mod xml;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::server::Livers;
use crate::support::tab::status;

/// Creates a site of two pages that scroll, each with a style sheet that imports another.
fn site() -> TempDir {
    let dir = TempDir::new();
    for name in ["index", "other"] {
        dir.write(format!("{name}.html"), page(name));
        dir.write(format!("css/{name}.css"), "@import 'base.css'; p { color: rgb(1, 1, 1) }");
    }
    dir.write("css/base.css", "body { background: rgb(9, 9, 9) }");
    dir.write("favicon.ico", "");
    dir
}

fn page(name: &str) -> String {
    format!(
        "<!doctype html>\n<title>{name}</title>\n<link rel=stylesheet href=css/{name}.css>\n\
         <p>one</p><div style='height: 5000px'></div>\n"
    )
}

/// Waits until `count` sockets are open. A change saved earlier would be sent because of the
/// version in the page, and could navigate once more.
async fn wait_for_tabs(livers: &Livers, count: u64) {
    loop {
        if status(livers).await["clients"] == count {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Opens pages, each in its own window, and waits until their sockets are open.
async fn open_pages(livers: &Livers, paths: &[&str]) -> Vec<Page> {
    let context = browser().await;
    let mut pages = Vec::new();
    for path in paths {
        let page = context.open(&livers.at(path)).await;
        page.wait_for_request(|request| request.url.contains("/__livers/client.js?")).await;
        pages.push(page);
        wait_for_tabs(livers, pages.len() as u64).await;
    }
    pages
}

/// Checks that a page has not navigated again. A changed style sheet is the marker: the page
/// applies it after every earlier change, and without a navigation.
async fn expect_navigations(page: &Page, dir: &TempDir, sheet: &str, navigations: usize) {
    static COLOURS: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(100);
    let colour = COLOURS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    dir.write(sheet, format!("@import 'base.css'; p {{ color: rgb(0, 0, {colour}) }}"));
    page.wait_until(&format!(
        "getComputedStyle(document.querySelector('p')).color === 'rgb(0, 0, {colour})'"
    ))
    .await;
    assert_eq!(page.navigations(), navigations, "navigations");
}

fn expect_empty_console(page: &Page) {
    let console = page.console();
    assert!(console.is_empty(), "{console:?}");
}

#[tokio::test]
async fn a_saved_sheet_is_replaced_without_a_navigation() {
    let dir = site();
    let livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let page = &pages[0];
    page.run("scrollTo(0, 1234); window.kept = 'kept'").await;
    for (n, replace) in [(2, false), (3, true), (4, false)] {
        let css = format!("@import 'base.css'; p {{ color: rgb({n}, {n}, {n}) }}");
        if replace {
            dir.replace("css/index.css", css);
        } else {
            dir.write("css/index.css", css);
        }
        page.wait_until(&format!(
            "getComputedStyle(document.querySelector('p')).color === 'rgb({n}, {n}, {n})'"
        ))
        .await;
        // An imported sheet is replaced through the sheet that imports it.
        let css = format!("body {{ background: rgb({n}, {n}, {n}) }}");
        if replace {
            dir.replace("css/base.css", css);
        } else {
            dir.write("css/base.css", css);
        }
        page.wait_until(&format!(
            "getComputedStyle(document.body).backgroundColor === 'rgb({n}, {n}, {n})'"
        ))
        .await;
    }
    assert_eq!(page.navigations(), 1);
    assert_eq!(page.eval::<(String, f64)>("[window.kept, scrollY]").await, ("kept".into(), 1234.0));
    let links = "document.querySelectorAll('link').length";
    page.wait_until(&format!("{links} === 1")).await;
    expect_empty_console(page);
}

#[tokio::test]
async fn a_saved_page_navigates_once_and_keeps_its_scroll_position() {
    let dir = site();
    let livers = Livers::on(dir.path()).args(["--html", "reload"]).start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let page = &pages[0];
    let globals = "JSON.stringify(Object.keys(window).filter((key) => /liver/i.test(key)))";
    assert_eq!(page.eval::<String>(globals).await, "[]");
    for n in 2..5 {
        page.run("scrollTo(0, 1234)").await;
        page.wait_until("scrollY === 1234").await;
        let html = self::page("index").replace("one", &n.to_string());
        if n == 3 {
            dir.replace("index.html", html);
        } else {
            dir.write("index.html", html);
        }
        page.wait_for_navigation().await;
        page.wait_until(&format!("document.querySelector('p').textContent === '{n}'")).await;
        page.wait_until("scrollY === 1234").await;
        wait_for_tabs(&livers, 1).await;
        expect_navigations(page, &dir, "css/index.css", n).await;
    }
    expect_empty_console(page);
}

#[tokio::test]
async fn only_the_tab_that_uses_the_file_reloads() {
    let dir = site();
    let livers = Livers::on(dir.path()).args(["--html", "reload"]).start().await;
    let pages = open_pages(&livers, &["/", "/other.html"]).await;
    let names = ["index", "other"];
    let mut navigations = [1, 1];
    for round in 0..2 {
        for which in [0, 1] {
            let html = page(names[which]).replace("one", &format!("round {round}"));
            dir.write(format!("{}.html", names[which]), html);
            pages[which].wait_for_navigation().await;
            navigations[which] += 1;
            wait_for_tabs(&livers, 2).await;
            for (page, at) in pages.iter().zip([0, 1]) {
                expect_navigations(page, &dir, &format!("css/{}.css", names[at]), navigations[at])
                    .await;
            }
        }
    }
    pages.iter().for_each(expect_empty_console);
}

#[tokio::test]
async fn a_not_found_page_and_a_listing_reload() {
    let dir = site();
    dir.write("listed/a.txt", "");
    let livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/late.html", "/listed/"]).await;
    assert!(pages[0].eval::<String>("document.body.textContent").await.contains("late.html"));
    dir.write("late.html", page("index").replace("one", "created"));
    pages[0].wait_for_navigation().await;
    pages[0].wait_until("document.querySelector('p').textContent === 'created'").await;
    dir.write("listed/new.txt", "");
    pages[1].wait_for_navigation().await;
    pages[1].wait_until("document.body.textContent.includes('new.txt')").await;
    dir.remove("listed/a.txt");
    pages[1].wait_until("!document.body.textContent.includes('a.txt')").await;
    wait_for_tabs(&livers, 2).await;
    expect_navigations(&pages[0], &dir, "css/index.css", 2).await;
    assert_eq!(pages[1].navigations(), 3);
    expect_empty_console(&pages[1]);
}

/// The client asks for the page before it reloads, and a browser logs requests for missing pages.
#[tokio::test]
async fn a_route_of_an_application_reloads_without_an_error_in_the_console() {
    for (args, package) in [(&["--spa"][..], None), (&["--packs", "always"], Some("{}"))] {
        let dir = site();
        if let Some(package) = package {
            dir.write("package.json", package);
        }
        let html = |text: &str| {
            format!(
                "<!doctype html><title>x</title><p>{text}</p><script type=module src=/a.js></script>"
            )
        };
        dir.write("index.html", html("one"));
        dir.write("a.js", "window.a = 1;");
        let livers = Livers::on(dir.path()).args(args).start().await;
        let pages = open_pages(&livers, &["/deep/route"]).await;
        let page = &pages[0];
        page.wait_until("window.a === 1").await;
        dir.write("a.js", "window.a = 2;");
        page.wait_until("window.a === 2").await;
        wait_for_tabs(&livers, 1).await;
        dir.write("index.html", html("two"));
        page.wait_until("document.querySelector('p').textContent === 'two'").await;
        assert_eq!(page.navigations(), 3, "{args:?}");
        expect_empty_console(page);
    }
}
