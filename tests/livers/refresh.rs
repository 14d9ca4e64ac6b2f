//! Fast Refresh with the real React and Preact: which edits keep the state of components.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::browser::{Page, browser};
use crate::support::dir::TempDir;
use crate::support::http::get_with;
use crate::support::server::Livers;

/// Creates a project that renders two components, with packages from the registry.
fn project(packages: &[&str], options: &str, main: &str) -> TempDir {
    let dir = TempDir::new();
    dir.make_dir("node_modules");
    for package in packages {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules").join(package);
        let to = dir.at("node_modules");
        let copied = Command::new("cp").arg("-r").arg(&from).arg(to).status();
        assert!(
            copied.is_ok_and(|it| it.success()),
            "run: npm ci --prefix tests ({})",
            from.display()
        );
    }
    for (path, text) in [
        ("package.json", "{\"type\":\"module\"}"),
        ("favicon.ico", ""),
        ("tsconfig.json", options),
        (
            "index.html",
            "<!doctype html><title>none</title><div id=root></div><script type=module src=/main.jsx></script>",
        ),
        ("main.jsx", main),
        (
            "App.jsx",
            "import Part from './Part'; import Other from './Other';
             export default function App() { return <><Part/><Other/></>; }",
        ),
    ] {
        dir.write(path, text);
    }
    dir.write("Part.jsx", "");
    dir
}

