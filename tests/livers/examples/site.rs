use super::assert_no_errors;
use crate::support::{
    browser::{Page, browser},
    dir::TempDir,
    server::Livers,
};

/// Waits until a page has loaded, and asserts that its images and style sheets are complete.
async fn assert_complete(page: &Page) {
    page.wait_until(
        "document.readyState === 'complete' && document.images.length > 0
           && [...document.images].every((image) => image.complete && image.naturalWidth > 0)
           && document.querySelector('#loaded').textContent.startsWith('This page was loaded at')
           && document.querySelector('#clock').textContent !== ''",
    )
    .await;
    // The first style sheet imports the second.
    let sheets: Vec<usize> = page
        .eval(
            "[...document.styleSheets].map((sheet) =>
               [...sheet.cssRules].find((rule) => rule.styleSheet).styleSheet.cssRules.length)",
        )
        .await;
    assert!(sheets.len() == 1 && sheets[0] > 0, "{sheets:?}");
}

#[tokio::test]
async fn every_page_is_complete_and_every_link_works() {
    let dir = TempDir::copy_of("examples/site");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.page().await;
    let mut queue = vec![livers.url().to_owned()];
    let mut seen: Vec<String> = Vec::new();
    while let Some(url) = queue.pop() {
        if seen.contains(&url) {
            continue;
        }
        page.goto(&url).await;
        assert_complete(&page).await;
        queue
            .extend(page.eval::<Vec<String>>("[...document.links].map((link) => link.href)").await);
        seen.push(url);
    }
    seen.sort();
    let paths = ["/", "/about.html", "/guide/index.html", "/index.html"];
    assert_eq!(seen, paths.map(|path| livers.at(path)));

    page.goto(livers.url()).await;
    page.run("document.querySelector('nav a[href^=guide]').click()").await;
    page.wait_for_navigation().await;
    assert_eq!(page.url(), livers.at("/guide/index.html"));
    assert_no_errors(&page);
}

#[tokio::test]
async fn an_edit_of_the_imported_style_sheet_is_applied_without_a_reload() {
    let dir = TempDir::copy_of("examples/site");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(&livers.at("/guide/")).await;
    assert_complete(&page).await;
    page.run("window.kept = true").await;
    let base = String::from_utf8(dir.read("css/base.css")).expect("UTF-8");
    let color = "getComputedStyle(document.querySelector('main a')).color";
    for (hex, rgb) in [("#ff0000", "rgb(255, 0, 0)"), ("#00ff00", "rgb(0, 255, 0)")] {
        let changed = base.replace("#0e7490", hex).replace("#22d3ee", hex);
        assert_ne!(changed, base, "the style sheet has an accent color");
        dir.write("css/base.css", changed);
        page.wait_until(&format!("{color} === '{rgb}'")).await;
    }
    assert!(page.eval::<bool>("window.kept").await);
    assert_eq!(page.navigations(), 1, "no reload");
    assert_no_errors(&page);
}
