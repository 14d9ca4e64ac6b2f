//! Hostile files: nests, chains, diamonds and expansion bombs in every syntax that livers reads.
//!
//! They are in a part of the served folder, and requested while the other load goes on. Those that
//! apply to a whole served folder (`.env`, `_redirects`, packages) would change what the other
//! tasks expect, so a second server has that part as its root. Any complete response is right, as
//! long as it comes within the deadline of a compile.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::{rng::Rng, support::http::request_head, tally::Tally, world::World};

/// The part of the folder.
pub(crate) const FOLDER: &str = "hostile";

/// Number of folders in it, so that the number of files is bounded.
const SLOTS: usize = 12;

/// The time for a response: the deadline of a compile, and some for a busy machine.
const LATE: Duration = Duration::from_secs(20);

/// Those of a request by a browser for a module script.
const HEADERS: [(&str, &str); 3] =
    [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors"), ("Connection", "close")];

/// Nesting levels, links of a chain, or repetitions.
const DEPTHS: [usize; 6] = [10, 120, 1_500, 12_000, 70_000, 300_000];

/// Constructs that nest or repeat: file name, beginning, open, inner, close.
const SHAPES: [(&str, &str, &str, &str, &str); 41] = [
    ("a.js", "import './b';x=", "(", "1", ")"),
    ("a.ts", "x=", "[", "1", "]"),
    ("a.ts", "x=1", "+1", "", ""),
    ("a.ts", "x=''", "+';'", "", ""),
    ("a.ts", "x=", "a=>", "1", ""),
    ("a.ts", "x=", "!", "1", ""),
    ("a.ts", "", "if(a)", ";", ""),
    ("a.ts", "", "if(a);else ", ";", ""),
    ("a.ts", "f", "()", "", ""),
    ("a.ts", "let x:", "A<", "B", ">"),
    ("a.ts", "let x:", "A extends B?C:", "B", ""),
    ("a.ts", "x=", "`${", "1", "}`"),
    ("a.tsx", "x=", "<a>", "b", "</a>"),
    ("a.tsx", "x=", "<a b={", "1", "}/>"),
    ("a.jsx", "x=", "<a>{", "1", "}</a>"),
    ("a.ts", "", "/*", "", "*/"),
    ("a.ts", "import.meta.glob('./", "{a,", "b", "}"),
    ("a.ts", "import.meta.glob('./", "**/", "*.ts')", ""),
    ("a.module.css", "", ".a{", "b:c", "}"),
    ("a.module.css", "", "@media a{", "", "}"),
    ("a.module.css", "", ":is(", ".a", "){}"),
    ("a.module.css", "", ".a{composes:a b c}", "", ""),
    ("a.module.css", "", "/*", "", ""),
    ("a.json", "", "[", "1", "]"),
    ("a.json", "", "{\"a\":", "1", "}"),
    ("a.html", "<!doctype html>", "<div>", "", "</div>"),
    ("a.html", "<!doctype html>", "<script type=module>import 'a'", "", "</script>"),
    ("a.html", "<!doctype html>", "<script type=importmap>{\"imports\":", "1", "}</script>"),
    (".gitignore", "", "{a,", "b", "}"),
    (".gitignore", "", "**/a*\n", "", ""),
    ("tsconfig.json", "{\"compilerOptions\":", "{\"paths\":", "1", "}"),
    ("tsconfig.json", "{\"extends\":", "[\"./tsconfig.json\",", "1", "]"),
    ("node_modules/p/index.js", "module.exports=", "[", "1", "]"),
    ("node_modules/p/index.js", "module.exports=1", "+1", "", ""),
    ("node_modules/p/index.js", "", "__exportStar(", "require('p')", ")"),
    ("node_modules/p/index.js", "export default ", "a=>", "1", ""),
    ("node_modules/p/package.json", "{\"exports\":", "{\"default\":", "\"./index.js\"", "}"),
    ("node_modules/p/package.json", "{\"browser\":", "[", "1", "]"),
    ("package.json", "{\"workspaces\":", "[", "1", "]"),
    ("_redirects", "", "/a/:b /b/:b 301\n", "", ""),
    ("_headers", "", "/*\n  X-A: b\n", "", ""),
];

/// Starts the tasks of this module.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>) {
    let ms = Duration::from_millis;
    world.repeat(tasks, "hostile files", ms(200), nested);
    world.repeat(tasks, "hostile chains and diamonds", ms(400), linked);
    world.repeat(tasks, "hostile expansions", ms(800), expanding);
    world.repeat(tasks, "hostile files, other requests", ms(100), others);
}

