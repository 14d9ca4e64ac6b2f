//! Runs one pattern: its own folder, its own server, a page in Chromium, and two listeners.
//!
//! The listeners are a page's reload socket, which says that it uses what the page in Chromium uses,
//! and a tool's, which is told of everything. When the pattern has ended there is a wait that is
//! longer than any that livers takes ([`SETTLE`]); then the marker, which the page uses as well, is
//! written, and whatever came before its message is what the pattern caused. What Chromium shows is
//! looked at until it is what the files say, and counts as stale if it never is.
//!
//! Counting needs that wait: a message too many could come at any time before it. What the page
//! shows does not.

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

/// Longer than anything waits in livers.
const SETTLE: Duration = Duration::from_millis(1200);

/// How long the page may take until it shows what the files say.
const STALE: Duration = Duration::from_secs(8);

const MARKER: &str = "/marker.txt";

/// What the page shows: its paragraphs, what its sheet says, what its script fetched.
const SHOWN: &str = "document.getElementById('a') ? \
    [...document.querySelectorAll('p')].map((p) => p.textContent).join(' ') + ' / ' + \
    getComputedStyle(document.documentElement).getPropertyValue('--word').trim() + ' / ' + \
    (document.body.dataset.files ?? '') : 'nothing'";

/// What came of a pattern.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The `updated` messages that the page was told.
    pub messages: usize,
    /// Whether changes after it were not told any more.
    pub lost: bool,
    /// Those that a tool was told.
    pub told: usize,
    pub navigations: usize,
    /// What the page changed without a navigation: a sheet that was swapped, a page that was morphed.
    pub in_place: usize,
    /// What the page in Chromium shows at the end, if it is not what the files say.
    pub stale: Option<String>,
    /// What a request gets at the end, if it is not what the files say.
    pub served: Option<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, told, navigations, in_place, .. } = self;
        write!(f, "{messages} messages ({told} to a tool), {navigations} navigations, ")?;
        write!(f, "{in_place} changes in place")?;
        if self.lost {
            write!(f, ", later changes are not told")?;
        }
        for (how, what) in [("shows", &self.stale), ("serves", &self.served)] {
            what.iter().try_for_each(|what| write!(f, ", {how} {what}"))?;
        }
        Ok(())
    }
}

impl Outcome {
    /// Whether all is as it must be.
    pub fn is_fine(&self, wanted: Wanted) -> bool {
        self.is_fresh() && self.is_counted(wanted)
    }

    /// Whether what is shown and served is what the files say.
    pub fn is_fresh(&self) -> bool {
        self.stale.is_none() && self.served.is_none() && !self.lost
    }

    /// Whether there were as many messages and changes of the page as there must be.
    pub fn is_counted(&self, wanted: Wanted) -> bool {
        let (least, most) = wanted.messages();
        let changes = self.navigations + self.in_place;
        (least..=most).contains(&self.messages) && changes <= wanted.changes()
    }
}

/// The programs that a pattern needs and that are not here.
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

/// Runs a pattern, with a page in this browser.
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
    let (messages, lost) = told(&mut tab).await;
    let (told, _) = told(&mut tool).await;
    let stale = shows(&page, &place.files(pattern)).await;
    connected(&livers, 3).await;
    let served = served(&livers, pattern, &place).await;
    let applied = livers.stdout();
    let applied = applied.iter().filter(|line| line.starts_with("applied "));
    let in_place = applied.filter(|line| !line.contains("  reload ")).count();
    let navigations = page.navigations() - 1;
    Outcome { messages, lost, told, navigations, in_place, stale, served }
}

/// How many messages speak of anything but the marker, and whether the marker's never came.
async fn told(tab: &mut Tab) -> (usize, bool) {
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

/// Waits until so many pages have their sockets, after a navigation again.
async fn connected(livers: &Livers, count: u64) {
    let deadline = Instant::now() + STALE;
    while status(livers).await["clients"] != count {
        assert!(Instant::now() < deadline, "{count} clients never came");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until the page shows this; gives what it shows if that never comes.
async fn shows(page: &Page, wanted: &str) -> Option<String> {
    let deadline = Instant::now() + STALE;
    // A page in the middle of a navigation shows nothing.
    let shown = format!("document.readyState === 'complete' ? {SHOWN} : 'loading'");
    loop {
        let shown: String = page.eval(&shown).await;
        if shown == wanted {
            return None;
        }
        if Instant::now() > deadline {
            return Some(format!("{shown:.80} rather than {wanted:.80}"));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// What a request gets, if it is not what the file holds.
async fn served(livers: &Livers, pattern: &Pattern, place: &Place) -> Option<String> {
    let answer = get_with(livers.port(), pattern.path, &[("Accept", "text/html")]).await;
    let file = fs::read_to_string(place.file(pattern));
    let wanted = file.as_deref().map_or("nothing".to_owned(), paragraphs);
    let body = String::from_utf8_lossy(&answer.body);
    let got = if body.contains("<p id=a>") { paragraphs(&body) } else { "nothing".to_owned() };
    (got != wanted).then(|| format!("{got:.80} rather than {wanted:.80}"))
}

/// Where a pattern runs.
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

    /// Runs a line of shell in the page's folder, as a person at a terminal would.
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
        let said = [stdout, stderr].concat();
        assert!(status.success(), "{line}: {status} {}", String::from_utf8_lossy(&said));
    }

    /// The marker, by a rename, so that it is one change however busy the machine is.
    fn mark(&self) {
        let marker = self.out.at("marker");
        fs::write(&marker, "here").expect("write the marker");
        fs::rename(marker, self.out.at(format!("site{MARKER}"))).expect("rename the marker");
    }

    fn file(&self, pattern: &Pattern) -> PathBuf {
        let index = if pattern.path == "/page/" { "index.html" } else { "" };
        self.out.at(format!("site{}{index}", pattern.path))
    }

    /// What the page must show by what the files hold.
    fn files(&self, pattern: &Pattern) -> String {
        let file = self.file(pattern);
        let Ok(page) = fs::read_to_string(&file) else { return "nothing".to_owned() };
        let below = file.parent().expect("a folder");
        // The page of a folder that was made anew has no sheet.
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

    /// What the page uses beside itself.
    fn uses(pattern: &Pattern) -> Vec<String> {
        let mut uses = vec![MARKER.to_owned(), "/page/app.css".to_owned()];
        if let Site::Files(count) = pattern.site {
            uses.extend((0..count).map(|n| format!("/page/f/{n}.txt")));
        }
        uses
    }
}

/// The paragraphs of a page.
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
