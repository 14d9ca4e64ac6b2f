//! `vite.config.*` of the served folder, which is read and never run.

use std::net::TcpListener;

use crate::support::backend::Backend;
use crate::support::dir::TempDir;
use crate::support::http::{Response, get, get_with};
use crate::support::server::{Livers, run};
use crate::support::tab::Tab;

/// Creates a project with a configuration and other files.
fn project(config: &str, files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new();
    dir.write("package.json", "{\"name\":\"project\",\"type\":\"module\"}");
    dir.write("index.html", "<!doctype html><script type=module src=/src/main.ts></script>");
    dir.write("vite.config.ts", config);
    for (path, text) in files {
        dir.write(path, text);
    }
    dir
}

/// Requests a path as a browser does for a module script.
async fn get_as_script(livers: &Livers, path: &str) -> Response {
    let headers = [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors")];
    get_with(livers.port(), path, &headers).await
}

#[tokio::test]
async fn what_is_not_understood_is_named_once() {
    let config = "import { VitePWA } from 'vite-plugin-pwa'\nimport react from '@vitejs/plugin-react'\n\
                  import { visualizer } from 'rollup-plugin-visualizer'\n\
                  throw new Error('this file must not run')\n\
                  export default {\nplugins: [react(), VitePWA(), visualizer()],\n\
                  resolve: { alias: aliases() },\nserver: { host: true } }";
    let dir = project(config, &[]);
    let livers = Livers::on(dir.path()).start().await;
    for wanted in [
        "vite.config.ts: plugin vite-plugin-pwa is not run",
        "vite.config.ts: resolve.alias is not understood (line 7)",
        "vite.config.ts: server.host is not applied (--host 0.0.0.0 accepts other devices)",
    ] {
        livers.wait_for_line(|line| line.ends_with(wanted)).await;
    }
    get_as_script(&livers, "/").await;
    let named = livers.stdout().iter().filter(|line| line.contains("vite.config")).count();
    assert_eq!(named, 3, "{:?}", livers.stdout());

    let dir = project(config, &[]);
    let livers = Livers::on(dir.path()).arg("--no-compile").start().await;
    get_as_script(&livers, "/").await;
    assert!(!livers.stdout().iter().any(|line| line.contains("vite.config")));
}

#[tokio::test]
async fn aliases_apply_to_imports_addresses_globs_and_style_sheets() {
    let config = "import path from 'path'\nexport default { resolve: { extensions: ['.mine.ts', '.ts'], alias: [\n\
        { find: '@', replacement: path.resolve(__dirname, 'src') },\n\
        { find: /\\/#\\//, replacement: path.join(__dirname, 'types') + '/' },\n\
        { find: 'root', replacement: '/src' }, { find: 'old', replacement: 'new/deep.js' }] } }";
    let main = "import { a } from '@/a'\nimport '/#/b.ts'\nimport 'root/a'\nimport 'old'\nimport '@/main.css'\n\
        import own from './own'\nexport const url = new URL('@/a.png', import.meta.url)\n\
        export const all = import.meta.glob('@/pages/*.ts')\nexport const one = (name: string) => import(`@/pages/${name}.ts`)\nconsole.log(a, own)";
    let dir = project(
        config,
        &[
            ("src/main.ts", main),
            ("src/a.ts", "export const a: number = 1"),
            ("src/own.mine.ts", "export default 1"),
            ("src/own.ts", "export default 2"),
            ("types/b.ts", "export {}"),
            ("src/main.css", "@import '@/base.css';\nbody { background: url(@/a.png) }"),
            ("src/base.css", "b { color: red }"),
            ("src/a.png", "png"),
            ("src/pages/home.ts", "export {}"),
            ("node_modules/new/package.json", "{\"name\":\"new\",\"version\":\"1.0.0\"}"),
            ("node_modules/new/deep.js", "export {}"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    let script = get_as_script(&livers, "/src/main.ts").await;
    assert_eq!(script.status, 200, "{}", script.text());
    for wanted in [
        "\"/src/a.ts\"",
        "\"/types/b.ts\"",
        "/__livers/npm/new@1.0.0",
        "\"/src/main.css?import\"",
        "\"/src/own.mine.ts\"",
        "new URL(\"/src/a.png\"",
        "/src/pages/home.ts",
        "`/src/pages/${name}.ts`",
    ] {
        assert!(script.text().contains(wanted), "{wanted}: {}", script.text());
    }
    let sheet = get_as_script(&livers, "/src/main.css?import").await;
    assert!(sheet.text().contains("/src/base.css"), "{}", sheet.text());
    let headers = [("Referer", &*livers.at("/src/main.css")), ("Sec-Fetch-Dest", "image")];
    let image = get_with(livers.port(), "/src/@/a.png", &headers).await;
    assert_eq!((image.status, image.header("location")), (302, Some("/src/a.png")));

    dir.write("src/main.ts", "import '@/missing'");
    let script = get_as_script(&livers, "/src/main.ts").await;
    assert!(script.text().contains("cannot resolve \\\"@/missing\\\""), "{}", script.text());
}

/// Starts a backend that answers with the target and the host of the request.
async fn echo() -> Backend {
    Backend::start(|mut wire| async move {
        let Some(head) = wire.request().await else { return };
        let body = format!("{} {}", head.target, head.headers.get("host").unwrap_or_default());
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        wire.send((head + &body).as_bytes()).await;
    })
    .await
}

#[tokio::test]
async fn proxy_rules_become_routes_unless_a_flag_has_the_prefix() {
    let (one, other) = (echo().await, echo().await);
    let config = format!(
        "export default {{ server: {{ proxy: {{\n\
         '/plain': {{ target: '{0}' }}, '/short': '{0}/v1',\n\
         '/api': {{ target: '{0}', changeOrigin: true, rewrite: (path) => path.replace(/^\\/api/, '') }},\n\
         '/flag': '{0}', '/odd': {{ target: '{0}', rewrite: (path) => path.toUpperCase() }} }} }} }}",
        one.url().trim_end_matches('/')
    );
    let dir = project(&config, &[]);
    let flag = format!("/flag=localhost:{}/x", other.port());
    let livers = Livers::on(dir.path()).arg("--proxy").arg(flag).start().await;
    let own = format!("localhost:{}", livers.port());
    let theirs = one.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    for (path, wanted) in [
        ("/plain/a?b", format!("/plain/a?b {own}")),
        ("/short/a", format!("/v1/short/a {theirs}")),
        ("/api/a", format!("/a {theirs}")),
        ("/flag/a", format!("/x/a {own}")),
    ] {
        assert_eq!(get(livers.port(), path).await.text(), wanted, "{path}");
    }
    livers.wait_for_line(|line| line.contains("proxy") && line.contains("/plain -> http")).await;
    let odd = "vite.config.ts: server.proxy[\"/odd\"].rewrite is not understood (line 4)";
    livers.wait_for_line(|line| line.ends_with(odd)).await;
    assert_eq!(get(livers.port(), "/odd/a").await.status, 404);
}

#[tokio::test]
async fn the_port_is_that_of_the_configuration_unless_a_flag_names_one() {
    let used = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = used.local_addr().unwrap().port();
    let config = format!("export default {{ server: {{ port: {port} }} }}");
    let dir = project(&config, &[]);
    let livers = Livers::on(dir.path()).without_port().start().await;
    livers.wait_for_line(|line| line.contains(&format!("port {port} is in use"))).await;
    // The harness names port 0.
    let livers = Livers::on(dir.path()).start().await;
    assert!(!livers.stdout().iter().any(|line| line.contains("is in use")));

    let config = format!("export default {{ server: {{ port: {port}, strictPort: true }} }}");
    let dir = project(&config, &[]);
    let (status, _, errors) = run([dir.path()]).await;
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains(&format!("port {port} on 127.0.0.1 is in use")), "{errors}");
}

#[tokio::test]
async fn defines_replace_names_in_scripts() {
    let config = "export default { define: { __VERSION__: JSON.stringify('1.2.3'), 'globalThis.__ON__': true,\n\
        'import.meta.env.APP_TITLE': JSON.stringify('Title'), 'process.env': { A: 'a' }, __BAD__: 'two words' } }";
    let dir = project(
        config,
        &[
            (
                "src/main.ts",
                "const text: string = '__VERSION__'\n\
                 export const all = [__VERSION__, globalThis.__ON__, import.meta.env.APP_TITLE, text,\n\
                 process.env.A, process.env.NODE_ENV, import.meta.env]\n\
                 export const own = (__VERSION__: string) => __VERSION__",
            ),
            ("src/plain.js", "console.log(__VERSION__)"),
            ("src/other.js", "console.log(1)"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    let script = get_as_script(&livers, "/src/main.ts").await;
    for wanted in [
        "\"__VERSION__\"",
        "\"1.2.3\"",
        "true",
        "\"Title\"",
        "{ \"A\": \"a\" }.A",
        "\"development\"",
        "\"APP_TITLE\":\"Title\"",
        "(__VERSION__) => __VERSION__",
    ] {
        assert!(script.text().contains(wanted), "{wanted}: {}", script.text());
    }
    assert!(get_as_script(&livers, "/src/plain.js").await.text().contains("\"1.2.3\""));
    let bad = "vite.config.ts: define.__BAD__ is not understood (line 2)";
    livers.wait_for_line(|line| line.ends_with(bad)).await;
}

#[tokio::test]
async fn other_prefixes_and_folders_of_variables_apply() {
    let config = "export default { envPrefix: ['APP_', ''], envDir: './env', base: './' }";
    let dir = project(
        config,
        &[
            ("src/main.ts", "console.log(import.meta.env.APP_A)"),
            ("index.html", "<title>%APP_A% %VITE_B%</title>"),
            ("env/.env", "APP_A=file\nVITE_B=hidden\nAPP_SHELL=file"),
            (".env", "APP_C=other"),
        ],
    );
    let livers = Livers::on(dir.path()).env("APP_SHELL", "shell").start().await;
    let script = get_as_script(&livers, "/src/main.ts").await;
    let text = script.text();
    assert!(text.contains("\"APP_A\":\"file\"") && text.contains("\"BASE_URL\":\"/\""), "{text}");
    assert!(text.contains("\"APP_SHELL\":\"file\""), "{text}");
    assert!(!text.contains("hidden") && !text.contains("APP_C"), "{text}");
    let page = get(livers.port(), "/").await;
    assert!(page.text().contains("<title>file %VITE_B%</title>"), "{}", page.text());
    livers.wait_for_line(|line| line.ends_with("envPrefix is not understood (line 1)")).await;
}

#[tokio::test]
async fn jsx_is_compiled_as_the_configuration_says() {
    let jsx = "export const view = <b title=\"a\"><></></b>";
    let package = "{\"name\":\"elements\",\"version\":\"1.0.0\"}";
    let table = [
        (
            "esbuild: { jsxFactory: 'h', jsxFragment: 'F', jsxInject: `import { h, F } from './h'` }",
            &["import { h, F } from \"/src/h.ts\"", "h(\"b\", { title: \"a\" }, ", "h(F, null)"][..],
        ),
        ("oxc: { jsx: { runtime: 'classic', pragma: 'h' } }", &["h(\"b\", ", "React.Fragment"]),
        ("esbuild: { jsxImportSource: 'elements' }", &["/__livers/npm/elements@1.0.0"]),
        ("plugins: [react({ jsxImportSource: 'elements' })]", &["/__livers/npm/elements@1.0.0"]),
    ];
    for (config, wanted) in table {
        let config =
            format!("import react from '@vitejs/plugin-react'\nexport default {{ {config} }}");
        let dir = project(
            &config,
            &[
                ("src/main.tsx", jsx),
                ("src/h.ts", "export const h = 1, F = 2"),
                ("node_modules/elements/package.json", package),
                (
                    "node_modules/elements/jsx-dev-runtime.js",
                    "export const jsxDEV = 1, Fragment = 2",
                ),
            ],
        );
        let livers = Livers::on(dir.path()).start().await;
        let script = get_as_script(&livers, "/src/main.tsx").await;
        for wanted in wanted {
            assert!(script.text().contains(wanted), "{config}: {wanted}: {}", script.text());
        }
    }
}

#[tokio::test]
async fn an_application_is_served_below_its_base() {
    let config = "export default { base: '/app/' }";
    let dir = project(
        config,
        &[
            ("src/main.ts", "console.log(import.meta.env.BASE_URL)"),
            ("public/logo.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    let navigation = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")];
    let index = get_with(livers.port(), "/?a=b", &navigation).await;
    assert_eq!((index.status, index.header("location")), (302, Some("/app/?a=b")));
    for path in ["/app/", "/app/route"] {
        let page = get_with(livers.port(), path, &navigation).await;
        assert!(page.status == 200 && page.text().contains("/src/main.ts"), "{path}: {page:?}");
    }
    for path in ["/app/src/main.ts", "/src/main.ts"] {
        let script = get_as_script(&livers, path).await;
        assert!(script.text().contains("\"BASE_URL\":\"/app/\""), "{path}: {}", script.text());
    }
    for path in ["/app/logo.svg", "/logo.svg"] {
        assert_eq!(get(livers.port(), path).await.status, 200, "{path}");
    }

    // A save has one name in the terminal, and reaches the page below the base.
    let mut tab = Tab::page(&livers, "/app/", &[]).await;
    dir.write("index.html", "<!doctype html><p>two");
    tab.until("/app/index.html").await;
    let line = livers.wait_for_line(|line| line.starts_with("updated")).await;
    assert!(line.starts_with("updated  index.html  ->"), "{line}");
}

#[tokio::test]
async fn the_root_and_the_public_folder_are_those_of_the_configuration() {
    let dir = project(
        "export default { root: 'client', publicDir: '../static', envDir: '..', resolve: { alias: { '@': '/lib' } } }",
        &[
            (
                "client/index.html",
                "<title>%VITE_A%</title><script type=module src=/main.ts></script>",
            ),
            ("client/main.ts", "import '@/a'\nconsole.log(import.meta.env.VITE_A)"),
            ("client/lib/a.ts", "export {}"),
            ("static/logo.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
            (".env", "VITE_A=one"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    let navigation = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")];
    for path in ["/", "/route"] {
        let page = get_with(livers.port(), path, &navigation).await;
        assert!(page.text().contains("<title>one</title>"), "{path}: {}", page.text());
    }
    let script = get_as_script(&livers, "/main.ts").await;
    let text = script.text();
    assert!(text.contains("\"/lib/a.ts\"") && text.contains("\"VITE_A\":\"one\""), "{text}");
    assert_eq!(get(livers.port(), "/logo.svg").await.status, 200);
    assert_eq!(get(livers.port(), "/package.json").await.status, 404);

    let dir = project(
        "export default { publicDir: 'assets' }",
        &[("assets/a.txt", "a"), ("public/b.txt", "b")],
    );
    let livers = Livers::on(dir.path()).start().await;
    assert_eq!(get(livers.port(), "/a.txt").await.text(), "a");
    assert_eq!(get(livers.port(), "/b.txt").await.status, 404);
}

#[cfg(unix)]
#[tokio::test]
async fn folders_outside_of_the_served_one_are_not_served() {
    let outer = TempDir::new();
    outer.write("secret/index.html", "secret");
    outer.write("secret/.env", "VITE_A=secret");
    outer.write("app/index.html", "<title>%VITE_A%</title>");
    let config =
        "export default { root: '../secret', publicDir: '../secret', envDir: '../secret' }";
    outer.write("app/vite.config.ts", config);
    std::os::unix::fs::symlink(outer.at("secret"), outer.at("app/link")).unwrap();
    let livers = Livers::on(outer.at("app")).start().await;
    assert!(get(livers.port(), "/").await.text().contains("%VITE_A%"));
    for name in ["root", "publicDir", "envDir"] {
        let wanted = format!("vite.config.ts: {name} is not applied: ");
        livers.wait_for_line(|line| line.contains(&wanted) && line.ends_with(" folder")).await;
    }

    let config = "export default { root: 'link', publicDir: 'link' }";
    outer.write("app/vite.config.ts", config);
    let livers = Livers::on(outer.at("app")).start().await;
    assert!(!get(livers.port(), "/").await.text().contains("secret"));
}

#[tokio::test]
async fn a_change_of_the_configuration_asks_for_a_restart() {
    let dir = project("export default {}", &[]);
    let livers = Livers::on(dir.path()).start().await;
    dir.write("vite.config.ts", "export default { base: '/a/' }");
    let wanted = "vite.config.ts: changed: restart livers to apply it";
    livers.wait_for_line(|line| line.ends_with(wanted)).await;
}
