//! A saved page is morphed into the open one, unless the result is uncertain.

use serde_json::{Value, json};

use super::{expect_empty_console, open_pages, wait_for_tabs};
use crate::support::browser::Page;
use crate::support::dir::TempDir;
use crate::support::http::{get, get_with};
use crate::support::server::Livers;

const CASES: &str = include_str!("cases.js");
const PAIRS: &str = include_str!("pairs.js");

/// Returns a page with forms, media and other elements that hold the user's state.
fn page(word: &str, more: &str) -> String {
    format!(
        "<!doctype html>\n<title>{word}</title>\n<p id=word>{word}</p>\n<input id=field>\n\
         <textarea id=area></textarea>\n<select><option>a<option>b</select>\n\
         <details><summary>s</summary>d</details>\n<audio id=sound loop></audio>\n\
         <video id=film muted></video>\n<p id=built></p>\n\
         <div style='height: 5000px'></div>\n{more}"
    )
}

/// Changes the state of the page as a user and a script do.
const USE: &str = "(async () => {
    const $ = (id) => document.getElementById(id);
    $('field').value = 'typed';
    $('area').value = 'typed in the area';
    document.querySelector('select').selectedIndex = 1;
    document.querySelector('summary').click();
    $('built').append(document.createElement('canvas'));
    const wave = new Uint8Array(8044);
    const view = new DataView(wave.buffer);
    [[0, 0x52494646], [8, 0x57415645], [12, 0x666d7420], [36, 0x64617461]].forEach(([at, tag]) => view.setUint32(at, tag));
    [[4, 8036], [16, 16], [24, 8000], [28, 8000], [40, 8000]].forEach(([at, n]) => view.setUint32(at, n, true));
    [[20, 1], [22, 1], [32, 1], [34, 8]].forEach(([at, n]) => view.setUint16(at, n, true));
    $('sound').src = URL.createObjectURL(new Blob([wave.fill(128, 44)], { type: 'audio/wav' }));
    $('sound').muted = true;
    const canvas = document.createElement('canvas');
    canvas.getContext('2d').fillRect(0, 0, 9, 9);
    $('film').srcObject = canvas.captureStream();
    $('film').onpause = $('sound').onpause = () => (window.stopped = true);
    await Promise.all([$('film').play(), $('sound').play()]);
    scrollTo(0, 700);
    $('field').focus({ preventScroll: true });
    $('field').setSelectionRange(1, 3);
    window.kept = $('field');
})()";

/// Returns that state.
const STATE: &str = "(() => {
    const $ = (id) => document.getElementById(id);
    return JSON.stringify([
        $('field').value, $('area').value, document.querySelector('select').value,
        document.querySelector('details').open, !!$('built').firstChild, $('sound').paused,
        $('film').paused, window.stopped ?? false, scrollY, document.activeElement === window.kept,
        $('field').selectionStart, $('field').selectionEnd,
    ]);
})()";

const USED: &str = r#"["typed","typed in the area","b",true,true,false,false,false,700,true,1,3]"#;

/// Waits until the page shows a word.
async fn wait_for_word(page: &Page, word: &str) {
    page.wait_until(&format!("document.getElementById('word').textContent === '{word}'")).await;
}

#[tokio::test]
async fn every_case_is_morphed_or_refused_as_expected() {
    let dir = TempDir::with_page("<!doctype html><title>frames</title><body>");
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let wrong: Vec<String> = pages[0].eval(&format!("({CASES})()")).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn user_state_survives_a_morph() {
    let dir = TempDir::with_page(&page("one", ""));
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).start().await;
    // By the name of the file: morph.js fetches it, which must not count as a use by a script.
    let pages = open_pages(&livers, &["/index.html"]).await;
    let shown = &pages[0];
    // Chromium plays sound only after a user gesture.
    let gesture = json!({ "expression": USE, "awaitPromise": true, "userGesture": true });
    shown.command("Runtime.evaluate", gesture).await;
    assert_eq!(shown.eval::<String>(STATE).await, USED);
    for (word, replace) in [("two", false), ("three", true), ("four", false)] {
        let html = page(word, &format!("<p>{word}</p>"));
        if replace {
            dir.replace("index.html", html);
        } else {
            dir.write("index.html", html);
        }
        wait_for_word(shown, word).await;
        let last = "document.body.lastElementChild.textContent";
        assert_eq!(shown.eval::<String>(&format!("document.title + {last}")).await, word.repeat(2));
        assert_eq!(shown.eval::<String>(STATE).await, USED, "{word}");
    }
    assert_eq!(shown.navigations(), 1);
    expect_empty_console(shown);
}

#[tokio::test]
async fn a_page_without_its_suffix_in_the_url_is_morphed() {
    let dir = TempDir::with_page(&page("one", ""));
    dir.write("favicon.ico", "");
    dir.write("a page.html", page("one", ""));
    dir.write("sub/index.html", page("one", ""));
    let livers = Livers::on(dir.path()).start().await;
    let paths = ["/", "/a%20page?x=1", "/sub/"];
    let pages = open_pages(&livers, &paths).await;
    for (shown, file) in pages.iter().zip(["index.html", "a page.html", "sub/index.html"]) {
        shown.run("document.getElementById('field').value = 'typed'").await;
        for word in ["two", "three"] {
            dir.write(file, page(word, ""));
            wait_for_word(shown, word).await;
        }
        let typed: String = shown.eval("document.getElementById('field').value").await;
        assert_eq!((typed.as_str(), shown.navigations()), ("typed", 1), "{file}");
    }
}