/// Returns a component that counts clicks, and shows a text.
fn counter(start: &str, hooks: &str, id: &str, text: &str) -> String {
    format!(
        "import {{ useState, useRef, useMemo, useEffect }} from '{hooks}';
         {start} {{ const [n, set] = useState(0); const ref = useRef(0); ref.current += 1;
           const text = useMemo(() => '{text}', []);
           useEffect(() => {{ document.body.dataset.{id} = '{text}'; }}, []);
           return <button id=\"{id}\" onClick={{() => set(n + 1)}}>{{text}} {{n}} {{ref.current > 1 ? 'old' : 'new'}}</button>; }}"
    )
}

fn class(start: &str, from: &str, id: &str, text: &str) -> String {
    format!(
        "import {{ Component }} from '{from}';
         {start} {{ state = {{ n: 0 }};
           render() {{ return <button id=\"{id}\" onClick={{() => this.setState({{ n: this.state.n + 1 }})}}>
             {text} {{this.state.n}}</button>; }} }}"
    )
}

async fn click(page: &Page, id: &str) {
    page.run(&format!("document.querySelector('#{id}').click()")).await;
}

async fn wait_for(page: &Page, id: &str, text: &str) {
    page.wait_until(&format!("document.querySelector('#{id}')?.textContent === '{text}'")).await;
}

/// Opens the page of a project, and counts in the component that is in `Part.jsx`.
async fn open(dir: &TempDir) -> (Livers, Page) {
    let livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for(&page, "part", "one 0 new").await;
    click(&page, "part").await;
    (livers, page)
}

#[tokio::test]
async fn components_of_preact_keep_their_state() {
    let main = "import { render } from 'preact'; import App from './App';
        render(<App/>, document.querySelector('#root'));";
    let options = "{\"compilerOptions\":{\"jsx\":\"react-jsx\",\"jsxImportSource\":\"preact\"}}";
    let dir = project(&["preact"], options, main);
    let part = |start: &str, text: &str| counter(start, "preact/hooks", "part", text);
    dir.write("Part.jsx", part("export default function Part()", "one"));
    dir.write(
        "Other.jsx",
        class("export default class extends Component", "preact", "other", "one"),
    );
    let (_livers, page) = open(&dir).await;
    click(&page, "other").await;
    wait_for(&page, "other", "one 1").await;
    for text in ["two", "three"] {
        dir.write("Part.jsx", part("export default function Part()", text));
        wait_for(&page, "part", &format!("{text} 1 old")).await;
        page.wait_until(&format!("document.body.dataset.part === '{text}'")).await;
    }
    dir.write(
        "Other.jsx",
        class("export default class extends Component", "preact", "other", "two"),
    );
    wait_for(&page, "other", "two 1").await;
    // Other hooks: the state is that of a new component.
    let more = part("export default function Part()", "four")
        .replace("useRef(0);", "useRef(0); useState(1);");
    dir.write("Part.jsx", more);
    wait_for(&page, "part", "four 0 new").await;
    wait_for(&page, "other", "two 1").await;
    click(&page, "part").await;
    wait_for(&page, "part", "four 1 old").await;
    assert_eq!(page.navigations(), 1);

    dir.write("Part.jsx", part("export default () =>", "five"));
    wait_for(&page, "part", "five 0 new").await;
    click(&page, "part").await;
    let before = page.navigations();
    dir.write("Part.jsx", part("export default () =>", "six"));
    wait_for(&page, "part", "six 1 old").await;
    assert_eq!(page.navigations(), before);
}

#[tokio::test]
async fn unnamed_components_and_classes_of_react_are_refreshed() {
    let main = "import { createRoot } from 'react-dom/client'; import App from './App';
        createRoot(document.querySelector('#root')).render(<App/>);";
    let dir = project(&["react", "react-dom", "scheduler"], "{}", main);
    for start in ["export default () =>", "export default function ()"] {
        let part = |text: &str| counter(start, "react", "part", text);
        let other =
            |text: &str| class("export default class extends Component", "react", "other", text);
        dir.write("Part.jsx", part("one"));
        dir.write("Other.jsx", other("one"));
        let (_livers, page) = open(&dir).await;
        click(&page, "other").await;
        wait_for(&page, "other", "one 1").await;
        for text in ["two", "three"] {
            dir.write("Part.jsx", part(text));
            wait_for(&page, "part", &format!("{text} 1 old")).await;
        }
        wait_for(&page, "other", "one 1").await;
        // React mounts a class again, and nothing else.
        dir.write("Other.jsx", other("two"));
        wait_for(&page, "other", "two 0").await;
        wait_for(&page, "part", "three 1 old").await;
        assert_eq!(page.navigations(), 1, "{start}");
    }
    // A function without a name that components call is no component.
    dir.write("Other.jsx", "import text from './text'; export default function Other() { return <i id=\"other\">{text('x')}</i>; }");
    dir.write("text.jsx", "export default (of) => <b>one {of}</b>;");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for(&page, "other", "one x").await;
    dir.write("text.jsx", "export default (of) => <b>two {of}</b>;");
    wait_for(&page, "other", "two x").await;
}

#[tokio::test]
async fn a_packed_page_with_react_takes_14_requests() {
    let main = "import { createRoot } from 'react-dom/client'; import App from './App';
        createRoot(document.querySelector('#root')).render(<App/>);";
    let dir = project(&["react", "react-dom", "scheduler"], "{}", main);
    dir.write("Part.jsx", counter("export default function Part()", "react", "part", "one"));
    dir.write("Other.jsx", counter("export default function Other()", "react", "other", "one"));
    let livers = Livers::on(dir.path()).args(["--packs", "always"]).start().await;
    let page = browser().await.open(livers.url()).await;
    wait_for(&page, "part", "one 0 new").await;
    let urls = page.requests().into_iter().map(|request| request.url);
    // The browser requests the icon at any time.
    let is_of_page = |url: &String| url.starts_with(livers.url()) && !url.contains("favicon");
    let urls: Vec<_> = urls.filter(is_of_page).collect();
    assert!(urls.len() <= 14, "{urls:#?}");
    // No module of livers waits for another one or for a pack.
    let headers =
        [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors"), ("Referer", livers.url())];
    let entry = get_with(livers.port(), "/main.jsx", &headers).await;
    for url in urls.iter().filter(|url| url.contains("/__livers/") && !url.contains('?')) {
        let path = &url[livers.url().len() - 1..];
        assert!(entry.text().contains(path), "{path} is not in {}", entry.text());
    }
}

#[tokio::test]
async fn components_of_preact_with_the_name_of_react_keep_their_state() {
    let main = "import { createRoot } from 'react-dom/client'; import App from './App';
        createRoot(document.querySelector('#root')).render(<App/>);";
    let options = json!({ "compilerOptions": { "jsx": "react-jsx", "allowJs": true, "paths": {
        "react": ["./node_modules/preact/compat/"],
        "react/jsx-runtime": ["./node_modules/preact/jsx-runtime/"],
        "react/jsx-dev-runtime": ["./node_modules/preact/jsx-runtime/"],
        "react-dom/*": ["./node_modules/preact/compat/*"],
    }}});
    let dir = project(&["preact"], &options.to_string(), main);
    let part = |text: &str| {
        let start = "import { memo } from 'react'; export default memo(function Part()";
        counter(start, "react", "part", text) + ");"
    };
    dir.write("Part.jsx", part("one"));
    dir.write(
        "Other.jsx",
        class("export class Other extends Component", "react", "other", "one")
            + "export default Other;",
    );
    let (_livers, page) = open(&dir).await;
    for text in ["two", "three"] {
        dir.write("Part.jsx", part(text));
        wait_for(&page, "part", &format!("{text} 1 old")).await;
    }
    assert_eq!(page.navigations(), 1);
}
