//! The compiler on a folder on the disk: cached modules, configuration files, and their changes.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::super::{
    CompiledModule, Compiler, FetchMetadata, Language, ModuleSpec, Output, tsconfig::OptionsFinder,
};
use tempfile::TempDir;

use crate::docroot::{Allow, Root};
use crate::esm::{
    compile_error::CompileError,
    disk_view::DiskView,
    resolve::{Resolver, Target},
};
use crate::event::Events;

struct Folder {
    path: PathBuf,
    _dir: TempDir,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { path: dunce::canonicalize(dir.path()).unwrap(), _dir: dir }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Returns a compiler for the folder. A relative specifier resolves to the `.tsx` or `.js` file
    /// with its name.
    fn compiler(&self) -> Compiler {
        let resolve = |specifier: &str, from: &Path, _: &DiskView| {
            let beside = from.parent().unwrap().join(specifier);
            let found = ["tsx", "js"].map(|ending| beside.with_extension(ending));
            let found = found.into_iter().find(|path| path.is_file());
            found.map_or(Target::Missing(None), |path| Target::File(path.components().collect()))
        };
        let folders = Root::new(&self.path, Allow::default(), &[]).unwrap();
        Compiler::with_resolve(
            Arc::new(folders),
            Arc::new(Resolver::new(&self.path)),
            Box::new(resolve),
            Arc::default(),
            Events::default(),
        )
    }

    fn module(&self, compiler: &Compiler, name: &str) -> Result<Output, CompileError> {
        let path = self.path.join(name);
        let bytes = fs::read(&path).unwrap();
        let spec = ModuleSpec::of_request(&path, "", FetchMetadata::MODULE).unwrap();
        compiler.compile(&path, &format!("/{name}"), &bytes, spec, &DiskView::default())
    }

