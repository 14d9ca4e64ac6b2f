//! `import.meta.env`: the mode, and public variables from `.env` files and the process environment.
//!
//! Only variables that start with `LIVERS_` or `VITE_` reach the page, where anyone can read them;
//! others are available to references in values. Variables of the process environment take
//! precedence over those in files.

mod dotenv;
mod expand;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value};

use self::{
    dotenv::{Variables, parse},
    expand::expand,
};
use super::config_files::ConfigFiles;

/// The files that are read, in increasing order of precedence.
const FILES: [&str; 4] = [".env", ".env.local", ".env.development", ".env.development.local"];

/// The prefixes of public variables.
const PUBLIC_PREFIXES: [&str; 2] = ["LIVERS_", "VITE_"];

/// The value of `import.meta.env`, and the files that it depends on.
#[derive(Clone)]
pub(super) struct Env {
    /// The value, as JSON.
    pub(super) object: Arc<str>,
    /// The existing `.env` files.
    pub(super) files: Vec<PathBuf>,
}

/// Reads `.env` files, and keeps the value until one of the files changes.
#[derive(Default)]
pub(super) struct EnvReader(Mutex<Option<(ConfigFiles, Env)>>);

impl EnvReader {
    /// Returns the value for the project in a folder.
    ///
    /// # Blocking
    /// Checks the `.env` files for changes.
    pub(super) fn read(&self, root: &Path) -> Env {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((files, env)) = &*cached
            && files.are_unchanged()
        {
            return env.clone();
        }
        let mut files = ConfigFiles::default();
        let texts = FILES.map(|name| {
            let path = root.join(name);
            files.record(path.clone());
            String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned()
        });
        let environment: Variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let object = object(&texts, &environment).into();
        let env = Env { object, files: files.existing().collect() };
        cached.insert((files, env)).1.clone()
    }
}

/// Returns the value of `import.meta.env` as JSON, from the texts of the files and the environment.
fn object(texts: &[String], environment: &Variables) -> String {
    let mut variables = Variables::new();
    for text in texts {
        variables.extend(parse(text));
    }
    let is_public = |name: &str| PUBLIC_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let mut object = Map::new();
    for (name, value) in &variables {
        if is_public(name) {
            object.insert(name.clone(), expand(value, &variables, environment).into());
        }
    }
    for (name, value) in environment {
        if is_public(name) {
            object.insert(name.clone(), value.clone().into());
        }
    }
    object.insert("BASE_URL".into(), "/".into());
    object.insert("MODE".into(), "development".into());
    object.insert("DEV".into(), true.into());
    object.insert("PROD".into(), false.into());
    object.insert("SSR".into(), false.into());
    Value::from(object).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Variables, object};

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
        let object: Value = serde_json::from_str(&object(&texts, &environment)).unwrap();
        let expected = json!({
            "BASE_URL": "/", "DEV": true, "MODE": "development", "PROD": false, "SSR": false,
            "VITE_A": "local", "LIVERS_B": "local/s3", "VITE_C": "$1", "VITE_D": "x",
            "VITE_E": object["VITE_E"], "VITE_F": object["VITE_F"], "VITE_G": "shell",
        });
        assert_eq!(object, expected);
    }

    #[test]
    fn the_environment_takes_precedence_over_files() {
        let environment = Variables::from([("VITE_A".to_owned(), "$shell".to_owned())]);
        let object = object(&["VITE_A=file\nVITE_B=$VITE_A".to_owned()], &environment);
        let object: Value = serde_json::from_str(&object).unwrap();
        assert_eq!((&object["VITE_A"], &object["VITE_B"]), (&json!("$shell"), &json!("$shell")));
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_a_panic(
            text in "(?s)([A-C]|[${}=\"'\\\\ \n#:-]|VITE_){0,60}"
        ) {
            object(&[text], &Variables::new());
        }
    }
}
