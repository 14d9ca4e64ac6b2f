//! Style sheets, images, fonts and media are replaced without a navigation, and the user's state
//! stays.

use super::{expect_empty_console, open_pages};
use crate::support::browser::Page;
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// Returns an SVG image of a width.
fn image(width: usize) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='10'>\
         <rect id='part' width='{width}' height='10'/></svg>"
    )
}

/// A page that shows the image in every possible place.
const IMAGES: &str = "<!doctype html><title>images</title><link rel=icon href=a.svg>
<link rel=stylesheet href=css/app.css>
<img id=img src=a.svg><img id=set srcset='a.svg?x=1,2 1x, b.svg 3x'>
<picture><source srcset='a.svg'><img id=picture></picture>
<input id=input type=image src=a.svg>
<svg><image id=image href=a.svg /><use id=use href='a.svg#part' /></svg>
<span id=css></span><b id=inline style='content: url(a.svg)'></b>
<video id=poster poster=a.svg></video>
<p><input id=text><div style='height: 5000px'></div>";
/// The width of the image in each place.
const WIDTHS: &str =
    "['img', 'set', 'picture', 'input', 'image', 'use', 'css', 'inline', 'poster'].map(
  (id) => document.getElementById(id)).map((element) =>
  element.naturalWidth ?? element.getBBox?.().width ?? element.offsetWidth).join()";

/// Returns a condition: every place shows the image of this width.
fn all(width: usize) -> String {
    format!("{WIDTHS} === '{}'", [width.to_string().as_str(); 9].join(","))
}

/// Starts typing text, scrolls the page and plays a video.
const START_ACTIVITY: &str = "(async () => {
  window.kept = 'kept';
  const video = document.body.appendChild(document.createElement('video'));
  const canvas = document.createElement('canvas');
  canvas.getContext('2d').fillRect(0, 0, 9, 9);
  video.id = 'playing';
  video.muted = true;
  video.srcObject = canvas.captureStream();
  await video.play();
  const text = document.querySelector('#text');
  text.value = 'half a sen';
  text.focus();
  text.setSelectionRange(2, 4);
  scrollTo(0, 1234);
})()";
const ACTIVITY: &str = "[kept, document.activeElement.id, text.value, text.selectionStart,
  text.selectionEnd, scrollY, playing.paused].join()";
const UNDISTURBED: &str = "kept,text,half a sen,2,4,1234,false";

#[tokio::test]
async fn a_saved_image_is_replaced_everywhere_and_user_state_stays() {
    let dir = TempDir::with_page(IMAGES);
    let base = |n: usize| {
        format!("#css::before {{ content: url(../a.svg) }} p {{ color: rgb({n}, 0, 0) }}")
    };
    dir.write("css/app.css", "@import 'base.css';");
    dir.write("css/base.css", base(1));
    dir.write("a.svg", image(10));
    dir.write("b.svg", image(99));
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let page = &pages[0];
    page.wait_until(&all(10)).await;
    page.run(START_ACTIVITY).await;
    assert_eq!(page.eval::<String>(ACTIVITY).await, UNDISTURBED);

    dir.write("a.svg", image(20));
    page.wait_until(&all(20)).await;
    applied(&livers, "image").await;
    // The sheet names the image by its old URL, for which the browser has the old image.
    dir.write("css/base.css", base(2));
    page.wait_until("getComputedStyle(document.querySelector('p')).color === 'rgb(2, 0, 0)'").await;
    page.wait_until(&all(20)).await;
    applied(&livers, "css").await;
    // An invalid image is not shown: it may be an incomplete save.
    dir.write("a.svg", "<svg");
    page.wait_for_request(|r| r.url.ends_with("a.svg?livers=3") && r.status == Some(200)).await;
    assert!(page.eval::<bool>(&all(20)).await);
    dir.replace("a.svg", image(30));
    page.wait_until(&all(30)).await;
    assert_eq!(page.eval::<String>(ACTIVITY).await, UNDISTURBED);
    assert_eq!(page.navigations(), 1);
    expect_empty_console(page);
}

