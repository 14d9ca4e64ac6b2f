//! The compiler on a folder of its own: what says how to compile is noticed when it changes.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::super::{Ask, Compiled, Compiler, Language, Output, options::Finder};
use crate::esm::{Fault, Resolver, Target};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("livers-source-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(dunce::canonicalize(path).unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A compiler for the folder; what is relative leads to a `.tsx` or a `.js` beside it.
    fn compiler(&self) -> Compiler {
        let resolve = |specifier: &str, from: &Path| {
            let beside = from.parent().unwrap().join(specifier);
            let found = ["tsx", "js"].map(|ending| beside.with_extension(ending));
            let found = found.into_iter().find(|path| path.is_file());
            found.map_or(Target::Missing(None), |path| Target::File(path.components().collect()))
        };
        Compiler::with(&self.0, Arc::new(Resolver::new(&self.0)), Box::new(resolve))
    }

    fn module(&self, compiler: &Compiler, name: &str) -> Result<Output, Fault> {
        let path = self.0.join(name);
        let bytes = fs::read(&path).unwrap();
        let ask = Ask::of(&path, "", Some("script"), Some("cors")).unwrap();
        compiler.module(&path, &format!("/{name}"), &bytes, ask)
    }

    fn compiled(&self, compiler: &Compiler, name: &str) -> Arc<Compiled> {
        match self.module(compiler, name) {
            Ok(Output::Module(compiled)) => compiled,
            other => panic!("{name}: {other:?}"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_compiler_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Compiler>();
}

#[test]
fn a_module_is_kept_until_its_imports_lead_elsewhere() {
    let folder = Folder::new("kept");
    folder.write("main.ts", "import './App'; export let a: string;");
    folder.write("App.js", "");
    let compiler = folder.compiler();
    let first = folder.compiled(&compiler, "main.ts");
    assert_eq!(first.imports, ["/App.js"]);
    assert!(Arc::ptr_eq(&first, &folder.compiled(&compiler, "main.ts")));
    folder.write("App.tsx", "");
    assert_eq!(folder.compiled(&compiler, "main.ts").imports, ["/App.tsx"]);
    fs::remove_file(folder.0.join("App.tsx")).unwrap();
    fs::remove_file(folder.0.join("App.js")).unwrap();
    let fault = folder.module(&compiler, "main.ts").unwrap_err();
    assert_eq!((fault.place, fault.help), (Some((1, 8)), None));
    folder.write("app.js", "");
    let fault = folder.module(&compiler, "main.ts").unwrap_err();
    assert_eq!(fault.help.as_deref(), Some("did you mean \"./app.js\"?"));
    folder.write("App.js", "");
    assert_eq!(folder.compiled(&compiler, "main.ts").imports, ["/App.js"]);
}

#[test]
fn the_nearest_tsconfig_counts_with_what_it_extends() {
    let folder = Folder::new("tsconfig");
    folder.write("src/x.jsx", "export let a = <p/>;");
    folder.write("src/y.ts", "export class A { x; }");
    let compiler = folder.compiler();
    let fault = folder.module(&compiler, "src/x.jsx").unwrap_err();
    assert_eq!(fault.message, "\"react/jsx-runtime\" is not found");

    folder.write(
        "base.json",
        "{ \"compilerOptions\": { \"jsx\": \"react\", \"jsxFactory\": \"h\" } }",
    );
    folder.write("tsconfig.json", "{ // Extended.\n \"extends\": \"./base.json\", \"compilerOptions\": { \"useDefineForClassFields\": false, }, }");
    let compiled = folder.compiled(&compiler, "src/x.jsx");
    assert!(compiled.code.contains("h(\"p\", null)"), "{}", compiled.code);
    let mut files = compiled.files.clone();
    files.sort();
    assert_eq!(files, [folder.0.join("base.json"), folder.0.join("tsconfig.json")]);
    assert!(folder.compiled(&compiler, "src/y.ts").code.contains("class A {}"));

    // What is extended changes.
    folder.write(
        "base.json",
        "{ \"compilerOptions\": { \"jsx\": \"react\", \"jsxFactory\": \"create\" } }",
    );
    assert!(folder.compiled(&compiler, "src/x.jsx").code.contains("create(\"p\", null)"));

    // A nearer one comes, of the kind that only refers to others.
    folder.write(
        "src/tsconfig.json",
        "{ \"files\": [], \"references\": [{ \"path\": \"./tsconfig.app.json\" }] }",
    );
    folder.write("src/tsconfig.app.json", "{ \"compilerOptions\": { \"jsx\": \"react\", \"jsxFactory\": \"app\" }, \"include\": [\".\"] }");
    assert!(folder.compiled(&compiler, "src/x.jsx").code.contains("app(\"p\", null)"));

    folder.write("src/tsconfig.json", "{ \"files\": ");
    let fault = folder.module(&compiler, "src/x.jsx").unwrap_err();
    assert_eq!(fault.file, folder.0.join("src/tsconfig.json"));
    assert!(fault.message.starts_with("this is no JSON: "), "{fault:?}");
    assert_eq!(fault.frame.lines().next(), Some("> 1 | { \"files\":"));
    fs::remove_file(folder.0.join("src/tsconfig.json")).unwrap();
    assert!(folder.compiled(&compiler, "src/x.jsx").code.contains("create(\"p\", null)"));
}

#[test]
fn a_jsconfig_says_how_jsx_is_written() {
    let folder = Folder::new("jsconfig");
    folder.write("x.jsx", "export let a = <p/>;");
    let compiler = folder.compiler();
    assert!(folder.module(&compiler, "x.jsx").is_err());
    folder.write("jsconfig.json", "{ \"compilerOptions\": { \"jsxFactory\": \"h\" } }");
    assert!(folder.compiled(&compiler, "x.jsx").code.contains("h(\"p\", null)"));
}

#[test]
fn env_files_are_read_again_when_they_change() {
    let folder = Folder::new("env");
    folder.write("x.ts", "export default import.meta.env.VITE_A;");
    let compiler = folder.compiler();
    assert!(!folder.compiled(&compiler, "x.ts").code.contains("VITE_A\":"));
    folder.write(".env", "VITE_A=one\nSECRET=two");
    let compiled = folder.compiled(&compiler, "x.ts");
    assert!(compiled.code.contains("\"VITE_A\":\"one\"") && !compiled.code.contains("SECRET"));
    assert_eq!(compiled.files, [folder.0.join(".env")]);
    folder.write(".env.development", "VITE_A=three");
    assert!(folder.compiled(&compiler, "x.ts").code.contains("\"VITE_A\":\"three\""));
}

#[test]
fn what_a_module_was_before_a_save_is_not_kept() {
    let folder = Folder::new("kept");
    let compiler = folder.compiler();
    for number in 0..3 {
        folder.write("x.ts", &format!("export const number: number = {number};"));
        let code = &folder.compiled(&compiler, "x.ts").code;
        assert!(code.contains(&format!("number = {number}")), "{code}");
    }
    assert_eq!(compiler.cache.len(), 1);
}

#[test]
fn what_was_made_of_what_is_gone_is_not_kept() {
    let folder = Folder::new("gone");
    folder.write("a.ts", "");
    folder.write("b/c.ts", "");
    folder.write("b.ts", "");
    let compiler = folder.compiler();
    for name in ["a.ts", "b/c.ts", "b.ts"] {
        folder.compiled(&compiler, name);
    }
    compiler.forget(&["a.ts", "b"].map(|name| folder.0.join(name)).into());
    assert_eq!(compiler.cache.len(), 1);
}

#[test]
fn what_is_looked_at_for_each_module_does_not_grow_with_them() {
    let folder = Folder::new("looks");
    folder.write("tsconfig.json", "{}");
    let finder = Finder::default();
    let find = |name: &str| {
        finder.find(&folder.0.join(name), Language::Ts).unwrap();
        finder.looks()
    };
    assert_eq!([find("a.ts"), find("b.ts"), find("c.ts")], [find("d.ts"); 3]);
}

#[test]
fn a_plain_module_stays_as_it_is_until_the_project_is_compiled() {
    let folder = Folder::new("plain");
    folder.write("a.js", "import './b.js';");
    folder.write("b.js", "");
    folder.write("c.ts", "export {};");
    let compiler = folder.compiler();
    assert!(matches!(folder.module(&compiler, "a.js"), Ok(Output::Unchanged)));
    folder.compiled(&compiler, "c.ts");
    assert_eq!(folder.compiled(&compiler, "a.js").imports, ["/b.js"]);
    assert!(matches!(folder.module(&compiler, "b.js"), Ok(Output::Unchanged)));
}

#[test]
fn a_pages_import_map_is_left_to_the_browser() {
    let folder = Folder::new("mapped");
    folder.write("x.ts", "import 'lit'; import 'lib/a';");
    let compiler = folder.compiler();
    assert!(folder.module(&compiler, "x.ts").is_err());
    compiler.leave_to_browser(
        "{ \"imports\": { \"lit\": \"/a.js\" }, \"scopes\": { \"/\": { \"lib/\": \"/\" } } }",
    );
    let code = &folder.compiled(&compiler, "x.ts").code;
    assert!(code.contains("import \"lit\";\nimport \"lib/a\";"), "{code}");
}

#[test]
fn what_a_backend_answers_is_left_to_it() {
    let folder = Folder::new("routes");
    folder.write("x.ts", "import '/api/a.js'; import '/api?b'; import('/apix');");
    let compiler = folder.compiler().with_routes(["/api/".to_owned()]);
    let fault = folder.module(&compiler, "x.ts").unwrap_err();
    assert_eq!(
        (fault.message.as_str(), fault.place),
        ("\"/apix\" leads to no file", Some((1, 45)))
    );
    folder.write("x.ts", "import '/api/a.js'; import '/api?b';");
    let code = &folder.compiled(&compiler, "x.ts").code;
    assert!(code.contains("import \"/api/a.js\";\nimport \"/api?b\";"), "{code}");
}

#[test]
fn what_is_no_text_is_no_module() {
    let folder = Folder::new("bytes");
    fs::write(folder.0.join("video.ts"), [0x47, 0x40, 0xff, 0x10]).unwrap();
    fs::write(folder.0.join("x.tsx"), [0xff]).unwrap();
    let compiler = folder.compiler();
    assert!(matches!(folder.module(&compiler, "video.ts"), Ok(Output::Unchanged)));
    assert_eq!(folder.module(&compiler, "x.tsx").unwrap_err().message, "this is no UTF-8");
}
