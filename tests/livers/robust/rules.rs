//! `_headers` and `_redirects`.

use super::{Case, survives};

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
    }
    survives("rules", cases).await;
}