/// Waits for the line that the server prints when the page at `/` acknowledges a change.
async fn applied(livers: &Livers, how: &str) -> String {
    let begins = format!("applied  /  {how} ");
    livers.wait_for_line(|line| line.starts_with(&begins)).await
}

/// Returns a WAV file of silence.
fn silence(seconds: u32) -> Vec<u8> {
    let length = 8000 * seconds;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + length).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data");
    wav.extend(length.to_le_bytes());
    wav.resize(wav.len() + length as usize, 128);
    wav
}

#[tokio::test]
async fn a_saved_font_and_a_saved_sound_are_replaced() {
    let narrow = include_bytes!("font.ttf").to_vec();
    let mut wide = narrow.clone();
    // The first entry of the table of advance widths applies to both glyphs.
    let entry =
        narrow.windows(4).position(|bytes| bytes == b"hmtx").expect("a table of advance widths");
    let offset =
        narrow[entry + 8..entry + 12].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    assert_eq!(narrow[offset..offset + 2], 500_u16.to_be_bytes());
    wide[offset..offset + 2].copy_from_slice(&2000_u16.to_be_bytes());
    let html = "<!doctype html><link rel=stylesheet href=app.css><span id=text>aaaa</span>
        <video id=sound muted loop src=a.wav></video>";
    let dir = TempDir::with_page(html);
    dir.write("app.css", "@font-face { font-family: T; src: url(f.ttf) } body { font: 10px T }");
    dir.write("f.ttf", narrow);
    dir.write("a.wav", silence(20));
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let page = &pages[0];
    page.wait_until("text.offsetWidth === 20").await;
    dir.write("f.ttf", wide);
    page.wait_until("text.offsetWidth === 80").await;
    applied(&livers, "font").await;

    page.wait_until("sound.readyState > 0").await;
    page.run("(sound.currentTime = 12, sound.play())").await;
    // A longer file: the player of the old one would request a shorter one beyond its end, which
    // logs an error.
    dir.write("a.wav", silence(30));
    page.wait_until("sound.duration === 30 && sound.currentTime >= 12 && !sound.paused").await;
    assert_eq!(page.navigations(), 1);
    expect_empty_console(page);
}

const SHEETS: &str =
    "<!doctype html><title>sheets</title><style>@import url(style.css) screen;</style>
<link rel=stylesheet href=top.css>
<link rel='alternate stylesheet' title=other href=alternate.css>
<link rel=stylesheet media=print href=print.css><link id=off rel=stylesheet href=off.css>
<p><b></b><i></i><section><template shadowrootmode=open><link rel=stylesheet href=shadow.css>
<u></u></template></section><script type=module>
import sheet from './module.css' with { type: 'css' };
document.adoptedStyleSheets = [sheet];
off.disabled = true;
</script>";

fn red(n: usize) -> String {
    format!("rgb({n}, 0, 0)")
}

async fn shows(page: &Page, element: &str, n: usize) {
    let color = red(n);
    page.wait_until(&format!("getComputedStyle({element}).color === '{color}'")).await;
}

