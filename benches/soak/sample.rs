//! Samples the resources of the servers' processes from `/proc`.

use std::{collections::BTreeMap, fs, time::Instant};

/// The resources in use at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Seconds since the start.
    pub(crate) at: f64,
    /// Resident memory, and its anonymous part (not backed by files), in megabytes.
    pub(crate) resident: f64,
    pub(crate) own: f64,
    /// The number of open descriptors by kind.
    pub(crate) descriptors: BTreeMap<&'static str, usize>,
    pub(crate) threads: usize,
    /// CPU time so far, in seconds.
    pub(crate) cpu: f64,
    /// inotify watches.
    pub(crate) watches: usize,
}

impl Sample {
    /// Takes a sample of all these processes together.
    pub(crate) fn together(ids: [u32; 2], began: Instant) -> Self {
        let [mut one, two] = ids.map(|id| Self::at(id, began));
        one.resident += two.resident;
        one.own += two.own;
        one.threads += two.threads;
        one.cpu += two.cpu;
        one.watches += two.watches;
        for (kind, count) in two.descriptors {
            *one.descriptors.entry(kind).or_default() += count;
        }
        one
    }

    fn at(id: u32, began: Instant) -> Self {
        let read =
            |name: &str| fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
        let status = read("status");
        let field = |name: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
        };
        let megabytes = |kilobytes: usize| kilobytes as f64 / 1024.0;
        let mut sample = Self {
            at: began.elapsed().as_secs_f64(),
            resident: megabytes(field("VmRSS:")),
            own: megabytes(field("RssAnon:")),
            threads: field("Threads:"),
            ..Self::default()
        };
        // The second field is a name in parentheses that can contain any character. Times are in
        // ticks of 10 ms on all platforms that Rust supports.
        let stat = read("stat");
        let ticks = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
        let ticks = ticks.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok());
        sample.cpu = f64::from(ticks.sum::<u32>()) / 100.0;
        let open = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        for entry in open {
            let Ok(to) = fs::read_link(entry.path()) else { continue };
            let to = to.to_string_lossy();
            let kind = if to.starts_with("socket:") {
                "sockets"
            } else if to.contains("inotify") {
                let info = read(&format!("fdinfo/{}", entry.file_name().to_string_lossy()));
                sample.watches += info.lines().filter(|line| line.starts_with("inotify ")).count();
                "inotify"
            } else if to.starts_with("anon_inode:") {
                "events"
            } else if to.starts_with("pipe:") || to.starts_with("/dev/") {
                "pipes"
            } else {
                "files"
            };
            *sample.descriptors.entry(kind).or_default() += 1;
        }
        sample
    }

    /// Returns the number of open descriptors.
    pub(crate) fn open(&self) -> usize {
        self.descriptors.values().sum()
    }

    /// Returns the number of open descriptors of one kind.
    pub(crate) fn of(&self, kind: &str) -> usize {
        self.descriptors.get(kind).copied().unwrap_or_default()
    }
}
