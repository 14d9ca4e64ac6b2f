//! Scripts of a page that try to read the token, in Chromium.

use serde_json::Value;

use super::{StandIn, on};
use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// Ways to read a file as text. Each is the body of an async function that returns the text.
const READERS: [(&str, &str); 15] = [
    ("fetch", "return (await fetch(url)).text()"),
    (
        "fetch with other options",
        "return (await fetch(url, { mode: 'same-origin', cache: 'force-cache',
           headers: { 'Sec-Fetch-Dest': 'script', Accept: 'text/javascript' } })).text()",
    ),
    ("a request of a worker's kind", "return (await fetch(new Request(url, { mode: 'cors', destination: 'script' }))).text()"),
    (
        "XMLHttpRequest",
        "return new Promise((done) => { const request = new XMLHttpRequest();
           request.open('GET', url); request.onload = () => done(request.responseText); request.send() })",
    ),
    (
        "an import of text",
        "return (await import(url, { with: { type: 'text' } })).default",
    ),
    ("a module preload", "await element('link', { rel: 'modulepreload', href: url });
      return (await fetch(url, { cache: 'force-cache' })).text()"),
    (
        "a preload of a script",
        "await element('link', { rel: 'preload', as: 'script', crossOrigin: '', href: url });
         return (await fetch(url, { cache: 'only-if-cached', mode: 'same-origin' }).catch(() => fetch(url))).text()",
    ),
    ("a prefetch", "await element('link', { rel: 'prefetch', href: url }); return (await fetch(url)).text()"),
    (
        "the cache of a service worker",
        "const cache = await caches.open('x'); await cache.add(url);
         return (await (await cache.match(url)).text())",
    ),
    (
        "a frame",
        "const frame = await element('iframe', { src: url });
         return frame.contentDocument.documentElement.outerHTML",
    ),
    ("an object", "const object = await element('object', { data: url, type: 'text/plain' });
      return object.contentDocument?.documentElement.outerHTML ?? ''"),
    (
        "functions as text",
        "const module = await import(url);
         return Object.values(module).map(String).join() + JSON.stringify(module)",
    ),
    (
        "the error of a classic script",
        "const errors = []; const listen = (event) => errors.push(event.message, event.error?.stack);
         addEventListener('error', listen);
         await element('script', { src: url, crossOrigin: '' });
         removeEventListener('error', listen); return errors.join()",
    ),
    (
        "a worker",
        "const code = `import('${new URL(url, location.href)}').then((all) =>
           postMessage(Object.values(all).map(String).join()), () => fetch('${new URL(url, location.href)}')
           .then((response) => response.text()).then(postMessage))`;
         const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), { type: 'module' });
         return new Promise((done) => worker.onmessage = ({ data }) => done(data))",
    ),
    ("the source map", "return (await fetch(url.replace('.js', '.js.map'))).text()"),
];

async fn page_on(livers: &Livers) -> Page {
    let page = browser().await.open(livers.url()).await;
    page.run(
        "window.element = (name, properties) => new Promise((done) => {
           const element = Object.assign(document.createElement(name), properties);
           element.onload = element.onerror = () => done(element);
           document.head.append(element); setTimeout(done, 3000, element) });
         window.late = () => new Promise((done) => setTimeout(done, 10000, null))",
    )
    .await;
    page
}

#[tokio::test]
async fn no_script_of_the_page_reads_the_token() {
    let dir = TempDir::with_page("<!doctype html><title>none</title>");
    let livers = on(&dir).start().await;
    let page = page_on(&livers).await;
    let names = page.eval::<Vec<String>>("import('/__livers/editor.js?real').then(Object.keys)");
    assert_eq!(names.await, ["openPlace"]);
    for (at, (name, code)) in READERS.iter().enumerate() {
        let read = format!("(async (url) => {{ {code} }})('/__livers/editor.js?{at}')");
        let race = format!("Promise.race([{read}.then(String, String), late()])");
        let text: Option<String> = page.eval(&race).await;
        let text = text.unwrap_or_else(|| panic!("{name}: no outcome"));
        assert!(!contains_token(&text), "{name}: {text}");
    }
}

/// Returns whether a text contains what looks like a token.
fn contains_token(text: &str) -> bool {
    text.split(|char: char| !char.is_ascii_hexdigit()).any(|word| word.len() == 32)
}

#[tokio::test]
async fn a_service_worker_does_not_see_the_token() {
    let dir = TempDir::with_page("<!doctype html><title>none</title>");
    dir.write(
        "sw.js",
        "self.oninstall = () => skipWaiting();\n\
         self.onactivate = (event) => event.waitUntil(clients.claim());\n\
         self.onfetch = (event) => {\n\
           if (!event.request.url.includes('editor.js')) return;\n\
           event.respondWith((async () => {\n\
             const how = new URL(event.request.url).search;\n\
             const request = how === '?clone' ? event.request.clone()\n\
               : how === '?new' ? new Request(event.request, { headers: {} }) : event.request;\n\
             const response = await fetch(request);\n\
             const text = await response.clone().text();\n\
             for (const client of await clients.matchAll()) client.postMessage(text);\n\
             return response;\n\
           })());\n\
         };\n",
    );
    let livers = on(&dir).start().await;
    let page = page_on(&livers).await;
    page.run(
        "window.texts = []; navigator.serviceWorker.onmessage = ({ data }) => texts.push(data)",
    )
    .await;
    page.run("navigator.serviceWorker.register('/sw.js')").await;
    page.wait_until("navigator.serviceWorker.controller").await;
    for (at, how) in ["pass", "clone", "new"].iter().enumerate() {
        page.run(&format!("import('/__livers/editor.js?{how}')")).await;
        page.wait_until(&format!("texts.length === {}", at + 1)).await;
    }
    assert!(page.eval::<bool>("texts.every((text) => text.includes(\"TOKEN = ''\"))").await);
}

/// Getters of `Object.prototype` are called with objects that do not define a property, and
/// functions that a library replaces get the arguments of its calls.
#[tokio::test]
async fn replaced_functions_do_not_see_the_token() {
    let stand_in = StandIn::named("own-editor");
    let dir = TempDir::with_page("<!doctype html><title>none</title><button>open");
    let livers = on(&dir).env("LIVERS_EDITOR", stand_in.program("own-editor")).start().await;
    let page = page_on(&livers).await;
    page.run(
        "window.seen = [];
         const note = (value) => {
           try { seen.push(typeof value === 'object' ? JSON.stringify(value) + Object.values(value).map(
             (inner) => typeof inner === 'object' ? Object.values(inner ?? {}) : inner).join() : String(value)) }
           catch (why) { seen.push(String(why)) } };
         const before = { fetch, stringify: JSON.stringify };
         window.fetch = (...all) => { all.forEach(note); return before.fetch(...all) };
         JSON.stringify = (...all) => { seen.push(before.stringify(all[0])); return before.stringify(...all) };
         for (const name of ['signal', 'mode', 'cache', 'credentials', 'integrity', 'keepalive', 'redirect',
             'referrer', 'duplex', 'window', 'priority', Symbol.iterator])
           Object.defineProperty(Object.prototype, name, {
             configurable: true, get() { note(this); return undefined } });
         document.querySelector('button').onclick = async (event) => {
           const { openPlace } = await import('/__livers/editor.js?1');
           window.outcome = await openPlace({ path: '/index.html', line: 1, column: 1 }, event);
           window.again = await openPlace({ path: '/index.html', line: 1, column: 1 }, event);
           window.untrusted = await Promise.all([new MouseEvent('click'), { isTrusted: true, type: 'click' },
             undefined, Object.create(event)].map(async (fake) => {
               const { openPlace } = await import('/__livers/editor.js?' + Math.random());
               return (await openPlace({ path: '/index.html' }, fake)).ok }));
           document.title = 'done';
         }",
    )
    .await;
    super::click::click(&page, "document.querySelector('button')").await;
    page.wait_until("document.title === 'done'").await;
    let outcome: Value = page.eval("outcome").await;
    assert_eq!(outcome["ok"], true, "{outcome}");
    assert!(!page.eval::<bool>("again.ok").await);
    assert_eq!(page.eval::<Vec<bool>>("untrusted").await, [false; 4]);
    let seen: Vec<String> = page.eval("seen").await;
    assert!(!seen.iter().any(|text| contains_token(text)), "{seen:?}");
    assert!(!seen.is_empty());
    assert_eq!(stand_in.called().await, [dir.at("index.html").into_os_string()]);
}
