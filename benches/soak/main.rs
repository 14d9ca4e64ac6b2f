//! Whether livers is the same after an hour of everything as it was after a minute.
//!
//! **What**: the released binary serves a folder, with a backend, and for so many minutes all of this
//! happens at once: files are asked for in all ways and by all manners of clients ([`visitors`],
//! [`rude`]), tabs come and go ([`tabs`]), files are saved and who uses them counts the messages
//! ([`witness`]), many files are written at once ([`saves`]), and a backend answers, fails, is killed
//! and comes back ([`proxied`], [`backend`]). Every answer is compared with what must come.
//!
//! **How**: `cargo bench --bench soak -- 60` for an hour; a minute without a number. A second number is
//! the seed of all random choices; words say what alone is to be done (`bursts`, `tabs`). The process is looked at all the while. When the load has ended, the
//! folder and the backends stay as they are for 35 seconds; then as many descriptors must be open as
//! before the load, and its memory must be what it was after the first quarter (at most ten minutes).
//! What is wrong, lost or told twice makes it end with 1. The curve is also in `soak.csv` and `soak.svg`
//! in the target folder's `tmp`.
//!
//! **Load**: about a third of a core, client and server together: a machine can be used meanwhile.
//!
//! **Left out**: browsers (the tests have them), TLS, networks other than the loopback.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    unused_imports
)]

mod backend;
mod chance;
mod curve;
mod folder;
mod process;
mod proxied;
mod rude;
mod saves;
#[path = "../../tests/livers/support/mod.rs"]
mod support;
mod tabs;
mod tally;
mod visitors;
mod witness;
mod world;

use std::{
    env, fs,
    path::Path,
    process::ExitCode,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use tokio::{
    net::TcpSocket,
    sync::Mutex,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use curve::Counts;
use folder::Files;
use process::Look;
use support::{backend::Backend, dir::TempDir, server::Livers};
use world::World;

/// How many rows the table has.
const ROWS: usize = 20;

/// How many looks there are for each row.
const LOOKS: usize = 10;

/// The longest time that counts as warming up.
const WARM: Duration = Duration::from_mins(10);

/// How long nothing happens at the end: longer than idle connections are kept.
const QUIET: Duration = Duration::from_secs(35);

/// How much more memory there may be at the end than after warming up: megabytes, and a part of it.
const MORE: (f64, f64) = (4.0, 0.1);

fn main() -> ExitCode {
    let only =
        env::args().skip(1).filter(|word| !word.starts_with('-') && word.parse::<f64>().is_err());
    let mut numbers = env::args().skip(1).filter_map(|argument| argument.parse::<f64>().ok());
    let minutes = numbers.next().unwrap_or(1.0).clamp(0.1, 600.0);
    let seed = numbers.next().map_or(1, |seed| seed as u64);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("soak")
        .enable_all()
        .build()
        .expect("a runtime");
    // What a turn finds wrong is in the tally.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some("soak") {
            print(panic);
        }
    }));
    let time = Duration::from_secs_f64(minutes * 60.0);
    let clean = runtime.block_on(soak(time, seed, only.collect()));
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The whole run; gives whether all was as it is to be.
async fn soak(time: Duration, seed: u64, only: Vec<String>) -> bool {
    println!("{:.1} minutes, seed {seed}\n\n{}", time.as_secs_f64() / 60.0, curve::HEAD);
    let dir = TempDir::new();
    let files = Files::write(&dir, seed);
    let [good, bad, mortal] = [
        Backend::start(backend::serve).await,
        Backend::start(backend::serve).await,
        Backend::start(backend::serve).await,
    ];
    // A port that is taken, and that nobody listens on.
    let refused = TcpSocket::new_v4().expect("a socket");
    refused.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let nobody = refused.local_addr().expect("an address").port();
    let mut livers = Livers::on(dir.path()).args(["--proxy-timeout", "2"]);
    for (path, port) in [("b", good.port()), ("f", bad.port()), ("d", mortal.port()), ("r", nobody)]
    {
        livers = livers.args(["--proxy".to_owned(), format!("/{path}=127.0.0.1:{port}")]);
    }
    let livers = livers.start().await;
    let world = World::new(livers.port(), seed, only, dir, files);

    let began = Instant::now();
    visitors::fill(&world).await;
    saves::fill(&world).await;
    sleep(Duration::from_millis(500)).await;
    let start = Look::at(livers.id(), began);
    println!("{}", curve::row(&Look::default(), &start, counts(&world, 0)));
    let (mut tasks, mortal) = (JoinSet::new(), Arc::new(Mutex::new(mortal)));
    witness::start(&world, &mut tasks);
    visitors::start(&world, &mut tasks);
    rude::start(&world, &mut tasks);
    tabs::start(&world, &mut tasks);
    saves::start(&world, &mut tasks);
    proxied::start(&world, &mut tasks, &mortal);
    let looks = watch(&livers, &world, began, time, &start).await;
    world.stop.cancel();
    while tasks.join_next().await.is_some() {}
    println!("the load has ended");
    sleep(QUIET).await;
    let end = Look::at(livers.id(), began);
    println!("{}", curve::row(looks.last().unwrap_or(&start), &end, counts(&world, 0)));
    let clean = report(&world, time, &looks, (&start, &end));
    // A backend's own complaints, too.
    let mut complaints = JoinSet::new();
    let mortal = Arc::into_inner(mortal).map(Mutex::into_inner);
    for mut backend in [Some(good), Some(bad), mortal].into_iter().flatten() {
        complaints.spawn(async move { backend.stop().await });
    }
    let mut content = true;
    while let Some(ended) = complaints.join_next().await {
        if let Err(why) = ended {
            content = false;
            println!("a backend: {:?}", why.into_panic().downcast_ref::<String>());
        }
    }
    clean && content
}

