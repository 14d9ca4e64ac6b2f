//! Real Chromium pages, by its debugging protocol and nothing else.
//!
//! One Chromium serves the whole test process ([`chromium`]); each test takes a
//! context of it, with cookies, storage and cache of its own, and opens pages
//! there. A page keeps its [`events`] from its opening on, so that no wait can
//! miss what came before it. Conditions are asked from outside, as a hidden tab
//! runs no animation frames and a navigation ends what runs inside.
//!
//! Left out: input events, dialogs (a page that opens one hangs), downloads,
//! and the insides of workers and of frames of other sites. What is missing is
//! one [`Page::command`] away.

mod chromium;
mod events;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use tokio::time::Instant;

use chromium::Chromium;
pub use events::{ConsoleLine, Frame, Request};
use events::{DEADLINE, Events, Seen, exception};

/// A browser context for one test.
pub async fn browser() -> Context {
    let chromium = Chromium::get();
    let made = chromium.call(None, "Target.createBrowserContext", json!({})).await;
    let made = made.expect("a browser context");
    let id = made["browserContextId"].as_str().expect("an id").to_owned();
    Context(Arc::new(Owned { chromium, id }))
}

/// A browser of its own, as far as pages can tell. Its pages close with it, and
/// it closes with the last of the values that stand for it and its pages.
#[derive(Clone)]
pub struct Context(Arc<Owned>);

struct Owned {
    chromium: Arc<Chromium>,
    id: String,
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.chromium.tell("Target.disposeBrowserContext", &json!({ "browserContextId": self.id }));
    }
}

impl Context {
    /// Opens a blank page in a window of its own: all such pages are visible.
    pub async fn page(&self) -> Page {
        self.create(true).await
    }

    /// Opens a blank page as a tab of the last window: it hides the tab that was
    /// in front there.
    pub async fn tab(&self) -> Page {
        self.create(false).await
    }

    /// Opens a page in a window of its own and goes to an address.
    pub async fn open(&self, url: &str) -> Page {
        let page = self.page().await;
        page.goto(url).await;
        page
    }

    /// Where Chromium keeps its files; removed when it ends.
    pub fn profile(&self) -> PathBuf {
        self.0.chromium.profile.clone()
    }

    async fn create(&self, window: bool) -> Page {
        let chromium = &self.0.chromium;
        let params =
            json!({ "url": "about:blank", "browserContextId": self.0.id, "newWindow": window });
        let made = chromium.call(None, "Target.createTarget", params).await.expect("a page");
        let target = made["targetId"].as_str().expect("an id").to_owned();
        let params = json!({ "targetId": target, "flatten": true });
        let attached = chromium.call(None, "Target.attachToTarget", params).await;
        let attached = attached.expect("a session with the page");
        let session = attached["sessionId"].as_str().expect("an id").to_owned();
        let events = Arc::new(Events::new(&target));
        chromium.record(&session, Arc::clone(&events));
        let page = Page { context: self.clone(), target, session, events };
        for domain in ["Page.enable", "Runtime.enable", "Network.enable", "Log.enable"] {
            page.command(domain, json!({})).await;
        }
        page.command("Page.setLifecycleEventsEnabled", json!({ "enabled": true })).await;
        page.events.until("a blank page", |seen| seen.open.then_some(())).await;
        page
    }
}

/// A page: a window or a tab.
pub struct Page {
    context: Context,
    target: String,
    session: String,
    events: Arc<Events>,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.context.0.chromium.forget(&self.session);
        self.context.0.chromium.tell("Target.closeTarget", &json!({ "targetId": self.target }));
    }
}

impl Page {
    /// Goes to an address and waits until that page, or one it went on to, has
    /// loaded. Panics if the address cannot be reached.
    pub async fn goto(&self, url: &str) {
        if let Err(why) = self.try_goto(url).await {
            panic!("go to {url}: {why}");
        }
    }