    fn compiled(&self, compiler: &Compiler, name: &str) -> Arc<CompiledModule> {
        match self.module(compiler, name) {
            Ok(Output::Module(compiled)) => compiled,
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn compiler_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Compiler>();
}

#[test]
fn module_is_cached_until_an_import_resolves_elsewhere() {
    let folder = Folder::new();
    folder.write("main.ts", "import './App'; export let a: string;");
    folder.write("App.js", "");
    let compiler = folder.compiler();
    let first = folder.compiled(&compiler, "main.ts");
    assert_eq!(first.imports, ["/App.js"]);
    assert!(Arc::ptr_eq(&first, &folder.compiled(&compiler, "main.ts")));
    folder.write("App.tsx", "");
    assert_eq!(folder.compiled(&compiler, "main.ts").imports, ["/App.tsx"]);
    fs::remove_file(folder.path.join("App.tsx")).unwrap();
    fs::remove_file(folder.path.join("App.js")).unwrap();
    let error = folder.module(&compiler, "main.ts").unwrap_err();
    assert_eq!((error.position, error.help), (Some((1, 8)), None));
    folder.write("app.js", "");
    let error = folder.module(&compiler, "main.ts").unwrap_err();
    assert_eq!(error.help.as_deref(), Some("did you mean \"./app.js\"?"));
    folder.write("App.js", "");
    assert_eq!(folder.compiled(&compiler, "main.ts").imports, ["/App.js"]);
}

#[test]
fn nearest_tsconfig_applies_with_its_base_and_references() {
    let folder = Folder::new();
    folder.write("src/x.jsx", "export let a = <p/>;");
    folder.write("src/y.ts", "export class A { x; }");
    let compiler = folder.compiler();
    let error = folder.module(&compiler, "src/x.jsx").unwrap_err();
    assert_eq!(error.message, "cannot resolve \"react/jsx-runtime\"");

    folder.write(
        "base.json",
        "{ \"compilerOptions\": { \"jsx\": \"react\", \"jsxFactory\": \"h\" } }",
    );
    folder.write("tsconfig.json", "{ // Extended.\n \"extends\": \"./base.json\", \"compilerOptions\": { \"useDefineForClassFields\": false, }, }");
    let compiled = folder.compiled(&compiler, "src/x.jsx");
    assert!(compiled.code.contains("h(\"p\", null)"), "{}", compiled.code);
    let mut files = compiled.config_files.clone();
    files.sort();
    assert_eq!(files, [folder.path.join("base.json"), folder.path.join("tsconfig.json")]);
    assert!(folder.compiled(&compiler, "src/y.ts").code.contains("class A {}"));

    // A change of the base.
    folder.write(
        "base.json",
        "{ \"compilerOptions\": { \"jsx\": \"react\", \"jsxFactory\": \"create\" } }",
    );
    assert!(folder.compiled(&compiler, "src/x.jsx").code.contains("create(\"p\", null)"));

    // A nearer file that only references another.
    folder.write(
        "src/tsconfig.json",
        "{ \"files\": [], \"references\": [{ \"path\": \"./tsconfig.app.json\" }] }",
    );
    folder.write("src/tsconfig.app.json", "{ \"compilerOptions\": { \"jsx\": \"react\", \"jsxFactory\": \"app\" }, \"include\": [\".\"] }");
    assert!(folder.compiled(&compiler, "src/x.jsx").code.contains("app(\"p\", null)"));

    folder.write("src/tsconfig.json", "{ \"files\": ");
    let error = folder.module(&compiler, "src/x.jsx").unwrap_err();
    assert_eq!(error.file, folder.path.join("src/tsconfig.json"));
    assert!(error.message.starts_with("invalid JSON: "), "{error:?}");
    assert_eq!(error.frame.lines().next(), Some("> 1 | { \"files\":"));
    fs::remove_file(folder.path.join("src/tsconfig.json")).unwrap();
    assert!(folder.compiled(&compiler, "src/x.jsx").code.contains("create(\"p\", null)"));
}

#[test]
fn tsconfig_error_names_the_file_the_position_and_the_option() {
    let folder = Folder::new();
    folder.write("tsconfig.json", "{\n  \"compilerOptions\": {\n    \"target\": 5\n  }\n}");
    folder.write("x.ts", "");
    let error = folder.module(&folder.compiler(), "x.ts").unwrap_err();
    assert_eq!(error.file, folder.path.join("tsconfig.json"));
    assert_eq!(error.message, "expected a string for \"target\"");
    assert_eq!(error.position, Some((3, 15)));
}

#[test]
fn jsconfig_sets_jsx_options() {
    let folder = Folder::new();
    folder.write("x.jsx", "export let a = <p/>;");
    let compiler = folder.compiler();
    assert!(folder.module(&compiler, "x.jsx").is_err());
    folder.write("jsconfig.json", "{ \"compilerOptions\": { \"jsxFactory\": \"h\" } }");
    assert!(folder.compiled(&compiler, "x.jsx").code.contains("h(\"p\", null)"));
}

#[test]
fn changed_env_files_are_read_again() {
    let folder = Folder::new();
    folder.write("x.ts", "export default import.meta.env.VITE_A;");
    let compiler = folder.compiler();
    assert!(!folder.compiled(&compiler, "x.ts").code.contains("VITE_A\":"));
    folder.write(".env", "VITE_A=one\nSECRET=two");
    let compiled = folder.compiled(&compiler, "x.ts");
    assert!(compiled.code.contains("\"VITE_A\":\"one\"") && !compiled.code.contains("SECRET"));
    assert_eq!(compiled.config_files, [folder.path.join(".env")]);
    folder.write(".env.development", "VITE_A=three");
    assert!(folder.compiled(&compiler, "x.ts").code.contains("\"VITE_A\":\"three\""));
}

#[test]
fn save_replaces_the_cached_module() {
    let folder = Folder::new();
    let compiler = folder.compiler();
    for number in 0..3 {
        folder.write("x.ts", &format!("export const number: number = {number};"));
        let code = &folder.compiled(&compiler, "x.ts").code;
        assert!(code.contains(&format!("number = {number}")), "{code}");
    }
    assert_eq!(compiler.cache.len(), 1);
}

#[test]
fn removed_files_and_folders_leave_the_cache() {
    let folder = Folder::new();
    folder.write("a.ts", "");
    folder.write("b/c.ts", "");
    folder.write("b.ts", "");
    let compiler = folder.compiler();
    for name in ["a.ts", "b/c.ts", "b.ts"] {
        folder.compiled(&compiler, name);
    }
    compiler.forget(&["a.ts", "b"].map(|name| folder.path.join(name)).into());
    assert_eq!(compiler.cache.len(), 1);
}

#[test]
fn number_of_checked_files_does_not_grow_with_modules() {
    let folder = Folder::new();
    folder.write("tsconfig.json", "{}");
    let finder = OptionsFinder::default();
    let find = |name: &str| {
        let disk = DiskView::default();
        finder.find(&folder.path, &folder.path.join(name), Language::Ts, &disk).unwrap();
        finder.checked_files()
    };
    assert_eq!([find("a.ts"), find("b.ts"), find("c.ts")], [find("d.ts"); 3]);
}

#[test]
fn plain_modules_are_unchanged_until_a_script_is_compiled() {
    let folder = Folder::new();
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
fn specifiers_of_import_maps_are_left_to_the_browser() {
    let folder = Folder::new();
    folder.write("x.ts", "import 'lit'; import 'lib/a';");
    let compiler = folder.compiler();
    assert!(folder.module(&compiler, "x.ts").is_err());
    compiler.set_import_maps(
        Path::new("/index.html"),
        &["{ \"imports\": { \"lit\": \"/a.js\" }, \"scopes\": { \"/\": { \"lib/\": \"/\" } } }"
            .to_owned()],
    );
    let code = &folder.compiled(&compiler, "x.ts").code;
    assert!(code.contains("import \"lit\";\nimport \"lib/a\";"), "{code}");
}

#[test]
fn urls_of_routes_are_left_to_the_backend() {
    let folder = Folder::new();
    folder.write("x.ts", "import '/api/a.js'; import '/api?b'; import('/apix');");
    let compiler = folder.compiler().with_routes(["/api/".to_owned()]);
    let error = folder.module(&compiler, "x.ts").unwrap_err();
    assert_eq!(
        (error.message.as_str(), error.position),
        ("cannot resolve \"/apix\"", Some((1, 45)))
    );
    folder.write("x.ts", "import '/api/a.js'; import '/api?b';");
    let code = &folder.compiled(&compiler, "x.ts").code;
    assert!(code.contains("import \"/api/a.js\";\nimport \"/api?b\";"), "{code}");
}

#[test]
fn binary_ts_is_unchanged_and_binary_tsx_is_an_error() {
    let folder = Folder::new();
    fs::write(folder.path.join("video.ts"), [0x47, 0x40, 0xff, 0x10]).unwrap();
    fs::write(folder.path.join("x.tsx"), [0xff]).unwrap();
    let compiler = folder.compiler();
    assert!(matches!(folder.module(&compiler, "video.ts"), Ok(Output::Unchanged)));
    assert_eq!(
        folder.module(&compiler, "x.tsx").unwrap_err().message,
        "this file is not valid UTF-8"
    );
}
