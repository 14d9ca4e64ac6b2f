//! `import.meta.env`: the mode, and what `.env` files and the environment name for the page.
//!
//! The files are read as dotenv reads them, and expanded as dotenv-expand does. Only names that begin
//! with `LIVERS_` or `VITE_` reach the page, where everybody can read them; the others serve to
//! expand them. The environment that livers was started in wins.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::facts::Facts;

/// The files, from the weakest to the strongest.
const FILES: [&str; 4] = [".env", ".env.local", ".env.development", ".env.development.local"];

/// What the names that a page may see begin with.
const PUBLIC: [&str; 2] = ["LIVERS_", "VITE_"];

/// How deep a value may lead to another one.
const DEPTH: usize = 8;

/// How long a value may become, bytes.
const LENGTH: usize = 64 * 1024;

type Names = BTreeMap<String, String>;

/// The value of `import.meta.env` as JSON, and the files that it is from.
#[derive(Clone)]
pub(super) struct Env {
    pub(super) object: Arc<str>,
    pub(super) files: Vec<PathBuf>,
}

/// Keeps the value until one of the files changes.
#[derive(Default)]
pub(super) struct Keeper(Mutex<Option<(Facts, Env)>>);

impl Keeper {
    /// The value for the project in a folder. Blocking.
    pub(super) fn read(&self, root: &Path) -> Env {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((facts, env)) = &*kept
            && facts.hold()
        {
            return env.clone();
        }
        let mut facts = Facts::default();
        let texts = FILES.map(|name| {
            let path = root.join(name);
            facts.note(path.clone());
            String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned()
        });
        let environment = env::vars_os();
        let environment: Names = environment
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let object = object(&texts, &environment).into();
        let env = Env { object, files: facts.files().collect() };
        kept.insert((facts, env)).1.clone()
    }
}

/// The value of `import.meta.env` as JSON, from the texts of the files and the environment.
fn object(texts: &[String], environment: &Names) -> String {
    let mut names = Names::new();
    for text in texts {
        names.extend(parse(text));
    }
    let public = |name: &&String| PUBLIC.iter().any(|prefix| name.starts_with(prefix));
    let value = |name: &String| match environment.get(name) {
        Some(value) => value.clone(),
        None => expand(&names[name], &names, environment, DEPTH),
    };
    let mut object: serde_json::Map<_, _> =
        names.keys().filter(public).map(|name| (name.clone(), value(name).into())).collect();
    object.extend(
        environment
            .iter()
            .filter(|(name, _)| public(name))
            .map(|(name, value)| (name.clone(), value.clone().into())),
    );
    object.insert("BASE_URL".into(), "/".into());
    object.insert("MODE".into(), "development".into());
    object.insert("DEV".into(), true.into());
    object.insert("PROD".into(), false.into());
    object.insert("SSR".into(), false.into());
    serde_json::Value::from(object).to_string()
}

/// The names and values of a file, the last one of a name.
fn parse(text: &str) -> Names {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut names = Names::new();
    let mut at = 0;
    while at < text.len() {
        let end = line_end(&text, at);
        let assigned = assignment(&text[at..end]);
        let value_at = assigned.map_or(end, |(_, offset)| at + offset);
        at = end + 1;
        let Some((name, _)) = assigned else { continue };
        let quote = text[value_at..end].chars().next().filter(|char| "\"'`".contains(*char));
        let value = match quote.and_then(|quote| quoted(&text[value_at + 1..], quote)) {
            Some(value) => {
                // It may have gone on below.
                at = line_end(&text, value_at + 1 + value.len()) + 1;
                if quote == Some('"') {
                    value.replace("\\n", "\n").replace("\\r", "\r")
                } else {
                    value.to_owned()
                }
            }
            None => text[value_at..end].split('#').next().unwrap_or_default().trim().to_owned(),
        };
        names.insert(name.to_owned(), value);
    }
    names
}

/// The name that a line gives a value to, and where the value begins.
fn assignment(line: &str) -> Option<(&str, usize)> {
    let (left, right) = line.split_once('=')?;
    let name = left.trim();
    let name = match name.strip_prefix("export") {
        Some(named) if named.starts_with([' ', '\t']) => named.trim_start(),
        _ => name,
    };
    let valid = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-');
    let named = !name.is_empty() && name.chars().all(valid);
    named.then(|| (name, line.len() - right.trim_start().len()))
}

/// What stands before the closing quote.
fn quoted(text: &str, quote: char) -> Option<&str> {
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        if char == quote && !escaped {
            return Some(&text[..at]);
        }
        escaped = char == '\\' && !escaped;
    }
    None
}

