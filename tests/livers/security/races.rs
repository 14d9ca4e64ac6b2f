//! Symbolic links that change between the check of a path and the opening of its file.
//!
//! A thread of this process, which is another process for the server, flips links and folders
//! without a pause. Each name leads into the served folder half of the time, and to a secret the
//! other half. No response may contain the secret.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::dir::TempDir;
use crate::support::http::Wire;
#[cfg(feature = "esm")]
use crate::support::http::get_with;
use crate::support::server::Livers;

const SECRET: &str = "the secret beside the folder";

/// How many rounds of requests are made for each path, and how often the names change at least.
const ROUNDS: usize = 600;
const FLIPS: usize = 3000;

/// Names below `site` that change what they lead to: the name, and the other thing that it is
/// exchanged with.
const FLIPPED: [(&str, &str); 11] = [
    ("file.txt", "file.txt~out"),
    ("folder", "folder~out"),
    ("env.txt", "env.txt~out"),
    ("page.html", "page.html~out"),
    ("app.css.br", "app.css.br~out"),
    ("_headers", "_headers~out"),
    ("code.ts", "code.ts~out"),
    ("deep/a", "deep/a~out"),
    ("missing/404.html", "missing/404.html~out"),
    ("node_modules/pkg/data.txt", "node_modules/pkg/data.txt~out"),
    ("node_modules/pkg/code.js", "node_modules/pkg/code.js~out"),
];

/// Requests whose responses depend on one of these names, and whether some of them are answered
/// with content.
const REQUESTS: [(&str, bool); 16] = [
    ("/file.txt", true),
    ("/folder/secret.txt", true),
    ("/folder/", true),
    ("/folder/index.html", true),
    ("/folder/large.bin", true),
    ("/env.txt", true),
    ("/page", true),
    ("/page.html", true),
    ("/app.css", true),
    ("/code.ts", true),
    ("/code.ts?import&raw", true),
    ("/deep/a/b/secret.txt", true),
    ("/deep/a/b/", true),
    ("/deep/", true),
    ("/missing/there", false),
    ("/mounted/folder/secret.txt", true),
];

/// A file of a package, and its kinds of responses.
#[cfg(feature = "esm")]
const PACKAGE_REQUESTS: [&str; 3] = ["data.txt", "data.txt?import&raw", "code.js?import&raw"];

