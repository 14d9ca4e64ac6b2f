//! The options of Svelte: those of its plug-in in `vite.config.*`, and below them `svelte.config.*`.

use std::path::Path;

use serde_json::Value as Json;

use super::{
    modules::Imported,
    reader::Reader,
    value::{Node, Value},
};
use crate::{esm::vite_settings::Plugin, event::ConfigNotice};

const PLUGIN: &str = "@sveltejs/vite-plugin-svelte";

/// The names of the configuration file, in the plug-in's order.
const NAMES: [&str; 4] =
    ["svelte.config.js", "svelte.config.ts", "svelte.config.mjs", "svelte.config.mts"];

/// Preprocessors whose work livers does itself.
const INCLUDED: [&str; 2] = [PLUGIN, "svelte-preprocess"];

/// Adds the `compilerOptions` of `svelte.config.*` to those of the plug-in, if it is used.
pub(super) fn read_config(reader: &mut Reader<'_, '_>, plugins: &mut [Plugin], folder: &Path) {
    let Some(plugin) = plugins.iter_mut().find(|plugin| plugin.package == PLUGIN) else { return };
    let modules = &mut reader.interpreter.modules;
    let mut found = NAMES.iter().filter_map(|name| modules.load(&folder.join(name)));
    let Some(Imported::Module(module)) = found.next() else { return };
    reader.interpreter.prepare(module);
    let config = reader.interpreter.exported(module, "default");
    name_preprocessors(reader, config.get("preprocess"));
    let options = config.get("compilerOptions").and_then(|node| node.value.to_json());
    let Some(Json::Object(mut options)) = options else { return };
    if let Json::Object(own) = &plugin.options["compilerOptions"] {
        options.extend(own.clone());
    }
    if !plugin.options.is_object() {
        plugin.options = Json::Object(serde_json::Map::new());
    }
    plugin.options["compilerOptions"] = Json::Object(options);
}

/// Records the preprocessors in the options of a plug-in.
pub(super) fn name_preprocessors_of(
    reader: &mut Reader<'_, '_>,
    package: &str,
    options: Option<&Node<'_>>,
) {
    if package == PLUGIN {
        name_preprocessors(reader, options.and_then(|node| node.value.get("preprocess")));
    }
}

/// Records the preprocessors that livers does not run.
fn name_preprocessors(reader: &mut Reader<'_, '_>, node: Option<&Node<'_>>) {
    let Some(node) = node else { return };
    let alone = std::slice::from_ref(node);
    let list = if let Value::Array(items) = &node.value { items } else { alone };
    for item in list {
        match &item.value {
            Value::Call { package, .. } if INCLUDED.contains(&&**package) => {}
            Value::Call { package, .. } => reader.note(ConfigNotice::PluginNotRun(package.clone())),
            value if value.truth() == Some(false) => {}
            _ => reader.note(ConfigNotice::PluginNotRun("svelte preprocess".to_owned())),
        }
    }
}
