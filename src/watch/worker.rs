//! The thread that takes what happens to the end: from the queue to what is published.
//!
//! All state is the thread's own, but for the snapshot, which requests add to. Everything here may
//! block; the longest step is reading a file that changed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    Input, Options, PathState, QUEUE, Shared,
    coalesce::{Due, Signal},
    ignore::{GITIGNORE, Ignore},
    links::Links,
    snapshot::{difference, is_emptied, look, look_anyway},
    source::{self, Says},
    tree::Tree,
};
use crate::{
    change::{Change, ChangeSet},
    docroot::Root,
    error::Error,
    event::{Event, Events},
};

/// How often it is looked whether a folder that went away is back.
const AWAY: Duration = Duration::from_millis(100);

/// A folder or file that is watched but not served.
struct More {
    path: PathBuf,
    /// Its changes are named from here.
    parent: PathBuf,
    directory: bool,
}

impl More {
    fn new(path: PathBuf) -> Result<Self, Error> {
        let absolute =
            dunce::canonicalize(&path).map_err(|_| Error::WatchPathMissing(path.clone()))?;
        let directory = absolute.is_dir();
        if directory {
            fs::read_dir(&absolute).map_err(|why| Error::Unreadable(path, why))?;
        }
        let parent = absolute.parent().unwrap_or(&absolute).to_owned();
        Ok(Self { path: absolute, parent, directory })
    }

    fn folder(&self) -> Option<&Path> {
        self.directory.then_some(&*self.path)
    }
}

/// What the thread works with.
pub(super) struct Worker {
    root: Arc<Root>,
    more: Vec<More>,
    ignore: Ignore,
    tree: Tree,
    links: Links,
    shared: Arc<Shared>,
    /// The root, or other folders, that went away; they may come back.
    away: Vec<PathBuf>,
    events: Events,
}

impl Worker {
    /// Watches everything there is to watch.
    pub(super) fn start(
        options: Options,
        tree: Tree,
        shared: Arc<Shared>,
        events: Events,
    ) -> Result<Self, Error> {
        let mounted = options.root.mounted().map(Path::to_owned);
        let more = mounted
            .chain(options.extra_watch_paths)
            .map(More::new)
            .collect::<Result<Vec<_>, _>>()?;
        let folders: Vec<_> = more.iter().filter_map(More::folder).collect();
        let mut worker = Self {
            ignore: Ignore::new(options.root.path(), &folders, &options.ignore)?,
            tree,
            links: Links::new(
                [options.root.path()].into_iter().chain(options.root.mounted()),
                options.root.leads_out(),
            ),
            more,
            root: options.root,
            shared,
            away: Vec::new(),
            events,
        };
        worker.watch_all();
        Ok(worker)
    }

