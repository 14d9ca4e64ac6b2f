//! Projects in a workspace: packages that lie outside of the served folder and are linked from
//! `node_modules`.

#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::http::get;
use crate::support::server::Livers;

/// Creates an application that imports a linked package, which imports another one. The link is in
/// the folder `modules`.
fn workspace(modules: &str) -> TempDir {
    let dir = TempDir::new();
    for (path, text) in [
        ("package.json", "{\"name\":\"all\",\"workspaces\":[\"app\",\"packages/*\"]}"),
        ("secret.txt", "confidential"),
        ("app/package.json", "{\"name\":\"app\"}"),
        (
            "app/index.html",
            "<!doctype html><title>none</title><input id=text><div id=root></div>\
             <script type=module src=src/main.ts></script>",
        ),
        (
            "app/src/main.ts",
            "import { view, classes, logo, pages } from '@p/ui';\nimport '@p/ui/src/plain.css';\n\
             import { color } from '@p/ui/src/color';\n\
             const root = document.querySelector('#root')!;\nroot.append(view());\n\
             root.className = classes.box;\n\
             document.title = ['ready', color, logo, pages.join(), await (await fetch(logo)).text()].join(' ');\n",
        ),
        (
            "packages/ui/package.json",
            "{\"name\":\"@p/ui\",\"version\":\"1.0.0\",\"main\":\"src/index.ts\"}",
        ),
        (
            "packages/ui/src/index.ts",
            "export { view } from './view';\nexport { default as classes } from './box.module.css';\n\
             export { default as logo } from './logo.svg';\n\
             export const pages: string[] = Object.keys(import.meta.glob('./pages/*.ts'));\n",
        ),
        ("packages/ui/src/pages/one.ts", "export const one = 1;"),
        ("packages/ui/src/box.module.css", ".box { color: rgb(1, 1, 1) }"),
        ("packages/ui/src/plain.css", "#root { margin-left: 1px }"),
        ("packages/ui/src/logo.svg", "<svg/>"),
        ("packages/ui/src/color.ts", "export { color } from '@p/theme';"),
        ("packages/ui/.env", "SECRET=confidential"),
        ("packages/ui/.git/config", "confidential"),
        ("packages/ui/server.key", "confidential"),
        ("packages/theme/package.json", "{\"name\":\"@p/theme\",\"main\":\"index.ts\"}"),
        ("packages/theme/index.ts", "export const color: string = 'red';"),
        ("packages/other/package.json", "{\"name\":\"@p/other\"}"),
        ("packages/other/index.ts", "export const secret = 'confidential';"),
        ("app/favicon.ico", ""),
    ] {
        dir.write(path, text);
    }
    dir.write("packages/ui/src/view.ts", view("one"));
    link(&dir, "packages/ui", &format!("{modules}/@p/ui"));
    link(&dir, "packages/theme", "packages/ui/node_modules/@p/theme");
    dir
}

fn link(dir: &TempDir, folder: &str, at: &str) {
    dir.make_dir(Path::new(at).parent().expect("a folder"));
    symlink(dir.at(folder), dir.at(at)).expect("link a folder");
}

/// Returns a module that accepts its own hot updates.
fn view(text: &str) -> String {
    format!(
        "export const view = (): Element => Object.assign(document.createElement('p'), {{ id: 'view', textContent: '{text}' }});\n\
         import.meta.hot?.accept((now) => document.querySelector('#view')?.replaceWith(now!.view()));\n"
    )
}

async fn wait_for_text(page: &Page, text: &str) {
    page.wait_until(&format!("document.querySelector('#view')?.textContent === '{text}'")).await;
}

#[tokio::test]
async fn a_linked_package_outside_of_the_root_is_a_source() {
    for modules in ["app/node_modules", "node_modules"] {
        let dir = workspace(modules);
        let livers = Livers::on(dir.at("app")).start().await;
        let page = browser().await.open(livers.url()).await;
        wait_for_text(&page, "one").await;
        let title = |pages: &str| {
            format!("document.title === 'ready red /@linked/@p/ui/src/logo.svg {pages} <svg/>'")
        };
        page.wait_until(&title("./pages/one.ts")).await;
        page.run("document.querySelector('#text').value = 'half-written'").await;

        // Each kind of file is updated in place.
        for text in ["two", "three"] {
            dir.write("packages/ui/src/view.ts", view(text));
            wait_for_text(&page, text).await;
        }
        let style = "getComputedStyle(document.querySelector('#root'))";
        dir.write("packages/ui/src/box.module.css", ".box { color: rgb(2, 2, 2) }");
        page.wait_until(&format!("{style}.color === 'rgb(2, 2, 2)'")).await;
        dir.write("packages/ui/src/plain.css", "#root { margin-left: 2px }");
        page.wait_until(&format!("{style}.marginLeft === '2px'")).await;
        assert_eq!(page.navigations(), 1);
        assert_eq!(
            page.eval::<String>("document.querySelector('#text').value").await,
            "half-written"
        );

        // An error names the file, and is gone when it is fixed.
        let overlay = "document.documentElement.lastElementChild.shadowRoot";
        dir.write("packages/ui/src/view.ts", "export const view = ;\n");
        livers.wait_for_line(|line| line.contains("packages/ui/src/view.ts:1:21")).await;
        page.wait_until(&format!("{overlay}?.textContent.includes('export const view = ;')")).await;
        dir.write("packages/ui/src/view.ts", view("four"));
        wait_for_text(&page, "four").await;
        page.wait_until(&format!("!{overlay}")).await;

        // Nothing accepts these: the page reloads.
        dir.write("packages/theme/index.ts", "export const color: string = 'blue';");
        page.wait_until("document.title.startsWith('ready blue')").await;
        dir.write("packages/ui/src/pages/two.ts", "export const two = 2;");
        page.wait_until("document.title.includes('./pages/one.ts,./pages/two.ts')").await;
    }
}

