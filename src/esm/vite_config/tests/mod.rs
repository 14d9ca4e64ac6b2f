//! Configurations as projects write them, and any text.

mod shapes;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use proptest::prelude::*;

use super::{environment, modules::Files, read_with};
use crate::{
    esm::vite_settings::{Find, JsxSettings, PublicDir, ViteSettings},
    event::ConfigNotice,
};

/// Files by their paths.
#[derive(Default)]
struct FakeFiles(HashMap<PathBuf, String>);

impl Files for FakeFiles {
    fn read(&self, path: &Path) -> Option<String> {
        self.0.get(path).cloned()
    }
}

/// Reads a configuration, and lists what it sets and what is not understood.
fn read(config: &str, others: &[(&str, &str)]) -> Vec<String> {
    let folder = Path::new("/web");
    let mut files = FakeFiles::default();
    files.0.insert(folder.join("vite.config.ts"), config.to_owned());
    for (path, text) in others {
        files.0.insert(folder.join(path), (*text).to_owned());
    }
    let package = files.0.get(&folder.join("package.json")).cloned();
    let dotenv =
        [("VITE_PORT", "4000"), ("API_URL", "http://localhost:9000"), ("VITE_OPEN", "false")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = environment(package.as_deref());
    let (settings, notices) =
        read_with(&folder.join("vite.config.ts"), &files, &BTreeMap::from(dotenv), environment);
    settings_as_lines(&settings).chain(notices.iter().map(notice_as_line)).collect()
}

fn settings_as_lines(settings: &ViteSettings) -> impl Iterator<Item = String> {
    let mut lines = Vec::new();
    let mut line = |text: String| lines.push(text);
    if let Some(root) = &settings.root {
        line(format!("root {}", root.display()));
    }
    if let Some(base) = &settings.base {
        line(format!("base {base}"));
    }
    match &settings.public_dir {
        PublicDir::Default => {}
        PublicDir::Disabled => line("publicDir none".to_owned()),
        PublicDir::Folder(path) => line(format!("publicDir {}", path.display())),
    }
    if let Some(path) = &settings.env_dir {
        line(format!("envDir {}", path.display()));
    }
    for prefix in &settings.env_prefix {
        line(format!("envPrefix {prefix}"));
    }
    for alias in &settings.aliases {
        let find = match &alias.find {
            Find::Text(text) => text.clone(),
            Find::Pattern(_) => "pattern".to_owned(),
        };
        line(format!("alias {find} = {}", alias.replacement));
    }
    if !settings.extensions.is_empty() {
        line(format!("extensions {}", settings.extensions.join(" ")));
    }
    for (name, expression) in &settings.define {
        line(format!("define {name} = {expression}"));
    }
    let server = &settings.server;
    if let Some(port) = server.port {
        line(format!("port {port}{}", if server.strict_port { " strict" } else { "" }));
    }
    if let Some(open) = &server.open {
        line(format!("open {open}"));
    }
    for rule in &server.proxy {
        let origin = if rule.change_origin { " origin" } else { "" };
        let insecure = if rule.insecure { " insecure" } else { "" };
        line(format!("proxy {}{origin}{insecure}", rule.route));
    }
    for (language, options) in &settings.css.preprocessors {
        line(format!("css {language} {options}"));
    }
    if let Some(convention) = &settings.css.locals_convention {
        line(format!("css.modules {convention}"));
    }
    if settings.jsx != JsxSettings::default() {
        let jsx = &settings.jsx;
        let texts = [&jsx.factory, &jsx.fragment, &jsx.import_source, &jsx.inject];
        let texts: Vec<_> = texts.iter().map(|text| text.as_deref().unwrap_or("-")).collect();
        let runtime = jsx.runtime.map_or("-".to_owned(), |runtime| format!("{runtime:?}"));
        line(format!("jsx {runtime} {}", texts.join(" ")));
    }
    for plugin in &settings.plugins {
        line(format!("plugin {} {}", plugin.package, plugin.options));
    }
    lines.into_iter()
}

fn notice_as_line(notice: &ConfigNotice) -> String {
    match notice {
        ConfigNotice::PluginNotRun(package) => format!("? plugin {package}"),
        ConfigNotice::NotUnderstood { setting, line } => match line {
            Some(line) => format!("? {setting} {line}"),
            None => format!("? {setting}"),
        },
        ConfigNotice::HostNotApplied(host) => format!("? host {host}"),
        other => format!("? {other:?}"),
    }
}

#[test]
fn configurations_of_projects_are_understood() {
    let mut wrong = Vec::new();
    for (config, others, wanted) in shapes::SHAPES {
        let lines = read(config, others);
        if lines != *wanted {
            wrong.push(format!("{config}\n{lines:#?}\nwanted {wanted:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
#[allow(clippy::format_collect)]
fn a_configuration_takes_a_bounded_time() {
    let doubling: String =
        (0..60).map(|at| format!("const a{at} = [a{}, a{}];\n", at + 1, at + 1)).collect();
    let growing: String =
        (0..60).map(|at| format!("const t{at} = `${{t{}}}${{t{}}}`;\n", at + 1, at + 1)).collect();
    let nested = format!("export default {}1{}", "[".repeat(400), "]".repeat(400));
    let deep = format!("export default {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [
        format!("{doubling} const a60 = 1; export default {{ plugins: a0 }}"),
        format!("{growing} const t60 = 'x'; export default {{ base: t0 }}"),
        "const a = b, b = a; export default { base: a }".to_owned(),
        "const f = (x) => f(f(x)); export default f(1)".to_owned(),
        "export default (() => { if (1) { if (1) { return f() } } function f() { return f() } })()"
            .to_owned(),
        nested,
        deep,
    ] {
        read(&text, &[]);
    }
    let cyclic = ("a.ts", "export * from './b'; export { x } from './b'");
    let other = ("b.ts", "export * from './a'; export { x } from './a'");
    let lines =
        read("import { x, y } from './a'; export default { base: x, root: y }", &[cyclic, other]);
    assert_eq!(lines, ["? root 1", "? base 1"]);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,200}") {
        read(&text, &[]);
    }

    #[test]
    fn any_configuration_is_read_without_a_panic(
        parts in proptest::collection::vec(part(), 0..40)
    ) {
        let text = parts.concat();
        read(&format!("export default {{ {text} }}"), &[]);
        read(&format!("const a = {text};\nexport default defineConfig(({{ mode }}) => {{ {text} }})"), &[]);
    }
}

/// Returns a piece of a configuration.
fn part() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ",",
        ":",
        "=>",
        "...",
        "?",
        "??",
        "||",
        "&&",
        "===",
        "+",
        "'@'",
        "'/api'",
        "`a${",
        "}`",
        "/^\\/api/",
        "0",
        "1e99",
        "-1",
        "true",
        "null",
        "undefined",
        "plugins:",
        "resolve:",
        "alias:",
        "server:",
        "proxy:",
        "target:",
        "rewrite:",
        "define:",
        "css:",
        "modules:",
        "port:",
        "base:",
        "root:",
        "a",
        "mode",
        "process.env.X",
        "import.meta.url",
        "new URL(",
        "path.resolve(",
        "JSON.stringify(",
        "JSON.parse(",
        "(p) => p.replace(",
        "return ",
        "if (",
        "const b =",
        ";",
        "await ",
        "x.y.z",
        "x?.y",
        "as const",
        "satisfies X",
        "function f() {",
        "Object.assign(process.env, ",
        "é",
    ])
    .prop_map(|part| format!("{part} "))
}
