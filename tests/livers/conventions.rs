//! What projects that were written for other tools use: aliases, and what Vite does to files.

use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// Creates a project with these files beside its page and its `package.json`.
fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new();
    dir.write("favicon.ico", "");
    dir.write("package.json", "{\"name\":\"project\",\"type\":\"module\"}");
    dir.write(
        "index.html",
        "<!doctype html><title>none</title><script type=module src=/src/main.ts></script>",
    );
    for (path, text) in files {
        dir.write(path, text);
    }
    dir
}

const ALIASES: &str = r#"{"compilerOptions":{"baseUrl":".","paths":{"@/*":["src/*"]}}}"#;

#[tokio::test]
async fn paths_and_base_url_of_a_jsconfig_apply() {
    let dir = project(&[
        (
            "index.html",
            "<!doctype html><title>none</title><script type=module src=/src/main.jsx></script>",
        ),
        ("jsconfig.json", ALIASES),
        (
            "src/main.jsx",
            "import { a } from '@/a';\nimport b from 'src/b.js';\ndocument.title = a + b;",
        ),
        ("src/a.js", "export const a = 'a';"),
        ("src/b.js", "export default 'b';"),
        ("other/a.js", "export const a = 'other';"),
    ]);
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until("document.title === 'ab'").await;
    // The aliases are read again when the file changes.
    dir.write("jsconfig.json", ALIASES.replace("[\"src", "[\"other"));
    page.wait_until("document.title === 'otherb'").await;
}

#[tokio::test]
async fn glob_patterns_may_have_an_alias_or_a_base_and_a_cast() {
    let dir = project(&[
        ("tsconfig.json", ALIASES),
        ("src/pages/a.ts", "export const name = 'a';"),
        (
            "src/main.ts",
            "const all = {\n\
             ...(import.meta as any).glob('@/pages/*.ts', { eager: true }),\n\
             ...import.meta.glob('./*.ts', { base: './pages', eager: true }),\n\
             ...import.meta.glob('/src/pages/*.ts', { base: '/src', eager: true, import: 'name' }) };\n\
             document.title = Object.keys(all).join();",
        ),
    ]);
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until("document.title === '/src/pages/a.ts,./a.ts,./pages/a.ts'").await;
    dir.write("src/pages/b.ts", "export const name = 'b';");
    page.wait_until("document.title.includes('/src/pages/b.ts')").await;
    for (call, message) in [
        ("'@/../../*'", "leads out of the served folder"),
        ("'./*', { base: '../..' }", "leads out of the served folder"),
        ("'./*', { base: 'src' }", "must start with ./, ../ or /"),
    ] {
        dir.write("src/main.ts", format!("import.meta.glob({call})"));
        livers.wait_for_line(|line| line.contains("src/main.ts:1:")).await;
        page.wait_until(&format!(
            "document.documentElement.lastElementChild.shadowRoot?.textContent.includes('{message}')"
        ))
        .await;
    }
}

#[tokio::test]
async fn aliases_apply_to_computed_imports_and_module_urls() {
    let dir = project(&[
        ("tsconfig.json", ALIASES),
        ("src/x/1.ts", "export const name: string = 'one';"),
        ("src/x/1.json", "{\"name\":\"json\"}"),
        ("src/w.ts", "const name: string = 'worker'; postMessage(name);"),
        ("logo.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        (
            "src/main.ts",
            "const n = 1;\n\
             const worker = new Worker(new URL('@/w.ts', import.meta.url), { type: 'module' });\n\
             const said = new Promise((done) => worker.onmessage = ({ data }) => done(data));\n\
             document.title = [(await import(`@/x/${n}.ts`)).name, (await import(`./x/${n}.json`)).name,\n\
             await said, new URL(`@/x/${n}.ts`, import.meta.url).pathname,\n\
             new URL('logo.svg', import.meta.url).pathname].join();",
        ),
    ]);
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until("document.title === 'one,json,worker,/src/x/1.ts,/src/logo.svg'").await;
}