/// Writes the files that the others need.
pub(crate) fn fill(world: &World) {
    for slot in 0..SLOTS {
        let write = |name: &str, text: &str| world.dir.write(at(slot, name), text);
        write("main.ts", "import * as p from 'p'; console.log(p as unknown, import.meta.env);");
        write("node_modules/p/package.json", "{}");
        write("node_modules/p/index.js", "exports.a = 1");
    }
    for name in ["probe.ts", "probe.txt"] {
        world.dir.write(format!("{FOLDER}/{name}"), "'probe'");
    }
}

/// Returns the path of a file in one of the folders.
fn at(slot: usize, name: &str) -> String {
    format!("{FOLDER}/{slot}/{name}")
}

/// Requests a path of a folder as a script, from the server whose root has it, and the packages
/// that it imports.
async fn request(world: &World, slot: usize, name: &str, is_alone: bool) {
    let (port, path) = if is_alone {
        // Packages are read once for each installation.
        world.dir.write(format!("{FOLDER}/package-lock.json"), world.number().to_string());
        (world.hostile_port, format!("/{slot}/{name}"))
    } else {
        (world.port, format!("/{}", at(slot, name)))
    };
    let (_, text) = get(world, port, &path).await;
    let urls = text.split(['"', '\'']).filter(|text| text.starts_with("/__livers/npm/"));
    for url in urls.take(4) {
        get(world, port, url).await;
    }
}

/// Sends a request on a new connection, and returns the status and the body of the response.
async fn get(world: &World, port: u16, path: &str) -> (u16, String) {
    let head = request_head(port, "GET", path, &HEADERS, 0);
    // The other clients of this test wait exactly as long as a compile may take.
    let answered = timeout(LATE, async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(head.as_bytes()).await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        Ok::<_, io::Error>(response)
    });
    let response = answered.await.unwrap_or_else(|_| panic!("{path}: no response in {LATE:?}"));
    let response = response.unwrap_or_else(|error| panic!("{path}: {error}"));
    let response = String::from_utf8_lossy(&response);
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Tally::count(&world.tally.answers);
    assert!([200, 302, 403, 404, 500].contains(&status), "{path}: {status}");
    if body.contains("given up") {
        Tally::count(&world.tally.given_up);
    }
    (status, body.to_owned())
}

/// Returns whether a file applies to a whole served folder.
fn is_for_root(name: &str) -> bool {
    ["node_modules", "package.json", "tsconfig.json", "_", ".env"]
        .iter()
        .any(|beginning| name.starts_with(beginning))
}

/// Returns the file to request for another one to be read.
fn entry(name: &str) -> &str {
    match name {
        ".gitignore" => "a.ts",
        _ if is_for_root(name) => "main.ts",
        "a.json" => "a.json?import",
        "a.module.css" => "a.module.css?import",
        name => name,
    }
}

/// A file that is nested deeply, or repeats something.
async fn nested(world: Arc<World>, mut rng: Rng) {
    let &(name, before, open, inner, close) = rng.pick(&SHAPES);
    let (slot, depth) = (rng.below(SLOTS), *rng.pick(&DEPTHS));
    // Sometimes incomplete.
    let closing = if rng.one_in(5) { rng.below(depth) } else { depth };
    let text = [before, &open.repeat(depth), inner, &close.repeat(closing)].concat();
    let is_alone = is_for_root(name);
    let place = if name.starts_with('_') || name == "package.json" {
        format!("{FOLDER}/{name}")
    } else {
        at(slot, name)
    };
    world.dir.write(&place, text);
    request(&world, slot, entry(name), is_alone).await;
    restore(&world, slot, name, &place);
}

/// Removes a file that applies to others, and puts back the package.
fn restore(world: &World, slot: usize, name: &str, place: &str) {
    match name {
        "node_modules/p/index.js" => world.dir.write(place, "exports.a = 1"),
        "node_modules/p/package.json" => world.dir.write(at(slot, name), "{}"),
        name if is_for_root(name) || name.starts_with('.') => remove(world, place),
        _ => {}
    }
}

/// Removes a file, unless another task has done so, or there is none.
fn remove(world: &World, place: &str) {
    let _ = std::fs::remove_file(world.dir.at(place));
}

