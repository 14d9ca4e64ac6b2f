//! Tailwind 4, with the real package: sheets that depend on the class names in the sources.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http::get_with;
use crate::support::server::Livers;

/// Creates a project with these files and packages.
fn project(packages: &[&str], files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new();
    dir.make_dir("node_modules");
    for package in packages {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules").join(package);
        let copied = Command::new("cp").arg("-r").arg(&from).arg(dir.at("node_modules")).status();
        assert!(copied.is_ok_and(|it| it.success()), "run: npm ci --prefix tests");
    }
    dir.write("package.json", "{\"type\":\"module\"}");
    dir.write("tsconfig.json", "{\"compilerOptions\":{\"jsx\":\"react-jsx\"}}");
    for (path, text) in files {
        dir.write(path, text);
    }
    dir
}

/// Records in each frame the classes and the padding of the element that is tested.
const RECORD: &str = "window.frames_ = new Set(); (function frame() {
    const button = document.querySelector('button');
    if (button) frames_.add(button.className + ' has ' + getComputedStyle(button).paddingLeft);
    requestAnimationFrame(frame); })()";

fn component(class: &str, text: &str) -> String {
    format!(
        "import {{ useState }} from 'react';
         export default function Button() {{ const [n, set] = useState(0);
           return <button className=\"{class}\" onClick={{() => set(n + 1)}}>{text} {{n}}</button>; }}"
    )
}

#[tokio::test]
async fn a_new_class_extends_the_sheet_in_the_same_update() {
    let dir = project(
        &["react", "react-dom", "scheduler", "tailwindcss"],
        &[
            (
                "index.html",
                "<!doctype html><title>t</title><link rel=icon href=data:,><div id=root></div>
                 <script type=module src=/src/main.jsx></script>",
            ),
            (
                "src/main.jsx",
                "import { createRoot } from 'react-dom/client'; import './app.css'; import Button from './Button';
                 createRoot(document.querySelector('#root')).render(<Button/>);",
            ),
            ("src/app.css", "@import 'tailwindcss';\n@import './theme.css';\n.own { @apply pr-2; }\n"),
            ("src/theme.css", "@theme { --spacing-wide: 40px; }\n"),
            ("src/Button.jsx", &component("own pl-[5px]", "one")),
        ],
    );
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_until("document.querySelector('button')?.textContent === 'one 0'").await;
    page.run("document.querySelector('button').click()").await;
    page.run(RECORD).await;

    dir.write("src/Button.jsx", component("own pl-[7px]", "two"));
    page.wait_until("[...frames_].some((it) => it === 'own pl-[7px] has 7px')").await;
    let seen: serde_json::Value = page.eval("JSON.stringify([...frames_])").await;
    let text: serde_json::Value = page.eval("document.querySelector('button').textContent").await;
    assert_eq!(text, json!("two 1"), "the state is kept");
    assert_eq!(seen, json!(r#"["own pl-[5px] has 5px","own pl-[7px] has 7px"]"#));
    // A theme that the sheet imports.
    dir.write("src/Button.jsx", component("own pl-wide", "two"));
    page.wait_until("[...frames_].some((it) => it === 'own pl-wide has 40px')").await;
    dir.write("src/theme.css", "@theme { --spacing-wide: 44px; }\n");
    page.wait_until("[...frames_].some((it) => it === 'own pl-wide has 44px')").await;
    let text: serde_json::Value = page.eval("document.querySelector('button').textContent").await;
    assert_eq!(text, json!("two 1"));
    // A component in a new folder.
    dir.write("src/new/Other.jsx", component("own pl-[9px]", "three"));
    livers.wait_for_line(|line| line.contains("Other.jsx")).await;
    dir.write(
        "src/Button.jsx",
        "import Other from './new/Other'; export default function Button() { return <Other/>; }",
    );
    page.wait_until("[...frames_].some((it) => it === 'own pl-[9px] has 9px')").await;
    let seen: serde_json::Value =
        page.eval("[...frames_].filter((it) => /9px. has (?!9px)/.test(it)).length").await;
    assert_eq!(seen, json!(0));
    assert_eq!(page.navigations(), 1);
}

#[tokio::test]
async fn a_linked_sheet_is_compiled_and_errors_name_their_place() {
    let dir = project(
        &["tailwindcss"],
        &[
            ("index.html", "<link rel=stylesheet href=app.css><p class='p-[3px]'>"),
            ("app.css", "@import \"tailwindcss\";\n"),
            ("plain.css", "p { color: red }\n"),
        ],
    );
    let livers = Livers::on(dir.path()).start().await;
    let get = async |path: &str| {
        get_with(livers.port(), path, &[("Sec-Fetch-Dest", "style"), ("Sec-Fetch-Mode", "no-cors")])
            .await
    };
    let sheet = get("/app.css").await;
    assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(sheet.text().contains(".p-\\[3px\\]"), "{}", sheet.text());
    assert!(!sheet.text().contains("@import"));
    let plain = get("/plain.css").await;
    assert_eq!(plain.text(), "p { color: red }\n");
    assert!(plain.header("etag").is_some());

    dir.write("app.css", "@import \"tailwindcss\";\np { @apply none-such; }\n");
    let sheet = get("/app.css").await;
    assert_eq!(sheet.status, 500);
    livers.wait_for_line(|line| line.contains("app.css") && line.contains("none-such")).await;
}
