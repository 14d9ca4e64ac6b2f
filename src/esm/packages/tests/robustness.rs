//! No file of a package overflows the stack or takes more than a few seconds.

use std::fs::File;

use super::Fixture;
use crate::esm::{disk_view::DiskView, resolve::Target};

/// Returns a package file for each kind of syntax, nested as deeply as in the first column.
fn nested(kinds: &[(usize, &str, &str, &str)]) -> Vec<String> {
    let file = |&(times, open, inner, close): &(usize, &str, &str, &str)| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    kinds.iter().map(file).collect()
}

/// Answers a request for the module of a file, and returns the error, if it is one.
fn error_of(fixture: &Fixture, path: &str) -> Option<String> {
    let url = fixture.url(path);
    let url = url.strip_prefix("/__livers/npm/").unwrap();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let answer = fixture.packages.answer(path, query);
    answer.err().map(|error| error.message)
}

#[test]
fn nesting_of_every_kind_is_converted() {
    let kinds = [
        (4000, "(", "1", ")"),
        (4000, "[", "", "]"),
        (2000, "{", "", "}"),
        (2000, "f(", "1", ")"),
        (2000, "({a:", "1", "})"),
        (1500, "() => {", "", "}"),
        (1500, "(function () {", "", "})()"),
        (10_000, "a => ", "1", ""),
        (10_000, "async a => ", "1", ""),
        (20_000, "!", "1", ""),
        (20_000, "1+", "1", ""),
        (20_000, "A && ", "1", ""),
        (20_000, "A ** ", "1", ""),
        (20_000, "a ? b : ", "1", ""),
        (20_000, "a = ", "1", ""),
        (20_000, "typeof\t", "1", ""),
        (20_000, "new\n", "A", ""),
        (20_000, "typeof/*A\nb*/", "1", ""),
        (20_000, "';'+", "1", ""),
        (20_000, "'a'in", "'a'", ""),
        (20_000, "A\ninstanceof\n", "A", ""),
        (20_000, "if(A)", ";", ""),
        (20_000, "if(A)\n", ";", ""),
        (20_000, "if(A);else ", ";", ""),
        (20_000, "if(A);else\n", ";", ""),
        (20_000, "while(A)", ";", ""),
        (20_000, "for(;;)", ";", ""),
        (5000, "do ", "", ";while(A)"),
        (1500, "A:", ";", ""),
        (3000, "class A extends\n", "B", "{}"),
        (2000, "`${", "1", "}`"),
        (20_000, "", "A", "()"),
        (20_000, "", "A", "[0]"),
        (20_000, "", "A", "?.a"),
        (20_000, "", "A", "``"),
        (4000, "_export(", "1", ")"),
    ];
    let names: Vec<_> = (0..kinds.len()).map(|at| format!("a{at}.js")).collect();
    let sources = nested(&kinds);
    let paths: Vec<_> = names.iter().map(|name| format!("node_modules/a/{name}")).collect();
    let files = paths.iter().map(String::as_str).zip(sources.iter().map(|it| &**it));
    let fixture = Fixture::new(&files.collect::<Vec<_>>());
    for (name, kind) in names.iter().zip(kinds) {
        assert_eq!(error_of(&fixture, &format!("a/{name}")), None, "{kind:?}");
    }
}

#[test]
fn files_that_are_too_large_or_too_deep_have_an_error_with_file_and_reason() {
    let fixture = Fixture::new(&[
        ("node_modules/a/deep.js", &"(".repeat(200_000)),
        ("node_modules/a/chain.js", &format!("{}1", "a + ".repeat(300_000))),
        ("node_modules/a/deep.json", &"[".repeat(200_000)),
        ("node_modules/a/data.js", &format!("exports.data = '{}'", "+/a-".repeat(500_000))),
        ("node_modules/a/large.js", "1"),
    ]);
    let large = fixture.project.0.join("node_modules/a/large.js");
    File::options().write(true).open(large).unwrap().set_len(1 << 40).unwrap();
    let names = ["deep.js", "chain.js", "deep.json", "data.js", "large.js"];
    let [deep, chain, json, data, large] = names.map(|name| {
        let error = error_of(&fixture, &format!("a/{name}"));
        error.map(|error| error.replace("a/", "").replace(name, "it"))
    });
    let too_deep = Some("this file is nested too deeply".to_owned());
    assert_eq!([deep, chain], [too_deep.clone(), too_deep]);
    assert!(json.is_some_and(|error| error.starts_with("recursion limit exceeded")));
    assert_eq!(data, None);
    assert_eq!(large.as_deref(), Some("cannot import a file of more than 32 MiB"));
}

#[test]
fn nested_typescript_is_not_indented() {
    let fixture = Fixture::new(&[
        ("node_modules/a/nested.ts", &format!("{};", "if(A)".repeat(30_000))),
        ("node_modules/a/plain.ts", "if (A) {\n let a = 1 }"),
    ]);
    let size = |file: &str| fixture.text(&format!("{}?pack", fixture.url(file))).len();
    assert!(size("a/nested.ts") < 1_000_000);
    let plain = fixture.text(&format!("{}?pack", fixture.url("a/plain.ts")));
    assert!(plain.contains("\n\tlet a"), "{plain}");
}

