//! Times of a page in Chromium, from the clock of the page.
//!
//! A page reports a time by a line in its console. Waiting for the report evaluates nothing in the
//! page, which would take time from what is measured.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    servers::{Result, Server},
    support::browser::Page,
};

/// How long a server may take until the browser has the begin of the page.
const RESPONSE: Duration = Duration::from_secs(40);

/// How long an edit may take until the page shows it.
const EDIT: Duration = Duration::from_secs(10);

/// The report that an edit is shown.
const SHOWN: &str = "bench: shown at";

/// Returns the milliseconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

/// Navigates to a path of a server, which begins with a slash. Does not wait until the page has
/// loaded.
///
/// # Errors
/// The server does not answer within [`RESPONSE`].
pub(crate) async fn open(page: &Page, server: &Server, path: &str) -> Result<()> {
    let url = format!("http://127.0.0.1:{}{path}", server.port);
    let attempts = async {
        // Vite closes its first listener and opens another one.
        while !page.command("Page.navigate", json!({ "url": url })).await["errorText"].is_null() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    Ok(timeout(RESPONSE, attempts).await.map_err(|_elapsed| "it does not answer")?)
}

/// Returns the times that the page has reported so far, in milliseconds since 1970.
pub(crate) fn reports(page: &Page, report: &str) -> Vec<f64> {
    let lines = page.console();
    lines.iter().filter_map(|line| line.text.strip_prefix(report)?.trim().parse().ok()).collect()
}

/// Waits until `find` returns a value. Returns `None` after `limit`.
pub(crate) async fn wait<T>(limit: Duration, mut find: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let found = find();
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Writes a file in place. Returns the milliseconds until the JavaScript expression `shown` is
/// true, be it after a load of the page, or `None` if that takes more than [`EDIT`].
///
/// The expression is evaluated after each change of the document and in each frame, because a
/// change of a style sheet need not be one of the document.
pub(crate) async fn edit(
    page: &Page,
    path: &Path,
    content: &str,
    shown: &str,
) -> Result<Option<f64>> {
    let watch = format!(
        "if (top === self) {{ const edit = globalThis.$edit = {{}};
        const look = () => {{
            if (edit !== globalThis.$edit) return observer.disconnect();
            if (!document.body || !({shown})) return;
            globalThis.$edit = undefined;
            console.info(`{SHOWN} ${{performance.timeOrigin + performance.now()}}`); }};
        const observer = new MutationObserver(look);
        observer.observe(document,
            {{ subtree: true, childList: true, attributes: true, characterData: true }});
        const poll = () => {{ look();
            if (edit === globalThis.$edit) requestAnimationFrame(poll); }};
        requestAnimationFrame(poll); }}",
    );
    let script = json!({ "source": watch });
    let script = page.command("Page.addScriptToEvaluateOnNewDocument", script).await;
    page.run(&watch).await;
    let seen = reports(page, SHOWN).len();
    let began = now();
    fs::write(path, content)?;
    let shown = wait(EDIT, || reports(page, SHOWN).get(seen).copied()).await;
    page.command("Page.removeScriptToEvaluateOnNewDocument", script).await;
    Ok(shown.map(|shown| shown - began))
}
