//! Runs one pattern with a folder, a server and a page in Chromium of its own, and two sockets.
//!
//! One socket is that of a page, which says that it uses what the page in Chromium uses; the other
//! is that of a tool, which is notified of every change. After the pattern there is a pause that is
//! longer than anything waits in livers ([`SETTLE`]). Then a marker that the page uses as well is
//! written, and every message before that of the marker is counted. Chromium is polled until it
//! shows what the files contain; if it never does, the page is stale.
//!
//! The pause is needed to count: an additional message could come until its end.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use super::table::{Pattern, Site, Wanted};
use crate::support::{
    browser::{Context, Page},
    dir::TempDir,
    http::{get, get_with},
    server::Livers,
    tab::{Tab, status},
};

/// Longer than any wait in livers.
const SETTLE: Duration = Duration::from_millis(3300);

/// How long the page may take to show what the files contain.
const STALE: Duration = Duration::from_secs(8);

const MARKER: &str = "/marker.txt";

/// Evaluates to what the page shows: its paragraphs, a value of its style sheet, what its script
/// fetched.
const SHOWN: &str = "document.getElementById('a') ? \
    [...document.querySelectorAll('p')].map((p) => p.textContent).join(' ') + ' / ' + \
    getComputedStyle(document.documentElement).getPropertyValue('--word').trim() + ' / ' + \
    (document.body.dataset.files ?? '') : 'nothing'";

/// The outcome of a pattern.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The `updated` messages to the page.
    pub messages: usize,
    /// Whether later changes were not published any more.
    pub lost: bool,
    /// The `updated` messages to the tool.
    pub to_tool: usize,
    pub navigations: usize,
    /// The changes without a navigation: a style sheet swapped, a page morphed.
    pub in_place: usize,
    /// What Chromium shows in the end, if it is not what the files contain.
    pub stale: Option<String>,
    /// What the server responds in the end, if it is not what the files contain.
    pub served: Option<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, to_tool, navigations, in_place, .. } = self;
        write!(f, "{messages} messages ({to_tool} to a tool), {navigations} navigations, ")?;
        write!(f, "{in_place} changes in place")?;
        if self.lost {
            write!(f, ", later changes are not published")?;
        }
        for (how, what) in [("shows", &self.stale), ("serves", &self.served)] {
            what.iter().try_for_each(|what| write!(f, ", {how} {what}"))?;
        }
        Ok(())
    }
}

impl Outcome {
    /// Returns whether the outcome is as wanted.
    pub fn is_fine(&self, wanted: Wanted) -> bool {
        self.is_fresh() && self.is_counted(wanted)
    }

    /// Returns whether the page and the server show what the files contain.
    pub fn is_fresh(&self) -> bool {
        self.stale.is_none() && self.served.is_none() && !self.lost
    }

    /// Returns whether the numbers of messages and of changes of the page are as wanted.
    pub fn is_counted(&self, wanted: Wanted) -> bool {
        let (least, most) = wanted.messages();
        let changes = self.navigations + self.in_place;
        (least..=most).contains(&self.messages) && changes <= wanted.changes()
    }
}

/// Returns the programs that a pattern needs and that are not installed.
pub async fn missing(pattern: &Pattern) -> Vec<&'static str> {
    let mut missing = Vec::new();
    for &program in &pattern.needs {
        let found = tokio::process::Command::new("sh")
            .args(["-c", "command -v \"$0\"", program])
            .stdout(Stdio::null())
            .status()
            .await;
        if !found.is_ok_and(|found| found.success()) {
            missing.push(program);
        }
    }
    missing
}

