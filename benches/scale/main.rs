//! Benchmark: React projects of 1,000 to 10,000 components under livers, Vite, Rsbuild and bun.
//! Measures start-up, reloads and hot updates.
//!
//! **Measures**: three starts with empty caches: the time from the start of the server until the
//! page is painted, which means that all of its components are in the document and that a frame was
//! presented after that; the CPU time of the server until then; the number of requests and their
//! size. After each, three reloads, and a start with the caches as they are then. At last 15 edits
//! of the root component and of one without children: the time from writing the file until the
//! document shows the change; then the memory of the server.
//!
//! **Compares**: Vite with its React plugin, Rsbuild with its own and its cache on the disk, and
//! bun. `npm ci --prefix benches/scale` installs them and the packages of the projects; without it
//! the benchmark does nothing. The projects are generated: their numbers of modules, folders and
//! icons are those of react-1k, react-5k and react-10k of rstackjs/build-tools-performance.
//!
//! **Method**: the servers alternate, start by start and edit by edit, each with a project of its
//! own and a Chromium window of its own. Times are medians, from the clock of the page. A server
//! that fails, or needs more than two minutes until the page is painted, has no values after that.
//! In react-5k and react-10k most components belong to routes that are not visited; in the cases
//! `5k-all` and `10k-all` the page renders all of them. The output is Markdown.
//!
//! - `cargo bench --bench scale` measures 1k, 5k and 10k.
//! - `cargo bench --bench scale -- 1k 10k-all 5` measures these cases, with 5 starts of each kind.
//! - `cargo bench --bench scale -- --project DIR` measures a project of your own beside the Vite
//!   that is installed in it. Painted then means the largest contentful paint, after which the page
//!   has been quiet for two seconds; the CPU time includes these. The caches of both servers in
//!   `DIR/node_modules` are deleted, and nothing is edited.
//!
//! **Leaves out**: production builds, other browsers, the memory of the browser.

#![allow(
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

mod case;
#[path = "../support/page.rs"]
mod page;
mod rival;
#[path = "../support/mod.rs"]
mod servers;
#[path = "../../tests/livers/support/mod.rs"]
mod support;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use case::{CASES, Case, ROOT};
use rival::{Kind, Painted, Rival};
use servers::{Folder, Result, quantile};

const STARTS: usize = 3;
const EDITS: usize = 15;

/// The cases that are measured unless others are given.
const DEFAULT: [&str; 3] = ["1k", "5k", "10k"];

/// Pause between edits: longer than the debounce interval of any server.
const PAUSE: Duration = Duration::from_millis(150);

/// What to measure.
struct Plan {
    cases: Vec<&'static Case>,
    projects: Vec<PathBuf>,
    starts: usize,
}

impl Plan {
    fn from_arguments() -> Result<Self> {
        let mut plan = Self { cases: Vec::new(), projects: Vec::new(), starts: STARTS };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            if let Some(case) = CASES.iter().find(|case| case.name == argument) {
                plan.cases.push(case);
            } else if let Ok(starts) = argument.parse() {
                plan.starts = starts;
            } else if argument == "--project" {
                let folder = arguments.next().ok_or("--project needs a folder")?;
                plan.projects.push(fs::canonicalize(folder)?);
            } else if argument != "--bench" {
                let cases = CASES.map(|case| case.name).join(", ");
                return Err(format!("{argument:?} is none of {cases}, a number, --project").into());
            }
        }
        if plan.cases.is_empty() && plan.projects.is_empty() {
            plan.cases.extend(CASES.iter().filter(|case| DEFAULT.contains(&case.name)));
        }
        Ok(plan)
    }
}

/// Returns the folder of the benchmark.
fn bench_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scale")
}

#[tokio::main]
async fn main() -> Result<()> {
    let plan = Plan::from_arguments()?;
    if !plan.cases.is_empty() {
        if !bench_folder().join("node_modules/react").is_dir() {
            println!("Nothing is installed. Run: npm ci --prefix benches/scale");
            return Ok(());
        }
        measure_cases(&plan).await?;
    }
    for project in &plan.projects {
        let kinds = [Kind::Livers, Kind::Vite];
        let mut rivals = kinds.map(|kind| Rival::new(kind, project.clone()));
        start(&mut rivals, &Painted::Largest, plan.starts).await;
        let name = project.file_name().unwrap_or_default().to_string_lossy();
        println!("## {name}, {} starts\n", plan.starts);
        table(&rivals);
    }
    Ok(())
}