/// Where the line that holds an offset ends.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length)
}

/// A value with the values of the names in it: `$NAME`, `${NAME}`, `${NAME:-otherwise}`.
fn expand(value: &str, names: &Names, environment: &Names, depth: usize) -> String {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        if let Some(before) = before.strip_suffix('\\') {
            expanded.push_str(before);
            expanded.push('$');
            rest = after;
            continue;
        }
        expanded.push_str(before);
        let Some((name, otherwise, below)) = reference(after) else {
            expanded.push('$');
            rest = after;
            continue;
        };
        rest = below;
        match (environment.get(name), names.get(name)) {
            (Some(value), _) => expanded.push_str(value),
            (None, Some(value)) if depth > 0 && !value.is_empty() => {
                // A value that leads to itself, twice or more in each, ends here.
                if expanded.len() < LENGTH {
                    expanded.push_str(&expand(value, names, environment, depth - 1));
                }
            }
            _ => expanded.push_str(otherwise),
        }
    }
    expanded.push_str(rest);
    expanded
}

/// The name that follows a `$`, what is said for the case that it has no value, and what follows.
fn reference(after: &str) -> Option<(&str, &str, &str)> {
    let (name, otherwise, below) = if let Some(inner) = after.strip_prefix('{') {
        let (inner, below) = inner.split_once('}')?;
        let named = inner.split_once(":-").or_else(|| inner.split_once('-'));
        let (name, otherwise) = named.unwrap_or((inner, ""));
        (name, otherwise, below)
    } else {
        let word = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let end = after.find(|char| !word(char)).unwrap_or(after.len());
        (&after[..end], "", &after[end..])
    };
    (!name.is_empty()).then_some((name, otherwise, below))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Names, object, parse};

    fn environment(names: &[(&str, &str)]) -> Names {
        names.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_file_is_read_as_dotenv_reads_it() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("A=1", &[("A", "1")]),
            ("A = 1 \r\nB=2", &[("A", "1"), ("B", "2")]),
            ("\u{feff}A=1", &[("A", "1")]),
            ("A=", &[("A", "")]),
            ("A=\nB=2", &[("A", ""), ("B", "2")]),
            ("# A=1\n\n  B=2", &[("B", "2")]),
            ("A=1 # one\nB='1 # one'", &[("A", "1"), ("B", "1 # one")]),
            ("export A=1\nexporter=2", &[("A", "1"), ("exporter", "2")]),
            ("A=\"a\\nb\"\nB='a\\nb'\nC=a\\nb", &[("A", "a\nb"), ("B", "a\\nb"), ("C", "a\\nb")]),
            ("A=\"a\nb\" # two\nB=`c`", &[("A", "a\nb"), ("B", "c")]),
            ("A=\"a=b\"\nB=a=b", &[("A", "a=b"), ("B", "a=b")]),
            ("A=\"it's\"\nB='say \"x\"'", &[("A", "it's"), ("B", "say \"x\"")]),
            ("A=\"open\nB=2", &[("A", "\"open"), ("B", "2")]),
            ("A=1\nA=2", &[("A", "2")]),
            ("no\na b=1\n=2", &[]),
        ];
        for (text, wanted) in table {
            assert_eq!(parse(text), environment(wanted), "{text}");
        }
    }

    #[test]
    fn a_page_sees_the_names_that_are_meant_for_it() {
        let texts = [
            "VITE_A=file\nSECRET=s3\nLIVERS_B=${VITE_A}/$SECRET\nVITE_C=\\$1\nVITE_D=${NO:-x}${NO}"
                .to_owned(),
            "VITE_A=local\nVITE_E=$VITE_F\nVITE_F=$VITE_E.\nMODE=production".to_owned(),
        ];
        let names = environment(&[("VITE_G", "shell"), ("HOME", "/root")]);
        let object: serde_json::Value = serde_json::from_str(&object(&texts, &names)).unwrap();
        let wanted = serde_json::json!({
            "BASE_URL": "/", "DEV": true, "MODE": "development", "PROD": false, "SSR": false,
            "VITE_A": "local", "LIVERS_B": "local/s3", "VITE_C": "$1", "VITE_D": "x",
            "VITE_E": object["VITE_E"], "VITE_F": object["VITE_F"], "VITE_G": "shell",
        });
        assert_eq!(object, wanted);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s)([A-C]|[${}=\"'\\\\ \n#:-]|VITE_){0,60}") {
            object(&[text], &Names::new());
        }
    }
}
