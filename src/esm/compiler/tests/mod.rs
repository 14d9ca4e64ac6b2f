//! Compiled scripts of a project in memory.

mod cache;
mod jsx;
mod robustness;
mod source_map;
#[cfg(all(feature = "engine", unix))]
mod vue;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    file_type::Language,
    module_spec::ScriptContext,
    project::{IsServed, Project},
    script::{self, Job, Script},
    tsconfig::Options,
};
use crate::esm::{compile_error::CompileError, resolve::Target};

/// A project with the files of [`FILES`] and some packages.
#[derive(Default)]
pub(super) struct FakeProject {
    /// Whether plain modules register for hot updates.
    pub(super) registers: bool,
}

const FILES: [&str; 10] = [
    "src/x.module.css",
    "src/a.ts",
    "src/b.astro",
    "src/App.jsx",
    "src/plain.js",
    "src/dir/index.tsx",
    "x.css",
    "data.json",
    "logo.svg",
    "src/main.ts",
];

impl Project for FakeProject {
    fn served(&self) -> IsServed {
        Arc::new(|_: &Path| true)
    }

    fn resolve(&self, specifier: &str, from: &Path) -> Target {
        if specifier.starts_with("https:") {
            return Target::Url(specifier.to_owned());
        }
        let original = specifier;
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
        match found {
            Some(path) => Target::File(PathBuf::from("/web").join(path)),
            None if specifier.starts_with('/') => Target::Url(original.to_owned()),
            None => Target::Missing(None),
        }
    }

    fn resolve_from_sheet(&self, specifier: &str, _: &Path) -> Option<Target> {
        let file = specifier.strip_prefix("theme/")?;
        Some(Target::Package(format!("/__livers/npm/theme@1/{file}")))
    }

    fn below_root(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix("/web").ok().map(Path::to_owned)
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

    fn undetected_names(&self, _: &str, names: &BTreeSet<String>) -> Vec<String> {
        names.iter().cloned().collect()
    }

    fn is_external(&self, specifier: &str) -> bool {
        specifier == "mapped"
    }
}

/// Compiles a script of the project.
fn compile(path: &str, text: &str) -> Result<Option<Script>, CompileError> {
    compile_with(path, text, &Options::default(), ScriptContext::Page, &FakeProject::default())
}

fn compile_with(
    path: &str,
    text: &str,
    options: &Options,
    context: ScriptContext,
    project: &FakeProject,
) -> Result<Option<Script>, CompileError> {
    let file = PathBuf::from("/web").join(path.trim_start_matches('/'));
    script::compile(&Job {
        original: None,
        path: &file,
        url: path,
        text,
        language: Language::of(&file).unwrap(),
        context,
        options,
        env: Ok("{\"DEV\":true}"),
        registers: project.registers,
        project,
    })
    .map(|compiled| compiled.script)
}

/// Compiles a script, and returns its code without the source map, or its error.
fn code(path: &str, text: &str) -> String {
    describe(compile(path, text))
}

fn describe(result: Result<Option<Script>, CompileError>) -> String {
    match result {
        Ok(Some(script)) => {
            let at = script.code.find("//# sourceMappingURL").unwrap();
            script.code[..at].to_owned()
        }
        Ok(None) => "unchanged".to_owned(),
        Err(error) => format!("{} {:?} {:?}", error.message, error.position, error.help),
    }
}

#[test]
fn scripts_become_modules() {
    let hot = |path: &str, imports: &str| {
        format!(
            "import {{ hot as $hot }} from \"/__livers/hot.js\"; import.meta.hot = $hot(\"{path}\", import.meta.url, [{imports}]);\n"
        )
    };
    let blanks = " ".repeat(12);
    let table = [
        // Types, and imports of types only, are removed.
        (
            "/src/main.ts",
            "import { type A, b } from './a'; import type C from 'gone'; import D from 'gone'; let x: A = b, y: D;",
            hot("/src/main.ts", "\"/src/a.ts\"")
                + &format!("import {{ b }} from \"/src/a.ts\"{blanks};\nlet x = b, y;\n"),
        ),
        // Files that need no change.
        ("/src/x.js", "import './plain.js'; new URL('./a.ts', import.meta.url)", "unchanged".into()),
        ("/src/x.js", "import './gone.js'", "unchanged".into()),
        ("/src/x.js", "import 'mapped'", "unchanged".into()),
        ("/src/x.js", "import a from '../data.json' with { type: 'json' }", "unchanged".into()),
        ("/src/x.js", "with (a) b; var c = 010;", "unchanged".into()),
        ("/src/x.js", "'process.env.NODE_ENV'", "unchanged".into()),
        ("/src/x.js", "let process; process.env.NODE_ENV", "unchanged".into()),
        // Without imports, the file may be a classic script, and does not register.
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
        // A dynamic import, requested as a module.
        (
            "/src/x.js",
            "import('./a')",
            hot("/src/x.js", "\"/src/a.ts\"") + &format!("import(\"/src/a.ts\"{blanks});\n"),
        ),
        // Errors.
        (
            "/src/x.ts",
            "let a = <p/>",
            "Expected `>` but found `/` Some((1, 11)) Some(\"this is TypeScript with JSX: rename the file to .tsx\")".into(),
        ),
        (
            "/src/x.jsx",
            "let a: string",
            "Expected a semicolon or an implicit semicolon after a statement, but found none Some((1, 6)) Some(\"this is TypeScript: rename the file to .ts, or to .tsx if it contains JSX\")".into(),
        ),
        (
            "/src/x.js",
            "import names from './b.astro'",
            "cannot import \"./b.astro\": livers does not compile .astro files Some((1, 19)) Some(\"Astro components require Astro's own server\")".into(),
        ),
        ("/src/x.js", "let a = ;", "Unexpected token Some((1, 9)) None".into()),
        ("/src/x.ts", "let a;\nlet a;", "Identifier `a` has already been declared Some((2, 5)) None".into()),
        ("/src/x.js", "import 'vue'", "cannot resolve \"vue\" Some((1, 8)) Some(\"npm install vue\")".into()),
        (
            "/src/x.ts",
            "import './Ap'",
            "cannot resolve \"./Ap\" Some((1, 8)) None".into(),
        ),
        (
            "/src/x.ts",
            "import './plan.js'",
            "cannot resolve \"./plan.js\" Some((1, 8)) Some(\"did you mean \\\"./plain.js\\\"?\")".into(),
        ),
        (
            "/src/x.ts",
            "@a class B {}",
            "browsers do not support decorators Some((1, 1)) Some(\"set \\\"experimentalDecorators\\\": true in tsconfig.json\")".into(),
        ),
    ];
    for (path, text, expected) in table {
        assert_eq!(code(path, text), expected, "{text}");
    }
}
