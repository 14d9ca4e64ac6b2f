//! Soak test: checks correctness and looks for leaks under a mixed load of an hour or more.
//!
//! **What**: the release binary serves a folder and proxies to backends. At the same time, clients
//! request files in many ways ([`requests`]), slowly or incompletely ([`clients`]); tabs open and
//! close ([`tabs`]); files are saved, and tabs that use them count the messages ([`observers`]);
//! many files are written at once ([`saves`]); a backend answers, fails, is stopped and started
//! again ([`proxied`], [`backend`]); and files that are made to exhaust a server are written at
//! random into a part of the folder, and requested there and from a second server that has this
//! part as its root ([`hostile`]). Every response is compared with the expected one.
//!
//! **How**: `cargo bench --bench soak -- 60` runs for 60 minutes, the default is one. A second
//! number is the seed of all random choices. Words select tasks by a part of their name (`bursts`,
//! `tabs`). After the load, nothing happens for 35 seconds. Then no more descriptors may be open
//! than before the load, and no more memory may be in use than after the first quarter (at most ten
//! minutes). A wrong response, a lost or duplicate message, or the end of a server makes the exit
//! code 1. The figures are those of both servers together. The samples are written to `soak.csv`
//! and `soak.svg` in the target folder's `tmp`.
//!
//! **Load**: about a third of a core, for client and server together.
//!
//! **Left out**: browsers (the tests use them), TLS, network interfaces other than the loopback.

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
mod chart;
mod clients;
mod folder;
mod hostile;
mod observers;
mod proxied;
mod requests;
mod rng;
mod sample;
mod saves;
#[path = "../../tests/livers/support/mod.rs"]
mod support;
mod tabs;
mod tally;
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

use chart::Counts;
use folder::Files;
use sample::Sample;
use support::{backend::Backend, dir::TempDir, server::Livers};
use world::World;

/// The number of rows of the table.
const ROWS: usize = 20;

/// The number of samples for each row.
const SAMPLES_PER_ROW: usize = 10;

/// The longest warm-up time.
const WARM_UP: Duration = Duration::from_mins(10);

/// The idle time at the end, which is longer than livers keeps idle connections.
const QUIET: Duration = Duration::from_secs(35);

/// The memory growth allowed after the warm-up: megabytes, and a fraction.
const ALLOWED_GROWTH: (f64, f64) = (4.0, 0.1);

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
    // The tally prints the panics of tasks.
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

/// Runs the test. Returns whether everything was correct.
async fn soak(time: Duration, seed: u64, only: Vec<String>) -> bool {
    println!("{:.1} minutes, seed {seed}\n\n{}", time.as_secs_f64() / 60.0, chart::HEAD);
    let dir = TempDir::new();
    let files = Files::write(&dir, seed);
    let [good, bad, mortal] = [
        Backend::start(backend::serve).await,
        Backend::start(backend::serve).await,
        Backend::start(backend::serve).await,
    ];
    // A port that is in use but not listening.
    let refused = TcpSocket::new_v4().expect("a socket");
    refused.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let refusing = refused.local_addr().expect("an address").port();
    let mut livers = Livers::on(dir.path()).args(["--proxy-timeout", "2"]);
    for (path, port) in
        [("b", good.port()), ("f", bad.port()), ("d", mortal.port()), ("r", refusing)]
    {
        livers = livers.args(["--proxy".to_owned(), format!("/{path}=127.0.0.1:{port}")]);
    }
    let mut livers = livers.start().await;
    dir.make_dir(hostile::FOLDER);
    let mut second = Livers::on(dir.at(hostile::FOLDER)).start().await;
    let ids = [livers.id(), second.id()];
    let world = World::new([livers.port(), second.port()], seed, only, dir, files);

    let began = Instant::now();
    requests::fill(&world).await;
    saves::fill(&world).await;
    hostile::fill(&world);
    sleep(Duration::from_millis(500)).await;
    let start = Sample::together(ids, began);
    println!("{}", chart::row(&Sample::default(), &start, counts(&world, 0)));
    let (mut tasks, mortal) = (JoinSet::new(), Arc::new(Mutex::new(mortal)));
    observers::start(&world, &mut tasks);
    requests::start(&world, &mut tasks);
    clients::start(&world, &mut tasks);
    tabs::start(&world, &mut tasks);
    saves::start(&world, &mut tasks);
    proxied::start(&world, &mut tasks, &mortal);
    hostile::start(&world, &mut tasks);
    let samples = take_samples(ids, &world, began, time, &start).await;
    world.stop.cancel();
    while tasks.join_next().await.is_some() {}
    println!("the load has ended");
    sleep(QUIET).await;
    let end = Sample::together(ids, began);
    println!("{}", chart::row(samples.last().unwrap_or(&start), &end, counts(&world, 0)));
    let ended = [&mut livers, &mut second].map(Livers::has_ended).contains(&true);
    if ended {
        println!("a server has ended: {:?} {:?}", livers.stderr().last(), second.stderr().last());
    }
    let clean = report(&world, time, &samples, (&start, &end)) && !ended;
    // Stopping a backend reports the panics of its script.
    let mut stopping = JoinSet::new();
    let mortal = Arc::into_inner(mortal).map(Mutex::into_inner);
    for mut backend in [Some(good), Some(bad), mortal].into_iter().flatten() {
        stopping.spawn(async move { backend.stop().await });
    }
    let mut are_backends_clean = true;
    while let Some(ended) = stopping.join_next().await {
        if let Err(why) = ended {
            are_backends_clean = false;
            println!("a backend: {:?}", why.into_panic().downcast_ref::<String>());
        }
    }
    clean && are_backends_clean
}