#[test]
fn chains_cycles_and_diamonds_of_files_are_read_once_each() {
    const FILES: usize = 3000;
    let mut files = Vec::new();
    for at in 0..FILES {
        let next = (at + 1) % FILES;
        for (kind, text) in [
            ("star", format!("export * from './{next}.js'; export const n{at} = 1;")),
            (
                "diamond",
                format!("export * from './{next}.js'; export * from './../diamond/{next}.js?b';"),
            ),
            ("require", format!("module.exports = require('./{next}.js'); exports.n{at} = 1;")),
        ] {
            files.push((format!("node_modules/{kind}/{at}.js"), text));
        }
    }
    let files: Vec<_> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let fixture = Fixture::new(&files);
    for kind in ["star", "diamond", "require"] {
        assert_eq!(error_of(&fixture, &format!("{kind}/0.js")), None, "{kind}");
    }
    let names = fixture.text(&fixture.url("star/0.js"));
    assert!(names.contains("names.n2999"));
}

#[test]
fn expansion_bombs_take_linear_time() {
    let many = |count: usize, text: &dyn Fn(usize) -> String| -> String {
        (0..count).map(text).collect::<Vec<_>>().concat()
    };
    let sources = [
        // A name for the context that is as long as the source.
        format!("import a from './x.js'; // $l{}\n{}", "_".repeat(1 << 20), "a;".repeat(10_000)),
        many(5000, &|at| format!("require('./x{at}.js');")),
        format!("Object.assign(exports{})", many(5000, &|at| format!(",require('./x{at}.js')"))),
        format!("{}1", "A && ".repeat(50_000)),
        format!("{}1{}", "__exportStar(".repeat(10_000), ")".repeat(10_000)),
        format!("{}1", "module.exports = ".repeat(20_000)),
        many(5000, &|at| format!("export * as n{at} from './x{}.js';", at % 7)),
    ];
    let paths: Vec<_> = (0..sources.len()).map(|at| format!("node_modules/a/a{at}.js")).collect();
    let files = paths.iter().map(String::as_str).zip(sources.iter().map(|it| &**it));
    let fixture = Fixture::new(&files.collect::<Vec<_>>());
    for at in 0..sources.len() {
        assert_eq!(error_of(&fixture, &format!("a/a{at}.js")), None);
    }
}

#[test]
#[cfg(unix)]
fn hostile_manifests_and_links_do_not_resolve() {
    let nested =
        |levels: usize| format!("{}1{}", "{\"default\":".repeat(levels), "}".repeat(levels));
    let field = |name: &str, value: &str| format!("{{\"{name}\":{value}}}");
    let long = format!("\"./{}x.js\"", "a/".repeat(100_000));
    let stars = format!("{{\"./*\":\"./{}x.js\"}}", "*/".repeat(10_000));
    let manifests = [
        field("exports", &nested(50_000)),
        field("imports", &nested(50_000)),
        field("browser", &nested(50_000)),
        field("sideEffects", &format!("{}{}", "[".repeat(50_000), "]".repeat(50_000))),
        field("main", &long),
        field("exports", &long),
        field("exports", &stars),
    ];
    let mut files = Vec::new();
    for (at, manifest) in manifests.iter().enumerate() {
        files.push((format!("node_modules/m{at}/package.json"), manifest.clone()));
        files.push((format!("node_modules/m{at}/index.js"), String::new()));
    }
    files.push(("node_modules/links/index.js".to_owned(), "1".to_owned()));
    let files: Vec<_> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let fixture = Fixture::new(&files);
    fixture.project.link("node_modules/links/l0.js", "node_modules/links/index.js");
    for at in 1..5000 {
        let link = format!("node_modules/links/l{at}.js");
        fixture.project.link(&link, &format!("node_modules/links/l{}.js", at - 1));
    }
    let from = fixture.project.0.join("src/a.js");
    for at in 0..manifests.len() {
        let Target::Missing(Some(help)) =
            fixture.resolver.resolve(&format!("m{at}"), &from, &DiskView::default())
        else {
            panic!("m{at} resolves");
        };
        let file = format!("m{at}/package.json: ");
        assert!(help.contains(&file) && !help.contains("expected"), "{help}");
    }
    let segments = "a/".repeat(100_000);
    for specifier in
        ["links/l4999.js".to_owned(), format!("./{segments}x"), format!("links/{segments}x")]
    {
        let found = fixture.resolver.resolve(&specifier, &from, &DiskView::default());
        assert!(matches!(found, Target::Missing(_)), "{}", &specifier[..10]);
    }
    assert!(matches!(
        fixture.resolver.resolve("links/l5.js", &from, &DiskView::default()),
        Target::Package(_)
    ));
}
