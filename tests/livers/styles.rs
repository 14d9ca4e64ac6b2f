//! Style sheets in Sass and Less, and CSS for PostCSS, with the real compilers.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http::{Response, get_with};
use crate::support::server::Livers;
use crate::support::tab::Tab;

/// Creates a project with these packages and files.
fn project(packages: &[&str], files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new();
    dir.make_dir("node_modules");
    for package in packages {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules").join(package);
        assert!(from.is_dir(), "run: npm ci --prefix tests ({})", from.display());
        std::os::unix::fs::symlink(from, dir.at("node_modules").join(package)).unwrap();
    }
    dir.write("package.json", "{}");
    for (path, text) in files {
        dir.write(path, text);
    }
    dir
}

/// Requests a path as a style sheet.
async fn sheet(livers: &Livers, path: &str) -> Response {
    let headers = [("Sec-Fetch-Dest", "style"), ("Sec-Fetch-Mode", "no-cors")];
    get_with(livers.port(), path, &headers).await
}

/// Requests a path as a module.
async fn module(livers: &Livers, path: &str) -> Response {
    let headers = [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors")];
    get_with(livers.port(), path, &headers).await
}

/// Returns the rules of a sheet without blanks and its source map.
fn rules(response: &Response) -> String {
    assert_eq!(response.status, 200, "{response:?}");
    let (rules, _) = response.text().split_once("/*#").unwrap_or((response.text(), ""));
    rules.split_whitespace().collect()
}

/// A plug-in that says which rules it sees, and a function that requires a file of the project.
const POSTCSS: &str = "const color = require('./color.cjs');
    module.exports = () => ({ plugins: [{ postcssPlugin: 'paint', Rule(rule, { result }) {
        console.log('plug-ins may print'); process.stdout.write('anything');
        rule.walkDecls('paint', (it) => { it.prop = 'color'; it.value = color; });
        if (rule.selector === 'fail') throw rule.error('this rule fails');
        if (rule.selector === 'hidden') throw new Error('no position');
        result.messages.push({ type: 'dependency', file: __dirname + '/theme.txt' });
        result.messages.push({ type: 'dir-dependency', dir: __dirname + '/views', glob: '**/*.{html,vue}' });
    } }] });";

#[tokio::test]
async fn each_way_to_use_a_sheet_gets_css() {
    let dir = project(
        &["sass", "less", "postcss"],
        &[
            ("tsconfig.json", r#"{"compilerOptions":{"paths":{"@/*":["./src/*"]}}}"#),
            (
                "vite.config.js",
                "export default { resolve: { alias: { '~theme': '/src/theme' } }, css: { preprocessorOptions: {
                   scss: { additionalData: '$added: 7px;\\n' }, less: { modifyVars: { size: '8px' } } } } }",
            ),
            ("node_modules/kit/package.json", r#"{"name":"kit","sass":"scss/kit.scss"}"#),
            ("node_modules/kit/scss/kit.scss", ".kit { background: url('i/k.png?v#h') }"),
            ("node_modules/kit/less/kit.less", ".kit { width: @size; background: url(../k.png) }"),
            (
                "src/a.scss",
                "@use 'parts/p'; @use 'pkg:kit'; @use '@/theme/t'; @use '~theme/u';\n.a { b { c: p.$c; d: $added } }",
            ),
            ("src/parts/_p.scss", "$c: 1px;\n.p { background: url(../x.png), url(#{'y'}.png) }"),
            ("src/theme/_t.sass", ".t\n  c: t"),
            ("src/theme/u/_index.scss", ".u { c: u }"),
            ("src/a.less", "@import 'p'; @import (reference) '~kit/less/kit';\n.a { .b { c: @c; } .kit(); }"),
            ("src/p.less", "@c: 2px; @size: 1px;"),
            ("src/a.module.scss", ".a { &:hover { c: d } }"),
            ("src/part.css", "@import './u.scss';"),
            ("src/main.js", "import 'kit/scss/kit.scss'"),
            ("src/u.scss", ".u { .v { c: d } }"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    let scss = sheet(&livers, "/src/a.scss").await;
    assert_eq!(
        rules(&scss),
        ".p{background:url(x.png),url(y.png);}\
         .kit{background:url(\"../node_modules/kit/scss/i/k.png?v#h\");}\
         .t{c:t;}.u{c:u;}.ab{c:1px;d:7px;}"
    );
    assert_eq!(scss.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(scss.header("vary").is_some_and(|vary| vary.contains("Sec-Fetch-Dest")));
    let data = scss.text().split_once("base64,").unwrap().1.trim_end_matches(" */\n");
    let map: Value =
        serde_json::from_slice(&base64_simd::STANDARD.decode_to_vec(data).unwrap()).unwrap();
    let sources: Vec<_> = map["sources"].as_array().unwrap().iter().collect();
    assert!(sources.contains(&&json!("/src/parts/_p.scss")), "{sources:?}");
    assert!(sources.contains(&&json!("/src/a.scss")), "{sources:?}");

    let less = sheet(&livers, "/src/a.less").await;
    assert_eq!(
        rules(&less),
        ".a{width:8px;background:url(../node_modules/kit/k.png);}.a.b{c:2px;}"
    );
    assert!(less.text().contains("sourceMappingURL=data:"), "{}", less.text());

    for (path, parts) in [
        ("/src/a.scss?import", &["$style($sheet)", ".a b {"][..]),
        ("/src/a.scss?import&inline", &["export default", ".a b {"]),
        ("/src/a.scss?import&raw", &["export default", "@use 'parts/p'"]),
        ("/src/a.module.scss?import", &["export { $_0 as \"a\" }", ":hover {"]),
        ("/src/part.css?import", &["import $part0 from \"/src/u.scss?import&part"]),
        ("/src/u.scss?import&part", &[".u .v {"]),
    ] {
        let response = module(&livers, path).await;
        assert_eq!(response.status, 200, "{path}: {response:?}");
        for part in parts {
            assert!(response.text().contains(part), "{path}: {part}: {}", response.text());
        }
    }
    let script = module(&livers, "/src/main.js").await;
    let (_, url) = script.text().split_once("/__livers/npm/").unwrap();
    let url = format!("/__livers/npm/{}", url.split('"').next().unwrap());
    let of_package = module(&livers, &url).await;
    assert!(of_package.text().contains(".kit {"), "{url}: {of_package:?}");
    let page = get_with(livers.port(), "/src/a.scss", &[("Sec-Fetch-Dest", "document")]).await;
    assert!(page.text().starts_with("@use"), "a developer looks at the file");
}

#[tokio::test]
async fn the_plug_ins_of_postcss_run() {
    let dir = project(
        &["sass", "postcss"],
        &[
            ("postcss.config.cjs", POSTCSS),
            ("color.cjs", "module.exports = 'red'"),
            ("theme.txt", ""),
            ("views/a.html", ""),
            ("a.css", "@import 'part.css' layer(low) screen;\na { paint: 1 }"),
            ("part.css", "@import './deep/deep.css'; b { paint: 1 }"),
            ("deep/deep.css", "c { background: url(x.png) }"),
            ("a.scss", "a { b { paint: 1 } }"),
            ("fail.css", "x {}\n  fail {}"),
            ("fail.scss", "$a: 1;\n\nfail { paint: 1 }"),
            ("hidden.css", "hidden {}"),
            ("broken.css", "a { b: c"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    let css = "@mediascreen{@layerlow{c{background:url(deep/x.png)}b{color:red}}}a{color:red}";
    assert_eq!(rules(&sheet(&livers, "/a.css").await), css);
    assert_eq!(rules(&sheet(&livers, "/a.scss").await), "ab{color:red;}");
    for (path, message, line) in [
        ("/fail.css", "this rule fails", json!(2)),
        ("/fail.scss", "this rule fails", json!(3)),
        ("/hidden.css", "no position", Value::Null),
        ("/broken.css", "Unclosed block", json!(1)),
    ] {
        let error = sheet(&livers, path).await;
        assert_eq!(error.status, 500, "{path}");
        let error: Value = error.json();
        assert_eq!((&error["message"], &error["line"]), (&json!(message), &line), "{path}");
        assert_eq!(error["file"], json!(&path[1..]), "{path}");
    }

    let mut tab = Tab::page(&livers, "/", &["/a.css"]).await;
    for (path, text) in [
        ("theme.txt", "changed"),
        ("deep/deep.css", "c { d: e }"),
        ("views/a.html", "changed"),
        ("views/new/b.vue", "created"),
        ("color.cjs", "module.exports = 'blue'"),
    ] {
        dir.replace(path, text);
        tab.until("/a.css").await;
    }
    dir.replace("views/c.txt", "matches no pattern, but nobody knows");
    assert_eq!(
        rules(&sheet(&livers, "/a.css").await),
        "@mediascreen{@layerlow{c{d:e}b{color:blue}}}a{color:blue}"
    );
}

#[tokio::test]
async fn a_saved_partial_concerns_the_sheets_made_from_it() {
    let dir = project(
        &["sass"],
        &[
            ("a.scss", "@use 'p';"),
            ("b.scss", "b { c: d }"),
            ("_p.scss", "a { c: d }"),
            ("n.scss", "@use 'missing';"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    for path in ["/a.scss", "/b.scss"] {
        assert_eq!(sheet(&livers, path).await.status, 200);
    }
    let mut uses_a = Tab::page(&livers, "/a", &["/a.scss"]).await;
    let mut uses_b = Tab::page(&livers, "/b", &["/b.scss"]).await;
    dir.replace("_p.scss", "a { c: e }");
    let updated = uses_a.updated().await;
    assert!(updated.paths().contains(&"/a.scss"), "{updated:?}");
    assert_eq!(rules(&sheet(&livers, "/a.scss").await), "a{c:e;}");

    dir.replace("_p.scss", "a { b: c }\n\n  d { $e }");
    uses_a.until("/a.scss").await;
    let error: Value = sheet(&livers, "/a.scss").await.json();
    assert_eq!((&error["path"], &error["file"]), (&json!("/a.scss"), &json!("_p.scss")));
    assert_eq!((&error["line"], &error["column"]), (&json!(3), &json!(10)), "{error}");
    assert!(!error["message"].as_str().unwrap().contains('│'), "{error}");
    livers.wait_for_line(|line| line.contains("_p.scss:3:10")).await;
    let updates = uses_b.updates_until_pong().await;
    assert!(updates.is_empty(), "{updates:?}");
    // A partial that is missing.
    let mut waits = Tab::page(&livers, "/n", &["/n.scss"]).await;
    let error: Value = sheet(&livers, "/n.scss").await.json();
    assert_eq!((&error["file"], &error["line"]), (&json!("n.scss"), &json!(1)));
    assert_eq!(waits.socket.next_json().await["type"], "failed");
    dir.replace("_missing.scss", "n { c: d }");
    waits.until("/n.scss").await;
    assert_eq!(rules(&sheet(&livers, "/n.scss").await), "n{c:d;}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let files = [
        ("a.scss", "a { b: c }"),
        ("a.less", "a { b: c }"),
        ("app/postcss.config.mjs", "export default { plugins: { 'none-such': {} } }"),
        ("app/a.css", "a { b: c }"),
        ("b.scss", "a { b { c: d } }"),
        ("b.less", "a { b { c: d } }"),
    ];
    let dir = project(&[], &files);
    let livers = Livers::on(dir.path()).start().await;
    for (path, package) in [("/a.scss", "sass"), ("/a.less", "less"), ("/app/a.css", "postcss")] {
        let error: Value = sheet(&livers, path).await.json();
        let message = format!("this file needs the package {package:?}, which is not installed");
        assert_eq!(error["message"], json!(message));
        assert_eq!(error["help"], json!(format!("npm install --save-dev {package}")));
    }
    // With the packages, without Node.
    let dir = project(&["sass", "less", "postcss"], &files);
    let livers = Livers::on(dir.path()).env("PATH", "/none-such").start().await;
    let error: Value = sheet(&livers, "/app/a.css").await.json();
    assert!(error["message"].as_str().unwrap().contains("postcss needs Node"), "{error}");
    for path in ["/b.scss", "/b.less"] {
        assert!(rules(&sheet(&livers, path).await).starts_with("ab{c:d;}"), "{path}");
    }
    // And with Node, without the plug-in.
    let livers = Livers::on(dir.path()).start().await;
    let error: Value = sheet(&livers, "/app/a.css").await.json();
    assert!(error["message"].as_str().unwrap().contains("none-such"), "{error}");
}

#[tokio::test]
async fn pages_of_other_origins_start_no_compiler() {
    let dir = project(
        &["sass", "postcss"],
        &[
            (
                "postcss.config.cjs",
                "require('fs').writeFileSync(__dirname + '/started', ''); module.exports = { plugins: [] };",
            ),
            ("a.scss", "a { b { c: d } }"),
            ("a.vue", "<template><p/></template>"),
            ("a.css", "a { b: c }"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    for path in ["/a.scss", "/a.scss?import", "/a.css", "/a.css?import", "/a.vue?import"] {
        for (mode, dest) in
            [("no-cors", "style"), ("no-cors", "script"), ("cors", "style"), ("cors", "script")]
        {
            for (site, origin) in [
                ("cross-site", "http://evil.example"),
                ("same-site", "http://localhost:1"),
                ("none", "http://evil.example"),
            ] {
                let fields = [
                    ("Sec-Fetch-Site", site),
                    ("Sec-Fetch-Mode", mode),
                    ("Sec-Fetch-Dest", dest),
                    ("Origin", origin),
                ];
                let response = get_with(livers.port(), path, &fields).await;
                let is_compiled =
                    response.text().contains("a b {") || response.text().contains("$style");
                assert!(!is_compiled, "{path} {fields:?}: {response:?}");
            }
        }
    }
    assert!(!dir.at("started").exists());
    sheet(&livers, "/a.css").await;
    assert!(dir.at("started").exists(), "for a page of its own");
}

#[tokio::test]
async fn sheets_are_replaced_in_place() {
    let dir = project(
        &["sass"],
        &[
            (
                "index.html",
                "<!doctype html><title>t</title><link rel=icon href=data:,><link rel=stylesheet href=/src/a.scss>
                 <p></p><script type=module src=/src/main.js></script>",
            ),
            (
                "src/main.js",
                "import names from './m.module.scss'; document.querySelector('p').className = names.box;
                 window.runs = (window.runs ?? 0) + 1; document.title = 'ready';",
            ),
            ("src/a.scss", "@use 'vars';\np { color: vars.$color }"),
            ("src/m.module.scss", "@use 'vars';\n.box { outline: 1px solid vars.$color }"),
            ("src/_vars.scss", "$color: rgb(1, 1, 1);"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    let has = |color: &str| {
        format!(
            "document.title === 'ready' && ['color', 'outlineColor'].every((name) =>
               getComputedStyle(document.querySelector('p'))[name] === '{color}')"
        )
    };
    page.wait_until(&has("rgb(1, 1, 1)")).await;
    page.run("window.state = 'kept'").await;
    dir.replace("src/_vars.scss", "$color: rgb(2, 2, 2);");
    page.wait_until(&has("rgb(2, 2, 2)")).await;

    dir.replace("src/_vars.scss", "\n\n$color: rgb(3, 3, ;");
    let overlay = "document.querySelector('livers-overlay')";
    livers.wait_for_line(|line| line.contains("src/_vars.scss:3:")).await;
    page.wait_until(&format!("{overlay} !== null")).await;
    assert!(page.eval::<bool>(&has("rgb(2, 2, 2)")).await, "the old sheet stays");
    dir.replace("src/_vars.scss", "$color: rgb(4, 4, 4);");
    page.wait_until(&has("rgb(4, 4, 4)")).await;
    page.wait_until(&format!("{overlay} === null")).await;
    let state: Value = page.eval("[window.state, window.runs]").await;
    assert_eq!(state, json!(["kept", 1]));
    assert_eq!(page.navigations(), 1);
}
