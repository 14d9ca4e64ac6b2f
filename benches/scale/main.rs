//! Benchmark: React projects of 1,000 to 10,000 components under livers, Vite, Rsbuild and bun.
//! Measures start-up, reloads and hot updates.
//!
//! **Measures**: three starts with empty caches: the time from the start of the server until the
//! page is painted, which means that all of its components are in the document and that a frame was
//! presented after that; the CPU time of the server until then; the number of requests and their
//! size. After each, three reloads, the memory of the server and its children, and a start with the
//! caches as they are then. At last 15 edits of the root component and of one without children: the
//! time from writing the file until the document shows the change, and how many of them loaded the
//! page; then the memory again.
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
//! - `cargo bench --bench scale -- --edits 5` makes 5 edits of each kind.
//! - `cargo bench --bench scale -- --project DIR` measures a project of your own beside the Vite
//!   that is installed in it, each with a copy beside `DIR` that has empty caches; `DIR` stays as it
//!   is. Painted then means the largest contentful paint, after which the page has been quiet for
//!   two seconds; the CPU time includes these. These options are about the project before them:
//!   - `--path /app` opens this path of it.
//!   - `--init FILE` runs a script before those of the page, in each document.
//!   - `--edit text FILE TEXT` puts a number behind the first TEXT of a file, and waits until the
//!     document has both. The page must show TEXT from the start, and is not painted before it does.
//!   - `--edit class FILE TEXT` adds the Tailwind class `[--edit-NUMBER:1]` behind the first TEXT,
//!     which belongs to a class attribute, and waits until an element has the computed value.
//!   - `--edit sheet FILE` adds the rule `:root { --edit-NUMBER: 1 }` to a style sheet, or to a part
//!     of one, and waits until the root has the computed value.
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
mod edit;
#[path = "../support/page.rs"]
mod page;
mod project;
mod rival;
#[path = "../support/mod.rs"]
mod servers;
#[path = "../../tests/livers/support/mod.rs"]
mod support;
mod visit;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use case::{CASES, Case, ROOT};
use edit::{Change, Edit};
use project::{Project, link};
use rival::{Kind, Rival};
use servers::{Folder, Result, quantile};
use visit::{Painted, Visit};

const STARTS: usize = 3;
const EDITS: usize = 15;

/// The cases that are measured unless others are given.
const DEFAULT: [&str; 3] = ["1k", "5k", "10k"];

/// What to measure.
struct Plan {
    cases: Vec<&'static Case>,
    projects: Vec<Project>,
    starts: usize,
    edits: usize,
}

impl Plan {
    fn from_arguments() -> Result<Self> {
        let mut plan =
            Self { cases: Vec::new(), projects: Vec::new(), starts: STARTS, edits: EDITS };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            if let Some(case) = CASES.iter().find(|case| case.name == argument) {
                plan.cases.push(case);
            } else if let Ok(starts) = argument.parse() {
                plan.starts = starts;
            } else if argument.starts_with("--") && argument != "--bench" {
                plan.option(&argument, &mut arguments)?;
            } else if argument != "--bench" {
                let cases = CASES.map(|case| case.name).join(", ");
                return Err(format!("{argument:?} is none of {cases}, a number, an option").into());
            }
        }
        if plan.cases.is_empty() && plan.projects.is_empty() {
            plan.cases.extend(CASES.iter().filter(|case| DEFAULT.contains(&case.name)));
        }
        Ok(plan)
    }

    fn option(&mut self, name: &str, values: &mut impl Iterator<Item = String>) -> Result<()> {
        let project = self.projects.last_mut().ok_or_else(|| format!("{name} needs a --project"));
        if name == "--edit" {
            return project?.add(Edit::from_arguments(values)?);
        }
        let value = values.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name {
            "--edits" => self.edits = value.parse()?,
            "--project" => self.projects.push(Project::new(&value)?),
            "--path" => project?.visit.path = value,
            "--init" => project?.visit.init = Some(fs::read_to_string(value)?),
            _ => return Err(format!("{name} is no option").into()),
        }
        Ok(())
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
        let folders = kinds.map(|kind| project.copy(kind));
        let mut rivals = Vec::new();
        for (kind, folder) in kinds.into_iter().zip(&folders) {
            let folder = folder.as_ref().map_err(ToString::to_string)?;
            rivals.push(Rival::new(kind, folder.path().to_owned()));
        }
        let edits = match project.edits.len() {
            0 => String::new(),
            _ => format!(", {} edits of each kind", plan.edits),
        };
        println!("## {}: {} starts{edits}\n", project.name(), plan.starts);
        measure(&mut rivals, &plan, &project.visit, &project.edits).await?;
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
        println!(
            "## {}: {} components, {components} of them on the page; {} starts, {} edits\n",
            case.name, project.all.components, plan.starts, plan.edits
        );
        let component = |file, name| Edit { file, change: Change::Component(name) };
        let edits = [
            component(case.leaf(), "component without children"),
            component(ROOT.to_owned(), "root component"),
        ];
        let visit = Visit::root(Painted::Tree { components, icons });
        measure(&mut rivals, plan, &visit, &edits).await?;
    }
    Ok(())
}

/// Starts the servers, makes the edits, and prints the table.
async fn measure(rivals: &mut [Rival], plan: &Plan, visit: &Visit, edits: &[Edit]) -> Result<()> {
    rivals.iter_mut().try_for_each(|rival| rival.prepare(edits))?;
    start(rivals, visit, plan.starts).await;
    for _ in 0..plan.edits {
        for (index, edit) in edits.iter().enumerate() {
            for rival in rivals.iter_mut() {
                let edited = rival.edit(index, edit).await;
                rival.note(edited);
            }
        }
    }
    rivals.iter_mut().for_each(Rival::end);
    table(rivals, edits);
    Ok(())
}

/// Starts the servers in turns: with empty caches, and then with filled ones.
async fn start(rivals: &mut [Rival], visit: &Visit, starts: usize) {
    for turn in 1..=starts {
        for is_cold in [true, false] {
            for rival in rivals.iter_mut().filter(|rival| rival.failure.is_none()) {
                let started = if is_cold {
                    rival.start_cold(visit).await
                } else {
                    rival.start_warm(visit).await
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

fn table(rivals: &[Rival], edits: &[Edit]) {
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
    let memory = "memory of the server and its children";
    row(&format!("{memory} after that and the reloads, MB"), &|rival| median(&rival.memory, 0));
    for (index, edit) in edits.iter().enumerate() {
        row(&format!("edit of {}, ms", edit.name()), &|rival| median(&rival.made(index)?.shown, 1));
        row("edits shown; with a page load", &|rival| {
            let edits = rival.made(index)?;
            Some(format!("{} of {}; {}", edits.shown.len(), edits.made, edits.loads))
        });
    }
    row(&format!("{memory} at the end, MB"), &|rival| Some(format!("{:.0}", rival.memory_at_end?)));
    println!();
    for (rival, why) in rivals.iter().filter_map(|it| Some((it, it.failure.as_ref()?))) {
        println!("{}: {why}\n", rival.kind.name());
    }
}
