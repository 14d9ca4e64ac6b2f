//! From the values of a configuration to [`ViteSettings`].

use std::path::{Path, PathBuf};

use oxc::transformer_plugins::ReplaceGlobalDefinesConfig;
use serde_json::{Map, Value as Json};

use super::{
    paths,
    plugins::read_plugins,
    proxy::read_proxy,
    reader::Reader,
    svelte,
    value::{Node, SPREAD, Value},
};
use crate::{
    esm::vite_settings::{
        Alias, CssSettings, Find, JsxSettings, Pattern, PublicDir, Runtime, ServerSettings,
        ViteSettings,
    },
    event::ConfigNotice,
};

/// The aliases of Preact's preset, in its order.
const PREACT_ALIASES: [(&str, &str); 3] = [
    ("react-dom/test-utils", "preact/test-utils"),
    ("react-dom", "preact/compat"),
    ("react", "preact/compat"),
];

/// Reads all settings that livers applies. Those that only concern builds or tests are left out.
pub(super) fn read_settings<'a>(
    reader: &mut Reader<'a, '_>,
    config: &Value<'a>,
    file: &Path,
) -> ViteSettings {
    if let Some(spread) = config.get(SPREAD) {
        reader.not_understood(SPREAD, spread.place);
    }
    let root = reader.path(config.get("root"), "root");
    let root = root.filter(|root| root != reader.folder);
    let base = root.clone().unwrap_or_else(|| reader.folder.to_owned());
    let folder = |text: String| PathBuf::from(paths::resolve(&base, &[text]));
    let public_dir = match config.get("publicDir").map(|node| &node.value) {
        Some(Value::Bool(false)) => PublicDir::Disabled,
        Some(Value::String(text)) if text.is_empty() => PublicDir::Disabled,
        _ => match reader.text(config.get("publicDir"), "publicDir").map(&folder) {
            Some(path) if path != base.join("public") => PublicDir::Folder(path),
            _ => PublicDir::Default,
        },
    };
    let resolve = config.get("resolve");
    let [alias, extensions] = members(reader, resolve, "resolve", ["alias", "extensions"]);
    let mut plugins = read_plugins(reader, config.get("plugins"));
    svelte::read_config(reader, &mut plugins, &base);
    let jsx = jsx(reader, config);
    let settings = ViteSettings {
        file: file.to_owned(),
        base: reader.text(config.get("base"), "base").and_then(|base| base_path(&base)),
        env_dir: reader.text(config.get("envDir"), "envDir").map(folder),
        env_prefix: env_prefix(reader, config.get("envPrefix")),
        aliases: aliases(reader, alias),
        extensions: reader.texts(extensions, "resolve.extensions"),
        define: defines(reader, config.get("define")),
        server: server(reader, config.get("server")),
        css: css(reader, config.get("css")),
        jsx,
        root,
        public_dir,
        plugins,
    };
    with_settings_of_plugins(settings)
}

/// Reads the prefixes of public variables. An empty one would publish all of them.
fn env_prefix<'a>(reader: &mut Reader<'a, '_>, node: Option<&Node<'a>>) -> Vec<String> {
    let mut prefixes = reader.texts(node, "envPrefix");
    if let Some(node) = node.filter(|_| prefixes.iter().any(String::is_empty)) {
        reader.not_understood("envPrefix", node.place);
    }
    prefixes.retain(|prefix| !prefix.is_empty());
    prefixes
}

/// Returns members of an object by their names.
fn members<'n, 'a, const N: usize>(
    reader: &mut Reader<'a, '_>,
    node: Option<&'n Node<'a>>,
    setting: &str,
    names: [&str; N],
) -> [Option<&'n Node<'a>>; N] {
    let entries: Vec<_> = reader.entries(node, setting).collect();
    names.map(|name| entries.iter().find(|(key, _)| *key == name).map(|(_, node)| *node))
}

/// Returns `base` with a slash at both ends, or `None` if it is the root or relative.
fn base_path(base: &str) -> Option<String> {
    // Of a URL, Vite uses the path.
    let path = match base.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => base,
    };
    let trimmed = path.trim_matches('/');
    let is_path = path.starts_with('/') && !path.contains(['?', '#']);
    (is_path && !trimmed.is_empty()).then(|| format!("/{trimmed}/"))
}