/// Runs a pattern with a page in a browser.
pub async fn run(pattern: &Pattern, browser: &Context) -> Outcome {
    let place = Place::new(pattern);
    place.shell(pattern.setup).await;
    let livers = Livers::on(place.out.at("site")).arg("--verbose").start().await;
    let page = browser.open(&livers.at(pattern.path)).await;
    let loaded = place.files(pattern);
    assert!(shows(&page, &loaded).await.is_none(), "{}: the page does not load", pattern.name);
    connected(&livers, 1).await;
    get(livers.port(), MARKER).await;
    let mut tab = Tab::tool(&livers).await;
    let (boot, version) = (&tab.connected.boot, tab.connected.version);
    let uses: Vec<_> = Place::uses(pattern);
    tab.say(&json!({
        "type": "hello", "page": pattern.path, "uses": uses, "boot": boot, "version": version,
    }))
    .await;
    let mut tool = Tab::tool(&livers).await;
    connected(&livers, 3).await;

    place.shell(&pattern.line).await;
    sleep(SETTLE).await;

    place.mark();
    let (messages, lost) = count(&mut tab).await;
    let (to_tool, _) = count(&mut tool).await;
    let stale = shows(&page, &place.files(pattern)).await;
    connected(&livers, 3).await;
    let served = served(&livers, pattern, &place).await;
    let applied = livers.stdout();
    let applied = applied.iter().filter(|line| line.starts_with("applied "));
    let in_place = applied.filter(|line| !line.contains("  reload ")).count();
    let navigations = page.navigations() - 1;
    Outcome { messages, lost, to_tool, navigations, in_place, stale, served }
}

/// Counts the messages of anything but the marker. Returns also whether that of the marker never
/// came.
async fn count(tab: &mut Tab) -> (usize, bool) {
    let deadline = Instant::now() + STALE;
    let mut messages = 0;
    while let Ok(updated) = timeout_at(deadline, tab.updated()).await {
        let paths = updated.paths();
        messages += usize::from(paths.iter().any(|path| *path != MARKER));
        if paths.contains(&MARKER) {
            return (messages, false);
        }
    }
    (messages, true)
}