    /// Goes to an address, or answers why it cannot be reached; then an error
    /// page has loaded, unless the reason is `net::ERR_ABORTED`.
    pub async fn try_goto(&self, url: &str) -> Result<(), String> {
        let before = self.navigations();
        let answer = self.command("Page.navigate", json!({ "url": url })).await;
        let failed = answer["errorText"].as_str().map(str::to_owned);
        // Without a loader, the address changed within the document. What is
        // aborted, such as a download, leaves the page as it was.
        let stays = failed.as_deref() == Some("net::ERR_ABORTED");
        if let Some(loader) = answer["loaderId"].as_str().filter(|_| !stays) {
            let arrived = |seen: &mut Seen| {
                let new = &seen.navigations[before..];
                let here = new.iter().any(|navigation| navigation.loader == loader);
                (here && new.last()?.loaded).then(|| seen.await_all())
            };
            self.events.until(&format!("{url} to load"), arrived).await;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Reloads the page and waits until it has loaded.
    pub async fn reload(&self) {
        let before = self.navigations();
        self.command("Page.reload", json!({})).await;
        self.loaded_after(before, "the reloaded page").await;
    }

    /// Goes back in the history and waits until that page has loaded.
    pub async fn back(&self) {
        let history = self.command("Page.getNavigationHistory", json!({})).await;
        let at = history["currentIndex"].as_u64().expect("an index");
        let at = usize::try_from(at).ok().and_then(|at| at.checked_sub(1)).expect("a page before");
        let (before, moves) = self.events.look(|seen| (seen.navigations.len(), seen.moves));
        let entry = json!({ "entryId": history["entries"][at]["id"] });
        self.command("Page.navigateToHistoryEntry", entry).await;
        let back = |seen: &mut Seen| {
            let loaded = seen.navigations[before..].last().is_some_and(|n| n.loaded);
            (loaded || seen.moves > moves).then(|| seen.await_all())
        };
        self.events.until("the page before", back).await;
    }

    /// How many documents the main frame has had since the page was opened,
    /// error pages included; the blank page it begins as does not count, nor
    /// does a change of the address within a document.
    pub fn navigations(&self) -> usize {
        self.events.look(|seen| seen.navigations.len())
    }

    /// Waits for the next navigation no call has waited for yet, and for its
    /// load. It may have happened before the call: a test can cause it, look at
    /// something else, and wait then.
    pub async fn wait_for_navigation(&self) {
        let next = |seen: &mut Seen| {
            let loaded = seen.navigations.get(seen.awaited)?.loaded;
            let passed = seen.navigations.len() > seen.awaited + 1;
            (loaded || passed).then(|| seen.awaited += 1)
        };
        self.events.until("a navigation", next).await;
    }

    async fn loaded_after(&self, before: usize, what: &str) {
        let loaded =
            |seen: &mut Seen| seen.navigations[before..].last()?.loaded.then(|| seen.await_all());
        self.events.until(what, loaded).await;
    }

    /// The value of a JavaScript expression, awaited if it is a promise. An
    /// object literal needs parentheses; `undefined` is `()` or `None`. Panics
    /// with what was thrown.
    pub async fn eval<T: DeserializeOwned>(&self, js: &str) -> T {
        let value = match self.evaluate(js).await {
            Ok(value) => value,
            Err(why) => panic!("{js}\nthrew {why}"),
        };
        serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{js}\nis {value}: {e}"))
    }

    /// Runs JavaScript like [`Page::eval`], whatever its value.
    pub async fn run(&self, js: &str) {
        self.eval::<IgnoredAny>(js).await;
    }

    async fn evaluate(&self, js: &str) -> Result<Value, String> {
        let params = json!({ "expression": js, "awaitPromise": true, "returnByValue": true });
        let chromium = &self.context.0.chromium;
        let mut answer = chromium.call(Some(&self.session), "Runtime.evaluate", params).await?;
        if answer["exceptionDetails"].is_object() {
            return Err(exception(&answer["exceptionDetails"]));
        }
        Ok(answer["result"]["value"].take())
    }

    /// Waits until a JavaScript expression is true, across navigations. What it
    /// throws counts as false. It is asked again after each event of the page,
    /// and every 20 ms, as most changes of a document are not told.
    pub async fn wait_until(&self, condition: &str) {
        let js = format!("Promise.resolve(({condition})).then(Boolean)");
        let deadline = Instant::now() + DEADLINE;
        let mut changed = self.events.subscribe();
        loop {
            changed.mark_unchanged();
            let last = tokio::time::timeout_at(deadline, self.evaluate(&js)).await;
            if let Ok(Ok(Value::Bool(true))) = last {
                return;
            }
            if Instant::now() >= deadline {
                let last = match last {
                    Ok(Ok(value)) => value.to_string(),
                    Ok(Err(why)) => format!("thrown: {why}"),
                    Err(_) => "never settled".to_owned(),
                };
                let (waited, page) = (DEADLINE.as_secs(), self.events.summary());
                panic!("waited {waited} s until {condition}\nat last {last}; {page}");
            }
            let _ = tokio::time::timeout(Duration::from_millis(20), changed.changed()).await;
        }
    }

    /// The address of the document, as of its navigation.
    pub fn url(&self) -> String {
        self.events.look(|seen| seen.navigations.last().map(|n| n.url.clone())).unwrap_or_default()
    }

    /// The console so far, over navigations.
    pub fn console(&self) -> Vec<ConsoleLine> {
        self.events.look(|seen| seen.console.clone())
    }

    /// Waits for a line of the console; one before the call counts.
    pub async fn wait_for_console(&self, what: impl Fn(&ConsoleLine) -> bool) -> ConsoleLine {
        let find = |seen: &mut Seen| seen.console.iter().find(|line| what(line)).cloned();
        self.events.until("a line of the console", find).await
    }

    /// The requests so far, over navigations.
    pub fn requests(&self) -> Vec<Request> {
        self.events.look(|seen| seen.requests.clone())
    }

    /// Waits for a request; one before the call counts.
    pub async fn wait_for_request(&self, what: impl Fn(&Request) -> bool) -> Request {
        let find = |seen: &mut Seen| seen.requests.iter().find(|request| what(request)).cloned();
        self.events.until("a request", find).await
    }

    /// The frames of its WebSockets so far, over navigations, but for the first ones.
    pub fn frames(&self, skip: usize) -> Vec<Frame> {
        self.events.look(|seen| seen.frames.get(skip..).unwrap_or_default().to_vec())
    }

    /// Writes a PNG of what the page shows.
    pub async fn screenshot(&self, path: impl AsRef<Path>) {
        let taken = self.command("Page.captureScreenshot", json!({ "format": "png" })).await;
        let bytes = from_base64(taken["data"].as_str().expect("an image"));
        std::fs::write(path, bytes).expect("write the image");
    }

    /// Brings a tab to the front: it becomes visible, the one before hidden.
    pub async fn bring_to_front(&self) {
        self.command("Page.bringToFront", json!({})).await;
    }

    /// Closes the page, and waits until it is closed.
    pub async fn close(self) {
        let params = json!({ "targetId": self.target });
        let chromium = &self.context.0.chromium;
        chromium.call(None, "Target.closeTarget", params).await.expect("close a page");
    }

    /// Runs a command of the debugging protocol on the page.
    pub async fn command(&self, method: &str, params: Value) -> Value {
        let answer = self.context.0.chromium.call(Some(&self.session), method, params).await;
        answer.unwrap_or_else(|why| panic!("{method}: {why}"))
    }
}

impl Seen {
    fn await_all(&mut self) {
        self.awaited = self.navigations.len();
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let value = |digit: u8| match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits = text.trim_end_matches('=').as_bytes();
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | u32::from(value(*digit)));
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        bytes[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
