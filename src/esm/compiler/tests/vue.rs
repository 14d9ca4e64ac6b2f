//! Vue components, with the compiler from the registry.

use std::{fs, path::Path, sync::Arc};

use oxc_sourcemap::SourceMap;
use tempfile::TempDir;

use super::{
    super::{CompiledModule, Compiler, FetchMetadata, ModuleSpec, Output},
    source_map::base64,
};
use crate::{
    docroot::{Allow, Root},
    esm::{compile_error::CompileError, disk_view::DiskView},
    event::Events,
};

/// A project with Vue.
struct Project {
    dir: TempDir,
    compiler: Compiler,
}

impl Project {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dunce::canonicalize(dir.path()).unwrap();
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules");
        assert!(installed.join("vue").is_dir(), "run: npm ci --prefix tests");
        std::os::unix::fs::symlink(installed, path.join("node_modules")).unwrap();
        let folders = Root::new(&path, Allow::default(), &[]).unwrap();
        let compiler = Compiler::new(Arc::new(folders), Arc::default(), Events::default());
        let project = Self { dir, compiler };
        for (name, text) in [
            ("package.json", "{}"),
            ("src/types.ts", "export interface Shared { flag: boolean }"),
            ("src/part.html", "<b>{{ part }}</b>"),
            ("src/main.ts", "export default { data: () => ({ part: 1 }) }"),
            ("src/other.css", ".other { color: red }"),
            ("src/logo.svg", ""),
        ] {
            project.write(name, text);
        }
        project
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn compile(&self, text: &str) -> Result<Arc<CompiledModule>, CompileError> {
        self.write("src/App.vue", text);
        let path = dunce::canonicalize(self.dir.path()).unwrap().join("src/App.vue");
        let spec = ModuleSpec::of_request(&path, "import", FetchMetadata::MODULE).unwrap();
        let disk = DiskView::default();
        match self.compiler.compile(&path, "/src/App.vue", text.as_bytes(), spec, &disk)? {
            Output::Module(module) => Ok(module),
            other => panic!("{other:?}"),
        }
    }

    fn code(&self, text: &str) -> String {
        self.compile(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).code.clone()
    }
}

#[test]
fn blocks_of_all_kinds_are_compiled() {
    let project = Project::new();
    for (text, expected) in [
        ("<template><p>a</p></template>", &["const _sfc_main = {}", "render: _sfc_render"][..]),
        ("<script>export default { name: 'A' }</script>", &["const _sfc_main = { name: \"A\" }"]),
        ("<script lang=\"ts\">export default class A { a: number = 1 }</script>", &["_sfc_main"]),
        (
            "<script setup lang=\"ts\">import type { Shared } from './types'\ndefineProps<Shared>()</script>",
            &["flag: {", "type: Boolean", "required: true"],
        ),
        (
            "<script setup lang=\"ts\">import type { PropType } from 'vue'\ndefineProps<{ a?: PropType<string> }>()</script>",
            &["a: {"],
        ),
        (
            "<script setup>const { a = 1 } = defineProps(['a']); const m = defineModel(); m(a)</script>",
            &["useModel", "__props.a"],
        ),
        ("<script setup>defineOptions({ inheritAttrs: false })</script>", &["inheritAttrs: false"]),
        ("<script src=\"./main.ts\"></script>", &["import _sfc_main from \"/src/main.ts"]),
        ("<template src=\"./part.html\"></template>", &["_ctx.part"]),
        ("<template>a</template><style src=\"./other.css\"></style>", &[".other { color: red }"]),
        ("<template><img src=\"./logo.svg\"></template>", &["\"/src/logo.svg\""]),
        (
            "<script setup>const tone = 'red'</script><template><p class=\"a\"/></template><style scoped>.a { color: v-bind(tone) }</style>",
            &["__scopeId: \"data-v-", ".a[data-v-", "-tone)", "_useCssVars"],
        ),
        (
            "<style module>.a { color: red }</style><style module=\"other\">.b { color: red }</style><script>export default {}</script>",
            &["__cssModules: {", "\"$style\": {", "\"other\": {", "\"a\"]: \"_a_"],
        ),
        (
            "<style>@import './other.css'; .a { }</style><script>export default {}</script>",
            &["import $part0_0 from \"/src/other.css?import&part"],
        ),
        ("<i18n>{ \"a\": 1 }</i18n><template>a</template>", &["render: _sfc_render"]),
    ] {
        let code = project.code(text);
        for part in expected {
            assert!(code.contains(part), "{text}\n{part}\n{code}");
        }
    }
    let module = project.compile("<template src=\"./part.html\" />").unwrap();
    assert!(module.dependencies.iter().any(|path| path.ends_with("src/part.html")));
}

