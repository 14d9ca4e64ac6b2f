//! Many writes: bursts, folders that are created and removed, and files with new names.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{rng::Rng, support::socket::Socket, tally::Tally, world::World};

/// The time after which a message counts as lost.
const LOST: Duration = Duration::from_secs(9);

/// Starts the tasks of this module.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>) {
    let ms = Duration::from_millis;
    world.repeat(tasks, "bursts", ms(4000), burst);
    world.repeat(tasks, "folders created and removed", ms(700), folders);
    world.repeat(tasks, "files with new names", ms(300), names);
    world.repeat(tasks, "ignored files", ms(300), ignored);
}

/// Changes as many paths as livers remembers, so that its memory use is at the limit before the
/// load.
pub(crate) async fn fill(world: &World) {
    let mut tool = Socket::on(world.port).open().await;
    tool.next_json().await;
    for folder in 0..10 {
        let all: Vec<_> = (0..1000).map(|file| format!("fill/{folder}/{file}.css")).collect();
        for name in &all {
            world.dir.write(name, "a {}");
        }
        let waiting = all.iter().map(|name| format!("/{name}")).collect();
        wait_until_notified(world, &mut tool, waiting, "created").await;
    }
    world.dir.remove("fill");
    wait_until_notified(world, &mut tool, HashSet::from(["/fill".to_owned()]), "removed").await;
}

/// Writes many files in new folders. A tool, which is notified of everything, must get every
/// change.
async fn burst(world: Arc<World>, mut rng: Rng) {
    let mut tool = Socket::on(world.port).open().await;
    tool.next_json().await;
    let (number, count) = (world.number(), *rng.pick(&[10, 60, 200]));
    let (folder, mut waiting) = (format!("burst/{number}"), HashSet::new());
    let all: Vec<_> = (0..count).map(|part| format!("{folder}/{}/{part}.css", part % 4)).collect();
    for name in &all {
        world.dir.write(name, format!("/* {number} */"));
        waiting.insert(format!("/{name}"));
    }
    wait_until_notified(&world, &mut tool, waiting, "created").await;
    if rng.one_in(2) {
        for name in &all {
            world.dir.replace(name, format!("/* {number} again */"));
        }
        let waiting = all.iter().map(|name| format!("/{name}")).collect();
        wait_until_notified(&world, &mut tool, waiting, "changed").await;
    }
    world.dir.remove(&folder);
    let waiting = all.iter().map(|name| format!("/{name}")).chain([format!("/{folder}")]).collect();
    wait_until_notified(&world, &mut tool, waiting, "removed").await;
}

/// Waits until there was a message for each of these paths.
async fn wait_until_notified(
    world: &World,
    tool: &mut Socket,
    mut waiting: HashSet<String>,
    what: &str,
) {
    let deadline = Instant::now() + LOST;
    while !waiting.is_empty() {
        let Ok(message) = timeout_at(deadline, tool.next()).await else {
            let some = waiting.iter().next();
            for _ in &waiting {
                Tally::count(&world.tally.lost);
            }
            panic!("no message for {} files that were {what}, such as {some:?}", waiting.len());
        };
        let Some(Ok(message)) = message else { panic!("the socket ended") };
        let Message::Text(text) = message else { continue };
        let message: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for change in message["changes"].as_array().into_iter().flatten() {
            let path = change["path"].as_str().unwrap_or_default();
            if waiting.remove(path) {
                Tally::count(&world.tally.saves);
                Tally::count(&world.tally.notified);
            }
        }
    }
}

async fn folders(world: Arc<World>, mut rng: Rng) {
    let number = world.number();
    let deep = (0..=rng.below(6)).map(|depth| format!("/{depth}")).collect::<String>();
    let top = format!("folders/{number}");
    world.dir.make_dir(format!("{top}{deep}"));
    if rng.one_in(2) {
        world.dir.write(format!("{top}{deep}/a.css"), "a");
    }
    sleep(rng.about(Duration::from_millis(100))).await;
    let moved = format!("folders/{number}-moved");
    if rng.one_in(2) {
        world.dir.rename(&top, &moved);
        sleep(rng.about(Duration::from_millis(50))).await;
        world.dir.remove(&moved);
    } else {
        world.dir.remove(&top);
    }
}

/// A file that is created, requested, changed and removed, once.
async fn names(world: Arc<World>, _: Rng) {
    let file = format!("new/{}.js", world.name());
    world.dir.write(&file, "let a = 1");
    let referrer = format!("http://localhost:{}/index.html", world.port);
    let fields = [("Referer", &*referrer), ("Sec-Fetch-Dest", "script")];
    let response = world.get(&format!("/{file}"), &fields).await;
    assert_eq!(response.text(), "let a = 1");
    world.dir.replace(&file, "let a = 2");
    world.dir.remove(&file);
}

/// Ignored files, such as the temporary files of editors.
async fn ignored(world: Arc<World>, mut rng: Rng) {
    let name =
        *rng.pick(&["observed/.0.css.swp", "observed/1.html~", ".git/index", "observed/#2.js#"]);
    world.dir.write(name, rng.bytes(100));
    world.dir.remove(name);
}