fn counts(world: &World, answers: u64) -> Counts {
    let tally = &world.tally;
    let (saves, notified) = (tally.saves.load(Relaxed), tally.notified.load(Relaxed));
    Counts { answers, saves, notified, wrong: tally.wrong() }
}

/// Samples the process until the time is over, and prints the rows.
async fn take_samples(
    ids: [u32; 2],
    world: &World,
    began: Instant,
    time: Duration,
    start: &Sample,
) -> Vec<Sample> {
    let mut ticks = interval(time / u32::try_from(ROWS * SAMPLES_PER_ROW).unwrap_or(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut samples, mut last, mut before) = (Vec::new(), start.clone(), 0);
    let until = Instant::now() + time;
    while Instant::now() < until {
        ticks.tick().await;
        let sample = Sample::together(ids, began);
        samples.push(sample.clone());
        if samples.len() % SAMPLES_PER_ROW == 0 {
            let answers = world.tally.answers.load(Relaxed);
            println!("{}", chart::row(&last, &sample, counts(world, answers - before)));
            (last, before) = (sample, answers);
        }
    }
    samples
}

/// Prints the result. Returns whether everything was correct.
fn report(
    world: &World,
    time: Duration,
    samples: &[Sample],
    (start, end): (&Sample, &Sample),
) -> bool {
    let warm = start.at + (time / 4).min(WARM_UP).as_secs_f64();
    let (first, rest) = samples.split_at(samples.iter().filter(|sample| sample.at < warm).count());
    let recent = &first[first.len() - first.len().min(SAMPLES_PER_ROW)..];
    let warm = recent.iter().map(|sample| sample.own).sum::<f64>() / recent.len().max(1) as f64;
    let allowed = warm * (1.0 + ALLOWED_GROWTH.1) + ALLOWED_GROWTH.0;
    println!("\nown memory    {}", chart::bars(samples, |sample| sample.own));
    println!("descriptors   {}", chart::bars(samples, |sample| sample.open() as f64));
    println!("watches       {}", chart::bars(samples, |sample| sample.watches as f64));
    println!(
        "\nmemory: {:.1} MB before, {warm:.1} MB when warm, {:.1} MB at the end (allowed {allowed:.1}); \
         {:+.1} MB per hour after that",
        start.own,
        end.own,
        chart::slope(rest, |sample| sample.own)
    );
    println!("descriptors: {:?} before, {:?} at the end", start.descriptors, end.descriptors);
    println!("watches: {} before, {} at the end\n", start.watches, end.watches);
    println!("{}", world.tally.report());
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, text) in [("soak.csv", chart::csv(samples)), ("soak.svg", chart::svg(samples))] {
        let path = target.join(name);
        if let Err(why) = fs::write(&path, text) {
            eprintln!("{}: {why}", path.display());
        }
    }
    let bad: Vec<_> = [
        (!world.tally.is_clean(), "wrong responses, or lost or duplicate messages"),
        (end.own > allowed, "memory"),
        (end.open() > start.open(), "descriptors"),
    ]
    .into_iter()
    .filter_map(|(bad, what)| bad.then_some(what))
    .collect();
    println!(
        "{}",
        if bad.is_empty() { "passed".to_owned() } else { format!("failed: {}", bad.join(", ")) }
    );
    bad.is_empty()
}
