//! `import.meta.env`: the mode, and public variables from `.env` files and the process environment.
//!
//! Only variables that start with `LIVERS_` or `VITE_` reach the page, where anyone can read them;
//! others are available to references in values. A `vite.config.*` can name other prefixes, for
//! those in files only. Variables of the process environment take precedence over those in files.
//! The files are not served, so no error quotes them.

mod dotenv;
mod expand;
mod page;

use std::{
    collections::{BTreeMap, HashMap},
    env,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde_json::{Map, Value};

pub(super) use self::page::insert_variables;
pub(crate) use self::page::refers_to_variables;
use self::{
    dotenv::{Variables, parse},
    expand::{Budget, OverBudget, expand},
};
use super::config_files::{ConfigFiles, read_bounded};
use crate::esm::{
    compile_error::CompileError,
    disk_view::DiskView,
    lock::lock,
    vite_settings::{ViteSettings, is_public_by_default},
};

/// The files that are read, in increasing order of precedence.
const FILES: [&str; 4] = [".env", ".env.local", ".env.development", ".env.development.local"];

/// The number of bytes that all values and their expansions may have.
const MAX_EXPANDED: usize = 256 * 1024;

/// The value of `import.meta.env`, and the files that it depends on.
#[derive(Clone)]
pub(super) struct Env {
    /// The value, as JSON, or why there is none: an error for the scripts that use it.
    pub(super) object: Result<Arc<str>, CompileError>,
    /// The existing `.env` files.
    pub(super) files: Vec<PathBuf>,
}

/// Reads `.env` files, and keeps the values of each folder until one of the files changes.
#[derive(Default)]
pub(super) struct EnvReader {
    settings: Arc<ViteSettings>,
    known: Mutex<HashMap<PathBuf, Arc<(ConfigFiles, Env)>>>,
}

/// Number of folders whose values are kept.
const MAX_FOLDERS: usize = 100;

impl EnvReader {
    /// Creates a reader with the settings of a `vite.config.*`.
    pub(super) fn new(settings: Arc<ViteSettings>) -> Self {
        Self { settings, known: Mutex::default() }
    }

    /// Returns the value for the project in a folder.
    ///
    /// # Blocking
    /// Checks the `.env` files for changes.
    pub(super) fn read(&self, root: &Path, disk: &DiskView) -> Env {
        // The lock is not held while files are read: that may take long.
        let cached = lock(&self.known).get(root).cloned();
        if let Some(cached) = cached
            && cached.0.are_unchanged_for(root, disk)
        {
            return cached.1.clone();
        }
        let mut files = ConfigFiles::default();
        for name in FILES {
            files.record(root.join(name), disk);
        }
        let environment: Variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let object = read_files(root).and_then(|texts| {
            let failed = |(file, message)| CompileError::of_file(&root.join(file), message);
            object(&texts, &environment, &self.settings).map_err(failed)
        });
        let env = Env { object: object.map(Arc::from), files: files.existing().collect() };
        let cached = Arc::new((files, env.clone()));
        let mut known = lock(&self.known);
        if known.len() >= MAX_FOLDERS {
            known.clear();
        }
        known.insert(root.to_owned(), cached);
        env
    }
}

/// Returns the variables of the files in a folder, public or not, with their references expanded.
/// Files that cannot be read count as empty.
///
/// # Blocking
/// Reads the files.
pub(crate) fn dotenv_variables(folder: &Path) -> BTreeMap<String, String> {
    let mut variables = Variables::new();
    for text in read_files(folder).unwrap_or_default() {
        variables.extend(parse(&text));
    }
    let mut budget = Budget::of(MAX_EXPANDED);
    let names: Vec<_> = variables.keys().cloned().collect();
    let expanded = names.into_iter().filter_map(|name| {
        let value = expand(&variables[&name], &variables, &Variables::new(), &mut budget).ok()?;
        Some((name, value))
    });
    expanded.collect()
}

/// Returns the public variables of the process environment.
pub(crate) fn public_variables() -> BTreeMap<String, String> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| is_public_by_default(name))
        .collect()
}

/// Returns whether a folder has one of the files.
pub(super) fn has_files(folder: &Path, disk: &DiskView) -> bool {
    FILES.iter().any(|name| disk.has_file(&folder.join(name)))
}

/// Returns the texts of the files, which are empty where there is none.
fn read_files(root: &Path) -> Result<Vec<String>, CompileError> {
    let read = |name: &&str| {
        let path = root.join(name);
        let bytes = read_bounded(&path).map_err(|error| {
            CompileError::of_file(&path, format!("cannot read this file: {error}"))
        })?;
        Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    };
    FILES.iter().map(read).collect()
}

