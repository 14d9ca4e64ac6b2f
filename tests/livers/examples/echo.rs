use super::{Example, assert_no_errors};
use crate::support::browser::browser;

/// Returns a condition: the log shows a text at least `times` times as received.
fn received(text: &str, times: usize) -> String {
    let text = serde_json::to_string(text).expect("JSON");
    format!(
        "[...document.querySelectorAll('#log .in span')]
           .filter((entry) => entry.textContent === {text}).length >= {times}"
    )
}

#[tokio::test]
async fn the_page_shows_the_greeting_and_the_echo_of_timed_and_typed_messages() {
    let example = Example::start("echo").await;
    let (livers, _dir) = example.livers("/ws").await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until(&received("Hello WebSocket", 1)).await;
    page.wait_until(&received("I heard you say \"message 1\"", 1)).await;
    page.wait_until(&received("I heard you say \"message 2\"", 1)).await;

    let hostile = "<img src=x onerror='window.harmed = true'>\"&lt;b>é";
    let literal = serde_json::to_string(hostile).expect("JSON");
    page.run(&format!("document.querySelector('#text').value = {literal}")).await;
    page.run("document.querySelector('#send').click()").await;
    page.wait_until(&received(&format!("I heard you say \"{hostile}\""), 1)).await;
    assert_eq!(page.eval::<String>("document.querySelector('#text').value").await, "");
    // The log shows sent and received messages as text, not as HTML.
    assert_eq!(page.eval::<usize>("document.querySelectorAll('#log img, #log b').length").await, 0);
    assert!(page.eval::<bool>("window.harmed === undefined").await);
    assert_eq!(page.navigations(), 1);
    assert_no_errors(&page);
}

#[tokio::test]
async fn the_page_reconnects_when_the_backend_is_back() {
    let mut example = Example::start("echo").await;
    let (livers, _dir) = example.livers("/ws").await;
    let page = browser().await.open(livers.url()).await;
    let state = |name: &str| format!("document.querySelector('#state').textContent === '{name}'");
    for times in 1..=2 {
        page.wait_until(&received("Hello WebSocket", times)).await;
        page.wait_until(&state("open")).await;
        example.kill().await;
        page.wait_until(&format!("!({})", state("open"))).await;
        example.restart().await;
    }
    page.wait_until(&received("Hello WebSocket", 3)).await;
    page.wait_until(&state("open")).await;
    assert_eq!(page.navigations(), 1, "reconnects without a reload");
}
