//! Reads cases from text files.
//!
//! A case begins with a line `=== <its title>`, which comments may follow. Then come its files, each
//! after a line `--- <name>`, without a line break at the end, and the expected outcome after the
//! line `--- expected`, one logged line a line. If there is no `index.html`, the page imports
//! `main.js`, or the other file whose name begins with `main.`.
//!
//! What differs on purpose has an outcome of its own:
//!
//! - `expected of livers`: livers answers with an error for a module that does not compile, or that
//!   imports a name that does not exist. So such modules fail to load, where a browser alone throws
//!   a `SyntaxError`.
//! - `expected of packs`: what a converted module cannot do.

use std::{collections::BTreeMap, path::Path};

/// The name of the outcome in a browser alone, and the beginning of those of the others.
pub(super) const EXPECTED: &str = "expected";

/// A case of module semantics.
pub(super) struct Case {
    /// The path of its folder: the subject, and the title with hyphens for spaces.
    pub(super) name: String,
    /// The texts of its files and its outcomes, by name.
    texts: BTreeMap<String, String>,
}

impl Case {
    /// Returns the files of the case, those that are not its own included.
    pub(super) fn pages(&self) -> BTreeMap<String, String> {
        let is_file = |name: &str| !name.starts_with(EXPECTED);
        let mut files = self.texts.clone();
        files.retain(|name, _| is_file(name));
        let main = self.texts.keys().find(|name| name.starts_with("main."));
        let main = main.map_or("main.js", String::as_str);
        files.insert("start.js".to_owned(), format!("import './{main}';\nfinished();\n"));
        let scripts = files.remove("index.html");
        let scripts = scripts.as_deref().unwrap_or("<script type=module src=start.js></script>");
        let html = format!("<!doctype html><script src=/harness.js></script>{scripts}");
        files.insert("index.html".to_owned(), html);
        files
    }

    /// Returns the first of these outcomes that the case has, line by line.
    pub(super) fn expected(&self, outcomes: &[&str]) -> Vec<&str> {
        let text = outcomes.iter().find_map(|name| self.texts.get(*name));
        text.expect(&self.name).lines().collect()
    }
}

/// Reads the files of a folder, in the order of their names. Returns the cases of each.
pub(super) fn read_cases(folder: &Path) -> Vec<Vec<Case>> {
    let entries = std::fs::read_dir(folder).expect("a folder of cases");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: &Path| {
        let subject = path.file_stem().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(path).expect("cases are UTF-8");
        let cases = text.split("\n=== ").map(|text| text.strip_prefix("=== ").unwrap_or(text));
        cases.map(|text| parse(&subject, text)).collect()
    };
    paths.iter().map(|path| read(path)).collect()
}

fn parse(subject: &str, text: &str) -> Case {
    let (head, files) = text.split_once("\n--- ").unwrap_or((text, ""));
    let title = head.lines().next().unwrap_or_default();
    let slug: String =
        title.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
    let texts = files.split("\n--- ").map(|file| {
        let (name, text) = file.split_once('\n').unwrap_or((file, ""));
        (name.to_owned(), text.trim_end_matches('\n').to_owned())
    });
    Case { name: format!("{subject}/{slug}"), texts: texts.collect() }
}