async fn measure_cases(plan: &Plan) -> Result<()> {
    // In the folder of the benchmark, because links cannot leave a file system.
    let projects = Folder::below(&bench_folder(), "scale")?;
    let folders = Kind::ALL.map(|kind| projects.path().join(format!("{kind:?}")));
    for folder in &folders {
        link(&bench_folder().join("node_modules"), &folder.join("node_modules"))?;
    }
    for case in &plan.cases {
        let mut written = None;
        let mut rivals = Vec::new();
        for (kind, folder) in Kind::ALL.into_iter().zip(&folders) {
            written = Some(case.write(folder)?);
            rivals.push(Rival::new(kind, folder.clone()));
        }
        let Some(project) = written else { continue };
        let (components, icons) = (project.rendered.components, project.rendered.leaves);
        start(&mut rivals, &Painted::Tree { components, icons }, plan.starts).await;
        edit(&mut rivals, &case.leaf()).await;
        println!(
            "## {}: {} components, {components} of them on the page; {} starts, {EDITS} edits\n",
            case.name, project.all.components, plan.starts
        );
        table(&rivals);
    }
    Ok(())
}

/// Links the files of a folder and its subfolders, so that each project has a `node_modules` of its
/// own as npm installs it. Servers find packages behind a symbolic link outside of the project, and
/// share their caches there. Reads each file, so that no server is the first to read it.
fn link(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            link(&from, &to)?;
        } else if kind.is_symlink() {
            // Those of `.bin`, which are relative.
            std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
        } else {
            fs::hard_link(&from, to)?;
            io::copy(&mut fs::File::open(from)?, &mut io::sink())?;
        }
    }
    Ok(())
}

/// Starts the servers in turns: with empty caches, and then with filled ones.
async fn start(rivals: &mut [Rival], painted: &Painted, starts: usize) {
    for turn in 1..=starts {
        for is_cold in [true, false] {
            for rival in rivals.iter_mut().filter(|rival| rival.failure.is_none()) {
                let started = if is_cold {
                    rival.start_cold(painted).await
                } else {
                    rival.start_warm(painted).await
                };
                rival.note(started);
                // Only those of the last turn run on, for the edits.
                if turn < starts {
                    rival.stop();
                }
            }
        }
    }
}

/// Edits the root component and the one without children in turns, then measures the memory.
async fn edit(rivals: &mut [Rival], leaf: &str) {
    for _ in 0..EDITS {
        for (number, file) in [leaf, ROOT].into_iter().enumerate() {
            for rival in rivals.iter_mut() {
                let edited = rival.edit(number, file).await;
                rival.note(edited);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    for rival in rivals {
        let ended = rival.end();
        rival.note(ended);
    }
}

fn table(rivals: &[Rival]) {
    let row = |label: &str, value: &dyn Fn(&Rival) -> Option<String>| {
        let values = rivals.iter().map(|rival| value(rival).unwrap_or_else(|| "–".into()));
        println!("| {label} | {} |", values.collect::<Vec<_>>().join(" | "));
    };
    let median = |values: &[f64], digits: usize| {
        (!values.is_empty()).then(|| format!("{:.digits$}", quantile(values, 0.5)))
    };
    let names: Vec<_> = rivals.iter().map(|rival| rival.kind.name()).collect();
    println!("| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    row("start to painted, nothing cached, ms", &|rival| median(&rival.cold, 0));
    row("start to painted, server's cache filled, ms", &|rival| median(&rival.warm, 0));
    row("reload to painted, ms", &|rival| median(&rival.reloads, 0));
    row("requests, KB", &|rival| {
        (rival.requests > 0).then(|| format!("{}, {:.0}", rival.requests, rival.kilobytes))
    });
    row("server CPU of a start with nothing cached, s", &|rival| median(&rival.cpu, 2));
    let components = ["component without children", "root component"];
    for (number, name) in components.into_iter().enumerate() {
        if rivals.iter().all(|rival| rival.edits.is_empty()) {
            continue;
        }
        row(&format!("edit of the {name}, ms"), &|rival| {
            median(&rival.edits.get(number)?.shown, 1)
        });
        row("edits shown, page loads", &|rival| {
            let edits = rival.edits.get(number)?;
            Some(format!("{} of {}, {}", edits.shown.len(), edits.made, edits.loads))
        });
    }
    if rivals.iter().any(|rival| rival.memory.is_some()) {
        row("memory after the edits, MB", &|rival| Some(format!("{:.0}", rival.memory?)));
    }
    println!();
    for (rival, why) in rivals.iter().filter_map(|it| Some((it, it.failure.as_ref()?))) {
        println!("{}: {why}\n", rival.kind.name());
    }
}
