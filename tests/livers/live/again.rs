//! A server that ends and starts again, under pages that are open.

use super::{expect_navigations, open_pages, page, site, wait_for_tabs};
use crate::support::browser::Page;
use crate::support::http;
use crate::support::server::Livers;

/// A line that breaks within a second may not have said yet what a page missed,
/// so the client goes by what it knew before, and reloads in doubt.
async fn settled(pages: &[Page]) {
    for page in pages {
        page.run("new Promise((done) => setTimeout(done, 1100))").await;
    }
}

#[tokio::test]
async fn a_page_is_back_with_its_server_and_does_nothing_if_nothing_changed() {
    let dir = site();
    let mut livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/", "/other.html"]).await;
    for _ in 0..2 {
        settled(&pages).await;
        livers.restart().await;
        wait_for_tabs(&livers, 2).await;
        expect_navigations(&pages[0], &dir, "css/index.css", 1).await;
        expect_navigations(&pages[1], &dir, "css/other.css", 1).await;
    }
    // What the browser says of sockets that it cannot open is all there is.
    for page in &pages {
        let console = page.console();
        assert!(console.iter().all(|line| line.source == "network"), "{console:?}");
    }
}

#[tokio::test]
async fn a_page_catches_up_with_what_changed_while_its_server_was_gone() {
    let dir = site();
    let mut livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/", "/other.html"]).await;
    settled(&pages).await;
    livers.kill();
    pages[0].wait_for_console(|line| line.source == "network").await;
    dir.write("index.html", page("index").replace("one", "meanwhile"));
    livers.restart().await;
    pages[0].wait_for_navigation().await;
    pages[0].wait_until("document.querySelector('p').textContent === 'meanwhile'").await;
    wait_for_tabs(&livers, 2).await;
    expect_navigations(&pages[0], &dir, "css/index.css", 2).await;
    expect_navigations(&pages[1], &dir, "css/other.css", 1).await;

    settled(&pages).await;
    livers.kill();
    dir.write("css/other.css", "p { color: rgb(7, 7, 7) }");
    livers.restart().await;
    let colour = "getComputedStyle(document.querySelector('p')).color === 'rgb(7, 7, 7)'";
    pages[1].wait_until(colour).await;
    wait_for_tabs(&livers, 2).await;
    expect_navigations(&pages[1], &dir, "css/other.css", 1).await;
    expect_navigations(&pages[0], &dir, "css/index.css", 2).await;
}

/// A connection that lasts less than a second counts as too short to have received what a page
/// missed. With its clock stopped, a page takes every connection for one.
#[tokio::test]
async fn a_page_whose_server_ends_within_a_second_misses_nothing_and_reloads_for_nothing() {
    let dir = site();
    let mut livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/", "/other.html"]).await;
    for page in &pages {
        page.run("(now => (Date.now = () => now))(Date.now())").await;
    }
    livers.kill();
    dir.write("css/index.css", "p { color: rgb(7, 7, 7) }");
    livers.restart().await;
    // The new process serves the unchanged page to another tab.
    http::get_with(livers.port(), "/", &[("Sec-Fetch-Dest", "document")]).await;
    let colour = "getComputedStyle(document.querySelector('p')).color === 'rgb(7, 7, 7)'";
    pages[0].wait_until(colour).await;
    wait_for_tabs(&livers, 2).await;
    expect_navigations(&pages[0], &dir, "css/index.css", 1).await;
    expect_navigations(&pages[1], &dir, "css/other.css", 1).await;

    // Again, now that the page was last notified by another run than it was served by.
    livers.kill();
    dir.write("css/other.css", "p { color: rgb(8, 8, 8) }");
    livers.restart().await;
    pages[1].wait_until(&colour.replace('7', "8")).await;
    wait_for_tabs(&livers, 2).await;
    expect_navigations(&pages[1], &dir, "css/other.css", 1).await;
}

#[tokio::test]
async fn what_changes_while_a_page_of_a_service_worker_loads_is_not_missed() {
    let dir = site();
    dir.write("sw.js", "addEventListener('activate', (event) => event.waitUntil(clients.claim()))");
    // When it is loaded again, it keeps its client back until something changed.
    let held = "<script>
        navigator.serviceWorker.register('/sw.js');
        const version = () => {
          const request = new XMLHttpRequest();
          request.open('GET', '/__livers/status?held', false);
          request.send();
          return JSON.parse(request.responseText).version;
        };
        if (sessionStorage.before === '1') {
          sessionStorage.before = '2';
          for (const before = version(); version() === before; );
        }
        sessionStorage.before ??= '1';
        </script>";
    dir.write("index.html", page("index") + held);
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let tab = &open_pages(&livers, &["/"]).await[0];
    tab.wait_until("navigator.serviceWorker.controller").await;

    tab.run("setTimeout(() => location.reload())").await;
    livers.wait_for_line(|line| line.contains("status?held")).await;
    dir.write("index.html", (page("index") + held).replace("one", "two"));
    tab.wait_until("document.querySelector('p').textContent === 'two'").await;
    // And that is all.
    wait_for_tabs(&livers, 1).await;
    expect_navigations(tab, &dir, "css/index.css", 3).await;
}
