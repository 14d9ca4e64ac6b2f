//! The client runs in every document that can run scripts.
//!
//! Chromium loads the documents of a folder twice, in batches of frames: from a plain server, where
//! the test appends a script of its own to see whether scripts run at all, and from livers, whose
//! status then lists the pages that said hello.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    plain,
    tree::{folder, html5lib},
};
use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// How many documents are loaded at a time. Chromium delays a page that opens more sockets at once.
const BATCH: usize = 15;

/// Loads documents in frames. A sandboxed frame opens no dialogs and cannot navigate its parent. A
/// document that never finishes loading is tested after 10 s.
const LOADER: &str = "
const load = urls => urls.map(url => {
    const frame = document.createElement('iframe');
    frame.sandbox = 'allow-scripts allow-same-origin allow-forms';
    frame.loaded = new Promise(loaded => {
        frame.onload = loaded;
        setTimeout(loaded, 10000);
    });
    frame.src = url;
    document.body.append(frame);
    return frame;
});
globalThis.able = async urls => {
    const frames = load(urls);
    await Promise.all(frames.map(frame => frame.loaded));
    const able = frames.map(({ contentDocument: inner }) => {
        if (!inner?.documentElement) return false;
        const script = Document.prototype.createElement.call(inner, 'script');
        script.text = 'document.ran = true';
        inner.documentElement.append(script);
        return inner.ran === true;
    });
    for (const frame of frames) frame.remove();
    return able;
};
globalThis.alive = async (urls, able) => {
    const frames = load(urls);
    const until = performance.now() + 15000;
    for (;;) {
        const { pages } = await (await fetch('/__livers/status')).json();
        const connected = new Set(pages.map(({ page }) => page));
        // A page that redirects itself counts as its target, or not at all on another origin.
        const alive = urls.map((url, i) => {
            const here = frames[i].contentDocument?.location.pathname;
            return connected.has(url) || (here ? connected.has(here) : null);
        });
        if (performance.now() > until || urls.every((_, i) => alive[i] !== false || !able[i])) {
            for (const frame of frames) frame.remove();
            return alive;
        }
        await new Promise(soon => setTimeout(soon, 50));
    }
};";

/// Loads documents, named by their paths in a folder, and returns those that can run scripts but do
/// not run the client.
async fn dead(folder: &Path, names: &[String]) -> Vec<String> {
    let livers = Livers::on(folder).start().await;
    let root = folder.to_owned();
    // The frames' parent is an empty page.
    let read = move |name: &str| match name {
        "" => Some(Vec::new()),
        name => std::fs::read(root.join(name)).ok(),
    };
    let plain = plain(read).await;
    let context = browser().await;
    let (reference, page) =
        (context.open(&plain.url()).await, context.open(&livers.at("/no/such/page")).await);
    reference.run(LOADER).await;
    page.run(LOADER).await;
    let (mut able, mut alive, mut left, mut dead) = (0, 0, 0, Vec::new());
    for names in names.chunks(BATCH) {
        let urls: Vec<_> = names.iter().map(|name| format!("/{name}")).collect();
        let urls = json!(urls);
        let can: Vec<bool> = reference.eval(&format!("able({urls})")).await;
        let call = format!("alive({urls}, {})", json!(can));
        let does: Vec<Option<bool>> = page.eval(&call).await;
        for ((name, can), does) in names.iter().zip(can).zip(does) {
            able += usize::from(can);
            alive += usize::from(does == Some(true));
            left += usize::from(can && does.is_none());
            if can && does == Some(false) {
                dead.push(name.clone());
            }
        }
    }
    println!(
        "{} documents, of which {able} can run scripts; {alive} ran the client, {left} left for \
         another site at once, and {} did neither",
        names.len(),
        dead.len()
    );
    dead
}

#[tokio::test]
async fn the_client_runs_in_the_html5lib_documents() {
    let all = html5lib();
    let dir = TempDir::new();
    let mut names = Vec::new();
    for (i, (_, document)) in all.iter().enumerate() {
        names.push(format!("{i}.html"));
        dir.write(&names[i], document);
    }
    let dead = dead(dir.path(), &names).await;
    let text = |name| std::fs::read_to_string(dir.path().join(name)).unwrap_or_default();
    let dead: Vec<_> = dead.iter().map(text).collect();
    assert!(dead.is_empty(), "{dead:#?}");
}

#[tokio::test]
async fn the_client_runs_in_the_corpus_documents() {
    let (folder, paths) = folder();
    let name = |path: &PathBuf| {
        path.strip_prefix(&folder).expect("a path in the folder").to_string_lossy().into_owned()
    };
    let names: Vec<_> = paths.iter().map(name).collect();
    let dead = dead(&folder, &names).await;
    assert!(dead.is_empty(), "{dead:#?}");
}
