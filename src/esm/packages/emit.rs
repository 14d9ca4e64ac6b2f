//! Writes the JavaScript of packs, and of the modules that export from them.

use std::{collections::BTreeSet, fmt::Write, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    definition::Format,
    node::{Link, Node},
};
use crate::esm::convert::{
    js::{is_identifier, quoted},
    requests::RequestKind,
};
use crate::{
    http::own_paths::{HOT, PACKAGES, REGISTRY},
    source_map::{COMMENT, Sections, ignored},
};

/// Returns a pack: a module that passes the definitions of files to the registry, and runs none.
pub(super) fn pack(files: &[Arc<Node>], map_url: &str) -> String {
    let mut out = String::new();
    write_pack(&mut out, files, |_, _| {});
    let _ = writeln!(out, "{COMMENT}{map_url}");
    out
}

/// Returns the source map of a pack. `source` returns the URL and the text of a file.
pub(super) fn map_of_pack(
    files: &[Arc<Node>],
    source: impl Fn(&Node) -> (String, String),
) -> String {
    let mut index = Sections::default();
    write_pack(&mut String::new(), files, |out, node| {
        let (url, text) = source(node);
        index.add(out, ignored(&url, &text));
    });
    index.into_json()
}

/// Returns which file each part of a pack is, by their keys.
pub(super) fn sections_of_pack(files: &[Arc<Node>]) -> Sections<String> {
    let mut sections = Sections::default();
    write_pack(&mut String::new(), files, |out, node| sections.add(out, node.key.clone()));
    sections
}

/// Writes a pack, and calls `at` before the body of each file.
fn write_pack(out: &mut String, files: &[Arc<Node>], mut at: impl FnMut(&str, &Node)) {
    let size: usize = files.iter().map(|node| node.definition.code[1].len() + 400).sum();
    out.reserve(size);
    // Files share the scope of the pack: they can use any global name but these.
    let _ = writeln!(out, "import {{ define as $livers }} from {};", quoted(REGISTRY));
    if files.iter().any(|node| is_sheet(&node.key)) {
        let _ =
            writeln!(out, "import {{ joined as $joined, style as $style }} from {};", quoted(HOT));
    }
    out.push_str("$livers({\n");
    for node in files.iter().filter(|node| !node.definition.needs_sloppy_mode) {
        let _ = write!(out, "{}:", quoted(&node.key));
        definition(out, node, &mut at);
        out.push_str(",\n");
    }
    out.push_str("});\n");
    let sloppy = files.iter().filter(|node| node.definition.needs_sloppy_mode);
    let sloppy = join(sloppy.map(|node| quoted(&node.key)));
    if !sloppy.is_empty() {
        let _ = writeln!(out, "import {{ scripts as $scripts }} from {};", quoted(REGISTRY));
        let _ = writeln!(out, "await $scripts([{sloppy}]);");
    }
}

fn is_sheet(key: &str) -> bool {
    Path::new(key).extension().is_some_and(|extension| extension == "css")
}

/// Returns a classic script that leaves one definition on its own element.
pub(super) fn classic_script(node: &Node) -> String {
    write_classic_script(node, |_, _| {})
}

/// Returns the same as [`sections_of_pack`] for such a script.
pub(super) fn sections_of_classic_script(node: &Node) -> Sections<String> {
    let mut sections = Sections::default();
    write_classic_script(node, |out, node| sections.add(out, node.key.clone()));
    sections
}

fn write_classic_script(node: &Node, mut at: impl FnMut(&str, &Node)) -> String {
    let mut out = "document.currentScript.definition=".to_owned();
    definition(&mut out, node, &mut at);
    out + ";\n"
}

/// Returns a module that loads packs.
pub(super) fn imports(pack_urls: &[String]) -> String {
    let imports = pack_urls.iter().map(|url| format!("import {};\n", quoted(url)));
    imports.collect::<Vec<_>>().concat()
}

/// Writes one definition, an array. For CommonJS: `[required keys, function, node globals, dynamic
/// imports]`; for an ES module: `[imports, function, required keys, dynamic imports]`. Empty
/// elements at the end are left out. Calls `at` before the body.
fn definition(out: &mut String, node: &Node, at: &mut impl FnMut(&str, &Node)) {
    out.push('[');
    let mut tail = match &node.definition.format {
        Format::CommonJs { node_globals } => {
            out.push_str(&required_keys(node));
            serde_json::Value::from(node_globals.clone()).to_string()
        }
        Format::Module { imports, .. } => {
            let imports = imports.iter().map(|(request, forms)| import(node, *request, forms));
            let _ = write!(out, "[{}]", join(imports));
            required_keys(node)
        }
    };
    out.push(',');
    let [head, body, tail_of_code] = &node.definition.code;
    out.push_str(head);
    at(out, node);
    out.extend([&**body, tail_of_code]);
    let dynamic = dynamic_imports(node);
    if !dynamic.is_empty() {
        let _ = write!(tail, ",{{{dynamic}}}");
    }
    if tail == "[]" || tail == "{}" {
        out.push(']');
    } else {
        let _ = write!(out, ",{tail}]");
    }
}

