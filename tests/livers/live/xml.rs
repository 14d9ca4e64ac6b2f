//! XHTML pages, and SVG that is opened by itself or in a frame, are live.

use super::{expect_empty_console, open_pages, wait_for_tabs};
use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::server::Livers;

fn xhtml(text: &str) -> String {
    format!(
        "<?xml version='1.0'?>\n<!DOCTYPE html>\n<html xmlns='http://www.w3.org/1999/xhtml'>\n\
         <head><title>a</title><link rel='stylesheet' href='app.css'/></head>\n\
         <body><p>{text}</p></body></html>\n"
    )
}

fn svg(text: &str) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='90' height='20'>\n<text y='15'>{text}</text></svg>\n"
    )
}

async fn shows(page: &Page, element: &str, text: &str) {
    page.wait_until(&format!("document.querySelector('{element}').textContent === '{text}'")).await;
}

#[tokio::test]
async fn a_saved_xhtml_page_reloads_and_its_sheet_is_replaced_in_place() {
    let dir = TempDir::new();
    dir.write("a.xhtml", xhtml("one"));
    dir.write("app.css", "p { color: rgb(1, 0, 0) }");
    let livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/a.xhtml"]).await;
    for n in 2..4 {
        dir.write("app.css", format!("p {{ color: rgb({n}, 0, 0) }}"));
        let color = "getComputedStyle(document.querySelector('p')).color";
        pages[0].wait_until(&format!("{color} === 'rgb({n}, 0, 0)'")).await;
    }
    assert_eq!(pages[0].navigations(), 1);
    dir.write("a.xhtml", xhtml("two"));
    shows(&pages[0], "p", "two").await;
    wait_for_tabs(&livers, 1).await;
    // A mistake shows the browser's message; the page is live all the same.
    dir.write("a.xhtml", xhtml("three\n</b>"));
    pages[0].wait_until("document.querySelector('parsererror')").await;
    wait_for_tabs(&livers, 1).await;
    dir.write("a.xhtml", xhtml("four"));
    shows(&pages[0], "p", "four").await;
}

#[tokio::test]
async fn saved_svg_reloads_alone() {
    let dir = TempDir::with_page(
        "<!doctype html><object data=a.svg></object>\
         <iframe src=b.svg></iframe><img src=c.svg>",
    );
    dir.write("favicon.ico", "");
    for name in ["a.svg", "b.svg", "c.svg"] {
        dir.write(name, svg("one"));
    }
    let livers = Livers::on(dir.path()).start().await;
    let context = browser().await;
    let alone = context.open(&livers.at("/c.svg")).await;
    let page = context.open(livers.url()).await;
    // The page, its two frames, and the image that is opened by itself.
    wait_for_tabs(&livers, 4).await;
    for (frame, name) in [("object", "a.svg"), ("iframe", "b.svg")] {
        dir.write(name, svg("two"));
        let text =
            format!("document.querySelector('{frame}').contentDocument.querySelector('text')");
        page.wait_until(&format!("{text}.textContent === 'two'")).await;
    }
    dir.write("c.svg", svg("two").replace("90", "91"));
    shows(&alone, "text", "two").await;
    page.wait_until("document.images[0].naturalWidth === 91").await;
    assert_eq!((page.navigations(), alone.navigations()), (1, 2));
    expect_empty_console(&page);
    expect_empty_console(&alone);
}

#[tokio::test]
async fn an_xhtml_page_keeps_its_policy_and_is_live() {
    let dir = TempDir::new();
    let page = |text: &str| {
        let meta = "<head><meta http-equiv='Content-Security-Policy' \
                    content='default-src &apos;none&apos;'/>";
        xhtml(text).replace("<head>", meta).replace("<link rel='stylesheet' href='app.css'/>", "")
    };
    dir.write("a.xhtml", page("one"));
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/a.xhtml"]).await;
    dir.write("a.xhtml", page("two"));
    shows(&pages[0], "p", "two").await;
    let refused = "fetch('/favicon.ico').then(() => false, () => true)";
    assert!(pages[0].eval::<bool>(refused).await, "the rest of the policy applies");
}
