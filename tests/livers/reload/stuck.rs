//! A tab that does not read its socket.

use std::collections::BTreeSet;

use crate::support::dir::TempDir;
use crate::support::server::Livers;
use crate::support::socket::Socket;
use crate::support::tab::Tab;

#[tokio::test]
async fn a_stuck_tab_delays_no_other_and_receives_merged_changes() {
    const FILES: usize = 100;
    const ROUNDS: usize = 8;
    // With paths of 10 kB, the messages of a round have a megabyte, and all together exceed the
    // socket buffers.
    let dir = TempDir::new();
    let deep = vec!["\u{e9}".repeat(125); 13].join("/");
    let names: Vec<_> = (0..FILES).map(|n| format!("{deep}/{n}.css")).collect();
    for name in &names {
        dir.write(name, "old");
    }
    let livers = Livers::on(dir.path()).start().await;
    let mut tool = Tab::tool(&livers).await;
    let mut stuck = Tab::over(Socket::on(livers.port()).receive_buffer(4096).open().await).await;
    for round in 0..ROUNDS {
        for name in &names {
            std::fs::write(dir.at(name), round.to_string()).expect("write");
        }
        tool.until_quiet(dir.path()).await;
    }
    dir.write("last.css", "the last");
    let published = tool.expect(&[("/last.css", "created")]).await;

    // It reads what was already sent, and then the rest merged.
    let (mut received, mut paths) = (0, BTreeSet::new());
    while !paths.contains("/last.css") {
        let updated = stuck.updated().await;
        received += 1;
        assert!(updated.version <= published);
        paths.extend(updated.changes.into_iter().map(|(path, _)| path));
    }
    assert_eq!(paths.iter().filter(|path| path.starts_with("/%C3")).count(), FILES);
    // A tab that reads receives one message for each version.
    assert!(received < published, "{received} messages, {published} versions: it was never stuck");
}
