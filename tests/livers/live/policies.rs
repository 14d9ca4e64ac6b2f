//! Pages with a Content Security Policy: they keep it, and are live.

use super::wait_for_tabs;
use crate::support::{backend::Backend, browser::browser, dir::TempDir, server::Livers};

/// Policies, and whether the page's own inline script may run under them.
const POLICIES: [(&str, bool); 10] = [
    ("default-src 'self'", false),
    ("default-src 'none'", false),
    ("default-src 'none'; script-src 'unsafe-inline'", true),
    ("script-src 'none'; connect-src 'none'", false),
    ("script-src 'nonce-own' 'strict-dynamic'; base-uri 'none'", true),
    ("script-src https://cdn.example 'unsafe-inline'; connect-src https://api.example", true),
    ("script-src-elem 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='", false),
    ("connect-src *; script-src *", false),
    ("img-src 'none';", true),
    ("require-trusted-types-for 'script'; trusted-types none", true),
];

const SCRIPT: &str = "<script nonce=own>document.documentElement.id = 'ran'</script>";

fn page(meta: &str, text: &str) -> String {
    format!("<!doctype html>\n<head>{meta}<title>t</title>{SCRIPT}</head>\n<p>{text}</p>\n")
}

fn meta(policy: &str, text: &str) -> String {
    let policy = policy.replace('\'', "&#39;");
    page(&format!("<meta http-equiv='Content-Security-Policy' content='{policy}'>"), text)
}

/// A backend whose pages have the policies in their heads.
async fn backend() -> Backend {
    Backend::start(|mut wire| async move {
        while let Some(asked) = wire.request().await {
            let number = asked.target.trim_start_matches("/app/").parse::<usize>();
            let Some((policy, _)) = number.ok().and_then(|number| POLICIES.get(number)) else {
                let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                let _ = wire.try_send(none).await;
                continue;
            };
            let page = page("", "one");
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
                 Content-Security-Policy: {policy}\r\n\r\n",
                page.len()
            );
            let _ = wire.try_send(head + &page).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_page_keeps_its_policy_and_is_live() {
    let dir = TempDir::new();
    dir.write("favicon.ico", "");
    for (number, (policy, _)) in POLICIES.iter().enumerate() {
        dir.write(format!("{number}.html"), meta(policy, "one"));
    }
    let backend = backend().await;
    let route = format!("--proxy=/app=127.0.0.1:{}", backend.port());
    let livers = Livers::on(dir.path()).args([route]).start().await;
    let context = browser().await;
    for (number, (policy, runs)) in POLICIES.into_iter().enumerate() {
        for path in [format!("/{number}.html"), format!("/app/{number}")] {
            let page = context.open(&livers.at(&path)).await;
            wait_for_tabs(&livers, 1).await;
            let ran = page.eval::<bool>("document.documentElement.id === 'ran'").await;
            assert_eq!(ran, runs, "the page's own script, {path}: {policy}");
            let scripts = "document.querySelectorAll('script').length";
            assert_eq!(page.eval::<usize>(scripts).await, 1, "{path}: {policy}");
            let mut console = page.console();
            console.retain(|line| !line.text.contains("inline script"));
            assert!(console.is_empty(), "{path}: {policy}: {console:?}");
            if !path.starts_with("/app") {
                dir.write(&path[1..], meta(policy, "two"));
                page.wait_until("document.querySelector('p').textContent === 'two'").await;
            }
            page.close().await;
            wait_for_tabs(&livers, 0).await;
        }
    }
    let said = |line: &&String| line.contains("Content-Security-Policy");
    let lines = [livers.stdout(), livers.stderr()].concat();
    assert_eq!(lines.iter().filter(said).count(), 1, "said once: {lines:?}");
}
