//! Runs small packages under Node with the registry of the page.

use std::{collections::HashMap, fs, path::Path, process::Command, sync::Arc};

mod cases;
mod robustness;

use self::cases::CASES;
use super::Packages;
use crate::esm::{
    disk_view::DiskView,
    outcome::{PackageContent, PackageResponse},
    resolve::{
        Resolver, Target,
        tests::{Project, without_stamp},
    },
};

/// A project and its packages.
struct Fixture {
    project: Project,
    resolver: Arc<Resolver>,
    packages: Packages,
}

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Project::new(&[("package.json", "{}"), ("src/a.js", "")]);
        project.add(files);
        let resolver = Arc::new(Resolver::new(&project.0));
        Self { project, packages: Packages::new(Arc::clone(&resolver)), resolver }
    }

    /// Returns the URL that a specifier in the project resolves to.
    fn url(&self, specifier: &str) -> String {
        match self.resolver.resolve(
            specifier,
            &self.project.0.join("src/a.js"),
            &DiskView::default(),
        ) {
            Target::Package(url) => url,
            other => panic!("{specifier}: {other:?}"),
        }
    }

    fn get(&self, url: &str) -> Option<PackageResponse> {
        let rest = url.strip_prefix("/__livers/npm/").unwrap();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        self.packages.answer(rest, query).unwrap()
    }

    fn text(&self, url: &str) -> String {
        text_of(&self.get(url).unwrap_or_else(|| panic!("404 for {url}")))
    }

    /// Writes a module and all that it imports to the disk, for Node. Returns its file name.
    fn save(&self, url: &str, saved: &mut HashMap<String, String>) -> String {
        if let Some(name) = saved.get(url) {
            return name.clone();
        }
        let name = format!("m{}.mjs", saved.len());
        saved.insert(url.to_owned(), name.clone());
        let registry =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("client-snippet/packages/registry.js");
        let registry = format!("\"file://{}\"", registry.display());
        let mut text = self.text(url).replace("\"/__livers/registry.js\"", &registry);
        while let Some(at) = text.find("\"/__livers/npm/") {
            let end = at + 1 + text[at + 1..].find('"').unwrap();
            let other = text[at + 1..end].to_owned();
            let local = if other.contains("?define") || other.contains("?pack") {
                format!("file://{}", self.project.0.join(self.save(&other, saved)).display())
            } else {
                other.replace("/__livers/npm/", "npm:")
            };
            text.replace_range(at + 1..end, &local);
        }
        fs::write(self.project.0.join(&name), text).unwrap();
        name
    }

    /// Calls a script with the module of a specifier, and returns its result as JSON, or the error.
    fn run(&self, specifier: &str, names: &str, script: &str) -> String {
        let url = format!("{}{names}", self.url(specifier));
        let module = self.save(&url, &mut HashMap::new());
        let script = format!(
            "import * as m from './{module}';\nconst result = await ({script})(m);\n\
             process.stdout.write(JSON.stringify(result) ?? 'undefined');"
        );
        fs::write(self.project.0.join("run.mjs"), script).unwrap();
        let node = Command::new("node").arg("run.mjs").current_dir(&self.project.0).output();
        let node = node.expect("these tests need node");
        let output = if node.status.success() { node.stdout } else { node.stderr };
        String::from_utf8(output).unwrap()
    }
}

/// Returns the text of a response.
fn text_of(response: &PackageResponse) -> String {
    match &response.content {
        PackageContent::Script(text) => String::from_utf8(text.to_vec()).unwrap(),
        PackageContent::File(file) => fs::read_to_string(&file.path).unwrap(),
    }
}