#[test]
fn errors_have_the_lines_of_the_component() {
    let project = Project::new();
    for (text, position, message) in [
        ("<template>\n  <p>a\n</template>", Some((2, 3)), "Element is missing end tag."),
        (
            "<template>\n  {{ a b }}\n</template>",
            Some((2, 6)),
            "Error parsing JavaScript expression: Unexpected token, expected \",\"",
        ),
        ("<script>\nlet a = ;\n</script>", Some((2, 9)), "Unexpected token"),
        ("<script setup>\nlet a: b\n</script>", Some((2, 6)), "Missing semicolon."),
        (
            "<script setup>\ndefineProps(a)\nconst a = 1\nconst b = defineProps()\n</script>",
            Some((4, 11)),
            "duplicate defineProps() call",
        ),
        (
            "\n<template src=\"./none.html\"></template>",
            Some((2, 1)),
            "cannot resolve \"./none.html\"",
        ),
        (
            "<script setup>\nimport a from './none'\n</script>",
            Some((2, 15)),
            "cannot resolve \"./none\"",
        ),
        (
            "<style scoped>\n.a { color: red\n</style><script>let a</script>",
            Some((2, 1)),
            "Unclosed block",
        ),
        ("", None, "At least one <template> or <script> is required in a single file component."),
    ] {
        let error = project.compile(text).expect_err(text);
        assert_eq!((error.position, &*error.message), (position, message), "{text}");
        assert!(error.file.ends_with("src/App.vue"), "{:?}", error.file);
    }
}

/// Returns the two hashes that decide about an update.
fn hashes(code: &str) -> (String, String) {
    let value = |name: &str| {
        let start = code.rfind(name).unwrap() + name.len();
        code[start..].split('"').nth(1).unwrap().to_owned()
    };
    (value("script: "), value("template: "))
}

#[test]
fn hashes_tell_what_has_changed() {
    let project = Project::new();
    let component =
        "<script setup lang=\"ts\">\nimport { ref } from 'vue'\nconst n = ref(1)\n</script>
<template><p class=\"a\">{{ n }}</p></template>
<style scoped>\n.a { color: red }\n</style>";
    let (script, template) = hashes(&project.code(component));
    for (from, to, expected) in [
        ("red", "blue", (true, true)),
        ("ref(1)", "ref<number>(1) // more", (true, true)),
        ("<p", "<p  ", (true, true)),
        ("ref(1)", "ref(2)", (false, true)),
        ("{{ n }}", "{{ n }} n", (true, false)),
        ("red", "v-bind(n)", (false, true)),
        ("<style scoped>", "<style>", (false, true)),
    ] {
        let other = hashes(&project.code(&component.replace(from, to)));
        assert_eq!((other.0 == script, other.1 == template), expected, "{from} {to}");
    }
}

#[test]
fn source_maps_lead_to_the_component() {
    let project = Project::new();
    let component =
        "<template>\n  <p :title=\"first\" @click=\"second(1)\">{{ third }}</p>\n</template>\n
<script setup lang=\"ts\">\nimport { h as fourth } from 'vue'\nconst first: string = fifth(6)\n
function second(seventh: number) { return fourth(seventh) }\nconst third = 1\n</script>";
    let module = project.code(component);
    let (code, map) = module.split_once("//# sourceMappingURL=").unwrap();
    let json = String::from_utf8(base64(map.split_once("base64,").unwrap().1)).unwrap();
    let map = SourceMap::from_json_string(&json).unwrap();
    let table = map.generate_lookup_table();
    let lines = |text: &str, word: &str| -> Vec<u32> {
        let found = text.lines().enumerate().filter(|(_, line)| line.contains(word));
        found.map(|(at, _)| u32::try_from(at).unwrap()).collect()
    };
    for word in ["fifth", "seventh"] {
        for line in lines(code, word) {
            let text = code.lines().nth(line as usize).unwrap();
            let column = u32::try_from(text.find(word).unwrap()).unwrap();
            let found = map.lookup_token(&table, line, column).unwrap();
            assert!(lines(component, word).contains(&found.get_src_line()), "{word}: {found:?}");
        }
    }
    // An expression of the template.
    let line = lines(code, "_ctx.second").into_iter().chain(lines(code, "$setup.second")).next();
    let line = line.unwrap();
    let text = code.lines().nth(line as usize).unwrap();
    let column = u32::try_from(text.find(".second").unwrap() + 1).unwrap();
    let found = map.lookup_token(&table, line, column).unwrap();
    assert_eq!(found.get_src_line(), 1, "{found:?}");
    assert_eq!(map.get_source_contents().next().flatten(), Some(component));
}
