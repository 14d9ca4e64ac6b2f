//! What a person sees in a real browser when files are saved.

mod again;
mod assets;
mod editors;
mod modules;
mod morph;
mod policies;
mod tabs;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::server::Livers;
use crate::support::tab::status;

/// A page of a screen's height and more, with a sheet that imports a sheet.
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

/// Waits until so many pages have said hello, or at least have their socket: what is saved before
/// is told by the version in the page, and would navigate as well.
async fn tabs(livers: &Livers, count: u64) {
    loop {
        if status(livers).await["clients"] == count {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn opened(livers: &Livers, paths: &[&str]) -> Vec<Page> {
    let context = browser().await;
    let mut pages = Vec::new();
    for path in paths {
        let page = context.open(&livers.at(path)).await;
        page.wait_for_request(|request| request.url.contains("/__livers/client.js?")).await;
        pages.push(page);
        tabs(livers, pages.len() as u64).await;
    }
    pages
}

/// That a page did not navigate is shown by a change of a sheet, which comes
/// after whatever it was told before, and without a navigation.
async fn stays(page: &Page, dir: &TempDir, sheet: &str, navigations: usize) {
    static COLOURS: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(100);
    let colour = COLOURS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    dir.write(sheet, format!("@import 'base.css'; p {{ color: rgb(0, 0, {colour}) }}"));
    page.wait_until(&format!(
        "getComputedStyle(document.querySelector('p')).color === 'rgb(0, 0, {colour})'"
    ))
    .await;
    assert_eq!(page.navigations(), navigations, "navigations");
}

fn quiet(page: &Page) {
    let console = page.console();
    assert!(console.is_empty(), "{console:?}");
}

#[tokio::test]
async fn a_saved_sheet_changes_the_colour_and_nothing_else() {
    let dir = site();
    let livers = Livers::on(dir.path()).start().await;
    let pages = opened(&livers, &["/"]).await;
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
        // The imported one, through its importer.
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
    quiet(page);
}

#[tokio::test]
async fn a_saved_page_navigates_once_and_stays_where_it_was() {
    let dir = site();
    let livers = Livers::on(dir.path()).args(["--html", "reload"]).start().await;
    let pages = opened(&livers, &["/"]).await;
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
        tabs(&livers, 1).await;
        stays(page, &dir, "css/index.css", n).await;
    }
    quiet(page);
}

#[tokio::test]
async fn only_the_tab_that_uses_the_file_reloads() {
    let dir = site();
    let livers = Livers::on(dir.path()).args(["--html", "reload"]).start().await;
    let pages = opened(&livers, &["/", "/other.html"]).await;
    let names = ["index", "other"];
    let mut navigations = [1, 1];
    for round in 0..2 {
        for which in [0, 1] {
            let html = page(names[which]).replace("one", &format!("round {round}"));
            dir.write(format!("{}.html", names[which]), html);
            pages[which].wait_for_navigation().await;
            navigations[which] += 1;
            tabs(&livers, 2).await;
            for (page, at) in pages.iter().zip([0, 1]) {
                stays(page, &dir, &format!("css/{}.css", names[at]), navigations[at]).await;
            }
        }
    }
    pages.iter().for_each(quiet);
}

#[tokio::test]
async fn a_page_of_nothing_and_a_listing_come_alive() {
    let dir = site();
    dir.write("listed/a.txt", "");
    let livers = Livers::on(dir.path()).start().await;
    let pages = opened(&livers, &["/late.html", "/listed/"]).await;
    assert!(pages[0].eval::<String>("document.body.textContent").await.contains("late.html"));
    dir.write("late.html", page("index").replace("one", "it is there"));
    pages[0].wait_for_navigation().await;
    pages[0].wait_until("document.querySelector('p').textContent === 'it is there'").await;
    dir.write("listed/new.txt", "");
    pages[1].wait_for_navigation().await;
    pages[1].wait_until("document.body.textContent.includes('new.txt')").await;
    dir.remove("listed/a.txt");
    pages[1].wait_until("!document.body.textContent.includes('a.txt')").await;
    tabs(&livers, 2).await;
    stays(&pages[0], &dir, "css/index.css", 2).await;
    assert_eq!(pages[1].navigations(), 3);
    quiet(&pages[1]);
}
