//! What the system says of the server's process.

use std::{collections::BTreeMap, fs, time::Instant};

/// A look at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Look {
    /// Seconds since the start.
    pub(crate) at: f64,
    /// All of its memory that is in RAM, and the part that is no file's: megabytes.
    pub(crate) resident: f64,
    pub(crate) own: f64,
    /// Open descriptors, by kind.
    pub(crate) descriptors: BTreeMap<&'static str, usize>,
    pub(crate) threads: usize,
    /// CPU seconds so far.
    pub(crate) cpu: f64,
    /// inotify watches.
    pub(crate) watches: usize,
}

impl Look {
    /// Looks now.
    pub(crate) fn at(id: u32, began: Instant) -> Self {
        let read =
            |name: &str| fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
        let status = read("status");
        let field = |name: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
        };
        let megabytes = |kilobytes: usize| kilobytes as f64 / 1024.0;
        let mut look = Self {
            at: began.elapsed().as_secs_f64(),
            resident: megabytes(field("VmRSS:")),
            own: megabytes(field("RssAnon:")),
            threads: field("Threads:"),
            ..Self::default()
        };
        // The second field is a name in parentheses, of any characters. The figures are in
        // hundredths of a second wherever Rust's Linux runs.
        let stat = read("stat");
        let ticks = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
        let ticks = ticks.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok());
        look.cpu = f64::from(ticks.sum::<u32>()) / 100.0;
        let open = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        for entry in open {
            let Ok(to) = fs::read_link(entry.path()) else { continue };
            let to = to.to_string_lossy();
            let kind = if to.starts_with("socket:") {
                "sockets"
            } else if to.contains("inotify") {
                let info = read(&format!("fdinfo/{}", entry.file_name().to_string_lossy()));
                look.watches += info.lines().filter(|line| line.starts_with("inotify ")).count();
                "inotify"
            } else if to.starts_with("anon_inode:") {
                "events"
            } else if to.starts_with("pipe:") || to.starts_with("/dev/") {
                "pipes"
            } else {
                "files"
            };
            *look.descriptors.entry(kind).or_default() += 1;
        }
        look
    }

    /// All open descriptors.
    pub(crate) fn open(&self) -> usize {
        self.descriptors.values().sum()
    }

    /// Those of one kind.
    pub(crate) fn of(&self, kind: &str) -> usize {
        self.descriptors.get(kind).copied().unwrap_or_default()
    }
}
