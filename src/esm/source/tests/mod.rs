//! Scripts as the browser gets them, with a project that is only told of.

mod disk;
mod jsx;
mod maps;
mod robust;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    ask::{Language, Place},
    options::Options,
    project::Project,
    script::{self, Job, Script},
};
use crate::esm::{Fault, Target};

/// A project of a few files and packages.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) compiled: bool,
}

const FILES: [&str; 10] = [
    "src/x.module.css",
    "src/a.ts",
    "src/b.vue",
    "src/App.jsx",
    "src/plain.js",
    "src/dir/index.tsx",
    "x.css",
    "data.json",
    "logo.svg",
    "src/main.ts",
];

impl Project for Fake {
    fn resolve(&self, specifier: &str, from: &Path) -> Target {
        if specifier.starts_with("https:") {
            return Target::Url(specifier.to_owned());
        }
        let (specifier, query) = specifier.split_once('?').unwrap_or((specifier, ""));
        if !specifier.starts_with(['.', '/']) {
            return match specifier.split('/').next() {
                Some(name @ ("react" | "react-dom" | "preact" | "d3")) => {
                    let file = specifier.strip_prefix(name).filter(|rest| !rest.is_empty());
                    let file = file.unwrap_or("/index.js").to_owned();
                    let file = if file.contains('.') { file } else { file + ".js" };
                    let url = format!("/__livers/npm/{name}@19{file}");
                    Target::Package(match query {
                        "" if !file.contains(".svg") => url,
                        "" => url + "?import",
                        query => format!("{url}?import&{query}"),
                    })
                }
                _ => Target::Missing(Some(format!("npm install {specifier}"))),
            };
        }
        let mut path: Vec<&str> = if specifier.starts_with('/') {
            Vec::new()
        } else {
            let folder = from.parent().unwrap().strip_prefix("/web").unwrap();
            folder.to_str().unwrap().split('/').filter(|name| !name.is_empty()).collect()
        };
        for name in specifier.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(path.pop()),
                name => path.push(name),
            }
        }
        let path = path.join("/");
        let found = ["", ".ts", ".tsx", ".jsx", ".js", "/index.tsx"]
            .iter()
            .map(|ending| format!("{path}{ending}"))
            .find(|path| FILES.contains(&path.as_str()));
        found.map_or(Target::Missing(None), |path| Target::File(PathBuf::from("/web").join(path)))
    }

    fn url(&self, path: &Path) -> Option<String> {
        Some(format!("/{}", path.strip_prefix("/web").ok()?.to_str()?))
    }

    fn names(&self, _: &Path) -> Vec<String> {
        ["a.ts", "App.jsx", "plain.js"].map(str::to_owned).to_vec()
    }

    fn root(&self) -> &Path {
        Path::new("/web")
    }

    fn hidden(&self, _: &str, names: &BTreeSet<String>) -> Vec<String> {
        names.iter().cloned().collect()
    }

    fn is_foreign(&self, specifier: &str) -> bool {
        specifier == "mapped"
    }
}

/// A script of the project, compiled.
fn compile(path: &str, text: &str) -> Result<Option<Script>, Fault> {
    compile_with(path, text, &Options::default(), Place::Page, &Fake::default())
}

fn compile_with(
    path: &str,
    text: &str,
    options: &Options,
    place: Place,
    project: &Fake,
) -> Result<Option<Script>, Fault> {
    let file = PathBuf::from("/web").join(path.trim_start_matches('/'));
    script::compile(&Job {
        path: &file,
        url: path,
        text,
        language: Language::of(&file).unwrap(),
        place,
        options,
        env: "{\"DEV\":true}",
        compiled: project.compiled,
        project,
    })
}

/// The lines of a compiled script but its source map.
fn code(path: &str, text: &str) -> String {
    shown(compile(path, text))
}

fn shown(made: Result<Option<Script>, Fault>) -> String {
    match made {
        Ok(Some(script)) => {
            let at = script.code.find("//# sourceMappingURL").unwrap();
            script.code[..at].to_owned()
        }
        Ok(None) => "unchanged".to_owned(),
        Err(fault) => format!("{} {:?} {:?}", fault.message, fault.place, fault.help),
    }
}