/// Returns the value of `import.meta.env` as JSON, from the texts of the files and the environment.
///
/// # Errors
/// The expansions are too large: the file that defines the variable, and the message.
fn object(
    texts: &[String],
    environment: &Variables,
    settings: &ViteSettings,
) -> Result<String, (&'static str, String)> {
    let mut variables = Variables::new();
    let mut files = BTreeMap::new();
    for (text, file) in texts.iter().zip(FILES) {
        let parsed = parse(text);
        files.extend(parsed.keys().map(|name| (name.clone(), file)));
        variables.extend(parsed);
    }
    let mut object = Map::new();
    let mut budget = Budget::of(MAX_EXPANDED);
    for (name, value) in variables.iter().filter(|(name, _)| settings.is_public(name)) {
        let expanded = expand(value, &variables, environment, &mut budget);
        let expanded = expanded.map_err(|OverBudget| {
            let file = files.get(name).copied().unwrap_or(FILES[0]);
            let limit = MAX_EXPANDED >> 10;
            (file, format!("the values of the public variables expand to more than {limit} KiB"))
        })?;
        object.insert(name.clone(), expanded.into());
    }
    for (name, value) in environment {
        if is_public_by_default(name) && settings.is_public(name) {
            object.insert(name.clone(), value.clone().into());
        }
    }
    object.insert("BASE_URL".into(), settings.base.as_deref().unwrap_or("/").into());
    object.insert("MODE".into(), "development".into());
    object.insert("DEV".into(), true.into());
    object.insert("PROD".into(), false.into());
    object.insert("SSR".into(), false.into());
    for (name, expression) in &settings.define {
        if let Some(name) = name.strip_prefix("import.meta.env.")
            && let Ok(value) = serde_json::from_str(expression)
        {
            object.insert(name.to_owned(), value);
        }
    }
    Ok(Value::from(object).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Variables, ViteSettings, object};

    #[test]
    fn only_public_variables_reach_the_page() {
        let texts = [
            "VITE_A=file\nSECRET=s3\nLIVERS_B=${VITE_A}/$SECRET\nVITE_C=\\$1\nVITE_D=${NO:-x}${NO}"
                .to_owned(),
            "VITE_A=local\nVITE_E=$VITE_F\nVITE_F=$VITE_E.\nMODE=production".to_owned(),
        ];
        let environment = [("VITE_G", "shell"), ("HOME", "/root")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let settings = ViteSettings::default();
        let object = object(&texts, &environment, &settings).unwrap();
        let object: Value = serde_json::from_str(&object).unwrap();
        let expected = json!({
            "BASE_URL": "/", "DEV": true, "MODE": "development", "PROD": false, "SSR": false,
            "VITE_A": "local", "LIVERS_B": "local/s3", "VITE_C": "$1", "VITE_D": "x",
            "VITE_E": object["VITE_E"], "VITE_F": object["VITE_F"], "VITE_G": "shell",
        });
        assert_eq!(object, expected);
    }

    #[test]
    fn other_prefixes_apply_to_files_only() {
        let settings = ViteSettings {
            env_prefix: vec!["APP_".to_owned()],
            base: Some("/app/".to_owned()),
            define: vec![("import.meta.env.APP_B".to_owned(), "[1]".to_owned())],
            ..ViteSettings::default()
        };
        let environment = [("APP_C", "shell"), ("VITE_D", "shell")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let texts = ["APP_A=1\nAPP_C=2\nVITE_E=3".to_owned()];
        let object = object(&texts, &environment.into(), &settings).unwrap();
        let expected = json!({
            "BASE_URL": "/app/", "DEV": true, "MODE": "development", "PROD": false, "SSR": false,
            "APP_A": "1", "APP_B": [1], "APP_C": "2",
        });
        assert_eq!(serde_json::from_str::<Value>(&object).unwrap(), expected);
    }

    #[test]
    fn the_environment_takes_precedence_over_files() {
        let environment = Variables::from([("VITE_A".to_owned(), "$shell".to_owned())]);
        let texts = ["VITE_A=file\nVITE_B=$VITE_A".to_owned()];
        let object = object(&texts, &environment, &ViteSettings::default()).unwrap();
        let object: Value = serde_json::from_str(&object).unwrap();
        assert_eq!((&object["VITE_A"], &object["VITE_B"]), (&json!("$shell"), &json!("$shell")));
    }

    #[test]
    fn the_file_whose_values_are_too_large_is_named() {
        let line = |level| format!("V{level}={}\n", format!("${{V{}}}", level + 1).repeat(20));
        let lines: Vec<_> = (0..9).map(line).collect();
        let text = format!("VITE_A=$V0\n{}", lines.concat());
        let (file, message) = {
            let texts = [String::new(), text];
            object(&texts, &Variables::new(), &ViteSettings::default()).unwrap_err()
        };
        assert_eq!(file, ".env.local");
        assert_eq!(message, "the values of the public variables expand to more than 256 KiB");
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_a_panic(
            text in "(?s)([A-C]|[${}=\"'\\\\ \n#:-]|VITE_){0,60}"
        ) {
            object(&[text], &Variables::new(), &ViteSettings::default()).unwrap();
        }
    }
}
