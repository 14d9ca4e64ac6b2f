//! `_headers`, `_redirects` and `.gitignore`.

use super::{Case, nest, survives};
use crate::support::dir::TempDir;
use crate::support::http::get;
use crate::support::server::Livers;

#[tokio::test]
async fn headers_and_redirects() {
    let mut cases = Vec::new();
    for times in [50, 3_000, 100_000] {
        let stars = "/*".repeat(times);
        let names = "/:a".repeat(times);
        let path = format!("/{}", "a/".repeat(1_000));
        for (name, pattern) in [("stars", &stars), ("names", &names)] {
            let redirects = format!("{pattern}/x /:splat/{} 301\n", ":a".repeat(times));
            cases.push(Case::new(format!("{name} {times}"), &path).with("_redirects", redirects));
            let headers = format!("{pattern}\n  X-A: b\n");
            cases.push(Case::new(format!("{name} {times}"), &path).with("_headers", headers));
        }
        let rules = "/a* /b 301\n".repeat(times);
        cases.push(Case::new(format!("redirects {times}"), &path).with("_redirects", rules));
        let circle = format!("{}/a0 200\n", "/a0 /a1 200\n/a1 ".repeat(times.min(1_000)));
        cases.push(Case::new(format!("rewrites {times}"), "/a0").with("_redirects", circle));
        let rules = "/*\n  X-A: b\n".repeat(times);
        cases.push(Case::new(format!("headers {times}"), "/probe.txt").with("_headers", rules));
        let fields: String = (0..times).map(|number| format!("  X-{number}: b\n")).collect();
        let fields = format!("/*\n{fields}");
        cases.push(Case::new(format!("fields {times}"), "/probe.txt").with("_headers", fields));
        let long = format!("/*\n  X-A: {}\n", "b".repeat(times));
        cases.push(Case::new(format!("value {times}"), "/probe.txt").with("_headers", long));
        let lone = "  Cache-Control: no-store\n".repeat(times);
        cases.push(Case::new(format!("no path {times}"), "/probe.txt").with("_headers", lone));
    }
    survives("rules", cases).await;
}

/// The watch reads a `.gitignore` by itself, at the start and after a change. So each case is there
/// when a server starts, and an event shows that the watch goes on.
#[tokio::test]
async fn gitignore() {
    let mut cases = Vec::new();
    for times in [30, 500, 20_000] {
        cases.extend([
            ("braces", nest(times, "{a,", "b", "}")),
            ("open braces", "{a,".repeat(times)),
            ("classes", "[a".repeat(times)),
            ("negated classes", "[!]-".repeat(times)),
            ("stars", "*?".repeat(times)),
            ("folders", "**/a/".repeat(times)),
            ("backslashes", "\\".repeat(times) + "\\"),
            ("slashes", "/".repeat(times)),
            ("lines", "a*b*[c-d]\n".repeat(times)),
            ("files", "!/a/b\n".repeat(times)),
            ("nested lines", format!("{}\n", nest(30, "{a*,", "b?", "}")).repeat(times)),
        ]);
    }
    let count = cases.len();
    for (name, text) in cases {
        let dir = TempDir::with_page("<p>");
        dir.write(".gitignore", &text);
        dir.write("sub/.gitignore", &text);
        let livers = Livers::on(dir.path()).arg("--verbose").start().await;
        // Some patterns exclude it, but not once it was requested.
        assert_eq!(get(livers.port(), "/page.html").await.status, 404, "{name}");
        dir.write("page.html", "new");
        let published = |line: &str| line.contains("page.html  ->");
        livers.wait_for_line(published).await;
        let before = livers.lines().len();
        dir.write("sub/.gitignore", text + "\n");
        dir.write("page.html", "newer");
        livers.wait_for_line_after(before, published).await;
        assert_eq!(livers.stderr(), [""; 0], "{name}");
    }
    println!("robust: gitignore: {count} cases");
}
