use super::check;
use crate::support::{
    browser::{Page, browser},
    dir::TempDir,
    server::Livers,
};

/// Waits until all that a page shows is there, and looks that nothing is missing.
async fn whole(page: &Page) {
    page.wait_until(
        "document.readyState === 'complete' && document.images.length > 0
           && [...document.images].every((image) => image.complete && image.naturalWidth > 0)
           && document.querySelector('#loaded').textContent.startsWith('This page was loaded at')
           && document.querySelector('#clock').textContent !== ''",
    )
    .await;
    // The second one is imported by the first.
    let sheets: Vec<usize> = page
        .eval(
            "[...document.styleSheets].map((sheet) =>
               [...sheet.cssRules].find((rule) => rule.styleSheet).styleSheet.cssRules.length)",
        )
        .await;
    assert!(sheets.len() == 1 && sheets[0] > 0, "{sheets:?}");
}

#[tokio::test]
async fn every_page_is_whole_and_every_link_leads_somewhere() {
    let dir = TempDir::copy_of("examples/site");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.page().await;
    let mut todo = vec![livers.url().to_owned()];
    let mut seen: Vec<String> = Vec::new();
    while let Some(url) = todo.pop() {
        if seen.contains(&url) {
            continue;
        }
        page.goto(&url).await;
        whole(&page).await;
        todo.extend(page.eval::<Vec<String>>("[...document.links].map((link) => link.href)").await);
        seen.push(url);
    }
    seen.sort();
    let paths = ["/", "/about.html", "/guide/index.html", "/index.html"];
    assert_eq!(seen, paths.map(|path| livers.at(path)));

    page.goto(livers.url()).await;
    page.run("document.querySelector('nav a[href^=guide]').click()").await;
    page.wait_for_navigation().await;
    assert_eq!(page.url(), livers.at("/guide/index.html"));
    check(&page);
}

#[tokio::test]
async fn a_rule_of_the_imported_sheet_changes_where_one_is() {
    let dir = TempDir::copy_of("examples/site");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(&livers.at("/guide/")).await;
    whole(&page).await;
    page.run("window.here = true").await;
    let base = String::from_utf8(dir.read("css/base.css")).expect("UTF-8");
    let colour = "getComputedStyle(document.querySelector('main a')).color";
    for (hex, rgb) in [("#ff0000", "rgb(255, 0, 0)"), ("#00ff00", "rgb(0, 255, 0)")] {
        let changed = base.replace("#0e7490", hex).replace("#22d3ee", hex);
        assert_ne!(changed, base, "there is an accent to change");
        dir.write("css/base.css", changed);
        page.wait_until(&format!("{colour} === '{rgb}'")).await;
    }
    assert!(page.eval::<bool>("window.here").await);
    assert_eq!(page.navigations(), 1, "without a navigation");
    check(&page);
}