#[tokio::test]
async fn a_saved_sheet_is_replaced_in_every_place() {
    let dir = TempDir::with_page(SHEETS);
    let rule = |element: &str, n: usize| format!("{element} {{ color: {} }}", red(n));
    dir.write("style.css", rule("p", 1));
    dir.write("top.css", "@import 'part.css';");
    dir.write("part.css", rule("i", 1));
    dir.write("module.css", rule("b", 1));
    dir.write("shadow.css", rule("u", 1));
    for name in ["alternate", "print", "off"] {
        dir.write(format!("{name}.css"), rule("html", 1));
    }
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let page = &pages[0];
    let places = [
        ("style.css", "p", "document.querySelector('p')"),
        ("part.css", "i", "document.querySelector('i')"),
        ("module.css", "b", "document.querySelector('b')"),
        ("shadow.css", "u", "document.querySelector('section').shadowRoot.querySelector('u')"),
    ];
    page.wait_until("document.querySelectorAll('link').length === 4 && off.disabled").await;
    // A rename is one change, and so one line. A write can be two on a busy machine.
    for n in [2, 3] {
        for (file, element, place) in places {
            let before = livers.lines().len();
            dir.replace(file, rule(element, n));
            shows(page, place, n).await;
            livers.wait_for_line_after(before, |line| line.starts_with("applied  /  css ")).await;
        }
        // These do not apply to the page.
        for name in ["alternate", "print", "off"] {
            let before = livers.lines().len();
            dir.replace(format!("{name}.css"), rule("html", n));
            livers.wait_for_line_after(before, |line| line.starts_with("applied  /  css ")).await;
        }
        assert_eq!(
            page.eval::<String>("getComputedStyle(document.documentElement).color").await,
            "rgb(0, 0, 0)"
        );
    }
    // A sheet that is no longer imported is not in use, although the page requested it once.
    let before = livers.lines().len();
    dir.replace("top.css", rule("i", 9));
    shows(page, "document.querySelector('i')", 9).await;
    livers.wait_for_line_after(before, |line| line.starts_with("applied  /  css ")).await;
    dir.replace("part.css", rule("i", 10));
    livers.wait_for_line_after(before, |line| line == "updated  part.css  -> no tab").await;
    assert_eq!(page.navigations(), 1);
    // The server prints why the page reloads.
    let before = livers.lines().len();
    dir.replace("new.js", "");
    livers.wait_for_line_after(before, |line| line.starts_with("created  new.js")).await;
    page.run("fetch('new.js')").await;
    dir.write("new.js", "1");
    page.wait_for_navigation().await;
    let line = applied(&livers, "reload").await;
    assert!(line.ends_with(" ms (new.js changed)"), "{line}");
    expect_empty_console(page);
}

/// Waits until the page has applied a change, and returns how many lines there were then.
async fn applied_after(livers: &Livers, lines: usize) -> usize {
    livers.wait_for_line_after(lines, |line| line.starts_with("applied  /  ")).await;
    livers.lines().len()
}

#[tokio::test]
async fn a_deleted_file_disappears_and_comes_back_in_place() {
    const HTML: &str = "<!doctype html><title>deleted</title><link rel=stylesheet href=top.css>
        <p>a</p><i>b</i><b id=css></b><img src=a.svg><span>aaaa</span>";
    let top = "@import 'part.css'; @font-face { font-family: T; src: url(f.ttf) }
        p { color: rgb(1, 0, 0) } #css::before { content: url(b.svg) } span { font: 10px T }";
    let files: [(&str, Vec<u8>, &str, &str); 5] = [
        (
            "top.css",
            top.into(),
            "getComputedStyle(document.querySelector('p')).color",
            "rgb(1, 0, 0)",
        ),
        (
            "part.css",
            "i { color: rgb(2, 0, 0) }".into(),
            "getComputedStyle(document.querySelector('i')).color",
            "rgb(2, 0, 0)",
        ),
        ("a.svg", image(30).into(), "`${document.images[0].naturalWidth}`", "30"),
        ("b.svg", image(40).into(), "`${css.offsetWidth}`", "40"),
        (
            "f.ttf",
            include_bytes!("font.ttf").to_vec(),
            "`${document.querySelector('span').offsetWidth}`",
            "20",
        ),
    ];
    let dir = TempDir::with_page(HTML);
    for (name, content, ..) in &files {
        dir.write(name, content);
    }
    dir.write("favicon.ico", "");
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let pages = open_pages(&livers, &["/"]).await;
    let page = &pages[0];
    page.run("window.kept = true").await;
    for (name, content, shown, value) in &files {
        page.wait_until(&format!("{shown} === '{value}'")).await;
        for _ in 0..2 {
            let before = livers.lines().len();
            dir.remove(name);
            page.wait_until(&format!("{shown} !== '{value}'")).await;
            let after = applied_after(&livers, before).await;
            dir.write(name, content);
            applied_after(&livers, after).await;
            page.wait_until(&format!("{shown} === '{value}'")).await;
        }
        assert_eq!(page.navigations(), 1, "{name}");
    }
    assert!(page.eval::<bool>("window.kept").await);
    // The browser logs the requests for missing files.
    let console = page.console();
    assert!(console.iter().all(|line| line.source == "network"), "{console:?}");
}
