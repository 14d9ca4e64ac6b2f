use super::{Example, assert_no_errors};
use crate::support::browser::{Page, browser};

const CARDS: [&str; 5] = ["poll", "long-poll", "sse", "websocket", "webrtc"];

/// Returns the message counts of the cards, in their order.
const COUNTS: &str = "['poll', 'long-poll', 'sse', 'websocket', 'webrtc'].map((card) =>
    Number(document.querySelector(`#${card} .messages`).textContent.replace(/\\D/g, '')))";

/// Waits until each card has received more messages.
async fn wait_for_messages(page: &Page, more: u32) {
    let before: Vec<u32> = page.eval(COUNTS).await;
    for (at, card) in CARDS.iter().enumerate() {
        let goal = before[at] + more;
        page.wait_until(&format!("({COUNTS})[{at}] >= {goal} /* {card} */")).await;
    }
}

#[tokio::test]
async fn all_five_transports_receive_messages() {
    let example = Example::start("transports").await;
    let (livers, _dir) = example.livers("/live").await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until(&format!("({COUNTS}).every((count) => count > 0)")).await;
    wait_for_messages(&page, 5).await;
    assert_eq!(page.navigations(), 1);
    assert_no_errors(&page);
    let faults: Vec<_> =
        livers.stdout().into_iter().filter(|line| line.starts_with("proxy ")).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

#[tokio::test]
async fn all_five_transports_reconnect_when_the_backend_is_back() {
    let mut example = Example::start("transports").await;
    let (livers, _dir) = example.livers("/live").await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until(&format!("({COUNTS}).every((count) => count > 0)")).await;
    example.kill().await;
    livers.wait_for_line(|line| line.contains("is down")).await;
    example.restart().await;
    wait_for_messages(&page, 5).await;
    assert_eq!(page.navigations(), 1);
}
