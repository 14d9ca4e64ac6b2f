//! Chromium pages, controlled by the DevTools protocol.
//!
//! One Chromium serves the whole test process ([`chromium`]). Each test has its own browser
//! context, with its own cookies, storage and cache. A page records its [`events`] from its opening
//! on, so no wait can miss an earlier event. Conditions are evaluated from outside the page,
//! because a hidden tab runs no animation frames and a navigation ends all scripts.
//!
//! Left out: input events, dialogs (a page that opens one hangs), downloads, and the insides of
//! workers and of frames of other sites. [`Page::command`] sends any other command.

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

/// Creates a browser context for one test.
pub async fn browser() -> Context {
    let chromium = Chromium::get();
    let made = chromium.call(None, "Target.createBrowserContext", json!({})).await;
    let made = made.expect("a browser context");
    let id = made["browserContextId"].as_str().expect("an id").to_owned();
    Context(Arc::new(Owned { chromium, id }))
}

/// A browser context. It is closed, with its pages, when the last clone and page is dropped.
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
    /// Opens a blank page in a new window. All such pages are visible.
    pub async fn page(&self) -> Page {
        self.create(true).await
    }

    /// Opens a blank page as a tab of the last window and hides the tab that was in front.
    pub async fn tab(&self) -> Page {
        self.create(false).await
    }

    /// Opens a URL in a new window.
    pub async fn open(&self, url: &str) -> Page {
        let page = self.page().await;
        page.goto(url).await;
        page
    }

    /// Returns Chromium's profile folder, which is removed when it ends.
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
    /// Navigates to a URL and waits until that page, or one that it redirected to, has loaded.
    ///
    /// # Panics
    /// The URL cannot be loaded.
    pub async fn goto(&self, url: &str) {
        if let Err(why) = self.try_goto(url).await {
            panic!("go to {url}: {why}");
        }
    }

    /// Navigates to a URL.
    ///
    /// # Errors
    /// The network error, such as `net::ERR_CONNECTION_REFUSED`. An error page has loaded, unless
    /// the error is `net::ERR_ABORTED`.
    pub async fn try_goto(&self, url: &str) -> Result<(), String> {
        let before = self.navigations();
        let answer = self.command("Page.navigate", json!({ "url": url })).await;
        let failed = answer["errorText"].as_str().map(str::to_owned);
        // Without a loader, the URL changed within the document. An aborted navigation, such as a
        // download, leaves the page as it was.
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

    /// Goes back in the history and waits until the page has loaded.
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

    /// Returns how many documents the main frame has navigated to, error pages included. Changes of
    /// the URL within a document do not count.
    pub fn navigations(&self) -> usize {
        self.events.look(|seen| seen.navigations.len())
    }

    /// Waits for the next navigation that no call has waited for yet, and for its load. It may have
    /// happened before the call.
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

    /// Evaluates a JavaScript expression and awaits a promise. An object literal needs parentheses.
    /// `undefined` is `()` or `None`.
    ///
    /// # Panics
    /// With the exception that the expression throws.
    pub async fn eval<T: DeserializeOwned>(&self, js: &str) -> T {
        let value = match self.evaluate(js).await {
            Ok(value) => value,
            Err(why) => panic!("{js}\nthrew {why}"),
        };
        serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{js}\nis {value}: {e}"))
    }

    /// Evaluates JavaScript like [`Page::eval`] and ignores its value.
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

    /// Waits until a JavaScript expression is true, across navigations. An exception counts as
    /// false. The expression is evaluated after each event of the page and every 20 ms, as most
    /// changes of a document cause no event.
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
                panic!("waited {waited} s until {condition}\nlast value: {last}; {page}");
            }
            let _ = tokio::time::timeout(Duration::from_millis(20), changed.changed()).await;
        }
    }

    /// Returns the URL of the document at its navigation.
    pub fn url(&self) -> String {
        self.events.look(|seen| seen.navigations.last().map(|n| n.url.clone())).unwrap_or_default()
    }

    /// Returns the console lines so far, of all documents.
    pub fn console(&self) -> Vec<ConsoleLine> {
        self.events.look(|seen| seen.console.clone())
    }

    /// Waits for a console line. Lines before the call count.
    pub async fn wait_for_console(&self, what: impl Fn(&ConsoleLine) -> bool) -> ConsoleLine {
        let find = |seen: &mut Seen| seen.console.iter().find(|line| what(line)).cloned();
        self.events.until("a line of the console", find).await
    }

    /// Returns the requests so far, of all documents.
    pub fn requests(&self) -> Vec<Request> {
        self.events.look(|seen| seen.requests.clone())
    }

    /// Waits for a request. Requests before the call count.
    pub async fn wait_for_request(&self, what: impl Fn(&Request) -> bool) -> Request {
        let find = |seen: &mut Seen| seen.requests.iter().find(|request| what(request)).cloned();
        self.events.until("a request", find).await
    }

    /// Returns the WebSocket messages so far, of all documents, without the first `skip`.
    pub fn frames(&self, skip: usize) -> Vec<Frame> {
        self.events.look(|seen| seen.frames.get(skip..).unwrap_or_default().to_vec())
    }

    /// Returns the URLs and IDs of the style sheets so far. Needs `DOM.enable` and `CSS.enable`.
    pub fn style_sheets(&self) -> Vec<(String, String)> {
        self.events.look(|seen| seen.style_sheets.clone())
    }

    /// Waits until the WebSocket messages, of all documents, fulfil a condition.
    pub async fn wait_for_frames(&self, condition: impl Fn(&[Frame]) -> bool) {
        let find = |seen: &mut Seen| condition(&seen.frames).then_some(());
        self.events.until("messages on a socket", find).await;
    }

    /// Writes a screenshot as a PNG file.
    pub async fn screenshot(&self, path: impl AsRef<Path>) {
        let taken = self.command("Page.captureScreenshot", json!({ "format": "png" })).await;
        let bytes = from_base64(taken["data"].as_str().expect("an image"));
        std::fs::write(path, bytes).expect("write the image");
    }

    /// Brings a tab to the front, which hides the one that was there.
    pub async fn bring_to_front(&self) {
        self.command("Page.bringToFront", json!({})).await;
    }

    /// Closes the page and waits until it is closed.
    pub async fn close(self) {
        let params = json!({ "targetId": self.target });
        let chromium = &self.context.0.chromium;
        chromium.call(None, "Target.closeTarget", params).await.expect("close a page");
    }

    /// Sends a command of the DevTools protocol to the page.
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
