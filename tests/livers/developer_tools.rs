//! What the developer tools of a browser show: the original place of each call in a stack trace,
//! and which calls they leave out.

use std::collections::HashMap;

use oxc_sourcemap::SourceMap;
use serde_json::Value;

use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http::{get, get_with};
use crate::support::server::Livers;

/// The original place of a call, and whether it is left out.
type Place = (String, u32, bool);

/// The source maps of the scripts of a page.
struct Maps<'l> {
    livers: &'l Livers,
    by_path: HashMap<String, Option<Value>>,
}

impl Maps<'_> {
    /// Returns the original places of the calls of a stack trace.
    async fn places(&mut self, stack: &str) -> Vec<Place> {
        let mut places = Vec::new();
        for line in stack.lines() {
            let Some((_, at)) = line.split_once("http://") else { continue };
            let (_, at) = at.split_once('/').expect("a path");
            let parts: Vec<_> = at.trim_end_matches(')').rsplitn(3, ':').collect();
            let [column, line, path] = parts[..] else { panic!("{at}") };
            let [line, column] = [line, column].map(|it| it.parse::<u32>().expect("a number") - 1);
            places.push(self.place(&format!("/{path}"), line, column).await);
        }
        places
    }

    async fn place(&mut self, path: &str, line: u32, column: u32) -> Place {
        if !self.by_path.contains_key(path) {
            let map = self.load(path).await;
            self.by_path.insert(path.to_owned(), map);
        }
        let Some(map) = &self.by_path[path] else { return (path.to_owned(), line + 1, false) };
        let number = |value: &Value| u32::try_from(value.as_u64().expect("a number")).expect("u32");
        let (mut map, mut from) = (map, (0, 0));
        let sections = map["sections"].as_array().cloned().unwrap_or_default();
        for section in &sections {
            let offset = &section["offset"];
            let start = (number(&offset["line"]), number(&offset["column"]));
            if start <= (line, column) {
                (map, from) = (&section["map"], start);
            }
        }
        let column = if line == from.0 { column - from.1 } else { column };
        let is_ignored = map["ignoreList"] == serde_json::json!([0]);
        let map = SourceMap::from_json_string(&map.to_string()).expect("a source map").into_owned();
        let table = map.generate_lookup_table();
        let token = map.lookup_token(&table, line - from.0, column).expect("a mapping");
        let source = map.get_source(token.get_source_id().expect("a source")).expect("a source");
        (source.to_string(), token.get_src_line() + 1, is_ignored)
    }

    /// Loads the source map of the script at a path.
    async fn load(&self, path: &str) -> Option<Value> {
        let host = format!("http://localhost:{}", self.livers.port());
        let referrer = [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors")];
        let page = format!("{host}/");
        let headers = [referrer[0], referrer[1], ("Referer", &*page)];
        let script = get_with(self.livers.port(), path, &headers).await;
        let (_, url) = script.text().rsplit_once("//# sourceMappingURL=")?;
        let url = url.trim();
        if let Some((_, data)) = url.split_once(";base64,") {
            let bytes = base64_simd::STANDARD.decode_to_vec(data).expect("base64");
            return Some(serde_json::from_slice(&bytes).expect("JSON"));
        }
        let (folder, _) = path.split('?').next()?.rsplit_once('/')?;
        let url = match url.as_bytes()[0] {
            b'/' => url.to_owned(),
            b'?' => path.split('?').next()?.to_owned() + url,
            _ => format!("{folder}/{url}"),
        };
        let response = get(self.livers.port(), &url).await;
        assert_eq!(response.status, 200, "{url}");
        Some(serde_json::from_str(response.text()).expect("JSON"))
    }
}