    /// Takes in what happens until it is told to stop.
    pub(super) fn run(mut self, inputs: &Receiver<Input>) {
        loop {
            let input = match self.wait() {
                None => inputs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => inputs.recv_timeout(wait),
            };
            let mut next = match input {
                Ok(input) => Some(input),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // Whatever waits is taken in before anything is looked at; the queue's length bounds it.
            let mut taken = 0;
            while let Some(input) = next {
                if matches!(input, Input::Stop) {
                    return;
                }
                self.take_in(input, Instant::now());
                taken += 1;
                next = if taken < QUEUE { inputs.try_recv().ok() } else { None };
            }
            self.shared.waiting.fetch_sub(taken, Ordering::AcqRel);
            self.look_for_away();
            if self.shared.lost.swap(false, Ordering::AcqRel) {
                self.look_at_everything();
            }
            self.look_at_due();
            self.shared.folders.store(self.tree.len(), Ordering::Relaxed);
            self.shared.calmed.notify_waiters();
        }
    }

    /// How long to wait for the next input.
    fn wait(&self) -> Option<Duration> {
        let due = self.shared.coalesce().next();
        let due = due.map(|due| due.saturating_duration_since(Instant::now()));
        let away = (!self.away.is_empty()).then_some(AWAY);
        due.into_iter().chain(away).min()
    }

    fn take_in(&mut self, input: Input, now: Instant) {
        match input {
            Input::Event(event) => match source::says(&event) {
                Says::Nothing => {}
                Says::Lost => self.shared.lost.store(true, Ordering::Release),
                Says::Signal(signal) => {
                    for path in event.paths {
                        self.tree.heard(&path, signal);
                        self.signal(path, signal, now);
                    }
                }
            },
            Input::Fault(error) => self.events.emit(Event::WatchFault {
                path: error.paths.first().cloned().unwrap_or_default(),
                why: error.to_string(),
            }),
            Input::Polled(path, signal) => {
                // Who looks sees only what was written, never that somebody opened it.
                if signal == Signal::Finished {
                    self.signal(path.clone(), Signal::Written, now);
                }
                self.signal(path, signal, now);
            }
            Input::Retry => self.tree.retry(),
            Input::Asked(path) => self.follow(path, now),
            Input::Suspect(path) => self.shared.coalesce().push(path, Signal::Finished, true, now),
            Input::Sooner | Input::Stop => {}
        }
    }

    /// Something happened to a path.
    fn signal(&mut self, path: PathBuf, signal: Signal, now: Instant) {
        if signal == Signal::Gone {
            self.tree.remove(&path);
            if self.roots().any(|root| root == path) && !self.away.contains(&path) {
                self.away.push(path.clone());
            }
        }
        if matches!(signal, Signal::Appeared | Signal::Arrived)
            && self.roots().any(|root| root == path)
        {
            // Another folder took its place, or a link to another one: all is looked at.
            if !self.away.contains(&path) {
                self.away.push(path);
            }
            return;
        }
        if path.file_name().is_some_and(|name| name == GITIGNORE)
            && let Some(folder) = path.parent()
        {
            self.ignore.load(folder);
        }
        if !self.counts(&path) {
            return;
        }
        let came = matches!(signal, Signal::Appeared | Signal::Arrived);
        if came || signal == Signal::Gone {
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                // Whatever was put into a new folder before its watch raised no event. And what is
                // said to be gone may be there again: an old folder's last event can come late.
                self.enter(&path, signal, now);
            } else if signal == Signal::Gone {
                self.await_below(&path, now);
            }
        }
        for link in self.links.to(&path) {
            self.shared.coalesce().push(link, signal, true, now);
        }
        let asked = self.shared.snapshot().asked(&path);
        self.shared.coalesce().push(path, signal, asked, now);
    }

    /// A folder is there, with whatever is in it.
    fn enter(&mut self, folder: &Path, signal: Signal, now: Instant) {
        let known = self.asked_below(folder);
        if !known.is_empty() || !self.ignore.unwatched(folder, true) {
            for path in self.tree.add(folder, &mut self.ignore) {
                if self.counts(&path) {
                    let asked = self.shared.snapshot().asked(&path);
                    self.shared.coalesce().push(path, Signal::Appeared, asked, now);
                }
            }
        }
        // Who makes a folder may still be writing what is in it; who renames one is done.
        let finished = if signal == Signal::Appeared { signal } else { Signal::Arrived };
        for path in known {
            self.follow(path.clone(), now);
            self.shared.coalesce().push(path, finished, true, now);
        }
    }

    /// A folder is gone: what was asked for in it is awaited above it.
    fn await_below(&mut self, folder: &Path, now: Instant) {
        for path in self.asked_below(folder) {
            self.follow(path, now);
        }
    }