#[tokio::test]
async fn only_the_folders_of_linked_packages_are_served() {
    let dir = workspace("app/node_modules");
    symlink(dir.at("secret.txt"), dir.at("packages/ui/out.txt")).expect("link a file");
    symlink(dir.at("packages/other"), dir.at("packages/ui/other")).expect("link a folder");
    link(&dir, "", "app/node_modules/all");
    let livers = Livers::on(dir.at("app")).start().await;
    assert_eq!(get(livers.port(), "/@linked/@p/ui/src/logo.svg").await.status, 200);
    for path in [
        "/@linked/@p/ui/.env",
        "/@linked/@p/ui/.env?import&raw",
        "/@linked/@p/ui/%2eenv",
        "/@linked/@p/ui/.git/config",
        "/@linked/@p/ui/server.key",
        "/@linked/@p/ui/out.txt",
        "/@linked/@p/ui/other/index.ts",
        "/@linked/@p/ui/../other/index.ts",
        "/@linked/@p/ui/..%2fother/index.ts",
        "/@linked/@p/ui/%2e%2e/%2e%2e/secret.txt",
        "/@linked/@p/other/index.ts",
        "/@linked/@p/",
        "/@linked/all/secret.txt",
        "/@linked/app/package.json",
        "/node_modules/all/secret.txt",
        "/@fs/etc/passwd",
    ] {
        let response = get(livers.port(), path).await;
        assert!([403, 404].contains(&response.status), "{path}: {}", response.status);
        assert!(!response.text().contains("confidential"), "{path}");
    }
    // Without the compiler, nothing outside of the folder is served.
    let plain = Livers::on(dir.at("app")).arg("--no-compile").start().await;
    assert_eq!(get(plain.port(), "/@linked/@p/ui/src/logo.svg").await.status, 404);
}

#[tokio::test]
async fn an_application_below_the_root_of_a_workspace_has_its_own_settings() {
    let dir = workspace("app/node_modules");
    for (path, text) in [
        (
            "app/index.html",
            "<!doctype html><title>none</title><link rel=icon href=/favicon.ico>%VITE_NAME%\
             <div id=root></div><script type=module src=/src/main.ts></script>",
        ),
        ("app/tsconfig.json", "{\"compilerOptions\":{\"paths\":{\"@/*\":[\"./src/*\"]}}}"),
        ("app/.env", "VITE_NAME=app"),
        (".env", "VITE_NAME=root"),
        ("app/public/logo.svg", "<svg>public</svg>"),
        ("app/public/note.txt", "a note"),
        ("app/src/part.ts", "export const part: string = 'part';"),
        ("app/node_modules/own/package.json", "{\"name\":\"own\",\"version\":\"1.0.0\"}"),
        ("app/node_modules/own/index.js", "exports.own = require('deeper');"),
        ("app/node_modules/deeper/package.json", "{\"name\":\"deeper\",\"version\":\"1.0.0\"}"),
        ("app/node_modules/deeper/index.js", "module.exports = 'own';"),
        (
            "app/src/main.ts",
            "import { view } from '@p/ui';\nimport { part } from '@/part';\nimport { own } from 'own';\n\
             import { part as again } from '/src/part';\nimport logo from '/logo.svg';\n\
             document.querySelector('#root')!.append(view());\n\
             const texts = await Promise.all([logo, '/note.txt'].map(async (url) => (await fetch(url)).text()));\n\
             document.title = [part, again, own, import.meta.env.VITE_NAME, ...texts].join(' ');\n",
        ),
    ] {
        dir.write(path, text);
    }
    // Packages are found again by the second run.
    for run in ["first", "second"] {
        dir.write("packages/ui/src/view.ts", view(run));
        let livers = Livers::on(dir.path()).start().await;
        let page = browser().await.open(&livers.at("/app/")).await;
        wait_for_text(&page, run).await;
        page.wait_until("document.title === 'part part own app <svg>public</svg> a note'").await;
        assert!(page.eval::<String>("document.body.textContent").await.contains("app"));
        dir.write("packages/ui/src/view.ts", view("updated"));
        wait_for_text(&page, "updated").await;
        assert_eq!(page.navigations(), 1);
        // A route of the application.
        page.goto(&livers.at("/app/settings/profile")).await;
        wait_for_text(&page, "updated").await;
        dir.write("app/.env", format!("VITE_NAME={run}"));
        page.reload().await;
        page.wait_until(&format!("document.title.includes('own {run} ')")).await;
        dir.write("app/.env", "VITE_NAME=app");
    }
}