#[tokio::test]
async fn an_uncertain_morph_reloads() {
    let script = |n: u32| format!("<script>document.documentElement.dataset.n = {n}</script>");
    let dir = TempDir::with_page(&page("one", &script(1)));
    let mut livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let shown = &pages[0];
    // A changed text is morphed, a changed script reloads.
    dir.write("index.html", page("two", &script(1)));
    wait_for_word(shown, "two").await;
    assert_eq!(shown.navigations(), 1);
    dir.write("index.html", page("three", &script(2)));
    shown.wait_for_navigation().await;
    wait_for_word(shown, "three").await;
    assert_eq!(shown.eval::<String>("document.documentElement.dataset.n").await, "2");
    // A text that a script changed.
    wait_for_tabs(&livers, 1).await;
    shown.run("document.getElementById('word').textContent = 'mine'").await;
    dir.write("index.html", page("four", &script(2)));
    shown.wait_for_navigation().await;
    wait_for_word(shown, "four").await;
    assert_eq!(shown.navigations(), 3);
    // A restarted server does not have the page's old source. The client trusts a connection after
    // 1 s.
    wait_for_tabs(&livers, 1).await;
    shown.run("new Promise((done) => setTimeout(done, 1100))").await;
    livers.restart().await;
    wait_for_tabs(&livers, 1).await;
    dir.write("index.html", page("five", &script(2)));
    shown.wait_for_navigation().await;
    wait_for_word(shown, "five").await;
    assert_eq!(shown.navigations(), 4);
}

#[tokio::test]
async fn html_reload_always_reloads() {
    let dir = TempDir::with_page(&page("one", ""));
    let livers = Livers::on(dir.path()).args(["--html", "reload"]).start().await;
    let pages = open_pages(&livers, &["/"]).await;
    for (n, word) in ["two", "three"].into_iter().enumerate() {
        dir.write("index.html", page(word, ""));
        pages[0].wait_for_navigation().await;
        wait_for_word(&pages[0], word).await;
        assert_eq!(pages[0].navigations(), n + 2);
        wait_for_tabs(&livers, 1).await;
    }
    assert!(pages[0].requests().iter().all(|request| !request.url.contains("morph.js")));
}

/// Returns the tag of the page's source in the injected element.
async fn tag(livers: &Livers, path: &str) -> Option<String> {
    let response = get(livers.port(), path).await;
    let body = String::from_utf8_lossy(&response.body).into_owned();
    let (_, stamp) = body.split_once("/__livers/client.js?").expect("the element");
    let stamp = stamp.split('"').next().expect("a stamp");
    stamp.split('.').nth(3).map(str::to_owned)
}

#[tokio::test]
async fn the_source_of_a_page_is_stored_and_only_for_its_own_origin() {
    let dir = TempDir::with_page("<p>one");
    dir.write("empty.html", "");
    dir.write("latin1.html", b"<p>\xfc");
    dir.write("large.html", "<p>".repeat(500_000));
    let livers = Livers::on(dir.path()).start().await;
    let name = tag(&livers, "/").await.expect("a tag");
    let source = format!("/__livers/source?{name}");
    dir.write("index.html", "<p>two");
    assert_ne!(tag(&livers, "/").await.as_ref(), Some(&name));
    let kept = get(livers.port(), &source).await;
    assert_eq!((kept.status, kept.text()), (200, "<p>one"));
    assert_eq!(kept.header("content-type"), Some("text/html; charset=utf-8"));
    let foreign = [("Origin", "http://evil.example")];
    assert_eq!(get_with(livers.port(), &source, &foreign).await.status, 403);
    for unknown in ["", "0", &"0".repeat(32)] {
        let path = format!("/__livers/source?{unknown}");
        assert_eq!(get(livers.port(), &path).await.status, 404, "{path}");
    }
    assert!(tag(&livers, "/empty.html").await.is_some());
    for none in ["/latin1.html", "/large.html", "/missing.html"] {
        assert_eq!(tag(&livers, none).await, None, "{none}");
    }
}

#[tokio::test]
async fn a_morphed_page_equals_a_fresh_load() {
    let dir = TempDir::with_page("<!doctype html><title>frames</title><body>");
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let mut morphed = 0;
    for seed in 1..=6 {
        let answer: Value = pages[0].eval(&format!("({PAIRS})({seed}, 40)")).await;
        let wrong = answer["wrong"].as_array().expect("a list");
        assert!(wrong.is_empty(), "{} wrong, such as {:#}", wrong.len(), wrong[0]);
        morphed += answer["morph"].as_u64().expect("a number");
    }
    // Most pairs must not be refused.
    assert!(morphed > 100, "{morphed}");
    expect_empty_console(&pages[0]);
}