    /// Watches what decides over a path that somebody asked for: the nearest folder there is, and
    /// where links lead.
    fn follow(&mut self, path: PathBuf, now: Instant) {
        let forgotten = self.shared.snapshot().take_forgotten();
        for path in forgotten {
            self.links.forget(&path);
        }
        let real = self.links.follow(&path);
        let mut new = self.watch_for(&path);
        if let Some(real) = &real {
            new |= self.watch_for(real);
        }
        new |= self.watch_itself(&path);
        let plain = self.links.is_real(&path)
            && self.links.to(&path).is_empty()
            && self.counts(&path)
            && path.file_name().is_some_and(|name| name != GITIGNORE);
        let urls = if plain { self.names(&path, false) } else { Vec::new() };
        let mut snapshot = self.shared.snapshot();
        snapshot.set_plain(&path, urls);
        if let Some(real) = real {
            snapshot.set_plain(&real, Vec::new());
        }
        drop(snapshot);
        if new {
            // It may have changed before it was watched.
            self.shared.coalesce().push(path, Signal::Finished, true, now);
        }
    }

    /// Watches the nearest folder above a path. Not one behind a link: the system knows it by one
    /// name only, and its own is the one that its files' changes must come under.
    fn watch_for(&mut self, path: &Path) -> bool {
        let mut new = false;
        // Until nothing was made, or removed, between finding the folder and watching it.
        while let Some(folder) =
            path.ancestors().skip(1).find(|folder| folder.is_dir() && self.links.is_real(folder))
            && (self.tree.add_one(folder) || !folder.is_dir())
        {
            new = true;
        }
        self.tree.uses(path);
        new
    }

    /// Watches a file itself where it has other names, hard links: a write by one of these raises no
    /// event under this one.
    fn watch_itself(&mut self, path: &Path) -> bool {
        has_other_names(path) && self.tree.add_file(path)
    }

    /// What somebody asked for at or below a path, also by way of links.
    fn asked_below(&self, path: &Path) -> Vec<PathBuf> {
        let mut asked = self.shared.snapshot().below(path);
        asked.extend(self.links.to(path));
        asked
    }

    /// The folders whose trees are watched.
    fn roots(&self) -> impl Iterator<Item = &Path> {
        [self.root.path()].into_iter().chain(self.more.iter().filter_map(More::folder))
    }

    /// Whether changes of a path are of interest to anybody.
    fn counts(&self, path: &Path) -> bool {
        if self.ignore.never(path, false) {
            return false;
        }
        if self.more.iter().any(|more| path.starts_with(&more.path)) {
            return true;
        }
        if !path.starts_with(self.root.path()) {
            // What links lead to, elsewhere.
            return !self.links.to(path).is_empty();
        }
        // An ignored file counts once somebody asked for it, or for something in it.
        !self.ignore.unwatched(path, false) || !self.asked_below(path).is_empty()
    }

    /// Watches everything there is.
    fn watch_all(&mut self) {
        let root = Arc::clone(&self.root);
        self.tree.add(root.path(), &mut self.ignore);
        self.tree.add_above(root.path());
        for more in &self.more {
            if more.directory {
                self.tree.add(&more.path, &mut self.ignore);
            } else {
                self.tree.add_one(&more.parent);
            }
        }
        self.shared.folders.store(self.tree.len(), Ordering::Relaxed);
    }

    /// Looks whether a root that went away is back, or was replaced.
    fn look_for_away(&mut self) {
        let back: Vec<_> = self.away.extract_if(.., |root| root.is_dir()).collect();
        if back.is_empty() {
            return;
        }
        // Nobody asks for what is not served: that it is there again is all there is to tell.
        let now = Instant::now();
        for folder in back.into_iter().filter(|folder| folder != self.root.path()) {
            self.shared.coalesce().push(folder, Signal::Appeared, false, now);
        }
        self.look_at_everything();
    }

