//! Where the messages of pages are: in the original source, whatever was served for it.

use serde_json::{Value, json};

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::http::{get, get_with};
use crate::support::server::Livers;
use crate::support::tab::Tab;

const MAIN: &str = "import { parse, run } from 'thrower';
import { later } from './later';

interface User {
  name: { first: string };
}

async function load(id: number): Promise<string> {
  await Promise.resolve();
  throw new Error(`no user ${id}`, { cause: new TypeError('no connection') });
}

const actions: Record<string, () => unknown> = {
  exception: () => (undefined as unknown as User).name,
  emoji: () => { if ('😀é' as string) throw new Error('after emoji'); },
  rejection: () => void load(7),
  error: () => console.error('could not save', { id: 7 }),
  warn: () => console.warn('%s is old', 'this'),
  parse: () => parse(42 as never),
  run: () => run(() => later(1)),
  worker: () => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' }),
};

Object.assign(globalThis, { act: (name: string) => void setTimeout(actions[name]) });
document.title = 'ready';
";

const LATER: &str = "type Count = number;

export const later = (count: Count) => {
  const { length } = count as unknown as string;
  if (!length) throw new RangeError(`later ${count}`);
};
";

const WORKER: &str = "interface Job { id: number }

const job: Job = { id: 1 };
setTimeout(() => none(job.id));
";

const THROWER: &str = "// A package that fails when it is called.
exports.parse = (text) => {
  if (typeof text !== 'string') throw new RangeError('expected a string');
};
exports.run = (callback) => callback();
";

/// Creates a project of a page, modules, a worker and a package.
fn project() -> TempDir {
    let dir = TempDir::new();
    for (path, text) in [
        ("package.json", "{\"type\":\"module\"}"),
        ("favicon.ico", ""),
        (
            "index.html",
            "<!doctype html><title>none</title><script type=module src=/src/main.tsx></script>",
        ),
        ("src/main.tsx", MAIN),
        ("src/later.ts", LATER),
        ("src/worker.ts", WORKER),
        ("node_modules/thrower/package.json", "{\"name\":\"thrower\",\"version\":\"1.0.0\"}"),
        ("node_modules/thrower/index.js", THROWER),
    ] {
        dir.write(path, text);
    }
    dir
}

/// Returns the line and column of a part of a text, as editors count them.
fn place(text: &str, part: &str) -> String {
    let at = text.find(part).expect(part);
    let line = text[..at].matches('\n').count() + 1;
    let column = text[..at].chars().rev().take_while(|char| *char != '\n').count() + 1;
    format!("{line}:{column}")
}

/// Opens a page, and waits for its title.
async fn open(livers: &Livers, path: &str, title: &str) -> Page {
    let page = browser().await.open(&livers.at(path)).await;
    page.wait_until(&format!("document.title === '{title}'")).await;
    page
}

/// Lets a page do something, and waits for the line that begins with a place and has a message.
/// Returns the number of the lines before it.
async fn act(livers: &Livers, page: &Page, action: &str, place: &str, message: &str) -> usize {
    let seen = livers.lines().len();
    page.run(action).await;
    let place = format!("{place}: ");
    livers.wait_for_line_after(seen, |line| line.contains(&place) && line.contains(message)).await;
    seen
}

#[tokio::test]
async fn messages_are_where_their_code_is_in_the_source() {
    let dir = project();
    for packs in ["never", "always"] {
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let page = open(&livers, "/", "ready").await;
        for (action, file, part, message) in [
            ("exception", ("src/main.tsx", MAIN), "name,\n", "TypeError: "),
            ("emoji", ("src/main.tsx", MAIN), "new Error('after", "Error: after emoji  on /"),
            ("rejection", ("src/main.tsx", MAIN), "new Error(`no", "Error: no user 7  on /"),
            ("error", ("src/main.tsx", MAIN), "error('could", "could not save {id: 7}  on /"),
            ("warn", ("src/main.tsx", MAIN), "warn('%s", "this is old  on /"),
            ("parse", ("src/main.tsx", MAIN), "parse(42", "RangeError: expected a string"),
            ("run", ("src/later.ts", LATER), "new RangeError", "RangeError: later 1"),
            ("worker", ("src/worker.ts", WORKER), "none(job", "none is not defined"),
        ] {
            let (file, text) = file;
            let wanted = format!("{file}:{}", place(text, part));
            let seen = act(&livers, &page, &format!("act('{action}')"), &wanted, message).await;
            let line = text.lines().find(|line| line.contains(part.lines().next().expect("text")));
            let line = line.expect("a line");
            livers.wait_for_line_after(seen, |shown| shown.ends_with(line)).await;
        }
        // The calls that led there, and the error behind another one.
        let package = format!("node_modules/thrower/index.js:{}", place(THROWER, "new Range"));
        let caller = format!("src/main.tsx:{}", place(MAIN, "later(1"));
        let cause = format!("load (src/main.tsx:{})", place(MAIN, "new TypeError"));
        for shown in [&package, &caller, &cause] {
            livers.wait_for_line(|line| line.contains(&**shown)).await;
        }
        // The page runs its last version while the source has an error.
        dir.write("src/later.ts", format!("type;;;(\n\n\n\n{LATER}"));
        livers.wait_for_line(|line| line.contains("src/later.ts failed to load")).await;
        let wanted = format!("src/later.ts:{}", place(LATER, "new RangeError"));
        act(&livers, &page, "act('run')", &wanted, "RangeError: later 1").await;
        dir.write("src/later.ts", LATER);
    }
}

