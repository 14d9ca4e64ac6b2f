//! A saved page is brought up to date in place, if that is sure to be right.

use serde_json::{Value, json};

use super::{opened, quiet, tabs};
use crate::support::browser::Page;
use crate::support::dir::TempDir;
use crate::support::http::{get, get_with};
use crate::support::server::Livers;

const CASES: &str = include_str!("cases.js");
const PAIRS: &str = include_str!("pairs.js");

/// A page with some of all that a person does on one.
fn page(word: &str, more: &str) -> String {
    format!(
        "<!doctype html>\n<title>{word}</title>\n<p id=word>{word}</p>\n<input id=field>\n\
         <textarea id=area></textarea>\n<select><option>a<option>b</select>\n\
         <details><summary>s</summary>d</details>\n<audio id=sound loop></audio>\n\
         <video id=film muted></video>\n<p id=built></p>\n\
         <div style='height: 5000px'></div>\n{more}"
    )
}

/// What a person does, and a script; and whether all of it is still so.
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

const USED: &str = "(() => {
    const $ = (id) => document.getElementById(id);
    return JSON.stringify([
        $('field').value, $('area').value, document.querySelector('select').value,
        document.querySelector('details').open, !!$('built').firstChild, $('sound').paused,
        $('film').paused, window.stopped ?? false, scrollY, document.activeElement === window.kept,
        $('field').selectionStart, $('field').selectionEnd,
    ]);
})()";

const AS_IT_WAS: &str =
    r#"["typed","typed in the area","b",true,true,false,false,false,700,true,1,3]"#;

/// Waits until the page says the word.
async fn says(page: &Page, word: &str) {
    page.wait_until(&format!("document.getElementById('word').textContent === '{word}'")).await;
}

#[tokio::test]
async fn single_cases_are_right() {
    let dir = TempDir::with_page("<!doctype html><title>frames</title><body>");
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).start().await;
    let pages = opened(&livers, &["/"]).await;
    let wrong: Vec<String> = pages[0].eval(&format!("({CASES})()")).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_a_person_did_survives_a_saved_text() {
    let dir = TempDir::with_page(&page("one", ""));
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).start().await;
    // By the file's own name: that the page fetches it for the patch is no use of it.
    let pages = opened(&livers, &["/index.html"]).await;
    let shown = &pages[0];
    // Sound plays only where a person did something.
    let gesture = json!({ "expression": USE, "awaitPromise": true, "userGesture": true });
    shown.command("Runtime.evaluate", gesture).await;
    assert_eq!(shown.eval::<String>(USED).await, AS_IT_WAS);
    for (word, replace) in [("two", false), ("three", true), ("four", false)] {
        let html = page(word, &format!("<p>{word}</p>"));
        if replace {
            dir.replace("index.html", html);
        } else {
            dir.write("index.html", html);
        }
        says(shown, word).await;
        let last = "document.body.lastElementChild.textContent";
        assert_eq!(shown.eval::<String>(&format!("document.title + {last}")).await, word.repeat(2));
        assert_eq!(shown.eval::<String>(USED).await, AS_IT_WAS, "{word}");
    }
    assert_eq!(shown.navigations(), 1);
    quiet(shown);
}

/// Such as `/page` for `page.html`, and a folder for its index.
#[tokio::test]
async fn a_page_under_its_short_name_is_changed_in_place() {
    let dir = TempDir::with_page(&page("one", ""));
    dir.write("favicon.ico", "");
    dir.write("a page.html", page("one", ""));
    dir.write("sub/index.html", page("one", ""));
    let livers = Livers::on(dir.path()).start().await;
    let paths = ["/", "/a%20page?x=1", "/sub/"];
    let pages = opened(&livers, &paths).await;
    for (shown, file) in pages.iter().zip(["index.html", "a page.html", "sub/index.html"]) {
        shown.run("document.getElementById('field').value = 'typed'").await;
        for word in ["two", "three"] {
            dir.write(file, page(word, ""));
            says(shown, word).await;
        }
        let typed: String = shown.eval("document.getElementById('field').value").await;
        assert_eq!((typed.as_str(), shown.navigations()), ("typed", 1), "{file}");
    }
}

#[tokio::test]
async fn what_is_not_sure_is_a_reload() {
    let script = |n: u32| format!("<script>document.documentElement.dataset.n = {n}</script>");
    let dir = TempDir::with_page(&page("one", &script(1)));
    let mut livers = Livers::on(dir.path()).start().await;
    let pages = opened(&livers, &["/"]).await;
    let shown = &pages[0];
    // A text beside a script is no reason, another script is.
    dir.write("index.html", page("two", &script(1)));
    says(shown, "two").await;
    assert_eq!(shown.navigations(), 1);
    dir.write("index.html", page("three", &script(2)));
    shown.wait_for_navigation().await;
    says(shown, "three").await;
    assert_eq!(shown.eval::<String>("document.documentElement.dataset.n").await, "2");
    // A text that a script wrote.
    tabs(&livers, 1).await;
    shown.run("document.getElementById('word').textContent = 'mine'").await;
    dir.write("index.html", page("four", &script(2)));
    shown.wait_for_navigation().await;
    says(shown, "four").await;
    assert_eq!(shown.navigations(), 3);
    // A server that knows nothing of the page's source.
    tabs(&livers, 1).await;
    shown.run("new Promise((done) => setTimeout(done, 1100))").await;
    livers.restart().await;
    tabs(&livers, 1).await;
    dir.write("index.html", page("five", &script(2)));
    shown.wait_for_navigation().await;
    says(shown, "five").await;
    assert_eq!(shown.navigations(), 4);
}

#[tokio::test]
async fn html_reload_always_reloads() {
    let dir = TempDir::with_page(&page("one", ""));
    let livers = Livers::on(dir.path()).args(["--html", "reload"]).start().await;
    let pages = opened(&livers, &["/"]).await;
    for (n, word) in ["two", "three"].into_iter().enumerate() {
        dir.write("index.html", page(word, ""));
        pages[0].wait_for_navigation().await;
        says(&pages[0], word).await;
        assert_eq!(pages[0].navigations(), n + 2);
        tabs(&livers, 1).await;
    }
    assert!(pages[0].requests().iter().all(|request| !request.url.contains("morph.js")));
}

/// What the page's element says of its source.
async fn tag(livers: &Livers, path: &str) -> Option<String> {
    let answer = get(livers.port(), path).await;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let (_, stamp) = body.split_once("/__livers/client.js?").expect("the element");
    let stamp = stamp.split('"').next().expect("a stamp");
    stamp.split('.').nth(2).map(str::to_owned)
}

#[tokio::test]
async fn the_source_of_a_page_is_kept_for_pages_of_its_own() {
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
async fn a_patched_page_is_the_one_that_a_fresh_load_gives() {
    let dir = TempDir::with_page("<!doctype html><title>frames</title><body>");
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).start().await;
    let pages = opened(&livers, &["/"]).await;
    let mut patched = 0;
    for seed in 1..=6 {
        let answer: Value = pages[0].eval(&format!("({PAIRS})({seed}, 40)")).await;
        let wrong = answer["wrong"].as_array().expect("a list");
        assert!(wrong.is_empty(), "{} wrong, such as {:#}", wrong.len(), wrong[0]);
        patched += answer["morph"].as_u64().expect("a number");
    }
    // It is not by reloading that nothing goes wrong.
    assert!(patched > 100, "{patched}");
    quiet(&pages[0]);
}
