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
