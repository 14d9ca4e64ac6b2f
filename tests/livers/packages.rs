//! Packages, as HTTP clients see them.

use std::fs::{self, OpenOptions};

use serde_json::{Value, json};

use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http::{self, Response, Wire, get, get_with};
use crate::support::server::Livers;
use crate::support::tab::Tab;

/// Creates a project with a package.
fn project() -> TempDir {
    let dir = TempDir::new();
    dir.write("package.json", "{}");
    dir.write("node_modules/tiny/package.json", "{\"name\":\"tiny\",\"version\":\"1.2.3\"}");
    dir.write("node_modules/tiny/index.js", "Object.assign(exports, make());");
    dir
}

/// Requests a path as a browser does for a module script.
async fn get_as_script(livers: &Livers, path: &str) -> Response {
    let headers = [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors")];
    get_with(livers.port(), path, &headers).await
}

/// Returns the URL that a specifier gets in a module.
async fn url_of(dir: &TempDir, livers: &Livers, specifier: &str) -> String {
    dir.write("main.js", format!("import * as a from '{specifier}'; console.log(a);"));
    let module = get_as_script(livers, "/main.js").await;
    let url = module.text().split('"').find(|text| text.starts_with("/__livers/npm/"));
    url.unwrap_or_else(|| panic!("{module:?}")).to_owned()
}

/// Returns the peak of a process's memory in MB.
fn peak(livers: &Livers) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", livers.id())).expect("status");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("the figure");
    let kib: usize = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib / 1024
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_large_file_of_a_package_is_streamed_with_ranges_and_preconditions() {
    const LENGTH: u64 = 300 << 20;
    let dir = project();
    dir.write("node_modules/tiny/data.bin", "first");
    let file = OpenOptions::new().write(true).open(dir.at("node_modules/tiny/data.bin"));
    file.expect("open").set_len(LENGTH).expect("a length");
    let livers = Livers::on(dir.path()).start().await;
    let port = livers.port();
    let url = url_of(&dir, &livers, "tiny/data.bin").await;
    let url = url.split('?').next().expect("a path").to_owned();
    let head = http::head(port, &url).await;
    assert_eq!(head.header("content-length"), Some(&*LENGTH.to_string()));
    assert_eq!(head.header("content-type"), Some("application/octet-stream"));
    assert!(head.header("cache-control").is_some_and(|value| value.contains("immutable")));
    let before = peak(&livers);

    let read = async |wire: &mut Wire| {
        wire.send(http::request_head(port, "GET", &url, &[], 0)).await;
        let head = wire.until(b"\r\n\r\n").await.expect("a head");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let mut length = 0;
        while length < LENGTH {
            let bytes = wire.some().await.expect("bytes");
            assert!(!bytes.is_empty(), "{length} bytes");
            length += bytes.len() as u64;
        }
    };
    let mut wires = [Wire::open(port).await, Wire::open(port).await, Wire::open(port).await];
    let [one, two, three] = &mut wires;
    tokio::join!(read(one), read(two), read(three));
    let grown = peak(&livers) - before;
    assert!(grown < 60, "{grown} MB for 3 x {} MB", LENGTH >> 20);

    let range = get_with(port, &url, &[("Range", "bytes=1-4")]).await;
    assert_eq!((range.status, range.text()), (206, "irst"));
    for (request, response) in [("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")] {
        let validator = head.header(response).expect("a validator");
        assert_eq!(get_with(port, &url, &[(request, validator)]).await.status, 304, "{request}");
    }
    // As a module, its text would be in memory.
    let raw = get(port, &format!("{url}?import&raw")).await;
    assert_eq!(raw.status, 500);
    assert!(raw.text().contains("data.bin") && raw.text().contains("32 MiB"), "{raw:?}");
}

#[tokio::test]
async fn queries_do_not_fill_the_disk() {
    let dir = project();
    let livers = Livers::on(dir.path()).start().await;
    let url = url_of(&dir, &livers, "tiny").await;
    let url = url.split('?').next().expect("a path");
    let entries = || fs::read_dir(dir.at("node_modules/.livers/packs")).map_or(0, Iterator::count);
    let mut before = None;
    for at in 0..40 {
        for query in ["names=", "pack&x=", "define&x=", "y&script=", "x&names=b,a,a"] {
            let response = get(livers.port(), &format!("{url}?{query}{at}")).await;
            assert_eq!(response.status, 200, "{response:?}");
        }
        let now = entries();
        assert_eq!(*before.get_or_insert(now), now, "in round {at}");
    }
}

#[tokio::test]
async fn an_installation_concerns_the_pages_that_use_packages() {
    let dir = project();
    for name in ["with", "without"] {
        dir.write(format!("{name}.html"), format!("<script type=module src={name}.js></script>"));
    }
    dir.write("with.js", "import * as tiny from 'tiny'; console.log(tiny);");
    dir.write("without.js", "import './other.js';");
    dir.write("other.js", "export {};");
    dir.write("inline.html", "<script type=module>import 'tiny'</script>");
    let livers = Livers::on(dir.path()).start().await;
    let mut tabs = Vec::new();
    for (page, script) in
        [("/with.html", "/with.js"), ("/inline.html", "/x.css"), ("/without.html", "/without.js")]
    {
        let headers = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")];
        get_with(livers.port(), page, &headers).await;
        let tab = Tab::page(&livers, page, &[script]).await;
        get_as_script(&livers, script).await;
        tabs.push(tab);
    }
    dir.write("node_modules/tiny/package.json", "{\"name\":\"tiny\",\"version\":\"1.3.0\"}");
    dir.write("package.json", "{\"dependencies\":{\"tiny\":\"1.3.0\"}}");
    let mut without = tabs.pop().expect("a tab");
    for mut tab in tabs {
        tab.expect(&[("/node_modules", "modified")]).await;
    }
    assert_eq!(without.updates_until_pong().await, []);
}

#[tokio::test]
async fn a_misspelled_package_is_not_installed() {
    let dir = project();
    let livers = Livers::on(dir.path()).start().await;
    for (specifier, wanted) in [("tinny", "did you mean \"tiny\"?"), ("other", "npm install other")]
    {
        dir.write("main.js", format!("import '{specifier}';"));
        let fault: Value = get_as_script(&livers, "/main.js").await.json();
        assert_eq!(fault["help"], wanted, "{fault}");
    }
}

/// The shape of moment: an ES module that old bundlers looked for, beside the file that the locales
/// require.
#[tokio::test]
async fn a_package_whose_files_require_its_main_exists_once() {
    let dir = project();
    let manifest = json!({
        "name": "dates", "version": "2.0.0", "main": "./dates.js", "jsnext:main": "./dist/dates.js",
    });
    dir.write("node_modules/dates/package.json", manifest.to_string());
    dir.write(
        "node_modules/dates/dates.js",
        "(function (global, factory) {
            typeof exports === 'object' && typeof module !== 'undefined' ? module.exports = factory() :
            global.dates = factory();
        }(this, function () {
            var locales = { en: 'Monday' }, locale = 'en', format = function () { return locales[locale] };
            format.define = function (name, text) { locales[name] = text };
            format.locale = function (name) { if (locales[name]) locale = name };
            return format;
        }));",
    );
    dir.write("node_modules/dates/dist/dates.js", "export default function () { return 'Monday' }");
    dir.write("node_modules/dates/locale/de.js", "require('../dates').define('de', 'Montag');");
    dir.write("node_modules/picker/package.json", "{\"name\":\"picker\",\"version\":\"1.0.0\"}");
    dir.write("node_modules/picker/index.js", "module.exports = () => require('dates')();");
    dir.write(
        "main.js",
        "import dates from 'dates'; import 'dates/locale/de'; import pick from 'picker';
         dates.locale?.('de'); document.title = `${dates()} ${pick()}`;",
    );
    dir.write(
        "dates.html",
        "<!doctype html><title>none</title><script type=module src=main.js></script>",
    );
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(&livers.at("/dates.html")).await;
    page.wait_until("document.title === 'Montag Montag'").await;
}