#[test]
fn a_script_becomes_a_module() {
    let hot = |path: &str, imports: &str| {
        format!(
            "import {{ hot as $hot }} from \"/__livers/hot.js\"; import.meta.hot = $hot(\"{path}\", import.meta.url, [{imports}]);\n"
        )
    };
    let blanks = " ".repeat(12);
    let table = [
        // Types go, and imports of types.
        (
            "/src/main.ts",
            "import { type A, b } from './a'; import type C from 'gone'; import D from 'gone'; let x: A = b, y: D;",
            hot("/src/main.ts", "\"/src/a.ts\"")
                + &format!("import {{ b }} from \"/src/a.ts\"{blanks};\nlet x = b, y;\n"),
        ),
        // What would stay as it is.
        ("/src/x.js", "import './plain.js'; new URL('./a.ts', import.meta.url)", "unchanged".into()),
        ("/src/x.js", "import './gone.js'", "unchanged".into()),
        ("/src/x.js", "import 'mapped'", "unchanged".into()),
        ("/src/x.js", "import a from '../data.json' with { type: 'json' }", "unchanged".into()),
        ("/src/x.js", "with (a) b; var c = 010;", "unchanged".into()),
        ("/src/x.js", "'process.env.NODE_ENV'", "unchanged".into()),
        ("/src/x.js", "let process; process.env.NODE_ENV", "unchanged".into()),
        // A script without imports may be no module.
        ("/src/x.js", "a(process.env.NODE_ENV)", "a(\"development\");\n".into()),
        (
            "/src/x.js",
            "import './plain'",
            hot("/src/x.js", "\"/src/plain.js\"") + &format!("import \"/src/plain.js\"{blanks};\n"),
        ),
        (
            "/src/x.js",
            "export * from './dir'; export { a as b } from '../x.css'; import('../data.json', { with: { type: 'json' } }); import(`./a`); import(a);",
            hot("/src/x.js", "\"/src/dir/index.tsx\", \"/x.css\", \"/data.json\", \"/src/a.ts\"")
                + &format!(
                    "export * from \"/src/dir/index.tsx\"{blanks};\nexport {{ a as b }} from \"/x.css?import\"{blanks};\nimport(\"/data.json?import\"{blanks});\nimport(\"/src/a.ts\"{blanks});\nimport(a);\n"
                ),
        ),
        (
            "/src/x.ts",
            "import.meta.hot?.accept('./a', f); import.meta.hot.accept(['../logo.svg?raw', './gone', g]); hot.accept('./a')",
            hot("/src/x.ts", "")
                + "import.meta.hot?.accept(\"/src/a.ts\", f);\nimport.meta.hot.accept([\n\t\"/logo.svg?import&raw\",\n\t\"./gone\",\n\tg\n]);\nhot.accept(\"./a\");\n",
        ),
        (
            "/src/x.js",
            "import text from '../x.css'",
            hot("/src/x.js", "\"/x.css\"") + &format!("import text from \"/x.css?import&default\"{blanks};\n"),
        ),
        // It imports nothing when it begins, but it is a module.
        (
            "/src/x.js",
            "import('./a')",
            hot("/src/x.js", "\"/src/a.ts\"") + &format!("import(\"/src/a.ts\"{blanks});\n"),
        ),
        // Faults.
        (
            "/src/x.ts",
            "let a = <p/>",
            "Expected `>` but found `/` Some((1, 11)) Some(\"this is TypeScript with JSX: name the file .tsx\")".into(),
        ),
        (
            "/src/x.jsx",
            "let a: string",
            "Expected a semicolon or an implicit semicolon after a statement, but found none Some((1, 6)) Some(\"this is TypeScript: name the file .ts, or .tsx with JSX\")".into(),
        ),
        (
            "/src/x.js",
            "import names from './b.vue'",
            "\"./b.vue\": livers does not compile .vue files Some((1, 19)) Some(\"single-file components need Vite\")".into(),
        ),
        ("/src/x.js", "let a = ;", "Unexpected token Some((1, 9)) None".into()),
        ("/src/x.ts", "let a;\nlet a;", "Identifier `a` has already been declared Some((2, 5)) None".into()),
        ("/src/x.js", "import 'vue'", "\"vue\" is not found Some((1, 8)) Some(\"npm install vue\")".into()),
        (
            "/src/x.ts",
            "import './Ap'",
            "\"./Ap\" leads to no file Some((1, 8)) None".into(),
        ),
        (
            "/src/x.ts",
            "import './plan.js'",
            "\"./plan.js\" leads to no file Some((1, 8)) Some(\"did you mean \\\"./plain.js\\\"?\")".into(),
        ),
        (
            "/src/x.ts",
            "@a class B {}",
            "decorators are not understood by browsers Some((1, 1)) Some(\"set \\\"experimentalDecorators\\\": true in tsconfig.json\")".into(),
        ),
    ];
    for (path, text, wanted) in table {
        assert_eq!(code(path, text), wanted, "{text}");
    }
}
