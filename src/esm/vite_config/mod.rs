//! Reads `vite.config.*` without running it.
//!
//! The file is parsed, and its expressions are evaluated as far as they are literals, constants,
//! conditions on the mode, functions of the project, or a few functions of Node and Vite
//! ([`interpreter`]). No code of the project or of a plug-in runs. The result is plain data
//! ([`ViteSettings`]), and what has an effect in Vite but is not understood is named.
//!
//! Modules and JSON files that the configuration imports are read if they are in its folder. Of the
//! environment it sees `NODE_ENV`, which is `development`, the name and version of the package, as
//! npm sets them, and the public variables of livers. `loadEnv` also returns those of `.env` files.
//! Everything else is undefined, so that `process.env.API ?? 'http://localhost:3000'` is the
//! fallback: a configuration of unknown origin cannot copy secrets of the environment to a page.

mod calls;
mod functions;
mod interpreter;
mod members;
mod modules;
mod operators;
mod paths;
mod plugins;
mod proxy;
mod reader;
mod scope;
mod settings;
mod svelte;
mod value;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use oxc::allocator::Allocator;

use self::{
    interpreter::Interpreter,
    modules::{Files, Imported},
    reader::Reader,
    settings::read_settings,
    value::{Node, Place, Value},
};
use super::{compiler, stack::run_with_stack, vite_settings::ViteSettings};
use crate::{docroot, event::ConfigNotice};

/// The names of the configuration file, in Vite's order.
const NAMES: [&str; 6] = [
    "vite.config.js",
    "vite.config.mjs",
    "vite.config.ts",
    "vite.config.cjs",
    "vite.config.mts",
    "vite.config.cts",
];

/// The size up to which a file is read, bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// The number of notices.
const MAX_NOTICES: usize = 40;

/// Reads the configuration file in a folder. Returns `None` if it has none.
///
/// # Blocking
/// Reads files.
pub(crate) fn read(folder: &Path) -> Option<(ViteSettings, Vec<ConfigNotice>)> {
    let file = NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file())?;
    let folder = std::path::absolute(folder).ok()?;
    let file = folder.join(file.file_name()?);
    let disk = Disk { folder: dunce::canonicalize(&folder).ok()? };
    let dotenv = compiler::dotenv_variables(&folder);
    let package = disk.read(&folder.join("package.json"));
    let (mut settings, notices) = read_with(&file, &disk, &dotenv, environment(package.as_deref()));
    // An alias may stand for a path on the disk or one below the root.
    let root = settings.root.clone().unwrap_or(folder);
    for alias in &mut settings.aliases {
        let below_root = alias.replacement.strip_prefix('/').map(|below| root.join(below));
        if let Some(path) = below_root.filter(|path| path.exists())
            && !Path::new(&alias.replacement).exists()
        {
            alias.replacement = paths::to_text(&path);
        }
    }
    Some((settings, notices))
}

/// Returns the `process.env` that a configuration sees.
fn environment(package: Option<&str>) -> BTreeMap<String, String> {
    let mut variables = compiler::public_variables();
    variables.insert("NODE_ENV".to_owned(), "development".to_owned());
    let package = package.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    for key in ["name", "version"] {
        if let Some(text) = package.as_ref().and_then(|package| package[key].as_str()) {
            variables.insert(format!("npm_package_{key}"), text.to_owned());
        }
    }
    variables
}

/// Reads a configuration file. `dotenv` are the variables of `.env` files.
fn read_with(
    file: &Path,
    files: &(dyn Files + Sync),
    dotenv: &BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
) -> (ViteSettings, Vec<ConfigNotice>) {
    let unreadable = || {
        let settings = ViteSettings { file: file.to_owned(), ..ViteSettings::default() };
        let notice =
            ConfigNotice::NotUnderstood { setting: "the configuration".to_owned(), line: None };
        (settings, vec![notice])
    };
    let Some(text) = files.read(file) else { return unreadable() };
    let work = || evaluate(file, &text, files, dotenv, environment);
    // The modules that it imports have the same limit of nesting.
    run_with_stack(&text, work).ok().flatten().unwrap_or_else(unreadable)
}

fn evaluate(
    file: &Path,
    text: &str,
    files: &dyn Files,
    dotenv: &BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
) -> Option<(ViteSettings, Vec<ConfigNotice>)> {
    let folder = file.parent()?;
    let allocator = Allocator::default();
    let mut interpreter = Interpreter::new(&allocator, files, folder, dotenv, environment);
    let Some(Imported::Module(main)) = interpreter.modules.load(file) else { return None };
    interpreter.prepare(main);
    let mut config = interpreter.exported(main, "default");
    if let Value::Function(function) = &config {
        let function = Rc::clone(function);
        let text = |text: &str| Value::string(text);
        let environment = [
            ("mode", text("development")),
            ("command", text("serve")),
            ("isSsrBuild", Value::Bool(false)),
            ("isPreview", Value::Bool(false)),
        ];
        let node = |value| Node { value, place: Place::default() };
        let entries = environment.map(|(name, value)| (name.to_owned(), node(value)));
        config = interpreter.apply(&function, vec![node(Value::Object(entries.into()))]);
    }
    let Value::Object(_) = config else { return None };
    let mut reader = Reader::new(interpreter, text, folder);
    let settings = read_settings(&mut reader, &config, file);
    let mut notices = reader.into_notices();
    notices.truncate(MAX_NOTICES);
    Some((settings, notices))
}

/// The files of a folder.
struct Disk {
    /// The real path of the folder.
    folder: PathBuf,
}

impl Files for Disk {
    fn read(&self, path: &Path) -> Option<String> {
        // A link could lead out of the folder.
        let real = dunce::canonicalize(path).ok()?;
        if !real.starts_with(&self.folder) || !real.is_file() {
            return None;
        }
        String::from_utf8(docroot::read_bounded(&real, MAX_SIZE).ok()?).ok()
    }
}
