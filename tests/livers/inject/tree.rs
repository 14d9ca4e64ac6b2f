//! Chromium builds the same tree from a document with the element as without, except for the
//! element, which the client removes.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{PAGE, corpus, plain, without_element};
use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::http::{Wire, request_head};
use crate::support::server::Livers;

/// The environment variable that names a folder of html5lib's tree-construction tests, to test more
/// documents than the sample in this repository.
const HTML5LIB: &str = "LIVERS_HTML5LIB";

/// The environment variable that names a folder of UTF-8 documents to test instead of
/// `tests/corpus`.
const DOCUMENTS: &str = "LIVERS_DOCUMENTS";

/// Lists the nodes of a document, after its mode and without the injected elements, and counts
/// those. `outerHTML` would hide differences: adjacent text nodes, the contents of templates,
/// namespaces.
pub(super) const TREE: &str = "
globalThis.tree = document => {
    let ours = 0;
    const lines = [document.compatMode];
    const read = (node, depth) => {
        if (node.localName === 'script' && node.getAttribute('src')?.startsWith('/__livers/')) {
            ours += 1;
            return;
        }
        const attributes = [...node.attributes ?? []].map(a => [a.namespaceURI, a.name, a.value]);
        const doctype = node.nodeType === 10 ? [node.publicId, node.systemId] : null;
        lines.push(JSON.stringify([depth, node.nodeType, node.namespaceURI, node.nodeName,
            node.nodeValue, attributes, doctype]));
        for (const child of node.childNodes) read(child, depth + 1);
        if (node.content?.childNodes) read(node.content, depth + 1);
    };
    read(document, 0);
    return [ours, lines];
};";

pub(super) type Tree = (usize, Vec<String>);

pub(super) async fn tree(page: &Page) -> Tree {
    page.run(TREE).await;
    page.eval("tree(document)").await
}

#[tokio::test]
async fn chromium_builds_the_same_tree_and_runs_the_client() {
    let dir = TempDir::copy_of("tests/corpus");
    let livers = Livers::on(dir.path()).start().await;
    let documents = corpus();
    let plain =
        plain(|wanted| corpus().into_iter().find(|(name, _)| name == wanted).map(|(_, page)| page))
            .await;
    let context = browser().await;
    let page = context.page().await;
    for (name, _) in documents {
        let livers_url = livers.at(&format!("/{name}"));
        page.goto(&livers_url).await;
        page.wait_until("document.__livers").await;
        let live = tree(&page).await;
        let charset: String =
            page.eval("fetch(location).then(r => r.headers.get('content-type'))").await;
        let charset = charset.split_once("; ").map_or("", |(_, charset)| charset);
        page.goto(&format!("{}/{name}?{charset}", plain.url())).await;
        assert_eq!(live, tree(&page).await, "{name}");
    }
}

/// Returns the complete documents in a file of html5lib's tests.
fn documents(file: &str) -> Vec<String> {
    let tests = format!("\n{file}");
    let tests = tests.split("\n#data\n").skip(1);
    let whole = tests.filter(|test| !test.contains("\n#document-fragment\n"));
    let data = |test: &str| {
        let end = format!("\n{test}").find("\n#errors").unwrap_or_default();
        test[..end.saturating_sub(1)].to_owned()
    };
    whole.map(data).collect()
}

/// Serves named documents, has Chromium compare the tree of each response with that of its file,
/// and returns a description of every difference.
async fn changed(documents: &[(String, String)]) -> Vec<String> {
    let dir = TempDir::with_page("<!doctype html>");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    page.run(TREE).await;
    let compare = "([plain, live]) => {
        const [was, now] = [plain, live].map(text =>
            tree(new DOMParser().parseFromString(text, 'text/html')));
        const at = was[1].findIndex((line, i) => line !== now[1][i]);
        return now[0] === 2 && at < 0 && was[1].length === now[1].length
            ? null : `${now[0]} elements; ${was[1][at]} became ${now[1][at]}`;
    }";
    let mut changed = Vec::new();
    for some in documents.chunks(50) {
        let mut pairs = Vec::new();
        let mut wire = Wire::open(livers.port()).await;
        for (i, (_, document)) in some.iter().enumerate() {
            dir.write(format!("{i}.html"), document);
            let headers = [PAGE, ("Connection", "keep-alive")];
            let path = format!("/{i}.html");
            wire.send(request_head(livers.port(), "GET", &path, &headers, 0)).await;
            let live = wire.response(false).await;
            if live.body != document.as_bytes() {
                let rest = without_element(&live.body).1;
                let closer = rest.strip_prefix(document.as_bytes()).map(<[u8]>::escape_ascii);
                let closer = closer.map(|closer| closer.to_string());
                assert!(
                    closer.is_some_and(|c| ["", ">", "->", "-->", " x>"].contains(&c.as_str())),
                    "{document:?} became {}",
                    rest.escape_ascii()
                );
            }
            // `DOMParser` reads a byte order mark as text, because decoding is not its task.
            let [plain, live] =
                [document.as_str(), live.text()].map(|text| text.trim_start_matches('\u{feff}'));
            pairs.push(json!([plain, live]));
        }
        let found = format!("{}.map({compare})", json!(pairs));
        let found: Vec<Option<String>> = page.eval(&found).await;
        for ((name, document), why) in some.iter().zip(found) {
            let beginning: String = document.chars().take(100).collect();
            changed.extend(why.map(|why| format!("{name}: {beginning:?}: {why}")));
        }
    }
    changed
}

/// Returns the files with an extension below a folder, in order.
fn files(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|entry| entry.is_dir()) {
            found.extend(files(&path, kind));
        } else if path.extension().is_some_and(|extension| extension == kind) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns documents in the format of html5lib's tree-construction tests, with the names of their
/// files: our own sample, and those in the folder that [`HTML5LIB`] names.
pub(super) fn html5lib() -> Vec<(String, String)> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/livers/inject/documents.dat");
    let more = std::env::var_os(HTML5LIB).map(|folder| files(folder.as_ref(), "dat"));
    let mut all = Vec::new();
    for file in more.into_iter().flatten().chain([own.into()]) {
        let text = std::fs::read_to_string(&file).expect("UTF-8");
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        all.extend(documents(&text).into_iter().map(|document| (name.clone(), document)));
    }
    assert!(all.len() > 60, "only {} documents", all.len());
    all
}

/// Returns a folder of documents, `tests/corpus` unless [`DOCUMENTS`] names another, and their
/// paths.
pub(super) fn folder() -> (PathBuf, Vec<PathBuf>) {
    let corpus = || concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus").into();
    let folder = std::env::var_os(DOCUMENTS).map_or_else(corpus, PathBuf::from);
    let paths = files(&folder, "html");
    (folder, paths)
}

#[tokio::test]
async fn the_html5lib_documents_keep_their_trees() {
    let all = html5lib();
    let changed = changed(&all).await;
    println!("html5lib: {} of {} documents keep their trees", all.len() - changed.len(), all.len());
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[tokio::test]
async fn the_corpus_documents_keep_their_trees() {
    let (_, paths) = folder();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).ok()?;
        Some((path.to_string_lossy().into_owned(), text))
    };
    let all: Vec<_> = paths.iter().filter_map(read).collect();
    let changed = changed(&all).await;
    println!("{} of {} documents keep their trees", all.len() - changed.len(), all.len());
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}
