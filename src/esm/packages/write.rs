//! The text of packs and of the modules that export from them.

use std::{fmt::Write, sync::Arc};

use super::{
    esm::is_plain,
    graph::{Link, Node},
    requests::How,
    scan::Kind,
};
use crate::{
    esm::resolve::{PACKAGES, key},
    http::own_paths::REGISTRY,
};

/// A string of JavaScript.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A pack: it defines files, and runs none.
pub(super) fn pack(files: &[Arc<Node>]) -> String {
    let text: usize = files.iter().map(|node| node.scan.code[1].len() + 400).sum();
    let mut out = String::with_capacity(text);
    // A file may use any name but this one.
    let _ = writeln!(out, "import {{ define as $livers }} from {};", quoted(REGISTRY));
    out.push_str("$livers({\n");
    for node in files.iter().filter(|node| !node.scan.sloppy) {
        let _ = write!(out, "{}:", quoted(&node.key));
        definition(&mut out, node);
        out.push_str(",\n");
    }
    out.push_str("});\n");
    let scripts = files.iter().filter(|node| node.scan.sloppy).map(|node| quoted(&node.key));
    let scripts = scripts.collect::<Vec<_>>().join(",");
    if !scripts.is_empty() {
        let _ = writeln!(out, "import {{ scripts as $scripts }} from {};", quoted(REGISTRY));
        let _ = writeln!(out, "await $scripts([{scripts}]);");
    }
    out
}

/// One definition as a classic script, which leaves it with its element.
pub(super) fn script(node: &Node) -> String {
    let mut out = "document.currentScript.definition=".to_owned();
    definition(&mut out, node);
    out + ";\n"
}

/// A module that has packs.
pub(super) fn packs(urls: &[String]) -> String {
    urls.iter().map(|url| format!("import {};\n", quoted(url))).collect::<Vec<_>>().concat()
}

/// One definition: `[what it asks for, its function, what it is given, what it imports later]`.
fn definition(out: &mut String, node: &Node) {
    out.push('[');
    let requires = || {
        let requests = node.scan.requests.iter().zip(&node.links);
        let requires = requests.filter(|(request, _)| request.how == How::Require);
        let fields = requires.filter_map(|(request, link)| {
            Some(format!("{}:{}", quoted(&request.specifier), quoted(&link_key(link)?)))
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    };
    let mut later = match &node.scan.kind {
        Kind::CommonJs(given) => {
            out.push_str(&requires());
            out.push(',');
            node.scan.code.iter().for_each(|part| out.push_str(part));
            serde_json::Value::from(given.clone()).to_string()
        }
        Kind::Module { views, .. } => {
            let imports = views.iter().map(|(request, kinds)| {
                let link = node.links.get(*request).and_then(link_key);
                let link =
                    link.unwrap_or_else(|| "!An import by URL is not possible here".to_owned());
                let kinds = if node.strict_default {
                    kinds.replace('d', "D").replace('s', "S")
                } else {
                    kinds.clone()
                };
                format!("[{},{}]", quoted(&link), quoted(&kinds))
            });
            let _ = write!(out, "[{}],", imports.collect::<Vec<_>>().join(","));
            node.scan.code.iter().for_each(|part| out.push_str(part));
            requires()
        }
    };
    let dynamic = node.scan.requests.iter().zip(&node.links).filter_map(|(request, link)| {
        let (How::Dynamic, Some(key)) = (request.how, link_key(link)) else { return None };
        let url = match link {
            Link::File { .. } => quoted(&format!("{PACKAGES}{key}?define")),
            _ => "0".to_owned(),
        };
        Some(format!("{}:[{},{url}]", quoted(&request.specifier), quoted(&key)))
    });
    let dynamic = dynamic.collect::<Vec<_>>().join(",");
    if !dynamic.is_empty() {
        let _ = write!(later, ",{{{dynamic}}}");
    }
    if later == "[]" || later == "{}" {
        out.push(']');
    } else {
        let _ = write!(out, ",{later}]");
    }
}

fn link_key(link: &Link) -> Option<String> {
    match link {
        Link::File { place, .. } => Some(key(place)),
        Link::Key(key) => Some(key.clone()),
        Link::Url => None,
    }
}

/// What a module exports that runs a file.
pub(super) struct Facade<'a> {
    pub(super) key: &'a str,
    /// The packs that are needed.
    pub(super) packs: &'a [String],
    pub(super) names: &'a [String],
    pub(super) has_default: bool,
    pub(super) awaits: bool,
}

/// The module that an importer gets.
pub(super) fn facade(facade: &Facade<'_>) -> String {
    let mut out = format!("import {{ load }} from {};\n", quoted(REGISTRY));
    out.push_str(&packs(facade.packs));
    let awaits = if facade.awaits { "await " } else { "" };
    let _ = writeln!(out, "const [names, all] = {awaits}load({});", quoted(facade.key));
    export(&mut out, facade.names, |name| {
        if is_plain(name) { format!("names.{name}") } else { format!("names[{}]", quoted(name)) }
    });
    if facade.has_default {
        out.push_str("export default all.default;\n");
    }
    out
}

/// The module for what is built into Node.
pub(super) fn builtin(name: &str, names: &[String]) -> String {
    let mut out = format!("import {{ builtin }} from {};\n", quoted(REGISTRY));
    let _ = writeln!(out, "const [missing, all] = builtin({});", quoted(name));
    export(&mut out, names, |name| format!("missing({})", quoted(name)));
    out.push_str("export default all;\n");
    out
}

/// The module that puts a sheet into the page.
pub(super) fn style(url: &str) -> String {
    format!("import {{ style }} from {};\nawait style({});\n", quoted(REGISTRY), quoted(url))
}

/// Names can be words of the language: they are never declared.
fn export(out: &mut String, names: &[String], value: impl Fn(&str) -> String) {
    if names.is_empty() {
        return;
    }
    let values = names.iter().enumerate().map(|(at, name)| format!("${at} = {}", value(name)));
    let _ = writeln!(out, "const {};", values.collect::<Vec<_>>().join(", "));
    let exports = names.iter().enumerate().map(|(at, name)| {
        if is_plain(name) {
            format!("${at} as {name}")
        } else {
            format!("${at} as {}", quoted(name))
        }
    });
    let _ = writeln!(out, "export {{ {} }};", exports.collect::<Vec<_>>().join(", "));
}