#[tokio::test]
async fn css_modules_of_packages_export_their_names() {
    let dir = project(&[
        (
            "node_modules/ui/package.json",
            "{\"name\":\"ui\",\"version\":\"1.0.0\",\"type\":\"module\"}",
        ),
        (
            "node_modules/ui/index.js",
            "import styles, { plain } from './button.module.css';\nexport { plain };\nexport const name = styles.btn;",
        ),
        (
            "node_modules/ui/button.module.css",
            ".btn { composes: base from './base.module.css'; color: rgb(1, 2, 3) } .plain {}",
        ),
        ("node_modules/ui/base.module.css", ".base { margin-top: 7px }"),
        (
            "src/main.ts",
            "import { name, plain } from 'ui';\nimport direct, { btn } from 'ui/button.module.css';\n\
             document.body.className = name;\n\
             document.title = [name === direct.btn, name === btn, plain === direct.plain, plain !== 'plain',\n\
             name.split(' ').length].join();",
        ),
    ]);
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until("document.title === 'true,true,true,true,2'").await;
    for (property, value) in [("color", "rgb(1, 2, 3)"), ("marginTop", "7px")] {
        page.wait_until(&format!("getComputedStyle(document.body).{property} === '{value}'")).await;
    }
}

#[tokio::test]
async fn wasm_is_instantiated_and_files_become_data_urls() {
    let dir = project(&[
        ("src/env.ts", "export const f = (): void => { document.body.id = 'called' };"),
        ("src/dot.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        (
            "src/main.ts",
            "import { run } from './add.wasm';\nimport init from './add.wasm?init';\n\
             import url from './add.wasm?url';\nimport dot from './dot.svg?inline';\n\
             (run as () => void)();\nlet calls = 0;\n\
             const { exports } = await init({ './env': { f: () => { calls += 1 } } });\n\
             (exports.run as () => void)();\n\
             document.title = [document.body.id, calls, url, dot.slice(0, 26), (await (await fetch(dot)).text()).length].join();",
        ),
    ]);
    // Calls the imported function `f` in the exported function `run`.
    let wasm = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x0b\x01\x05./env\x01f\0\0\
        \x03\x02\x01\0\x07\x07\x01\x03run\0\x01\x0a\x06\x01\x04\0\x10\0\x0b";
    dir.write("src/add.wasm", wasm);
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until("document.title === 'called,1,/src/add.wasm,data:image/svg+xml;base64,,41'")
        .await;
}

#[tokio::test]
async fn variables_in_html_are_replaced() {
    let page = |text: &str| {
        format!(
            "<!doctype html><title>%VITE_TITLE% %MODE%</title><p>{text} %VITE_NONE% %SECRET%</p>"
        )
    };
    let dir = project(&[("index.html", &page("one")), (".env", "VITE_TITLE=first\nSECRET=s3")]);
    let livers = Livers::on(dir.path()).start().await;
    let tab = browser().await.open(livers.url()).await;
    tab.wait_until("document.title === 'first development'").await;
    let text = "document.querySelector('p').textContent";
    assert_eq!(tab.eval::<String>(text).await, "one %VITE_NONE% %SECRET%");
    // An edit is still patched into the page.
    dir.write("index.html", page("two"));
    tab.wait_until(&format!("{text} === 'two %VITE_NONE% %SECRET%'")).await;
    assert_eq!(tab.navigations(), 1);
    assert_eq!(tab.eval::<String>("document.title").await, "first development");
    dir.write(".env", "VITE_TITLE=second");
    tab.reload().await;
    tab.wait_until("document.title === 'second development'").await;
    // A folder that is no project is served as it is.
    let plain = TempDir::with_page(&page("three"));
    let livers = Livers::on(plain.path()).start().await;
    let tab = browser().await.open(livers.url()).await;
    tab.wait_until("document.title === '%VITE_TITLE% %MODE%'").await;
}