#[tokio::test]
async fn stack_traces_lead_to_the_sources_and_leave_out_packages() {
    let dir = TempDir::new();
    for (path, text) in [
        ("package.json", "{}"),
        ("favicon.ico", ""),
        (
            "index.html",
            "<!doctype html><title>none</title><script type=module src=/src/main.ts></script>",
        ),
        (
            "src/main.ts",
            "import { call } from 'common';\nimport { again } from 'module';\n\
             interface Shape {\n  size: number;\n}\n\n\
             const fail = ({ size }: Shape): never => {\n  throw new Error(`size ${size}`);\n};\n\
             const first = new Error().stack;\ntry {\n  call(() => again(() => fail({ size: 1 })));\n\
             } catch (error) {\n  Object.assign(window, { stacks: [first, error.stack] });\n}\n",
        ),
        ("node_modules/common/package.json", r#"{"name":"common","version":"1.0.0"}"#),
        (
            "node_modules/common/index.js",
            "// A comment\nexports.call = function call(callback) {\n  return callback();\n};\n",
        ),
        (
            "node_modules/module/package.json",
            r#"{"name":"module","version":"1.0.0","type":"module"}"#,
        ),
        (
            "node_modules/module/index.js",
            "import { call } from 'common';\n\n\
             export const again = (callback) =>\n  call(callback);\n",
        ),
    ] {
        dir.write(path, text);
    }
    for packs in ["never", "always"] {
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let page = browser().await.open(livers.url()).await;
        page.wait_until("window.stacks").await;
        let [first, thrown]: [String; 2] = page.eval("stacks").await;
        let mut maps = Maps { livers: &livers, by_path: HashMap::new() };
        let visible = async |maps: &mut Maps<'_>, stack: &str| {
            let places = maps.places(stack).await.into_iter();
            let places = places.filter(|place| !place.2).map(|(path, line, _)| {
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                format!("{name}:{line}")
            });
            places.collect::<Vec<_>>().join(" ")
        };
        let first = visible(&mut maps, &first).await;
        assert_eq!(first, "main.ts:10", "{packs}");
        assert_eq!(
            visible(&mut maps, &thrown).await,
            "main.ts:8 main.ts:12 main.ts:12 main.ts:12",
            "{packs}: {thrown}"
        );
        let of_packages = maps.places(&thrown).await.into_iter();
        let of_packages = of_packages.filter(|(path, ..)| path.starts_with("/node_modules/"));
        let expected = [
            ("/node_modules/common/index.js".to_owned(), 3, true),
            ("/node_modules/module/index.js".to_owned(), 4, true),
            ("/node_modules/common/index.js".to_owned(), 3, true),
        ];
        assert_eq!(of_packages.collect::<Vec<_>>(), expected, "{packs}: {thrown}");
    }
}

#[tokio::test]
async fn a_call_of_the_console_has_the_page_as_its_place() {
    let dir = TempDir::new();
    for (path, text) in [
        ("package.json", "{}"),
        ("favicon.ico", ""),
        ("index.html", "<!doctype html><p>text</p><script type=module src=/src/main.ts></script>"),
        (
            "src/main.ts",
            // The console calls this to format its arguments.
            "interface Removed {\n  one: 1;\n}\nconst spy = {\n  toString: () => {\n    \
             Object.assign(window, { stack: new Error().stack });\n    return '';\n  },\n};\n\
             console.error('%s', spy);\n",
        ),
    ] {
        dir.write(path, text);
    }
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until("window.stack").await;
    let stack: String = page.eval("stack").await;
    assert!(stack.contains("/__livers/console.js"), "{stack}");
    let mut maps = Maps { livers: &livers, by_path: HashMap::new() };
    let places = maps.places(&stack).await.into_iter().filter(|place| !place.2);
    let lines: Vec<_> = places.map(|(path, line, _)| (path, line)).collect();
    assert_eq!(lines, [("main.ts".to_owned(), 6), ("main.ts".to_owned(), 10)], "{stack}");
}

#[tokio::test]
async fn the_source_of_a_packages_file_is_in_its_source_map() {
    let dir = TempDir::new();
    dir.write("package.json", "{}");
    dir.write("node_modules/it/package.json", r#"{"name":"it","version":"1.0.0"}"#);
    let source = "const { readFileSync } = require('fs');\nmodule.exports = () => readFileSync;\n";
    dir.write("node_modules/it/index.js", source);
    dir.write("main.js", "import it from 'it';\nit();\n");
    let livers = Livers::on(dir.path()).start().await;
    let response = get_with(livers.port(), "/main.js", &[("Sec-Fetch-Dest", "script")]).await;
    let main = response.text();
    let start = main.find("/__livers/npm/it@").expect("a URL");
    let url = main[start..].split(['"', '\'']).next().expect("a URL");
    let maps = Maps { livers: &livers, by_path: HashMap::new() };
    for query in ["?pack", "?pack=index.js"] {
        let map = maps.load(&format!("{url}{query}")).await.expect("a source map");
        let [section] = &map["sections"].as_array().expect("sections")[..] else { panic!("{map}") };
        assert_eq!(section["map"]["sources"][0], "/node_modules/it/index.js");
        assert_eq!(section["map"]["sourcesContent"][0], source);
    }
}