#[test]
fn packages_run_as_in_node() {
    let failures = CASES.iter().filter_map(|(title, files, names, script, expected)| {
        let actual = Fixture::new(files).run("a", names, script);
        let differs = actual != *expected;
        differs.then(|| format!("{title}:\n  actual   {actual}\n  expected {expected}"))
    });
    let failures: Vec<_> = failures.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_pack_holds_one_package_and_its_url_lists_the_entries() {
    let mut files = vec![
        ("node_modules/a/index.js".to_owned(), String::new()),
        ("node_modules/b/x.js".to_owned(), String::new()),
    ];
    for name in ["one", "two", "three", "four"] {
        files[0].1.extend(["require('helpers/", name, "');"]);
        files.push((format!("node_modules/helpers/{name}.js"), "require('./shared')".to_owned()));
    }
    files[0].1 += "require('b/x');require('a/self')";
    files.push(("node_modules/a/self.js".to_owned(), String::new()));
    files.push(("node_modules/helpers/shared.js".to_owned(), "// shared".to_owned()));
    let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let fixture = Fixture::new(&files);
    let facade = fixture.text(&fixture.url("a"));
    let packs: Vec<_> = facade.lines().filter_map(|line| line.strip_prefix("import \"")).collect();
    let urls: Vec<_> = packs.iter().map(|url| without_stamp(url)).collect();
    assert_eq!(
        urls,
        [
            "/__livers/npm/a@0/index.js?pack\";",
            "/__livers/npm/a@0/self.js?pack\";",
            "/__livers/npm/helpers@0/four.js?pack=one.js,three.js,two.js\";",
            "/__livers/npm/b@0/x.js?pack\";",
        ]
    );
    let helpers = fixture.text(packs[2].trim_end_matches("\";"));
    assert_eq!(helpers.matches("// shared").count(), 1, "{helpers}");
    assert!(!facade.contains("await"), "{facade}");
}

#[test]
fn each_query_has_its_response() {
    let fixture = Fixture::new(&[
        ("node_modules/a/package.json", r#"{"version":"1.2.3"}"#),
        ("node_modules/a/index.js", "exports.x = 1"),
        ("node_modules/a/x.css", "@import 'y.css' print; b { color: url(x.svg) }"),
        ("node_modules/a/x.module.css", ".b { color: red }"),
        ("node_modules/a/x.svg", "<svg/>"),
        ("node_modules/a/x.json", r#"{"n":1,"a-b":2}"#),
        ("node_modules/a/x.wasm", "\0asm"),
    ]);
    let top = fixture.url("a").replace("/index.js", "");
    for (file, is_script, wanted) in [
        ("/index.js?names=y", true, "names.y"),
        ("/index.js?pack", true, "exports.x = 1"),
        ("/index.js?import&raw", true, "export default \"exports.x = 1\""),
        ("/index.js?import&url", true, "/index.js\";"),
        ("/x.css", false, "color: url(x.svg)"),
        ("/x.css?import", true, "/y.css\", conditions: \"print\" }, \" b { color: url(\\\"/"),
        ("/x.css?import", true, "style(sheet);"),
        ("/x.css?import&part", true, "export default sheet;"),
        ("/x.css?pack", true, "/x.css\", { url: \"/__livers/npm/a@1.2.3"),
        ("/x.module.css", false, ".b { color: red }"),
        ("/x.module.css?import", true, "$0 as b"),
        ("/x.module.css?import&raw", true, "export default \".b {"),
        (
            "/x.module.css?pack",
            true,
            "{ color: red }\"));module.exports={__proto__:null,[\"b\"]:\"_b_",
        ),
        ("/x.svg", false, "<svg/>"),
        ("/x.svg?import", true, "/x.svg\";"),
        ("/x.json", false, "{\"n\":1,\"a-b\":2}"),
        ("/x.json?import", true, "$0 as \"a-b\", $1 as n"),
        ("/x.wasm", false, "\0asm"),
    ] {
        let response =
            fixture.get(&format!("{top}{file}")).unwrap_or_else(|| panic!("404 for {file}"));
        let found_script = matches!(response.content, PackageContent::Script(_));
        assert_eq!(found_script, is_script, "{file}");
        let text = text_of(&response);
        assert!(text.contains(wanted), "{file}: {text}");
        assert!(response.immutable, "{file}");
    }
    for missing in [
        "/none.js",
        "/",
        "",
        "/%2e%2e/%2e%2e/package.json",
        "/x.css%00",
        "/index.js?pack=../../x.js",
    ] {
        assert!(fixture.get(&format!("{top}{missing}")).is_none(), "{missing}");
    }
}

#[test]
fn a_file_with_a_syntax_error_is_an_error_and_throws_when_required() {
    let fixture = Fixture::new(&[
        ("node_modules/a/index.js", "let let = ;"),
        ("node_modules/b/index.js", "exports.get = () => require('a')"),
    ]);
    let url = fixture.url("a");
    let error = fixture.packages.answer(url.strip_prefix("/__livers/npm/").unwrap(), "");
    let error = error.unwrap_err();
    assert_eq!(error.file, fixture.project.0.join("node_modules/a/index.js"));
    assert!(!error.message.is_empty());
    let thrown = fixture.run("b", "", "m => { try { m.get() } catch (e) { return e.name } }");
    assert_eq!(thrown, r#""SyntaxError""#);
}

#[test]
#[cfg(unix)]
fn workspace_packages_are_read_again_after_a_change() {
    let fixture = Fixture::new(&[
        ("package.json", r#"{"workspaces":["*"]}"#),
        ("web/a.js", ""),
        ("ui/package.json", r#"{"name":"ui"}"#),
        ("ui/index.js", "exports.x = 'before'"),
    ]);
    fixture.project.link("web/node_modules/ui", "ui");
    let root = fixture.project.0.join("web");
    let resolver = Arc::new(Resolver::new(&root));
    let Target::Package(url) = resolver.resolve("ui", &root.join("a.js"), &DiskView::default())
    else {
        panic!()
    };
    let packages = Packages::new(resolver);
    let get = || {
        let rest = url.strip_prefix("/__livers/npm/").unwrap();
        let pack = packages.answer(rest, "pack").unwrap().unwrap();
        assert!(!pack.immutable);
        text_of(&pack)
    };
    assert!(get().contains("'before'"));
    fixture.project.add(&[("ui/index.js", "exports.x = 'after!'")]);
    assert!(get().contains("'after!'"));
}

#[test]
fn packs_are_cached_on_the_disk_until_a_file_changes() {
    let fixture = Fixture::new(&[
        ("node_modules/a/index.js", "exports.x = require('b').x"),
        ("node_modules/a/node_modules/b/index.js", "exports.x = require('c').x"),
        ("node_modules/a/node_modules/b/node_modules/c/index.js", "exports.x = 'first'"),
    ]);
    assert_eq!(fixture.run("a", "?names=x", "m => m.x"), r#""first""#);
    let cache = fixture.project.0.join("node_modules/.livers/packs");
    let entries =
        || -> Vec<_> { fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect() };
    assert_eq!(entries().len(), 4, "a module and three packs");

    // The next run finds the package `c` only through the cached module.
    let next_run = || {
        let resolver = Arc::new(Resolver::new(&fixture.project.0));
        let packages = Packages::new(Arc::clone(&resolver));
        (resolver, packages)
    };
    let get = |packages: &Packages, url: &str| {
        let (rest, query) = url.trim_start_matches("/__livers/npm/").split_once('?').unwrap();
        let response = packages.answer(rest, query).unwrap()?;
        Some(text_of(&response))
    };
    let url = format!("{}?names=x", fixture.url("a"));
    let pack_of_c = {
        let facade = fixture.text(&url);
        let line = facade.lines().find(|line| line.contains("/c@")).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let (_, packages) = next_run();
    assert_eq!(get(&packages, &pack_of_c), None);
    get(&packages, &url).unwrap();
    assert!(get(&packages, &pack_of_c).unwrap().contains("'first'"));

    // Corrupted entries, and an entry whose file has changed, are not used.
    for entry in entries() {
        let mut text = fs::read(&entry).unwrap();
        let last = text.len() - 3;
        text[last] ^= 1;
        fs::write(&entry, text).unwrap();
    }
    let file = "node_modules/a/node_modules/b/node_modules/c/index.js";
    fixture.project.add(&[(file, "exports.x = 'second'")]);
    let (_, packages) = next_run();
    assert!(get(&packages, &url).unwrap().contains("load("));
    assert!(get(&packages, &pack_of_c).unwrap().contains("'second'"));
    fixture.project.add(&[(file, "exports.x = 'the third'")]);
    let (_, packages) = next_run();
    get(&packages, &url).unwrap();
    assert!(get(&packages, &pack_of_c).unwrap().contains("'the third'"));
}

#[test]
fn only_undetected_names_are_listed_in_the_url() {
    let large = format!("exports.a = 1; // {}", "-".repeat(900 * 1024));
    let fixture = Fixture::new(&[
        ("node_modules/shown/index.js", "module.exports = require('./more')"),
        ("node_modules/shown/more.js", "exports.a = 1; Object.assign(exports, make())"),
        ("node_modules/module/package.json", r#"{"type":"module"}"#),
        ("node_modules/module/index.js", "export const a = 1"),
        ("node_modules/large/index.js", "module.exports = require('./code')"),
        ("node_modules/large/code.js", &large),
    ]);
    let undetected = |package: &str| {
        let names = ["a", "b"].map(str::to_owned);
        fixture.packages.undetected_names(&fixture.url(package), names.into_iter()).join(" ")
    };
    assert_eq!(undetected("shown"), "b");
    assert_eq!(undetected("module"), "", "an import of a missing name fails in the browser");
    assert_eq!(undetected("large"), "a b", "a large file was not read yet");
    fixture.text(&fixture.url("large"));
    assert_eq!(undetected("large"), "b");
}

#[test]
fn all_spellings_of_a_url_share_one_cache_entry() {
    let fixture = Fixture::new(&[
        ("node_modules/a/index.js", "Object.assign(exports, make())"),
        ("node_modules/a/sub/b.js", ""),
        ("node_modules/a/sub/c.js", ""),
    ]);
    let url = fixture.url("a");
    let entries = || {
        let folder = fixture.project.0.join("node_modules/.livers/packs");
        fs::read_dir(folder).map_or(0, Iterator::count)
    };
    for at in 0..50 {
        let text = fixture.text(&format!("{url}?names=a{at},b&x={at}&names=b,a{at}"));
        assert!(text.contains(&format!("names.a{at}")), "{text}");
    }
    fixture.text(&url.replace("index", "%69ndex"));
    assert_eq!(entries(), 1);
    for query in ["?pack=sub/b.js,sub/c.js", "?pack=sub/c.js,sub/b.js,sub/c.js,index.js&y"] {
        fixture.text(&format!("{url}{query}"));
    }
    assert_eq!(entries(), 2);
    for path in ["sub//b.js", "sub/./b.js", "sub///b.js", "sub/b.js"] {
        fixture.get(&url.replace("index.js", path));
    }
    assert_eq!(entries(), 3);
}