/// Files that refer to each other.
async fn linked(world: Arc<World>, mut rng: Rng) {
    let slot = rng.below(SLOTS);
    let count = *rng.pick(&[10, 40, 150]);
    let next = |at: usize| (at + 1) % count;
    let after = |at: usize| (at + 2) % count;
    let write = |name: String, text: String| world.dir.write(at(slot, &name), text);
    let (name, is_alone) = match rng.below(5) {
        0 => {
            for at in 0..count {
                let (one, two) = (next(at), after(at));
                let text = format!("export * from './f{one}.js'; export * from './f{two}.js';");
                write(format!("node_modules/p/f{at}.js"), text);
            }
            write("node_modules/p/index.js".into(), "export * from './f0.js';".into());
            ("main.ts", true)
        }
        1 => {
            for at in 0..count {
                let text = format!("module.exports = require('./f{}.js');", next(at));
                write(format!("node_modules/p/f{at}.js"), text);
            }
            write("node_modules/p/index.js".into(), "module.exports = require('./f0.js');".into());
            ("main.ts", true)
        }
        2 => {
            let rule = |at: usize| format!(".c{at}{{composes:c{} c{}}}\n", next(at), after(at));
            write("a.module.css".into(), (0..count).map(rule).collect());
            ("a.module.css?import", false)
        }
        3 => {
            for at in 0..count {
                let (one, two) = (next(at), after(at));
                let text = format!("{{\"extends\":[\"./t{one}.json\",\"./t{two}.json\"]}}");
                write(format!("t{at}.json"), text);
            }
            write("tsconfig.json".into(), "{\"extends\":\"./t0.json\"}".into());
            ("main.ts", true)
        }
        _ => {
            for at in 0..count {
                let text = format!("import './s{}.ts'; import './s{}.ts';", next(at), after(at));
                write(format!("s{at}.ts"), text);
            }
            ("s0.ts", false)
        }
    };
    request(&world, slot, name, is_alone).await;
    world.dir.write(at(slot, "node_modules/p/index.js"), "exports.a = 1");
    remove(&world, &at(slot, "tsconfig.json"));
}

/// Small files whose result is large, or takes long.
async fn expanding(world: Arc<World>, mut rng: Rng) {
    let slot = rng.below(SLOTS);
    let many = |count: usize, text: &dyn Fn(usize) -> String| -> String {
        (0..count).map(text).collect::<Vec<_>>().concat()
    };
    let levels = *rng.pick(&[3, 9, 40]);
    let text = match rng.below(3) {
        0 => {
            let line = |at| format!("V{at}={}\n", format!("${{V{}}}", at + 1).repeat(20));
            format!("VITE_A=$V0\n{}V{levels}=x\n", many(levels, &line))
        }
        1 => format!("VITE_A={}\n", "${".repeat(10_000 * levels)),
        _ => many(1_000 * levels, &|at| format!("VITE_{at}=$VITE_0$VITE_0\n")),
    };
    let env = format!("{FOLDER}/.env");
    world.dir.write(&env, text);
    request(&world, slot, "main.ts", true).await;
    remove(&world, &env);
    let name = match rng.below(4) {
        0 => {
            let text = many(2_000, &|at| format!("import.meta.glob('./**/{at}*');"));
            world.dir.write(at(slot, "a.ts"), text);
            "a.ts"
        }
        1 => {
            let text = format!("import '{}';", "a/".repeat(10_000 * levels));
            world.dir.write(at(slot, "a.ts"), text);
            "a.ts"
        }
        2 => {
            let classes = many(300, &|at| format!("c{at} "));
            let text = many(300, &|at| format!(".c{at}{{composes:{classes}}}\n"));
            world.dir.write(at(slot, "a.module.css"), text);
            "a.module.css?import"
        }
        _ => {
            world.dir.write(at(slot, "a.ts"), "/a(/;".repeat(20_000 * levels));
            "a.ts"
        }
    };
    request(&world, slot, name, false).await;
}

/// Requests for other files of both servers, which must be answered soon.
async fn others(world: Arc<World>, _: Rng) {
    for (port, folder) in [(world.port, "/hostile"), (world.hostile_port, "")] {
        let (status, body) = get(&world, port, &format!("{folder}/probe.txt")).await;
        assert_eq!((status, &*body), (200, "'probe'"), "the probe");
    }
}