#[tokio::test]
async fn messages_of_files_that_are_served_as_they_are_have_their_places() {
    let dir = TempDir::new();
    let page = "<!doctype html><title>none</title>\n<script>\n  globalThis.act = () => {\n    \
                setTimeout(() => { throw new Error('inline'); });\n  };\n</script>\n\
                <script src=plain.js></script><script src=built.js></script>\n";
    let plain = "var plain = function () {\n  setTimeout(function () { none(); });\n};\n";
    // As a bundler writes it, from another file.
    let source = "export type A = 1;\n\nconst built = () => setTimeout(() => never());\n";
    let built = "var built=()=>setTimeout(()=>never());\n//# sourceMappingURL=maps/built.js.map\n";
    // `never()` at 1:29 is at 3:38 of the source.
    let map = json!({
        "version": 3, "sources": ["../src/built.ts"], "names": [], "mappings": "4BAEqC",
        "sourcesContent": [source],
    });
    for (path, text) in [
        ("index.html", page),
        ("favicon.ico", ""),
        ("plain.js", plain),
        ("built.js", built),
        ("maps/built.js.map", &map.to_string()),
        ("src/built.ts", source),
    ] {
        dir.write(path, text);
    }
    let livers = Livers::on(dir.path()).start().await;
    let tab = browser().await.open(livers.url()).await;
    tab.wait_until("globalThis.plain && globalThis.built").await;
    for (action, file, text, part, message) in [
        ("act()", "index.html", page, "new Error", "Error: inline"),
        ("plain()", "plain.js", plain, "none()", "none is not defined"),
        ("built()", "src/built.ts", source, "never()", "never is not defined"),
    ] {
        act(&livers, &tab, action, &format!("{file}:{}", place(text, part)), message).await;
    }
}

#[tokio::test]
async fn a_module_that_fails_to_load_because_of_a_compile_error_is_reported_once() {
    let dir = project();
    dir.write("src/later.ts", "let = ;");
    let livers = Livers::on(dir.path()).start().await;
    let headers = [("sec-fetch-dest", "script"), ("sec-fetch-mode", "cors")];
    get_with(livers.port(), "/src/later.ts", &headers).await;
    livers.wait_for_line(|line| line.contains("src/later.ts:1:")).await;
    let mut tab = Tab::page(&livers, "/", &[]).await;
    let entries = ["/src/main.tsx", "https://example.org/x.js", "/image.png"].map(|url| {
        json!({ "kind": "load", "level": "error", "message": format!("cannot load {url}"), "url": url })
    });
    tab.say(&json!({ "type": "console", "entries": entries, "dropped": 0 })).await;
    livers.wait_for_line(|line| line.contains("cannot load https://example.org/x.js  on /")).await;
    livers.wait_for_line(|line| line.contains("cannot load /image.png  on /")).await;
    let lines = livers.stdout();
    assert!(!lines.iter().any(|line| line.contains("cannot load /src/main.tsx")), "{lines:?}");
}

/// What a page sends is untrusted: it makes the server read nothing that it does not serve, and the
/// terminal obeys none of it.
#[tokio::test]
async fn hostile_places_show_nothing_of_files_that_are_not_served() {
    let dir = TempDir::new();
    dir.write("site/index.html", "<!doctype html>");
    dir.write("site/.env", "SECRET=1");
    dir.write("site/server.key", "SECRET=2");
    dir.write("secret.txt", "SECRET=3");
    let livers = Livers::on(dir.at("site")).start().await;
    let mut tab = Tab::page(&livers, "/", &[]).await;
    let urls = [
        "/.env",
        "/server.key",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//secret.txt",
        "/\u{0}",
        "file:///etc/passwd",
        "/__livers/pack?entry=/.env",
        "/__livers/npm/../../.env",
        "/__livers/npm/@a/b/c.js?pack=%2e%2e/.env",
        "/__livers/client.js",
        "/index.html?\u{1b}[2J",
        "",
    ];
    let entries = urls.iter().enumerate().map(|(at, url)| {
        json!({
            "kind": "exception", "level": "error", "message": format!("hostile {at} \u{1b}[2J\r\u{202e}"),
            "url": url, "line": 1, "column": u32::MAX,
            "stack": format!("    at f (http://localhost:1{url}:4294967295:4294967295)\n    at g ({url}:1:1)"),
            "components": format!("\n    at A ({url}:1:1)\n    at \u{1b}[2JB"),
        })
    });
    let entries: Vec<Value> = entries.collect();
    tab.say(&json!({ "type": "console", "entries": entries, "dropped": 0 })).await;
    for at in 0..urls.len() {
        livers.wait_for_line(|line| line.contains(&format!("hostile {at} "))).await;
    }
    let errors = get(livers.port(), "/__livers/errors").await.text().to_owned();
    let lines = livers.lines().into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
    assert!(!lines.contains("SECRET") && !errors.contains("SECRET"), "{lines}\n{errors}");
    assert!(!lines.contains(['\u{1b}', '\r', '\u{202e}', '\u{0}']), "{lines:?}");
}
