//! Exactly the tabs that use a file are notified of its changes.
//!
//! Thirteen tabs in Chromium on pages of different kinds, and two hundred random edits. After each
//! edit, the notifications and the contents of every tab are compared with a model of which page
//! uses which file. How a page applies a change (a swap, a reload) is not tested here.
//! `LIVERS_SEED` sets another seed.

mod model;
mod render;
mod shown;
mod talk;

use std::fmt::Write;

use self::model::{Model, kind};
use self::render::render;
use self::shown::shows;
use self::talk::Talk;
use crate::support::backend::Backend;
use crate::support::browser::{Context, Page, browser};
use crate::support::dir::TempDir;
use crate::support::random::Random;
use crate::support::server::Livers;
use crate::support::tab::{Tab, status};

const EDITS: usize = 200;

const PAGES: &[&str] = &[
    "/plain.html",
    "/sheets.html",
    "/scripts.html",
    "/workers.html",
    "/media.html",
    "/frames.html",
    "/quiet.html",
    "/app/page",
    "/app/quiet",
    "/sw/page.html",
    "/late.html",
    "/list/",
    "/back.html",
];

/// The page that a service worker controls.
const CONTROLLED: &str = "/sw/page.html";

/// The tab that navigates to another page and back.
const NAVIGATING: usize = 12;

struct Run {
    model: Model,
    dir: TempDir,
    livers: Livers,
    tool: Tab,
    tabs: Vec<(String, Page)>,
    talks: Vec<Talk>,
    context: Context,
    random: Random,
    marker: u32,
    history: String,
}

