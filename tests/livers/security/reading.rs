//! Disclosure of files, open redirects, and injection of markup.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::dir::TempDir;
use crate::support::http::{self, Response};
use crate::support::server::Livers;
use crate::support::socket::Socket;

const SECRET: &str = "not for you";

/// Base64 of the secret, as in a source map, at each alignment.
const ENCODED: [&str; 3] = ["bm90IGZvciB5b3", "5vdCBmb3IgeW91", "ub3QgZm9yIHlvd"];

/// Creates a site of pages, sources and a package, with secrets in it and beside it.
fn site() -> TempDir {
    let dir = TempDir::new();
    for file in [
        "secret.txt",
        "secret.js",
        "site/.env",
        "site/.git/config",
        "site/.hidden/a.js",
        "site/node_modules/pkg/.env",
        "site/node_modules/.secret/a.js",
        "site/a.pem",
        "site/node_modules/pkg/server.key",
    ] {
        dir.write(file, format!("// {SECRET}\n"));
    }
    dir.write("secret.map", format!("{{\"version\":3,\"sources\":[\"{SECRET}\"]}}"));
    dir.write("secret.json", format!("{{\"secret\":\"{SECRET}\"}}"));
    dir.write("site/package.json", r#"{"name":"site","dependencies":{"pkg":"1.0.0"}}"#);
    dir.write("site/index.html", "<p>the page");
    dir.write("site/dir/a.txt", "a");
    dir.write("site/a.svg", "<svg/>");
    dir.write("site/good.jsx", "import b from 'pkg'; export default b;");
    dir.write(
        "site/tsconfig.json",
        r#"{"compilerOptions":{"paths":{"beside/*":["../*"],"root/*":["/*"]}}}"#,
    );
    dir.write("site/node_modules/pkg/package.json", r#"{"name":"pkg","version":"1.0.0"}"#);
    dir.write(
        "site/node_modules/pkg/index.js",
        "exports.a = 1; try { require('../../../secret.json'); require('../../../secret.js') } catch {}",
    );
    for (name, source) in OUTSIDE {
        dir.write(format!("site/{name}.jsx"), source);
    }
    let link = |to: &str, at: &str| symlink(to, dir.at("site").join(at)).expect("a link");
    link("../secret.txt", "out.txt");
    link("../secret.js", "out.js");
    link("..", "up");
    link("../../../secret.txt", "node_modules/pkg/out.txt");
    link("../../../secret.js", "node_modules/pkg/out.js");
    link(".git/config", "config.txt");
    link("a.pem", "pem.txt");
    link("server.key", "node_modules/pkg/key.txt");
    link(".env", "node_modules/pkg/env.txt");
    link("../..", "node_modules/up");
    let made = Command::new("mkfifo").arg(dir.at("site/fifo")).arg(dir.at("site/fifo.js")).status();
    assert!(made.expect("run mkfifo").success());
    dir
}

/// Sources that import files outside the folder.
const OUTSIDE: [(&str, &str); 13] = [
    ("parent", "import a from '../secret.txt?raw'; console.log(a)"),
    ("script", "import '../secret.js'"),
    ("json", "import a from '../secret.json'; console.log(a)"),
    ("link", "import a from './out.txt?raw'; console.log(a)"),
    ("linked", "import './out.js'"),
    ("through", "import a from './up/secret.txt?raw'; console.log(a)"),
    ("package", "import a from 'up/secret.txt?raw'; console.log(a)"),
    ("inside", "import a from 'pkg/out.txt?raw'; console.log(a)"),
    ("above", "import a from 'pkg/../../../secret.txt?raw'; console.log(a)"),
    ("paths", "import a from 'beside/secret.txt?raw'; console.log(a)"),
    ("dots", "import a from './%2e%2e/secret.txt?raw'; console.log(a)"),
    ("slashes", "import a from '..\\\\secret.txt?raw'; console.log(a)"),
    ("etc", "import a from '../../../../../../../../etc/passwd?raw'; console.log(a)"),
];

/// Requests a path like a page of the site, for which livers serves the most.
async fn get(port: u16, target: &str, dest: &str) -> Response {
    let fields = [
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", dest),
        ("Accept", "*/*"),
    ];
    http::request(port, http::request_head(port, "GET", target, &fields, 0)).await
}

/// Asserts that a response does not contain the secret.
fn assert_no_secret(response: &Response, target: &str) {
    let body = String::from_utf8_lossy(&response.body);
    let contains = |secret: &&str| body.contains(secret);
    assert!(!body.contains(SECRET) && !body.contains("root:"), "{target}: {response:?}");
    assert!(!ENCODED.iter().any(contains), "{target} in a source map: {response:?}");
}

/// The ids are those of SECURITY.md.
#[tokio::test]
async fn no_request_reads_a_refused_file() {
    let dir = site();
    let livers = Livers::on(dir.at("site")).start().await;
    let port = livers.port();
    let beside = dir.at("secret.txt");
    let beside = beside.to_str().expect("a path of UTF-8");
    let mut table: Vec<(&str, String)> = [
        // Vite: suffixes of the path.
        ("CVE-2025-30208", "/.env?raw??"),
        ("CVE-2025-30208", "/.env?import&raw??"),
        ("CVE-2025-30208", "/@fs/etc/passwd?raw??"),
        ("CVE-2025-31125", "/.env?import&?inline=1.wasm?init"),
        ("CVE-2025-31125", "/@fs/etc/passwd?import&?inline=1.wasm?init"),
        ("CVE-2025-31486", "/.env?.svg?.wasm?init"),
        ("CVE-2025-31486", "/@fs/x/x/x/vite/../../../../etc/passwd?import&?raw"),
        ("CVE-2025-32395", "/@fs/x/#/../../../../../etc/passwd"),
        ("CVE-2025-32395", "/dir/#/../../.env"),
        ("CVE-2025-46565", "/.env/."),
        ("CVE-2025-46565", "/.env/"),
        ("CVE-2025-62522", "/.env\\"),
        ("CVE-2025-62522", "/.env%5c?raw"),
        ("CVE-2025-58751", "/dir/../../secret.txt"),
        ("CVE-2025-58752", "/../secret.json"),
        ("CVE-2024-45811", "/.env?import&raw"),
        ("CVE-2024-45811", "/@fs/etc/passwd?import&raw"),
        ("CVE-2024-31207", "/.git/config?raw"),
        ("CVE-2024-23331", "/.ENV%00"),
        ("CVE-2023-34092", "//.env"),
        ("CVE-2023-34092", "//@fs//etc/passwd?raw"),
        ("CVE-2022-35204", "/@fs/%252e%252e/%252e%252e/etc/passwd"),
        ("CVE-2026-53571", "/.env::$DATA?raw"),
        ("CVE-2026-53571", "/.env.?raw"),
        ("CVE-2026-39364", "/.env?import&url&inline"),
        ("CVE-2026-39364", "/a.pem?import&url&inline"),
        ("CVE-2026-39365", "/node_modules/.vite/deps/../../../../secret.map"),
        ("CVE-2026-39365", "/node_modules/.vite/deps/..%2f..%2f..%2f..%2fsecret.map"),
        ("CVE-2026-39365", "/../secret.map"),
        ("CVE-2026-53632", "/__open-in-editor?file=%5c%5cevil.example%5cshare"),
        ("CVE-2024-52011", "/__open-in-editor?file=index.html%26calc"),
        // Other servers.
        ("CVE-2023-3224", "/__nuxt_component_test__/?path=../../.env"),
        ("CVE-2024-34344", "/__nuxt_component_test__/?path=data:text/javascript,1"),
        ("CVE-2025-24361", "/_nuxt/.env"),
        ("CVE-2018-3809", "/.GIT/config"),
        ("CVE-2019-5415", "/./.env"),
        ("CVE-2019-5415", "/./.git/config"),
        ("CVE-2019-5415", "/dir/./../.env"),
        ("CVE-2026-14620", "/webpack-dev-server/open-editor?fileName=a.svg"),
        ("CVE-2026-14620", "/webpack-dev-server/invalidate"),
        ("webpack", "/__webpack_dev_server__/..%2f.env"),
        ("traversal", "/%2e%2e/secret.txt?raw"),
        ("traversal", "/up/secret.txt?import&raw"),
        ("traversal", "/out.txt?import&raw"),
        ("traversal", "/out.js?import"),
        ("traversal", "/.hidden/a.js?import"),
        ("traversal", "/node_modules/pkg/.env?import&raw"),
        ("traversal", "/node_modules/.secret/a.js"),
        ("traversal", "/node_modules/up/secret.txt?import&raw"),
        ("traversal", "/node_modules/pkg/out.txt?import&raw"),
        ("keys", "/a.pem"),
        ("keys", "/a.pem?import&raw"),
        ("keys", "/pem.txt"),
        ("keys", "/node_modules/pkg/server.key"),
        ("dotfiles", "/config.txt?import&raw"),
        ("fifo", "/fifo"),
        ("fifo", "/fifo?import&raw"),
        ("fifo", "/fifo.js?import"),
    ]
    .map(|(id, target)| (id, target.to_owned()))
    .to_vec();
    table.push(("CVE-2016-10703", format!("/{}", "%00".repeat(20_000))));
    for form in ["/@fs{}?import&raw", "/{}?raw", "{}?import&raw", "/__livers/npm{}?import&raw"] {
        table.push(("absolute", form.replace("{}", beside)));
    }
    for (id, target) in table {
        for dest in ["script", "empty", "document", "style"] {
            let response = get(port, &target, dest).await;
            assert_no_secret(&response, &format!("{id} {target}"));
            // hyper removes a fragment from the target.
            let served = target.contains('#') && response.status < 400;
            assert!(served || (400..500).contains(&response.status), "{id} {target}: {response:?}");
        }
    }
    assert_eq!(http::get(port, "/dir/a.txt").await.text(), "a");
}

/// CVE-2026-39363 of Vite, whose socket reads files.
#[tokio::test]
async fn the_reload_socket_reads_no_file() {
    let dir = site();
    let livers = Livers::on(dir.at("site")).start().await;
    let secret = dir.at("secret.txt");
    let mut socket = Socket::on(livers.port()).open().await;
    assert_eq!(socket.next_json().await["type"], "connected");
    let url = format!("file://{}?raw", secret.display());
    for message in [
        serde_json::json!({"type": "custom", "event": "vite:invoke", "data": {
            "id": "send:1", "name": "fetchModule", "data": [url],
        }}),
        serde_json::json!({"type": "source", "path": "/.env"}),
        serde_json::json!({"type": "uses", "add": ["/.env", "/../secret.txt", url]}),
    ] {
        socket.send_text(&message.to_string()).await;
    }
    dir.write("site/dir/new.txt", "new");
    let next = socket.next_json().await;
    assert_eq!(next["changes"][0]["path"], "/dir/new.txt", "{next}");
}

#[cfg(feature = "esm")]
#[tokio::test]
async fn no_import_and_no_package_path_leaves_its_folder() {
    let dir = site();
    let livers = Livers::on(dir.at("site")).start().await;
    let port = livers.port();
    for (name, source) in OUTSIDE {
        let response = get(port, &format!("/{name}.jsx"), "script").await;
        assert_eq!(response.status, 500, "{source}: {response:?}");
        assert_no_secret(&response, source);
    }
    let module = get(port, "/good.jsx", "script").await;
    let text = module.text();
    let id = text.split_once("/__livers/npm/").expect("a package's URL").1;
    let id = id.split('/').next().expect("an id").to_owned();
    let own = |file: &str| format!("/__livers/npm/{id}/{file}");
    assert_eq!(get(port, &own("index.js"), "script").await.status, 200);
    for file in ["index.js?pack", "index.js?define", "index.js?script"] {
        assert_no_secret(&get(port, &own(file), "script").await, file);
    }
    let others = [
        "/__livers/npm/../../.env".to_owned(),
        "/__livers/npm/%2e%2e/%2e%2e/.env?raw".to_owned(),
        "/__livers/npm/site@0~0000000/.env".to_owned(),
        "/__livers/npm/up@0~0000000/secret.txt".to_owned(),
        "/__livers/npm/.secret@0~0000000/a.js".to_owned(),
        "/__livers/npm//etc/passwd".to_owned(),
        "/__livers/source?../../.env".to_owned(),
        format!("/__livers/npm/{id}%2f..%2f..%2f.env/a"),
    ];
    let files = [
        ".env",
        "server.key",
        "server.key?import&raw",
        "key.txt?import&raw",
        ".env?import&raw",
        "../../.env?import&raw",
        "../../../secret.txt?import&raw",
        "..%2f..%2f.env?import&raw",
        "%2e%2e/%2e%2e/.env?import&raw",
        "..%5c..%5c.env?raw",
        "env.txt",
        "env.txt?import&raw",
        "out.txt",
        "out.txt?import&raw",
        "out.js?script",
        "/etc/passwd?import&raw",
        "index.js/../.env?raw",
        "index.js?pack=../../../secret.js",
        "index.js?pack=out.js",
        "index.js?pack=.env",
        "index.js?pack=/etc/passwd",
        "index.js?pack=..%2f..%2f.env",
        "index.js%00.env",
        "",
        ".",
    ];
    for target in others.into_iter().chain(files.map(own)) {
        let response = get(port, &target, "script").await;
        assert_no_secret(&response, &target);
        assert!((400..500).contains(&response.status), "{target}: {response:?}");
    }
}

/// A package that is the workspace itself contains files that are not for pages.
#[cfg(feature = "esm")]
#[tokio::test]
async fn only_imported_files_of_a_workspace_are_served() {
    let dir = TempDir::new();
    dir.write("package.json", r#"{"name":"all","workspaces":["web"]}"#);
    dir.write("web/package.json", r#"{"name":"web"}"#);
    dir.write("web/app.js", "import { a } from '../shared/a.ts'; a();");
    dir.write(
        "shared/a.ts",
        "import data from './in.json'; import text from './in.txt?raw'; import './in.css';
         const of = (name: string) => new URL(`./lang/${name}.json`, import.meta.url);
         export const a = () => [data, text, of('en'), import('./lazy.js')];
         export const b = () => [new URL('./more%20data.json', import.meta.url)];
         export const c = () => new Worker(new URL('./worker.js', import.meta.url));
         export const d = (name: string) => new URL(name, import.meta.url);",
    );
    let named = [
        "a.ts",
        "in.json",
        "in.txt",
        "in.css",
        "lazy.js",
        "lang/en.json",
        "lang/de.json",
        "more%20data.json",
        "worker.js",
        "pic.png",
        "in.woff2",
        "other.css",
        "a.wasm",
    ];
    for name in &named[1..] {
        dir.write(format!("shared/{}", name.replace("%20", " ")), "{}");
    }
    let kept = [
        "package.json",
        "settings.json",
        "server/db.js",
        "server/db.ts",
        "NOTES.md",
        "LICENSE",
        "data.sqlite",
        "web/app.js",
        "shared/lang/en.yml",
        "shared/other.js",
        "shared/other.json",
        "shared/page.html",
    ];
    for name in kept.iter().filter(|name| !name.starts_with("web/") && **name != "package.json") {
        dir.write(name, format!("// {SECRET}"));
    }
    dir.make_dir("node_modules");
    symlink("..", dir.at("node_modules/all")).expect("a link");
    let mut livers = Livers::on(dir.at("web")).start().await;
    let module = get(livers.port(), "/app.js", "script").await;
    let text = module.text().to_owned();
    let id = text.split_once("/__livers/npm/").expect("a package's URL").1;
    let id = id.split('/').next().expect("an id");
    let own = |file: &str| format!("/__livers/npm/{id}/{file}");
    assert_eq!(get(livers.port(), &own("shared/a.ts"), "script").await.status, 200);
    for run in ["first", "second"] {
        for file in named {
            let target = own(&format!("shared/{file}"));
            let response = get(livers.port(), &target, "empty").await;
            assert_eq!(response.status, 200, "{run}: {target}: {response:?}");
        }
        for file in kept {
            let targets = ["", "?import&raw", "?raw", "?pack", "?script", "?define", "?import&url"];
            let targets = targets.map(|query| own(&format!("{file}{query}")));
            let packed = own(&format!("shared/a.ts?pack={file}"));
            for target in targets.into_iter().chain([packed]) {
                let response = get(livers.port(), &target, "script").await;
                assert_no_secret(&response, &target);
                assert_eq!(response.status, 404, "{run}: {target}: {response:?}");
            }
        }
        // After a restart, the URLs of an open page still work.
        livers.restart().await;
    }
}

#[tokio::test]
async fn no_request_is_redirected_to_another_host_and_no_markup_is_echoed() {
    let dir = site();
    let livers = Livers::on(dir.at("site")).start().await;
    let port = livers.port();
    for (id, target) in [
        ("CVE-2015-1164", "//evil.example/%2e%2e"),
        ("CVE-2015-1164", "//evil.example"),
        ("CVE-2015-1164", "//evil.example/.."),
        ("CVE-2015-1164", "/%2f%2fevil.example"),
        ("redirect", "/\\evil.example"),
        ("redirect", "/%5cevil.example/"),
        ("redirect", "/dir/..//evil.example"),
        ("redirect", "///dir"),
        ("redirect", "/%09/evil.example"),
        ("redirect", "/dir?//evil.example"),
        ("redirect", "/dir?%0d%0aLocation:%20http://evil.example/"),
        ("splitting", "/dir%0d%0aX-Evil:1"),
        ("splitting", "/%0d%0aX-Evil:1?%0d%0aX-Evil:1"),
        ("CVE-2024-43799", "/%3Cscript%3Ealert(1)%3C/script%3E/.."),
        ("markup", "/<script>alert(1)</script>"),
        ("markup", "/%3Cscript%3Ealert(1)%3C%2fscript%3E"),
        ("markup", "/%3Cscript%3Ealert(1)"),
        ("markup", "/.%22%3E%3Cscript%3Ealert(1)"),
        ("markup", "/?\"><script>alert(1)</script>"),
        ("CVE-2023-49293", "/index.html?%22%3E%3Cscript%3Ealert(1)"),
        ("markup", "/__livers/%3Cscript%3Ealert(1)"),
        ("markup", "/__livers/npm/%3Cscript%3Ealert(1)"),
        ("markup", "/__livers/npm/node:%22;alert(1)//?names=a%22;alert(1)//"),
    ] {
        for dest in ["document", "script", "empty"] {
            let response = get(port, target, dest).await;
            let location = response.header("location").unwrap_or("/dir/");
            assert!(location.starts_with("/dir/"), "{id} {target}: {response:?}");
            assert_eq!(response.header("x-evil"), None, "{id} {target}");
            // An escaped quote does not end a string.
            let text = String::from_utf8_lossy(&response.body).replace("\\\"", "'");
            assert!(!text.contains("<script>") && !text.contains("\";alert"), "{id}: {response:?}");
        }
    }
}
