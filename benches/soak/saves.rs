//! Who writes a great deal: many files at once, folders that come and go, names that are new each time.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{chance::Chance, support::socket::Socket, tally::Tally, world::World};

/// When a message counts as lost.
const LOST: Duration = Duration::from_secs(9);

/// Starts them.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>) {
    let ms = Duration::from_millis;
    world.keep_doing(tasks, "bursts", ms(4000), burst);
    world.keep_doing(tasks, "folders that come and go", ms(700), folders);
    world.keep_doing(tasks, "files with new names", ms(300), names);
    world.keep_doing(tasks, "ignored files", ms(300), ignored);
}

/// As many paths change as livers remembers, so that what comes later takes the place of one of them.
pub(crate) async fn fill(world: &World) {
    let mut tool = Socket::on(world.port).open().await;
    tool.next_json().await;
    for folder in 0..10 {
        let all: Vec<_> = (0..1000).map(|file| format!("fill/{folder}/{file}.css")).collect();
        for name in &all {
            world.dir.write(name, "a {}");
        }
        let waiting = all.iter().map(|name| format!("/{name}")).collect();
        until_told(world, &mut tool, waiting, "made").await;
    }
    world.dir.remove("fill");
    until_told(world, &mut tool, HashSet::from(["/fill".to_owned()]), "removed").await;
}

/// Many files in new folders: a tool, which is told everything, hears of each.
async fn burst(world: Arc<World>, mut chance: Chance) {
    let mut tool = Socket::on(world.port).open().await;
    tool.next_json().await;
    let (number, count) = (world.number(), *chance.pick(&[10, 60, 200]));
    let (folder, mut waiting) = (format!("burst/{number}"), HashSet::new());
    let all: Vec<_> = (0..count).map(|part| format!("{folder}/{}/{part}.css", part % 4)).collect();
    for name in &all {
        world.dir.write(name, format!("/* {number} */"));
        waiting.insert(format!("/{name}"));
    }
    until_told(&world, &mut tool, waiting, "made").await;
    if chance.one_in(2) {
        for name in &all {
            world.dir.replace(name, format!("/* {number} again */"));
        }
        let waiting = all.iter().map(|name| format!("/{name}")).collect();
        until_told(&world, &mut tool, waiting, "changed").await;
    }
    world.dir.remove(&folder);
    let waiting = all.iter().map(|name| format!("/{name}")).chain([format!("/{folder}")]).collect();
    until_told(&world, &mut tool, waiting, "removed").await;
}

/// Waits until each of these was told of.
async fn until_told(world: &World, tool: &mut Socket, mut waiting: HashSet<String>, what: &str) {
    let deadline = Instant::now() + LOST;
    while !waiting.is_empty() {
        let Ok(message) = timeout_at(deadline, tool.next()).await else {
            let some = waiting.iter().next();
            for _ in &waiting {
                Tally::count(&world.tally.lost);
            }
            panic!("{} of a burst were {what}, and nobody said so: {some:?}", waiting.len());
        };
        let Some(Ok(message)) = message else { panic!("the socket ended") };
        let Message::Text(text) = message else { continue };
        let message: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for change in message["changes"].as_array().into_iter().flatten() {
            let path = change["path"].as_str().unwrap_or_default();
            if waiting.remove(path) {
                Tally::count(&world.tally.saves);
                Tally::count(&world.tally.told);
            }
        }
    }
}

async fn folders(world: Arc<World>, mut chance: Chance) {
    let number = world.number();
    let deep = (0..=chance.below(6)).map(|depth| format!("/{depth}")).collect::<String>();
    let top = format!("folders/{number}");
    world.dir.make_dir(format!("{top}{deep}"));
    if chance.one_in(2) {
        world.dir.write(format!("{top}{deep}/a.css"), "a");
    }
    sleep(chance.about(Duration::from_millis(100))).await;
    let moved = format!("folders/{number}-moved");
    if chance.one_in(2) {
        world.dir.rename(&top, &moved);
        sleep(chance.about(Duration::from_millis(50))).await;
        world.dir.remove(&moved);
    } else {
        world.dir.remove(&top);
    }
}

/// A file that is written, asked for, changed and gone, and never comes back.
async fn names(world: Arc<World>, _: Chance) {
    let file = format!("new/{}.js", world.name());
    world.dir.write(&file, "let a = 1");
    let referrer = format!("http://localhost:{}/index.html", world.port);
    let fields = [("Referer", &*referrer), ("Sec-Fetch-Dest", "script")];
    let response = world.get(&format!("/{file}"), &fields).await;
    assert_eq!(response.text(), "let a = 1");
    world.dir.replace(&file, "let a = 2");
    world.dir.remove(&file);
}

/// What editors leave behind, and what nobody is told of.
async fn ignored(world: Arc<World>, mut chance: Chance) {
    let name =
        *chance.pick(&["witness/.0.css.swp", "witness/1.html~", ".git/index", "witness/#2.js#"]);
    world.dir.write(name, chance.bytes(100));
    world.dir.remove(name);
}