impl Run {
    async fn start(seed: u64) -> Self {
        let model = Model::new();
        let dir = TempDir::new();
        for (path, file) in model.0.iter().filter(|(path, _)| !path.starts_with("/app/")) {
            if file.version > 0 {
                dir.write(&path[1..], render(&model, path));
            }
        }
        dir.write("marker.css", ":root { --marker: 0 }");
        dir.write("favicon.ico", "");
        dir.write(
            "sw/sw.js",
            "onactivate = (e) => e.waitUntil(clients.claim()); onfetch = () => {}",
        );
        let pages = model.clone();
        let backend = Backend::start(move |mut wire| {
            let pages = pages.clone();
            async move {
                while let Some(head) = wire.request().await {
                    let body = render(&pages, &head.target);
                    let quiet = head.target == "/app/quiet";
                    let policy = if quiet { "Referrer-Policy: no-referrer\r\n" } else { "" };
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{policy}Content-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    if wire.try_send(answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
        let route = format!("/app={}", backend.url());
        let livers = Livers::on(dir.path()).arg("--proxy").arg(route).start().await;
        // The backend runs until the test's runtime ends.
        std::mem::forget(backend);
        let tool = Tab::tool(&livers).await;
        let context = browser().await;
        let mut tabs = Vec::new();
        for path in PAGES {
            let page = context.open(&livers.at(path)).await;
            if *path == "/sw/page.html" {
                page.wait_until("navigator.serviceWorker.controller").await;
            }
            tabs.push(((*path).to_owned(), page));
        }
        let (random, history) = (Random(seed), format!("seed {seed}\n"));
        let talks = tabs.iter().map(|_| Talk::default()).collect();
        Self { model, dir, livers, tool, tabs, talks, context, random, marker: 0, history }
    }

    /// Makes a random edit, on the disk and in the model. Returns the changed files.
    fn edit(&mut self) -> Vec<String> {
        let files: Vec<&'static str> =
            self.model.0.keys().copied().filter(|path| !path.starts_with("/app/")).collect();
        let path = self.random.of(&files);
        let choice = self.random.below(10);
        let file = self.model.0.get_mut(path).expect("a file");
        let before = file.version;
        let next = file.version + 1;
        // Browsers differ in what a missing static import does to the other imports.
        let stays = path.starts_with("/m") && kind(path) == "js" || path == "/sw/page.html";
        if before == 0 {
            file.version = 300 + u32::try_from(self.random.below(50)).expect("small");
            return self.save(path, "created");
        }
        if choice == 0 && !stays {
            file.version = 0;
            self.dir.remove(&path[1..]);
            let _ = writeln!(self.history, "  removed {path}");
            return vec![path.to_owned()];
        }
        if choice == 1 && ["svg", "json"].contains(&kind(path)) {
            let absent =
                self.model.0.iter().find(|(to, file)| file.version == 0 && kind(to) == kind(path));
            if let Some(to) = absent.map(|(to, _)| *to) {
                self.model.0.get_mut(path).expect("a file").version = 0;
                self.model.0.get_mut(to).expect("a file").version = before;
                self.dir.rename(&path[1..], &to[1..]);
                let _ = writeln!(self.history, "  renamed {path} to {to}");
                return vec![path.to_owned(), to.to_owned()];
            }
        }
        let file = self.model.0.get_mut(path).expect("a file");
        file.version = next;
        if choice < 7 && !file.refs.is_empty() {
            let which = self.random.below(file.refs.len());
            let to = &mut file.refs[which];
            to.on = !to.on;
            let how = format!("{} {:?} {}", if to.on { "gains" } else { "drops" }, to.how, to.to);
            return self.save(path, &how);
        }
        self.save(path, "modified")
    }

    fn save(&mut self, path: &str, how: &str) -> Vec<String> {
        let text = render(&self.model, path);
        let replace = self.random.below(2) == 0;
        if replace {
            self.dir.replace(&path[1..], text);
        } else {
            self.dir.write(&path[1..], text);
        }
        let way = if replace { "by a rename" } else { "in place" };
        let _ = writeln!(self.history, "  {path} {how}, {way}");
        vec![path.to_owned()]
    }

    /// Makes one edit or several, and checks which tabs are notified and what they show.
    async fn round(&mut self) {
        let several = self.random.below(8) == 0;
        let before: Vec<_> = self.tabs.iter().map(|(path, _)| self.model.used(path)).collect();
        self.talks.iter_mut().for_each(|talk| talk.notified.clear());
        // No page reports a missing worker, and one page requests it without a `Referer`: then
        // every tab is notified.
        let was_unattributed = self.model.0["/w.js"].version == 0;
        let mut changed = Vec::new();
        for _ in 0..if several { 2 + self.random.below(3) } else { 1 } {
            changed.extend(self.edit());
        }
        println!("{}", self.history.rsplit_once("\nround").map_or("", |(_, last)| last));
        let single = changed.len() == 1;
        if single {
            self.tool.until(&changed[0]).await;
        } else {
            // A file that was created and removed, or requested late, may be no change.
            self.tool.until_quiet(self.dir.path()).await;
            let page = self.context.open(&self.livers.at(CONTROLLED)).await;
            let at = PAGES.iter().position(|path| *path == CONTROLLED).expect("a tab");
            self.tabs[at].1 = page;
            self.talks[at] = Talk::default();
        }
        self.settled().await;
        for (n, (page, _)) in self.tabs.iter().enumerate() {
            let after = self.model.used(page);
            let notified = &self.talks[n].notified;
            for path in &changed {
                let (was, is) = (before[n].contains(path), after.contains(path));
                let times = notified.get(path).copied().unwrap_or_default();
                let right = match times {
                    0 => !single || !was,
                    _ if path == "/w.js" && (was_unattributed || !single) => true,
                    // What it shows is not known, so it may be notified.
                    _ if page == CONTROLLED => true,
                    _ => was || is,
                };
                assert!(right, "{page} was notified {times} times of {path}\n{}", self.history);
                assert!(
                    !single || times <= 1 || page == "/frames.html",
                    "{page} was notified {times} times of {path}\n{}",
                    self.history
                );
            }
            let needless: Vec<_> = notified.keys().filter(|path| !changed.contains(path)).collect();
            assert!(needless.is_empty(), "{page} was notified of {needless:?}\n{}", self.history);
        }
    }

    /// Changes a file that all tabs use, and waits until all of them show what is on the disk and
    /// the server knows what they use.
    async fn settled(&mut self) {
        self.marker += 1;
        self.dir.write("marker.css", format!(":root {{ --marker: {} }}", self.marker));
        self.tool.until("/marker.css").await;
        let shown = self.tabs.iter().map(async |(path, page)| {
            let documents = self.model.documents(path);
            let there = documents[0].1.shown.contains_key(path);
            // The client cannot know the version of a page that a service worker may have served,
            // so it misses a change that happens while it loads.
            let marked = there && path != CONTROLLED;
            page.wait_until(&shows(if marked { self.marker } else { 0 }, &documents)).await;
        });
        futures_util::future::join_all(shown).await;
        self.reported().await;
    }

    /// Waits until the server has read all reports of the pages.
    async fn reported(&mut self) {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(15);
        loop {
            let mut reported = Vec::new();
            let mut missing = Vec::new();
            for ((path, page), talk) in self.tabs.iter().zip(&mut self.talks) {
                talk.listen(page);
                for (document, uses) in self.model.documents(path) {
                    let has = talk.reported.get(&document).map(|(_, uses)| uses.clone());
                    let has = has.unwrap_or_default();
                    let lacks: Vec<_> = uses.timed.difference(&has).cloned().collect();
                    if !lacks.is_empty() {
                        missing.push((document.clone(), lacks));
                    }
                    reported.push((document, has.len() as u64));
                }
            }
            reported.sort();
            let status = status(&self.livers).await;
            let known = status["pages"].as_array().expect("pages").iter().map(|page| {
                (
                    page["page"].as_str().unwrap().to_owned(),
                    page["uses"].as_u64().unwrap_or_default(),
                )
            });
            let known: Vec<_> = known.collect();
            if missing.is_empty() && known == reported {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "not reported: {missing:?}\nreported {reported:?}\nknown    {known:?}\n{}",
                self.history
            );
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Navigates one tab to another page, or back to the page in the back-forward cache.
    async fn navigate(&mut self) {
        let (path, page) = &mut self.tabs[NAVIGATING];
        let _ = writeln!(self.history, "  the tab on {path} navigates");
        if path == "/back.html" {
            page.run("location.assign('/forth.html')").await;
            page.wait_for_navigation().await;
            *path = "/forth.html".into();
        } else {
            page.back().await;
            *path = "/back.html".into();
        }
        self.settled().await;
    }
}

#[tokio::test]
async fn edits_reach_exactly_the_tabs_that_use_the_file() {
    let seed = std::env::var("LIVERS_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut run = Run::start(seed.unwrap_or(0x5eed)).await;
    run.settled().await;
    for edit in 0..EDITS {
        let _ = writeln!(run.history, "round {edit}");
        if edit % 20 == 19 {
            run.navigate().await;
        }
        run.round().await;
    }
}