fn aliases<'a>(reader: &mut Reader<'a, '_>, node: Option<&Node<'a>>) -> Vec<Alias> {
    let mut aliases = Vec::new();
    let mut add = |reader: &mut Reader<'a, '_>, find: &Value<'a>, to: &Node<'a>, name: &str| {
        let find = match find {
            Value::String(text) if !text.is_empty() => Some(Find::Text(text.clone())),
            Value::RegExp { source, flags } => Pattern::parse(source, flags).map(Find::Pattern),
            _ => None,
        };
        match (find, to.value.as_text()) {
            (Some(find), Some(replacement)) => aliases.push(Alias::new(find, &replacement)),
            _ => reader.not_understood(name, to.place),
        }
    };
    if let Some(Node { value: Value::Array(items), .. }) = node {
        for item in items {
            let (find, to) = (item.value.get("find"), item.value.get("replacement"));
            match (find, to) {
                (Some(find), Some(to)) => {
                    let name = match &find.value {
                        Value::String(text) => format!("resolve.alias[{text:?}]"),
                        _ => "resolve.alias".to_owned(),
                    };
                    add(reader, &find.value, to, &name);
                }
                _ if item.value.truth() == Some(false) => {}
                _ => reader.not_understood("resolve.alias", item.place),
            }
        }
        return aliases;
    }
    for (find, to) in reader.entries(node, "resolve.alias") {
        let name = format!("resolve.alias[{find:?}]");
        add(reader, &Value::string(find), to, &name);
    }
    aliases
}

fn defines<'a>(reader: &mut Reader<'a, '_>, node: Option<&Node<'a>>) -> Vec<(String, String)> {
    let mut defines = Vec::new();
    for (name, node) in reader.entries(node, "define") {
        let setting = format!("define.{name}");
        let expression = match &node.value {
            Value::Undefined => Some("undefined".to_owned()),
            Value::String(text) => Some(text.clone()),
            // Parts that are not known are left out: the others may be enough.
            Value::Json(inner) => {
                name_unknown(reader, &inner.value, &setting);
                inner.value.to_json().map(|json| json.to_string())
            }
            value => {
                name_unknown(reader, value, &setting);
                value.to_json().map(|json| json.to_string())
            }
        };
        match expression {
            Some(expression) if is_define(name, &expression) => {
                defines.push((name.to_owned(), expression));
            }
            _ => reader.not_understood(setting, node.place),
        }
    }
    defines
}

/// Returns whether a name can be replaced by an expression.
fn is_define(name: &str, expression: &str) -> bool {
    ReplaceGlobalDefinesConfig::new(&[(name, expression)]).is_ok()
}

/// Adds what plug-ins set that livers stands in for.
fn with_settings_of_plugins(mut settings: ViteSettings) -> ViteSettings {
    let react = ["@vitejs/plugin-react", "@vitejs/plugin-react-swc"];
    let text = |options: &Json, name: &str| options[name].as_str().map(str::to_owned);
    if let Some(options) = react.iter().find_map(|package| settings.plugin(package)) {
        let source = text(options, "jsxImportSource");
        let is_classic = options["jsxRuntime"] == "classic";
        settings.jsx.runtime = settings.jsx.runtime.or(is_classic.then_some(Runtime::Classic));
        settings.jsx.import_source = settings.jsx.import_source.or(source);
    }
    if let Some(options) = settings.plugin("@preact/preset-vite") {
        let source = text(options, "jsxImportSource").unwrap_or_else(|| "preact".to_owned());
        let aliases = options["reactAliasesEnabled"] != false;
        settings.jsx.import_source.get_or_insert(source);
        settings.jsx.runtime.get_or_insert(Runtime::Automatic);
        for (find, replacement) in PREACT_ALIASES.into_iter().filter(|_| aliases) {
            settings.aliases.push(Alias::new(Find::Text(find.to_owned()), replacement));
        }
    }
    settings
}

/// Records the unknown parts of an object.
fn name_unknown<'a>(reader: &mut Reader<'a, '_>, value: &Value<'a>, setting: &str) {
    let Value::Object(entries) = value else { return };
    for (key, node) in entries {
        if node.value.to_complete_json().is_none() && !matches!(node.value, Value::Undefined) {
            reader.not_understood(format!("{setting}.{key}"), node.place);
        }
    }
}

