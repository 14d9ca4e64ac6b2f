use super::{Example, check};
use crate::support::browser::{Page, browser};

const CARDS: [&str; 5] = ["poll", "long-poll", "sse", "websocket", "webrtc"];

/// Each counter's number, in the order of the cards.
const COUNTS: &str = "['poll', 'long-poll', 'sse', 'websocket', 'webrtc'].map((card) =>
    Number(document.querySelector(`#${card} .messages`).textContent.replace(/\\D/g, '')))";

async fn moves(page: &Page, by: u32) {
    let before: Vec<u32> = page.eval(COUNTS).await;
    for (at, card) in CARDS.iter().enumerate() {
        let goal = before[at] + by;
        page.wait_until(&format!("({COUNTS})[{at}] >= {goal} /* {card} */")).await;
    }
}

#[tokio::test]
async fn all_five_move() {
    let example = Example::start("transports").await;
    let (livers, _dir) = example.front("/live").await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until(&format!("({COUNTS}).every((count) => count > 0)")).await;
    moves(&page, 5).await;
    assert_eq!(page.navigations(), 1);
    check(&page);
    let faults: Vec<_> =
        livers.stdout().into_iter().filter(|line| line.starts_with("proxy ")).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

#[tokio::test]
async fn all_five_move_again_when_the_backend_is_back() {
    let mut example = Example::start("transports").await;
    let (livers, _dir) = example.front("/live").await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until(&format!("({COUNTS}).every((count) => count > 0)")).await;
    example.kill().await;
    livers.wait_for_line(|line| line.contains("is down")).await;
    example.start_again().await;
    moves(&page, 5).await;
    assert_eq!(page.navigations(), 1);
}