    /// Events were lost: watches what is there, and looks at all that somebody asked for.
    fn look_at_everything(&mut self) {
        self.tree.clear();
        self.watch_all();
        self.away = self.roots().filter(|root| !root.is_dir()).map(Path::to_owned).collect();
        let now = Instant::now();
        let roots: Vec<_> = self.roots().map(Path::to_owned).collect();
        for path in roots.iter().flat_map(|root| self.asked_below(root)).collect::<Vec<_>>() {
            self.shared.snapshot().doubt(&path);
            self.follow(path.clone(), now);
            self.shared.coalesce().push(path, Signal::Finished, true, now);
        }
    }

    /// Looks at the paths that are due, and publishes what is different.
    fn look_at_due(&mut self) {
        let now = Instant::now();
        let due = self.shared.coalesce().take(now);
        if due.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let looking = shared.looking();
        let mut changes = ChangeSet::default();
        let (mut relinked, mut asked) = (false, false);
        for Due { path, appeared, again } in due {
            // A link that was there and is gone was one, too.
            relinked |= fs::symlink_metadata(&path).map_or(true, |path| path.is_symlink());
            let mut paths = self.shared.snapshot().below(&path);
            asked |= !paths.is_empty();
            if paths.first() != Some(&path) {
                paths.insert(0, path);
            }
            for path in paths {
                changes.extend(self.look_at(&path, appeared, again));
            }
        }
        if relinked {
            // Links may lead through links.
            for path in self.links.all() {
                self.follow(path.clone(), now);
                changes.extend(self.look_at(&path, false, None));
            }
        }
        if !changes.is_empty() {
            (shared.publish)(changes);
            if asked {
                self.shared.coalesce().published(Instant::now());
            }
        }
        drop(looking);
    }

    /// What is different at a path, if anything. One that is being written is left for later, if there
    /// is a way to go on then.
    fn look_at(&mut self, path: &Path, appeared: bool, again: Option<Signal>) -> Vec<Change> {
        // Whoever asks for it.
        if self.ignore.never(path, false) {
            return Vec::new();
        }
        let known = self.shared.snapshot().known(path);
        let asked = known.is_some();
        let now = match (look(path, asked), again) {
            (Some(now), _) => now,
            (None, None) => {
                let now = look_anyway(path);
                if is_emptied(known, now) {
                    // A command's output goes there (`pandoc … > page.html`), and its first word, or
                    // its end, is still to be heard of, however long that takes.
                    return Vec::new();
                }
                now
            }
            (None, Some(signal)) => {
                self.shared.coalesce().push(path.to_owned(), signal, asked, Instant::now());
                return Vec::new();
            }
        };
        if again.is_some() && is_emptied(known, now) {
            self.shared.coalesce().push(path.to_owned(), Signal::Emptied, asked, Instant::now());
            return Vec::new();
        }
        let Some(kind) = difference(known, now, appeared) else { return Vec::new() };
        self.shared.snapshot().told(path, now);
        if asked {
            // It may be another file than the one that was watched by itself.
            self.tree.remove_file(path);
            self.watch_itself(path);
        }
        let directory = now == PathState::Folder
            || (now == PathState::Missing
                && matches!(known, Some(PathState::Folder | PathState::Unread)));
        let names = self.names(path, directory).into_iter();
        names.map(|path| Change { path, kind }).collect()
    }

    /// What a changed path is called: as a browser would ask for it, or, where it is not served,
    /// from the watched folder on, without a leading slash.
    fn names(&self, path: &Path, directory: bool) -> Vec<String> {
        if [self.root.path()].into_iter().chain(self.root.mounted()).any(|it| path.starts_with(it))
        {
            let urls = self.root.urls_of(path, directory);
            return urls.iter().map(ToString::to_string).collect();
        }
        let more = self.more.iter().find(|more| path.starts_with(&more.path));
        let below = more.and_then(|more| path.strip_prefix(&more.parent).ok());
        below.map(|below| below.to_string_lossy().into_owned()).into_iter().collect()
    }
}

#[cfg(unix)]
fn has_other_names(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.nlink() > 1)
}

#[cfg(not(unix))]
fn has_other_names(_: &Path) -> bool {
    false
}
