//! `plugins`: which ones livers stands in for, and which ones are missed.

use serde_json::Value as Json;

use super::{
    reader::Reader,
    svelte::name_preprocessors_of,
    value::{Node, Value},
};
use crate::{esm::vite_settings::Plugin, event::ConfigNotice};

/// Plug-ins whose work livers does itself.
const INCLUDED: [&str; 20] = [
    "@mdx-js/rollup",
    "@preact/preset-vite",
    "@sveltejs/vite-plugin-svelte",
    "@tailwindcss/vite",
    "@vitejs/plugin-react",
    "@vitejs/plugin-react-oxc",
    "@vitejs/plugin-react-refresh",
    "@vitejs/plugin-react-swc",
    "@vitejs/plugin-vue",
    "@vitejs/plugin-vue-jsx",
    "vite-jsconfig-paths",
    "vite-plugin-full-reload",
    "vite-plugin-live-reload",
    "vite-plugin-restart",
    "vite-plugin-solid",
    "vite-plugin-svgr",
    "vite-plugin-top-level-await",
    "vite-plugin-wasm",
    "vite-react-jsx",
    "vite-tsconfig-paths",
];

/// Plug-ins that only have an effect on builds, or none on what the page does.
const HARMLESS: [&str; 33] = [
    "@codecov/vite-plugin",
    "@sentry/vite-plugin",
    "@vitejs/plugin-legacy",
    "code-inspector-plugin",
    "rollup-plugin-analyzer",
    "rollup-plugin-copy",
    "rollup-plugin-gzip",
    "rollup-plugin-license",
    "rollup-plugin-visualizer",
    "unplugin-turbo-console",
    "vite-bundle-analyzer",
    "vite-bundle-visualizer",
    "vite-plugin-banner",
    "vite-plugin-bundle-visualizer",
    "vite-plugin-cdn-import",
    "vite-plugin-checker",
    "vite-plugin-compression",
    "vite-plugin-compression2",
    "vite-plugin-css-injected-by-js",
    "vite-plugin-dts",
    "vite-plugin-eslint",
    "vite-plugin-eslint2",
    "vite-plugin-externalize-deps",
    "vite-plugin-image-optimizer",
    "vite-plugin-imagemin",
    "vite-plugin-inspect",
    "vite-plugin-lib-inject-css",
    "vite-plugin-remove-console",
    "vite-plugin-singlefile",
    "vite-plugin-sri",
    "vite-plugin-stylelint",
    "vite-plugin-vue-devtools",
    "vite-plugin-zip-pack",
];

/// The number of nested lists of plug-ins.
const MAX_NESTED: usize = 8;

/// Reads `plugins`, and records those that are missed.
pub(super) fn read_plugins<'a>(
    reader: &mut Reader<'a, '_>,
    node: Option<&Node<'a>>,
) -> Vec<Plugin> {
    let mut plugins = Vec::new();
    match node {
        Some(node) if !matches!(node.value, Value::Undefined) => {
            read(reader, node, "plugins", MAX_NESTED, &mut plugins);
        }
        _ => {}
    }
    plugins
}

fn read<'a>(
    reader: &mut Reader<'a, '_>,
    node: &Node<'a>,
    setting: &str,
    nested: usize,
    plugins: &mut Vec<Plugin>,
) {
    match &node.value {
        Value::Array(items) if nested > 0 => {
            for (at, item) in items.iter().enumerate() {
                let setting = if nested == MAX_NESTED {
                    format!("{setting}[{at}]")
                } else {
                    setting.to_owned()
                };
                read(reader, item, &setting, nested - 1, plugins);
            }
        }
        Value::Call { package, arguments } => {
            let options = arguments.first().and_then(|node| node.value.to_json());
            let options = options.unwrap_or(Json::Null);
            let package = package_of(package);
            if INCLUDED.contains(&package) {
                name_babel_plugins(reader, package, &options);
                name_preprocessors_of(reader, package, arguments.first());
            } else if !HARMLESS.contains(&package) {
                reader.note(ConfigNotice::PluginNotRun(package.to_owned()));
            }
            plugins.push(Plugin { package: package.to_owned(), options });
        }
        // A plug-in of the project itself.
        Value::Object(_) => {
            let name = node.value.get("name").and_then(|name| name.value.as_text());
            let only_builds = node
                .value
                .get("apply")
                .and_then(|apply| apply.value.as_text())
                .is_some_and(|apply| apply == "build");
            match name {
                _ if only_builds => {}
                Some(name) => reader.note(ConfigNotice::PluginNotRun(name)),
                None => reader.not_understood(setting, node.place),
            }
        }
        Value::Unknown(Some(function)) => {
            reader.note(ConfigNotice::PluginNotRun(function.clone()));
        }
        value if value.truth() == Some(false) => {}
        _ => reader.not_understood(setting, node.place),
    }
}

/// Returns the package of a specifier.
fn package_of(specifier: &str) -> &str {
    let segments = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(segments - 1).map_or(specifier.len(), |(at, _)| at);
    &specifier[..end]
}

/// Records the Babel plug-ins of a plug-in for React, such as React's compiler.
fn name_babel_plugins(reader: &mut Reader<'_, '_>, package: &str, options: &Json) {
    let babel = &options["babel"];
    let lists = [&babel["plugins"], &babel["presets"]];
    for plugin in lists.into_iter().filter_map(Json::as_array).flatten() {
        let name = plugin.as_str().or_else(|| plugin.get(0)?.as_str());
        let name = name.map_or_else(|| format!("babel of {package}"), str::to_owned);
        reader.note(ConfigNotice::PluginNotRun(name));
    }
}