/// Waits until this many sockets are open, also after a navigation.
async fn connected(livers: &Livers, count: u64) {
    let deadline = Instant::now() + STALE;
    while status(livers).await["clients"] != count {
        assert!(Instant::now() < deadline, "fewer than {count} sockets");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until the page shows this. Returns what it shows if that does not happen.
async fn shows(page: &Page, wanted: &str) -> Option<String> {
    let deadline = Instant::now() + STALE;
    // A page that is navigating shows nothing.
    let shown = format!("document.readyState === 'complete' ? {SHOWN} : 'loading'");
    loop {
        let shown: String = page.eval(&shown).await;
        if shown == wanted {
            return None;
        }
        if Instant::now() > deadline {
            return Some(format!("{shown:.80} instead of {wanted:.80}"));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Returns what the server responds if it is not what the file contains.
async fn served(livers: &Livers, pattern: &Pattern, place: &Place) -> Option<String> {
    let answer = get_with(livers.port(), pattern.path, &[("Accept", "text/html")]).await;
    let file = fs::read_to_string(place.file(pattern));
    let wanted = file.as_deref().map_or("nothing".to_owned(), paragraphs);
    let body = String::from_utf8_lossy(&answer.body);
    let got = if body.contains("<p id=a>") { paragraphs(&body) } else { "nothing".to_owned() };
    (got != wanted).then(|| format!("{got:.80} instead of {wanted:.80}"))
}

/// The folders of a pattern.
struct Place {
    out: TempDir,
    far: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.far);
    }
}

impl Place {
    fn new(pattern: &Pattern) -> Self {
        let out = TempDir::new();
        let name = out.path().file_name().expect("a name");
        let far = Path::new("/dev/shm");
        let far = if far.is_dir() { far.join(name) } else { out.at("far") };
        fs::create_dir(&far).expect("make a folder");
        let page = page(pattern.site);
        out.write("new.html", page.replace("one", "two"));
        out.write("new.css", sheet().replace("one", "two"));
        out.write("site/marker.txt", "");
        out.write("site/favicon.ico", "");
        out.write("site/page/index.html", page);
        out.write("site/page/app.css", sheet());
        if let Site::Files(count) = pattern.site {
            (0..count).for_each(|n| out.write(format!("site/page/f/{n}.txt"), "one\n"));
        }
        Self { out, far }
    }

    /// Runs a shell command in the folder of the page.
    async fn shell(&self, line: &str) {
        let mut command = tokio::process::Command::new("sh");
        command
            .args(["-euc", line])
            .current_dir(self.out.at("site/page"))
            .env("HOME", self.out.path())
            .env("TERM", "dumb")
            .env("OUT", self.out.path())
            .env("FAR", &self.far)
            .env("NEW", self.out.at("new.html"))
            .env("NEWCSS", self.out.at("new.css"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "me")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "me@here")))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let ended = tokio::time::timeout(Duration::from_mins(1), command.output()).await;
        let Output { status, stdout, stderr } = ended.expect("a minute").expect("run sh");
        let output = [stdout, stderr].concat();
        assert!(status.success(), "{line}: {status} {}", String::from_utf8_lossy(&output));
    }

    /// Creates the marker by a rename, so that it is one change however busy the machine is.
    fn mark(&self) {
        let marker = self.out.at("marker");
        fs::write(&marker, "here").expect("write the marker");
        fs::rename(marker, self.out.at(format!("site{MARKER}"))).expect("rename the marker");
    }

    fn file(&self, pattern: &Pattern) -> PathBuf {
        let index = if pattern.path == "/page/" { "index.html" } else { "" };
        self.out.at(format!("site{}{index}", pattern.path))
    }

    /// Returns what the page must show, by what the files contain.
    fn files(&self, pattern: &Pattern) -> String {
        let file = self.file(pattern);
        let Ok(page) = fs::read_to_string(&file) else { return "nothing".to_owned() };
        let below = file.parent().expect("a folder");
        // The page of a folder that was created again has no style sheet.
        let sheet = fs::read_to_string(below.join("app.css")).unwrap_or_default();
        let word = sheet.rsplit_once("--word: ").map_or("", |(_, rest)| rest);
        let word = word.split([' ', ';']).next().unwrap_or_default();
        let mut words = Vec::new();
        if let Site::Files(count) = pattern.site {
            let read = |n| fs::read_to_string(below.join(format!("f/{n}.txt"))).expect("a file");
            words.extend((0..count).map(|n| read(n).trim().to_owned()));
            words.sort();
            words.dedup();
        }
        format!("{} / {word} / {}", paragraphs(&page), words.join(" "))
    }

    /// Returns the paths that the page uses besides its own.
    fn uses(pattern: &Pattern) -> Vec<String> {
        let mut uses = vec![MARKER.to_owned(), "/page/app.css".to_owned()];
        if let Site::Files(count) = pattern.site {
            uses.extend((0..count).map(|n| format!("/page/f/{n}.txt")));
        }
        uses
    }
}

/// Returns the texts of the paragraphs of a page.
fn paragraphs(page: &str) -> String {
    let texts =
        page.split("<p").skip(1).filter_map(|part| part.split_once('>')?.1.split_once("</p>"));
    texts.map(|(text, _)| text).collect::<Vec<_>>().join(" ")
}

fn page(site: Site) -> String {
    let filler = "Something that is long enough to fill the page with, line by line.\n";
    let lines = if site == Site::Large { 20 << 20 } else { 10 << 10 } / filler.len();
    let script = match site {
        Site::Files(count) => format!(
            "<script>
            const load = async (_, n) => (await (await fetch(`f/${{n}}.txt`)).text()).trim();
            Promise.all(Array.from({{ length: {count} }}, load)).then((all) => {{
              document.body.dataset.files = [...new Set(all)].sort().join(' ');
            }});
            </script>\n"
        ),
        _ => String::new(),
    };
    format!(
        "<!doctype html>\n<title>A page</title>\n<link rel=stylesheet href=app.css>\n\
         <p id=a>one</p>\n<!--\n{}-->\n{script}<p id=z>one</p>\n",
        filler.repeat(lines)
    )
}

fn sheet() -> String {
    format!(
        ":root {{ --word: one }}\n/*\n{}*/\n",
        "Something to fill the sheet with.\n".repeat(100)
    )
}
