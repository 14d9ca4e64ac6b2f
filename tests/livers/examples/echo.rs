use super::{Example, check};
use crate::support::browser::browser;

/// Whether the backend has said something, so many times.
fn heard(text: &str, times: usize) -> String {
    let text = serde_json::to_string(text).expect("JSON");
    format!(
        "[...document.querySelectorAll('#log .in span')]
           .filter((entry) => entry.textContent === {text}).length >= {times}"
    )
}

#[tokio::test]
async fn the_page_is_greeted_and_talks_every_second_and_on_demand() {
    let example = Example::start("echo").await;
    let (livers, _dir) = example.front("/ws").await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until(&heard("Hello WebSocket", 1)).await;
    page.wait_until(&heard("I heard you say \"message 1\"", 1)).await;
    page.wait_until(&heard("I heard you say \"message 2\"", 1)).await;

    let hostile = "<img src=x onerror='window.harmed = true'>\"&lt;b>é";
    let said = serde_json::to_string(hostile).expect("JSON");
    page.run(&format!("document.querySelector('#text').value = {said}")).await;
    page.run("document.querySelector('#send').click()").await;
    page.wait_until(&heard(&format!("I heard you say \"{hostile}\""), 1)).await;
    assert_eq!(page.eval::<String>("document.querySelector('#text').value").await, "");
    // What was said and what was heard are both in the log, as text.
    assert_eq!(page.eval::<usize>("document.querySelectorAll('#log img, #log b').length").await, 0);
    assert!(page.eval::<bool>("window.harmed === undefined").await);
    assert_eq!(page.navigations(), 1);
    check(&page);
}

#[tokio::test]
async fn the_page_finds_its_backend_again() {
    let mut example = Example::start("echo").await;
    let (livers, _dir) = example.front("/ws").await;
    let page = browser().await.open(livers.url()).await;
    let state = |name: &str| format!("document.querySelector('#state').textContent === '{name}'");
    for times in 1..=2 {
        page.wait_until(&heard("Hello WebSocket", times)).await;
        page.wait_until(&state("open")).await;
        example.kill().await;
        page.wait_until(&format!("!({})", state("open"))).await;
        example.start_again().await;
    }
    page.wait_until(&heard("Hello WebSocket", 3)).await;
    page.wait_until(&state("open")).await;
    assert_eq!(page.navigations(), 1, "by itself, without a reload");
}
