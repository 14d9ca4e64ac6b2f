//! Programs that write a whole site: an open page is notified once, and no request is answered in
//! the middle of it.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};

use super::{Watched, shell, watched_with};
use crate::support::dir::TempDir;
use crate::support::http::get_with;
use crate::support::tab::{Tab, Updated};

/// How often a generator runs. On a busy machine it may be suspended for so long that its burst is
/// two, but not each time.
const ROUNDS: usize = 5;

const END: &str = "/end.txt";

/// A page that uses some files and is open.
struct Open {
    site: Watched,
    page: Tab,
}

async fn open(files: usize, args: &[&str]) -> Open {
    let dir = TempDir::new();
    dir.write("end.txt", "");
    dir.write("out/index.html", "old");
    (0..files).for_each(|n| dir.write(format!("out/{n}.css"), "old"));
    let site = watched_with(dir, args).await;
    let mut uses: Vec<_> = (0..files).map(|n| format!("/out/{n}.css")).collect();
    uses.push(END.to_owned());
    let uses: Vec<_> = uses.iter().map(String::as_str).collect();
    assert!(site.ask(&uses).await.iter().all(|status| *status == 200));
    assert_eq!(get_with(site.livers.port(), "/out/", &[("Accept", "text/html")]).await.status, 200);
    let page = Tab::page(&site.livers, "/out/", &uses).await;
    Open { site, page }
}

impl Open {
    /// Runs a program that writes at a pace of its own.
    fn run(&self, program: impl FnOnce(&Path) + Send + 'static) -> JoinHandle<()> {
        let out = self.site.dir.at("out");
        spawn_blocking(move || program(&out))
    }

    /// Returns the text of the page, or its status if that is not 200.
    async fn load(&self) -> String {
        let page = [("Accept", "text/html")];
        let response = get_with(self.site.livers.port(), "/out/", &page).await;
        // The element comes first.
        let text = response.text().rsplit('>').next().unwrap_or_default();
        if response.status == 200 { text.to_owned() } else { response.status.to_string() }
    }

    /// Returns the messages to the page about everything that happened before this call.
    async fn messages(&mut self, round: usize) -> Vec<Updated> {
        self.site.dir.replace("end.txt", round.to_string());
        let mut messages = self.page.until(END).await;
        for updated in &mut messages {
            updated.changes.retain(|(path, _)| path != END);
        }
        messages.retain(|updated| !updated.changes.is_empty());
        messages
    }
}

fn write(path: impl AsRef<Path>, text: &str) {
    std::fs::write(path, text).expect("write");
}

#[tokio::test]
async fn page_is_loaded_once_by_a_burst_of_files() {
    const FILES: usize = 300;
    let mut open = open(FILES, &[]).await;
    for round in 0.. {
        let text = format!("round {round}");
        let new = text.clone();
        let generator = open.run(move |out| {
            for n in 0..FILES {
                write(out.join(format!("{n}.css")), &new);
                sleep(Duration::from_millis(5));
            }
            write(out.join("index.html"), &new);
        });
        let first = open.page.updated().await;
        let loaded = open.load().await;
        generator.await.expect("the generator");
        let messages = open.messages(round).await;
        println!("round {round}: {loaded}, {} messages after {first:?}", messages.len());
        if loaded == text && messages.len() <= 1 {
            return;
        }
        assert!(round < ROUNDS, "it was loaded in the middle in each round");
    }
}

#[tokio::test]
async fn generator_that_clears_its_folder_shows_no_error_and_is_one_message() {
    const FILES: usize = 20;
    let mut open = open(FILES, &[]).await;
    for round in 0.. {
        let text = format!("round {round}");
        let new = text.clone();
        let (cleared, is_cleared) = tokio::sync::oneshot::channel();
        let generator = open.run(move |out| {
            shell(out, "rm -r ../out");
            cleared.send(()).expect("a receiver");
            sleep(Duration::from_millis(500));
            std::fs::create_dir(out).expect("make the folder");
            for n in 0..FILES {
                write(out.join(format!("{n}.css")), &new);
                sleep(Duration::from_millis(60));
            }
            write(out.join("index.html"), &new);
        });
        is_cleared.await.expect("a cleared folder");
        let loaded = open.load().await;
        generator.await.expect("the generator");
        let messages = open.messages(round).await;
        println!("round {round}: {loaded}, {messages:?}");
        if loaded == text && messages.len() == 1 {
            return;
        }
        assert!(round < ROUNDS, "an error was shown, or it was several messages, in each round");
    }
}

#[tokio::test]
async fn rename_is_one_message_to_all_tabs() {
    let mut open = open(0, &["--reload", "all"]).await;
    let renames = [
        ("a file", "echo a >../a.html", "mv ../a.html ../b.html"),
        ("a page in use", "", "mv index.html other.html; sleep 0.01; cp ../b.html ../new.html"),
        ("a file over a page in use", "", "mv other.html index.html"),
        ("a folder", "mkdir ../f; echo a >../f/a.html", "mv ../f ../g"),
    ];
    for (name, setup, rename) in renames {
        let out = open.site.dir.at("out");
        shell(&out, setup);
        open.page.until_quiet(open.site.dir.path()).await;
        assert_ne!(open.load().await, "404", "{name}");
        shell(&out, rename);
        let messages = open.page.until_quiet(open.site.dir.path()).await;
        assert_eq!(messages.len(), 1, "{name}: {messages:?}");
    }
}