fn server<'a>(reader: &mut Reader<'a, '_>, node: Option<&Node<'a>>) -> ServerSettings {
    let names = ["port", "strictPort", "open", "host", "proxy"];
    let [port, strict, open, host, proxy] = members(reader, node, "server", names);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Checked.
    let port = reader.setting(port, "server.port", |value| match super::calls::number(value) {
        Value::Number(port) if port.fract() == 0.0 && (0.0..65536.0).contains(&port) => {
            Some(port as u16)
        }
        _ => None,
    });
    let open = reader.setting(open, "server.open", |value| match value {
        Value::Bool(true) => Some(Some("/".to_owned())),
        Value::String(text) if !text.contains("://") => {
            Some(Some(format!("/{}", text.trim_start_matches('/'))))
        }
        value => (value.truth() == Some(false)).then_some(None),
    });
    let strict_port = reader.setting(strict, "server.strictPort", Value::truth) == Some(true);
    let host = reader.setting(host, "server.host", |value| match value {
        Value::Bool(true) => Some(Some("0.0.0.0".to_owned())),
        Value::String(text) if !["localhost", "127.0.0.1", "::1"].contains(&text.as_str()) => {
            Some(Some(text.clone()))
        }
        value => (value.truth().is_some()).then_some(None),
    });
    if let Some(Some(host)) = host {
        reader.note(ConfigNotice::HostNotApplied(host));
    }
    let proxy = read_proxy(reader, proxy);
    ServerSettings { port, strict_port, open: open.flatten(), proxy }
}

fn css<'a>(reader: &mut Reader<'a, '_>, node: Option<&Node<'a>>) -> CssSettings {
    let names = ["preprocessorOptions", "modules", "postcss"];
    let [preprocessors, modules, postcss] = members(reader, node, "css", names);
    let mut options = Map::new();
    for (language, node) in reader.entries(preprocessors, "css.preprocessorOptions") {
        let setting = format!("css.preprocessorOptions.{language}");
        name_unknown(reader, &node.value, &setting);
        options.insert(language.to_owned(), node.value.to_json().unwrap_or(Json::Null));
    }
    let mut locals_convention = None;
    for (key, node) in reader.entries(modules, "css.modules") {
        if key == "localsConvention" {
            locals_convention = node.value.as_text();
        }
        // None of them applies yet.
        reader.not_understood(format!("css.modules.{key}"), node.place);
    }
    if let Some(node) = postcss
        && !matches!(node.value, Value::Undefined | Value::String(_))
    {
        reader.not_understood("css.postcss", node.place);
    }
    CssSettings { preprocessors: options, locals_convention }
}

/// Reads `esbuild.jsx*` and, which precedes it, `oxc.jsx`.
fn jsx<'a>(reader: &mut Reader<'a, '_>, config: &Value<'a>) -> JsxSettings {
    let names = ["jsx", "jsxFactory", "jsxFragment", "jsxImportSource", "jsxInject"];
    let [jsx, factory, fragment, source, inject] =
        members(reader, config.get("esbuild"), "esbuild", names);
    let runtime = |value: &Value<'a>| match value.as_text()?.as_str() {
        "automatic" => Some(Runtime::Automatic),
        "transform" | "classic" => Some(Runtime::Classic),
        _ => None,
    };
    let mut settings = JsxSettings {
        runtime: reader.setting(jsx, "esbuild.jsx", runtime),
        factory: reader.text(factory, "esbuild.jsxFactory"),
        fragment: reader.text(fragment, "esbuild.jsxFragment"),
        import_source: reader.text(source, "esbuild.jsxImportSource"),
        inject: reader.text(inject, "esbuild.jsxInject"),
    };
    let [jsx, inject] = members(reader, config.get("oxc"), "oxc", ["jsx", "jsxInject"]);
    if let Some(inject) = reader.text(inject, "oxc.jsxInject") {
        settings.inject = Some(inject);
    }
    let Some(Node { value: Value::Object(_), .. }) = jsx else { return settings };
    let names = ["runtime", "pragma", "pragmaFrag", "importSource"];
    let [kind, pragma, fragment, source] = members(reader, jsx, "oxc.jsx", names);
    let oxc = JsxSettings {
        runtime: reader.setting(kind, "oxc.jsx.runtime", runtime),
        factory: reader.text(pragma, "oxc.jsx.pragma"),
        fragment: reader.text(fragment, "oxc.jsx.pragmaFrag"),
        import_source: reader.text(source, "oxc.jsx.importSource"),
        inject: None,
    };
    JsxSettings {
        runtime: oxc.runtime.or(settings.runtime),
        factory: oxc.factory.or(settings.factory),
        fragment: oxc.fragment.or(settings.fragment),
        import_source: oxc.import_source.or(settings.import_source),
        inject: settings.inject,
    }
}