/// Returns the key of an import, and the forms in which it is read. Capital letters select the
/// rules of Node for the default export of CommonJS.
fn import(node: &Node, request: usize, forms: &str) -> String {
    let key = node.links.get(request).and_then(link_key);
    let key = key.unwrap_or_else(|| "!Packages cannot import from a URL".to_owned());
    let forms = if node.uses_node_interop {
        forms.replace('d', "D").replace('s', "S")
    } else {
        forms.to_owned()
    };
    format!("[{},{}]", quoted(&key), quoted(&forms))
}

/// Returns an object literal that maps the specifiers of `require` to keys.
fn required_keys(node: &Node) -> String {
    let requests = node.definition.requests.iter().zip(&node.links);
    let required = requests.filter(|(request, _)| request.kind == RequestKind::Require);
    let fields = required.filter_map(|(request, link)| {
        Some(format!("{}:{}", quoted(&request.specifier), quoted(&link_key(link)?)))
    });
    format!("{{{}}}", join(fields))
}

/// Returns the fields that map the specifiers of `import()` to a key and the URL of a module that
/// loads its packs, or 0 if it needs none.
fn dynamic_imports(node: &Node) -> String {
    let requests = node.definition.requests.iter().zip(&node.links);
    let dynamic = requests.filter(|(request, _)| request.kind == RequestKind::Dynamic);
    join(dynamic.filter_map(|(request, link)| {
        let key = link_key(link)?;
        let url = match link {
            Link::File { .. } => quoted(&format!("{PACKAGES}{key}?define")),
            _ => "0".to_owned(),
        };
        Some(format!("{}:[{},{url}]", quoted(&request.specifier), quoted(&key)))
    }))
}

fn link_key(link: &Link) -> Option<String> {
    match link {
        Link::File { file, .. } => Some(file.key()),
        Link::Key(key) => Some(key.clone()),
        Link::Url => None,
    }
}

/// What the module that an importer of a package file gets is made from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Facade {
    /// The packs to load before the file runs.
    pub(super) pack_urls: Vec<String>,
    pub(super) names: BTreeSet<String>,
    /// Whether the file may export more names at run time.
    pub(super) is_open: bool,
    pub(super) has_default: bool,
    /// Whether the file, or one that it needs, has a top-level `await`.
    pub(super) awaits: bool,
}

/// Returns the module that runs the file with a key and exports its names.
pub(super) fn facade(key: &str, facade: &Facade) -> String {
    let mut out = format!("import {{ load }} from {};\n", quoted(REGISTRY));
    out.push_str(&imports(&facade.pack_urls));
    let awaits = if facade.awaits { "await " } else { "" };
    let _ = writeln!(out, "const [names, all] = {awaits}load({});", quoted(key));
    export(&mut out, &facade.names, |name| {
        if is_identifier(name) {
            format!("names.{name}")
        } else {
            format!("names[{}]", quoted(name))
        }
    });
    if facade.has_default {
        out.push_str("export default all.default;\n");
    }
    out
}

/// Returns the module that stands in for a module of Node.
pub(super) fn builtin(name: &str, names: &BTreeSet<String>) -> String {
    let mut out = format!("import {{ builtin }} from {};\n", quoted(REGISTRY));
    let _ = writeln!(out, "const [missing, all] = builtin({});", quoted(name));
    export(&mut out, names, |name| format!("missing({})", quoted(name)));
    out.push_str("export default all;\n");
    out
}

/// Returns the module that inserts a style sheet, or exports it as a part of another.
pub(super) fn style(arguments: &str, is_part: bool) -> String {
    let end = if is_part { "export default sheet;" } else { "style(sheet);" };
    let start = format!("import {{ joined, style }} from {};", quoted(HOT));
    format!("{start}\nconst sheet = joined({arguments});\n{end}\n")
}

/// Writes exports under aliases, because a name can be a reserved word.
fn export(out: &mut String, names: &BTreeSet<String>, value: impl Fn(&str) -> String) {
    if names.is_empty() {
        return;
    }
    let values = names.iter().enumerate().map(|(at, name)| format!("${at} = {}", value(name)));
    let _ = writeln!(out, "const {};", values.collect::<Vec<_>>().join(", "));
    let exports = names.iter().enumerate().map(|(at, name)| {
        if is_identifier(name) {
            format!("${at} as {name}")
        } else {
            format!("${at} as {}", quoted(name))
        }
    });
    let _ = writeln!(out, "export {{ {} }};", exports.collect::<Vec<_>>().join(", "));
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}
