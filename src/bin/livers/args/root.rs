//! What was meant by a folder to serve that is none.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    commands,
    values::{Address, address},
};

/// Flags whose value is optional and has to follow an equals sign, in the spelling of the remedy.
const WITH_EQUALS: &[(&str, &str)] =
    &[("--spa", "--spa"), ("--cors", "--cors"), ("--open", "--open"), ("-o", "--open")];

/// Commands of other tools.
const COMMANDS: &[&str] =
    &["serve", "server", "start", "dev", "develop", "run", "watch", "preview", "build"];

/// What is wrong with a path that begins with `~`, and what to write instead.
pub(crate) const UNEXPANDED: &str =
    "begins with ~, which the shell did not expand: write the full path";

const NO_COMMAND: &str = "is not a folder: leave it out, since livers serves without a command";

/// The folder to serve, and what may have been meant by it.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    path: PathBuf,
    args: Vec<OsString>,
    hint: Option<String>,
}

impl Root {
    pub(super) fn new(path: &Path, args: &[OsString]) -> Self {
        let hint = path.to_str().and_then(|text| misplaced(text, args));
        Self { path: path.to_owned(), args: args.to_owned(), hint }
    }

    /// Returns whether a path is this folder.
    pub(crate) fn is(&self, path: &Path) -> bool {
        self.path == path
    }

    /// Returns how a folder was named: with its flag, if it is a mounted one.
    pub(crate) fn name_of(&self, path: &Path) -> String {
        let end = format!("={}", path.display());
        let is_mount = |arg: &&str| !self.is(path) && arg.ends_with(&end);
        match self.args.iter().filter_map(|arg| arg.to_str()).find(is_mount) {
            Some(arg) => format!("--mount {}", arg.strip_prefix("--mount=").unwrap_or(arg)),
            None => path.display().to_string(),
        }
    }

    /// Returns what was probably meant, if the text looks like something else than a folder: what
    /// the text is, and what to write instead.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Returns what is wrong with an argument that stands alone, if it looks like something else than a
/// folder: what it is, and what to write instead.
fn misplaced(text: &str, args: &[OsString]) -> Option<String> {
    let before = args.windows(2).find(|pair| pair[1] == text).and_then(|pair| pair[0].to_str());
    let with_equals = WITH_EQUALS.iter().find(|(flag, _)| before == Some(flag));
    if let Some((_, flag)) = with_equals {
        let slash = if *flag == "--open" && !text.starts_with('/') { "/" } else { "" };
        return Some(format!(
            "is not a folder: as the value of {flag}, write {flag}={slash}{text}"
        ));
    }
    let is_switch = before.is_some_and(|flag| flag.starts_with('-') && !flag.contains('='));
    if is_switch && matches!(text, "true" | "false" | "yes" | "no" | "on" | "off") {
        return Some(format!("is not a folder: {} takes no value", before.unwrap_or_default()));
    }
    if text.parse::<u16>().is_ok() {
        return Some(format!("is not a folder: write --port {text}"));
    }
    if COMMANDS.contains(&text) {
        return Some(NO_COMMAND.to_owned());
    }
    if text == "help" {
        return Some("is not a folder: write livers --help".to_owned());
    }
    if commands::is_command(&text.into()) {
        return Some(format!("is not a folder: as a command, write it first, livers {text}"));
    }
    if text.starts_with("~/") {
        return Some(UNEXPANDED.to_owned());
    }
    match address(text)? {
        Address { is_url: true, .. } => {
            Some(format!("is a URL: write --proxy /={text} to forward requests to it"))
        }
        Address { host, port: Some(port), .. } if !text.contains(['/', '\\']) => Some(format!(
            "is an address: write --port {port} to listen there, or --proxy /={host}:{port} to \
             forward requests to it"
        )),
        _ => None,
    }
}

/// Words that a folder is the second one.
pub(super) fn second_folder(text: &str, args: &[OsString]) -> String {
    let is_command = |arg: &&str| COMMANDS.contains(arg) && !Path::new(arg).exists();
    match misplaced(text, args) {
        Some(hint) => format!("{text} {hint}"),
        None => match args.iter().skip(1).filter_map(|arg| arg.to_str()).find(is_command) {
            Some(command) => format!("{command} {NO_COMMAND}"),
            None => format!("{text} is a second folder: name only one, or add it with --mount"),
        },
    }
}
