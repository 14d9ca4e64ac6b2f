//! Words errors of parsing the arguments: one sentence that names the argument, what is wrong, and
//! what to write instead.

use std::{error::Error as _, ffi::OsString, path::Path};

use clap::{
    CommandFactory,
    error::{ContextKind, ErrorKind},
};

use super::{cli::Cli, other_tools, root};

/// An example for each option that needs a value, and where it helps, a remark.
const EXAMPLES: &[(&str, &str)] = &[
    ("--port", "--port 8080"),
    ("--host", "--host 0.0.0.0 for other devices"),
    ("--allowed-host", "--allowed-host app.example.com"),
    ("--mount", "--mount /assets=../shared"),
    ("--header", "--header 'X-Name: value'"),
    ("--proxy", "--proxy /api=localhost:3000"),
    ("--proxy-wait", "--proxy-wait 10"),
    ("--proxy-timeout", "--proxy-timeout 60"),
    ("--watch", "--watch ./templates; the served folder is always watched"),
    ("--ignore", "--ignore 'drafts/**'"),
    ("--reload", "--reload all, or leave it out for --reload used"),
    ("--console", "--console all, or leave it out for --console errors"),
    ("--html", "--html reload, or leave it out for --html morph"),
    ("--log", "--log json, or leave it out for --log text"),
    ("--timeout", "--timeout 10"),
    ("--settle", "--settle 300"),
    ("--since", "--since 18, a version from an earlier answer"),
];

/// Words an error of the parser of commands.
pub(super) fn explain_command(error: &clap::Error, args: &[OsString]) -> String {
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let command = args.get(1).map(|arg| arg.to_string_lossy()).unwrap_or_default();
    let hint = folder_hint(&command).map(|hint| format!("; {hint}")).unwrap_or_default();
    let value = error.get(ContextKind::InvalidValue).map(ToString::to_string);
    let is_empty = !argument.starts_with('-') && value.is_some_and(|value| value.is_empty());
    match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue if is_empty && command != "init" => {
            "an argument is empty: leave it out".to_owned()
        }
        ErrorKind::UnknownArgument if argument.starts_with('-') => format!(
            "{argument} is not an option of livers {command}: see livers {command} --help{hint}"
        ),
        ErrorKind::UnknownArgument => {
            format!("{argument} is one argument too many: see livers {command} --help{hint}")
        }
        ErrorKind::MissingRequiredArgument | ErrorKind::InvalidValue if command == "init" => {
            format!("livers init needs to know what to write: write livers init agents{hint}")
        }
        _ => explain(error, args),
    }
}

/// Returns how to serve a folder of the current one that has the name of a command, if there is
/// one.
pub(crate) fn folder_hint(command: &str) -> Option<String> {
    let is_folder = Path::new(command).is_dir();
    is_folder.then(|| format!("to serve the folder {command}, write livers ./{command}"))
}

/// Words an error of the parser.
pub(super) fn explain(error: &clap::Error, args: &[OsString]) -> String {
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (argument, value) = (context(ContextKind::InvalidArg), context(ContextKind::InvalidValue));
    let flag = argument.split([' ', '[', '=']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue if value.is_empty() => {
            needs_value(flag)
        }
        // The parser's message begins with the value.
        ErrorKind::ValueValidation => match error.source() {
            Some(message) if flag.is_empty() => message.to_string(),
            Some(message) if argument.contains("[=") => format!("{flag}={message}"),
            Some(message) => format!("{flag} {message}"),
            None => format!("{flag} {value} is not valid: see livers --help"),
        },
        ErrorKind::TooManyValues => match &*value {
            "false" | "no" | "off" | "0" => format!("{flag} takes no value: leave it out"),
            _ => format!("{flag} takes no value: write {flag}"),
        },
        ErrorKind::UnknownArgument if !argument.starts_with('-') || argument == "-" => {
            root::second_folder(&argument, args)
        }
        ErrorKind::UnknownArgument => {
            unknown_option(&argument, &context(ContextKind::SuggestedArg))
        }
        ErrorKind::ArgumentConflict => {
            let other = context(ContextKind::PriorArg);
            let other = other.split([' ', '[']).next().unwrap_or_default();
            if flag == other {
                format!("{flag} is given more than once: give it once")
            } else {
                format!("{flag} and {other} exclude each other: give only one of them")
            }
        }
        ErrorKind::InvalidUtf8 => {
            "an argument is not valid UTF-8, which only names of folders may be".to_owned()
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        }
    }
}

/// Words that an option needs a value.
fn needs_value(flag: &str) -> String {
    if flag.is_empty() {
        return "the name of the folder is empty: write . for the current one".to_owned();
    }
    match EXAMPLES.iter().find(|(name, _)| *name == flag) {
        Some((_, example)) => format!("{flag} needs a value: write it like {example}"),
        None => format!("{flag} needs a value: see livers --help"),
    }
}

/// Words that an option does not exist.
fn unknown_option(option: &str, similar: &str) -> String {
    let kebab = kebab_case(option);
    let own = kebab.strip_prefix("--").filter(|name| is_own(name)).map(|_| &*kebab);
    let negated = kebab.strip_prefix("--no-").filter(|name| is_own(name));
    if let (None, Some(remedy)) = (own, other_tools::remedy(&kebab)) {
        return format!("{option} is not an option: {remedy}");
    }
    if let Some(name) = negated {
        return format!("{option} is not an option: leave out --{name}, and it is off");
    }
    // The parser also finds --dotfiles similar to --title.
    let similar = Some(similar).filter(|similar| similar.get(..3) == kebab.get(..3));
    match own.or(similar).unwrap_or_default() {
        "" => format!("{option} is not an option: see livers --help"),
        similar => format!("{option} is not an option: did you mean {similar}? See livers --help"),
    }
}

/// Returns the error of the first long option that begins with a single hyphen, or with a dash that
/// a text processor made of two. The parser would take `-host` for `-h -o -s -t`, and the other for
/// a folder.
pub(super) fn misspelt_hyphens(args: &[OsString]) -> Option<String> {
    const DASHES: [char; 5] = ['-', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}'];
    args.iter()
        .skip(1)
        .map_while(|arg| arg.to_str().filter(|arg| *arg != "--"))
        .filter(|arg| arg.starts_with(DASHES) && !arg.starts_with("--"))
        .find_map(|arg| {
            let option = arg.trim_start_matches(DASHES);
            let name = option.split('=').next().unwrap_or_default();
            let is_known = name.len() > 1 && (is_own(name) || matches!(name, "help" | "version"));
            is_known.then(|| format!("{arg} is not an option: write --{option}"))
        })
}

/// Returns whether livers has a long option of this name.
fn is_own(name: &str) -> bool {
    Cli::command().get_arguments().any(|argument| argument.get_long() == Some(name))
}

/// Returns a name like `--strictPort` as `--strict-port`.
fn kebab_case(option: &str) -> String {
    let mut kebab = String::new();
    for char in option.chars() {
        let after_hyphen = kebab.is_empty() || kebab.ends_with('-');
        if char.is_ascii_uppercase() && !after_hyphen {
            kebab.push('-');
        }
        // A short option keeps its case.
        let lower = option.starts_with("--");
        kebab.push(match char {
            '_' => '-',
            char if lower => char.to_ascii_lowercase(),
            char => char,
        });
    }
    kebab
}
