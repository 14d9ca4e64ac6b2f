//! Packages: their scripts, their `package.json`, and chains of files and links.

use std::fmt::Write;

use super::{Case, nest, survives};

/// Creates a case that imports a package of these files.
fn package<'f>(name: &str, files: impl IntoIterator<Item = (&'f str, String)>) -> Case {
    // The files of an installed package do not change, so each case has its own.
    let package = name.replace(|char: char| !char.is_ascii_alphanumeric(), "-").to_lowercase();
    let main = format!("import * as a from 'x{package}'; console.log(a);");
    files.into_iter().fold(Case::of_file(name, "main.js", main), |case, (path, text)| {
        case.with(&format!("node_modules/x{package}/{path}"), text)
    })
}

/// Constructs that nest or repeat in a script: name, beginning, open, inner, close.
const SHAPES: &[(&str, &str, &str, &str, &str)] = &[
    ("arrays", "module.exports=", "[", "1", "]"),
    ("unclosed arrays", "module.exports=", "[", "1", ""),
    ("objects", "module.exports=", "{a:", "1", "}"),
    ("sum", "module.exports=1", "+1", "", ""),
    ("sum of texts", "module.exports=''", "+';'", "", ""),
    ("conjunction", "module.exports=1", "&&1", "", ""),
    ("conditional", "module.exports=", "a?b:", "1", ""),
    ("call chain", "module.exports=a", "()", "", ""),
    ("member chain", "module.exports=a", ".a", "", ""),
    ("requires", "module.exports=", "require(", "'a'", ")"),
    ("export helpers", "", "__exportStar(", "require('a')", ")"),
    ("assignments", "", "module.exports=", "1", ""),
    ("functions", "", "(function(){", "this.a=1", "})()"),
    ("if", "", "if(a)", ";", ""),
    ("else if", "", "if(process.env.NODE_ENV==='a');else ", ";", ""),
    ("else behind comments", "", "if(a);/*A\nb*/else\n", ";", ""),
    ("in", "module.exports=''", "in''", "", ""),
    ("templates", "export default ", "`${", "1", "}`"),
    ("default classes", "export default ", "class extends\n", "A", "{}"),
    ("arrow functions", "export default ", "a=>", "1", ""),
    ("elements", "export default ", "<a>", "b", "</a>"),
    ("destructuring", "export let ", "{a:", "b", "}=1"),
    ("source map comments", "", "//# sourceMappingURL=a\n", "", ""),
];

#[tokio::test]
async fn nested_and_chained_scripts() {
    let cases = SHAPES.iter().flat_map(|(name, before, open, inner, close)| {
        [1_500, 20_000, 400_000].map(|depth| {
            let text = format!("{before}{}", nest(depth, open, inner, close));
            package(&format!("{name} {depth}"), [("index.js", text)])
        })
    });
    survives("packages", cases).await;
}

#[tokio::test]
async fn expansion_bombs() {
    let many = |count: usize, text: &dyn Fn(usize) -> String| {
        (0..count).map(text).collect::<Vec<_>>().concat()
    };
    let long = "_".repeat(1 << 20);
    let cases = [
        ("names", many(20_000, &|at| format!("exports.a{at}=1;"))),
        ("requires", many(2_000, &|at| format!("require('./b{at}');"))),
        ("stars", many(2_000, &|at| format!("export * from './b{at}.js';"))),
        ("context", format!("import a from './index.js';//$l{long}\n{}", "a;".repeat(20_000))),
        ("long specifier", format!("require('./{}')", "a/".repeat(100_000))),
        ("long package name", format!("require('{}')", "a".repeat(1 << 20))),
        ("URLs", many(20_000, &|at| format!("new URL(`./a{at}${{b}}.txt`,import.meta.url);"))),
        ("long name", format!("export let {long} = 1")),
    ];
    survives("bombs in packages", cases.map(|(name, text)| package(name, [("index.js", text)])))
        .await;
}

/// Returns the files of a package in which each file refers to others.
fn linked(count: usize, text: impl Fn(usize) -> String) -> Vec<(String, String)> {
    let files = (0..count).map(|at| (format!("f{at}.js"), text(at)));
    files.chain([("index.js".to_owned(), text(count))]).collect()
}

#[tokio::test]
async fn chains_cycles_and_diamonds_of_files() {
    let mut cases = Vec::new();
    for count in [100, 3_000] {
        let star = |to: usize| format!("export * from './f{to}.js';");
        let next = |at: usize| (at + 1) % count;
        let shapes = [
            ("stars", linked(count, |at| star(next(at)))),
            ("diamonds", linked(count, |at| star(next(at)) + &star((at + 2) % count))),
            ("requires", linked(count, |at| format!("module.exports=require('./f{}')", next(at)))),
            ("names", linked(count, |at| format!("export{{a,b as c}}from'./f{}.js';", next(at)))),
            ("dynamic imports", linked(count, |at| format!("import('./f{}.js')", next(at)))),
        ];
        for (name, files) in shapes {
            let files = files.iter().map(|(path, text)| (&**path, text.clone()));
            cases.push(package(&format!("{name} {count}"), files));
        }
    }
    let dense = linked(60, |_| (0..60).map(|at| format!("export*from'./f{at}.js';")).collect());
    let dense = dense.iter().map(|(path, text)| (&**path, text.clone()));
    cases.push(package("everything", dense));
    survives("files of packages", cases).await;
}

#[tokio::test]
async fn manifests() {
    let index = || ("index.js", "export let a = 1".to_owned());
    let mut cases = Vec::new();
    for field in ["exports", "imports", "browser", "sideEffects", "main", "workspaces", "x"] {
        for depth in [100, 1_000, 50_000] {
            for (at, open, close) in
                [(0, "{\"default\":", "}"), (1, "[", "]"), (2, "{\".\":[", "]}")]
            {
                let value = nest(depth, open, "\"./index.js\"", close);
                let manifest = format!("{{\"{field}\":{value}}}");
                let name = format!("{field} {at} {depth}");
                // That of the project, too.
                let case = package(&name, [("package.json", manifest.clone()), index()]);
                cases.push(case.with("package.json", manifest));
            }
        }
    }
    let path = |segments: usize| format!("\"./{}index.js\"", "a/".repeat(segments));
    let mut many = String::new();
    for at in 0..20_000 {
        let _ = write!(many, "\"./a{at}*\":\"./{at}*\",");
    }
    for (name, field, value) in [
        ("long main", "main", path(100_000)),
        ("long exports", "exports", path(100_000)),
        ("many asterisks", "exports", format!("{{\"./*\":\"./{}\"}}", "*/".repeat(100_000))),
        ("many patterns", "exports", format!("{{{many}\".\":\"./index.js\"}}")),
        ("browser to itself", "browser", "{\"./index.js\":\"./index.js\"}".to_owned()),
        (
            "browser in a circle",
            "browser",
            "{\"./index.js\":\"./b.js\",\"./b.js\":\"./index.js\"}".to_owned(),
        ),
        ("imports itself", "imports", "{\"#a\":\"#a\"}".to_owned()),
    ] {
        let manifest = format!("{{\"{field}\":{value}}}");
        let index = ("index.js", "import '#a'; import './b.js'; export let a = 1".to_owned());
        cases.push(package(name, [("package.json", manifest), index]));
    }
    survives("package.json", cases).await;
}