/// Creates what the names lead to.
fn prepare(dir: &TempDir) {
    let secret = format!("<p>{SECRET}</p>");
    for name in ["secret.txt", "index.html", "b/secret.txt"] {
        dir.write(format!("out/{name}"), &secret);
        dir.write(format!("site/folder/{name}"), "inside");
        dir.write(format!("site/deep/a/{name}"), "inside");
        dir.write(format!("shared/folder/{name}"), "inside");
    }
    // Its name is in the listing.
    dir.write(format!("out/b/{SECRET}.txt"), "");
    // Too large to be read at once.
    dir.write("out/large.bin", SECRET.repeat(200_000));
    dir.write("site/folder/large.bin", "inside".repeat(1_000_000));
    dir.write("out/_headers", format!("/*\n  X-Secret: {SECRET}\n"));
    dir.write("site/.env", &secret);
    dir.write("site/app.css", "inside");
    dir.write("site/code.ts", "export const inside: number = 1;");
    dir.write("out/code.ts", format!("export const outside: string = '{SECRET}';"));
    for file in ["file.txt", "env.txt", "page.html", "app.css.br", "missing/404.html"] {
        dir.write(format!("site/{file}"), "inside");
    }
    dir.write("site/_headers", "/*\n  X-Inside: yes\n");
    let out = |target: &str, name: &str| {
        symlink(dir.at(target), dir.at("site").join(format!("{name}~out"))).expect("a link");
    };
    out("out/secret.txt", "file.txt");
    out("out", "folder");
    out("site/.env", "env.txt");
    out("out/index.html", "page.html");
    out("out/secret.txt", "app.css.br");
    out("out/_headers", "_headers");
    out("out/code.ts", "code.ts");
    out("out", "deep/a");
    out("out/index.html", "missing/404.html");
    symlink(dir.at("out"), dir.at("shared/folder~out")).expect("a link");
    dir.write("site/main.js", "import 'pkg';");
    dir.write("site/node_modules/pkg/package.json", r#"{"name": "pkg", "version": "1.0.0"}"#);
    dir.write("site/node_modules/pkg/index.js", "export {};");
    for file in ["data.txt", "code.js"] {
        dir.write(format!("site/node_modules/pkg/{file}"), "'inside'");
        out("out/secret.txt", &format!("node_modules/pkg/{file}"));
    }
}

/// Returns the requests for files of the package, by the URL that the server gives it.
#[cfg(feature = "esm")]
async fn package_requests(port: u16) -> Vec<(String, bool)> {
    let main = get_with(port, "/main.js", &[("Sec-Fetch-Dest", "script")]).await;
    let (_, url) = main.text().split_once("/__livers/npm/").expect("a URL of the package");
    let (id, _) = url.split_once("/index.js").expect("a URL of its file");
    PACKAGE_REQUESTS.map(|file| (format!("/__livers/npm/{id}/{file}"), true)).into()
}

#[cfg(not(feature = "esm"))]
fn package_requests(_: u16) -> std::future::Ready<Vec<(String, bool)>> {
    std::future::ready(Vec::new())
}

fn exchange(folder: &Path, (name, other): (&str, &str)) {
    let (name, other) = (folder.join(name), folder.join(other));
    renameat_with(CWD, &name, CWD, &other, RenameFlags::EXCHANGE).expect("exchange two names");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn flipped_links_never_lead_out_of_the_folder() {
    let dir = Arc::new(TempDir::new());
    prepare(&dir);
    let mount = format!("/mounted={}", dir.at("shared").display());
    let livers = Livers::on(dir.at("site")).args(["--mount", &mount]).start().await;
    let requests = REQUESTS.map(|(path, served)| (path.to_owned(), served)).into_iter();
    let requests = requests.chain(package_requests(livers.port()).await);
    let (flips, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let flipping = std::thread::spawn({
        let (dir, flips, stop) = (Arc::clone(&dir), Arc::clone(&flips), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                for pair in FLIPPED {
                    exchange(&dir.at("site"), pair);
                }
                exchange(&dir.at("shared"), ("folder", "folder~out"));
                flips.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let port = livers.port();
    let clients: Vec<_> = requests
        .map(|(path, served)| {
            let flips = Arc::clone(&flips);
            tokio::spawn(async move {
                let (mut leaks, mut found, mut count) = (0, 0, 0);
                let mut wire = Wire::open(port).await;
                while count < ROUNDS || flips.load(Ordering::Relaxed) < FLIPS {
                    let dest = if count % 2 == 0 { "document" } else { "script" };
                    wire.send(format!(
                        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\
                         Accept-Encoding: br\r\nRange: bytes=0-999\r\n\
                         Sec-Fetch-Dest: {dest}\r\n\r\n"
                    ))
                    .await;
                    let response = wire.response(false).await;
                    let head = format!("{:?}", response.headers);
                    let body = String::from_utf8_lossy(&response.body);
                    leaks += usize::from(body.contains(SECRET) || head.contains(SECRET));
                    found += usize::from(matches!(response.status, 200 | 206));
                    count += 1;
                    if !response.complete {
                        wire = Wire::open(port).await;
                    }
                }
                assert_eq!(found > 0, served, "{path}: {found} of {count} were found");
                (path, leaks, count)
            })
        })
        .collect();
    let mut all = Vec::new();
    for client in clients {
        all.push(client.await.expect("no failed assertion"));
    }
    stop.store(true, Ordering::Relaxed);
    flipping.join().expect("the thread ends");
    let requests: usize = all.iter().map(|(.., count)| count).sum();
    let leaks: Vec<_> = all.into_iter().filter(|(_, leaks, _)| *leaks > 0).collect();
    let flips = flips.load(Ordering::Relaxed);
    println!("{requests} requests, {flips} flips of each name");
    assert!(leaks.is_empty(), "{requests} requests, {flips} flips, leaks: {leaks:?}");
}