fn counts(world: &World, answers: u64) -> Counts {
    let tally = &world.tally;
    let (saves, told) = (tally.saves.load(Relaxed), tally.told.load(Relaxed));
    Counts { answers, saves, told, wrong: tally.wrong() }
}

/// Looks at the process until the time is over, and prints a row now and then.
async fn watch(
    livers: &Livers,
    world: &World,
    began: Instant,
    time: Duration,
    start: &Look,
) -> Vec<Look> {
    let mut ticks = interval(time / u32::try_from(ROWS * LOOKS).unwrap_or(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut looks, mut last, mut before) = (Vec::new(), start.clone(), 0);
    let until = Instant::now() + time;
    while Instant::now() < until {
        ticks.tick().await;
        let look = Look::at(livers.id(), began);
        looks.push(look.clone());
        if looks.len() % LOOKS == 0 {
            let answers = world.tally.answers.load(Relaxed);
            println!("{}", curve::row(&last, &look, counts(world, answers - before)));
            (last, before) = (look, answers);
        }
    }
    looks
}

/// Prints what it came to, and gives whether that is good.
fn report(world: &World, time: Duration, looks: &[Look], (start, end): (&Look, &Look)) -> bool {
    let warm = start.at + (time / 4).min(WARM).as_secs_f64();
    let (first, rest) = looks.split_at(looks.iter().filter(|look| look.at < warm).count());
    let recent = &first[first.len() - first.len().min(LOOKS)..];
    let warm = recent.iter().map(|look| look.own).sum::<f64>() / recent.len().max(1) as f64;
    let allowed = warm * (1.0 + MORE.1) + MORE.0;
    println!("\nown memory    {}", curve::bars(looks, |look| look.own));
    println!("descriptors   {}", curve::bars(looks, |look| look.open() as f64));
    println!("watches       {}", curve::bars(looks, |look| look.watches as f64));
    println!(
        "\nmemory: {:.1} MB before, {warm:.1} MB when warm, {:.1} MB at the end (allowed {allowed:.1}); \
         {:+.1} MB an hour once warm",
        start.own,
        end.own,
        curve::slope(rest, |look| look.own)
    );
    println!("descriptors: {:?} before, {:?} at the end", start.descriptors, end.descriptors);
    println!("watches: {} before, {} at the end\n", start.watches, end.watches);
    println!("{}", world.tally.report());
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, text) in [("soak.csv", curve::csv(looks)), ("soak.svg", curve::svg(looks))] {
        let path = target.join(name);
        if let Err(why) = fs::write(&path, text) {
            eprintln!("{}: {why}", path.display());
        }
    }
    let bad: Vec<_> = [
        (!world.tally.is_clean(), "something was wrong, lost or told twice"),
        (end.own > allowed, "memory"),
        (end.open() > start.open(), "descriptors"),
    ]
    .into_iter()
    .filter_map(|(bad, what)| bad.then_some(what))
    .collect();
    println!("{}", if bad.is_empty() { "all is well".to_owned() } else { bad.join(", ") });
    bad.is_empty()
}
