//! Wording of the library's refusals and warnings for a person at the command line.
//!
//! The library names settings; here each message names the flag that fixes the problem.

use std::io;

use livers::{CompilerHost, ConfigNotice, EditorError, NoEffect, Refusal};

use crate::{
    keyboard::KEYS,
    line::{Line, Message, Style},
};

/// Words that a setting has no effect.
pub(crate) fn setting_unused(setting: &str, why: NoEffect) -> String {
    let reason = match why {
        NoEffect::NoProxy => "there is no --proxy",
        NoEffect::NoTlsBackend => "no backend uses https://",
        NoEffect::AllProxied => "it applies to files, and --proxy / forwards every path",
        NoEffect::GivenTwice => "the same value is given twice",
        _ => "it has no effect",
    };
    format!("--{setting}: {reason}")
}

/// Words where a compiler of the project runs.
pub(crate) fn compiler(compiler: &str, host: CompilerHost) -> String {
    let place = match host {
        CompilerHost::Engine => "in livers' engine",
        CompilerHost::Node => "in Node",
        _ => "in a process of its own",
    };
    format!("{compiler} runs {place}")
}

/// Words what of a `vite.config.*` has no effect.
pub(crate) fn config_notice(file: &str, notice: &ConfigNotice) -> String {
    let text = match notice {
        ConfigNotice::PluginNotRun(package) => format!("plugin {package} is not run"),
        ConfigNotice::NotUnderstood { setting, line } => {
            let line = line.map(|line| format!(" (line {line})"));
            format!("{setting} is not understood{}", line.unwrap_or_default())
        }
        ConfigNotice::HostNotApplied(host) => {
            format!("server.host is not applied (--host {host} accepts other devices)")
        }
        ConfigNotice::FolderNotServed { setting, folder } => {
            let folder = folder.display();
            format!("{setting} is not applied: {folder} is outside the served folder")
        }
        ConfigNotice::Changed => "changed: restart livers to apply it".to_owned(),
        _ => "has no effect".to_owned(),
    };
    format!("{file}: {text}")
}

/// Words that no browser could be opened.
pub(crate) fn browser_error(url: &str, error: &io::Error) -> Line {
    Line::label(Style::Red, "open").text(format!("cannot open a browser ({error}): go to {url}"))
}

/// Words that commands cannot find the server.
pub(crate) fn registration_error(error: &io::Error) -> Line {
    Line::label(Style::Yellow, "note")
        .text(format!("commands such as livers wait need --port here: {error}"))
}

/// Words that a place was not opened in an editor.
pub(crate) fn editor_fault(path: &str, why: &EditorError) -> String {
    let remedy = if why.is_about_setting() {
        " (LIVERS_EDITOR is the command of your editor, such as 'code -g {file}:{line}:{column}')"
    } else {
        ""
    };
    format!("{path}: {why}{remedy}")
}

/// Lists the keys.
pub(crate) fn keys() -> Message {
    let row = |(name, _, what): (char, _, &str)| {
        Line::indented(2).styled(Style::Cyan, name.to_string()).text(format!("  {what}"))
    };
    let rows = KEYS.into_iter().map(row);
    Message([Line::default()].into_iter().chain(rows).chain([Line::default()]).collect())
}

/// Words how many tabs were reloaded.
pub(crate) fn reloaded(tabs: usize) -> Line {
    let tabs = match tabs {
        0 => "no tab is open".to_owned(),
        count => self::tabs(count),
    };
    Line::label(Style::Green, "reload").text(tabs)
}

/// Words a number of tabs.
pub(crate) fn tabs(count: usize) -> String {
    match count {
        1 => "1 tab".to_owned(),
        count => format!("{count} tabs"),
    }
}

/// Words that there are no errors.
pub(crate) fn no_errors() -> Line {
    Line::label(Style::Green, "errors").text("none")
}

/// Words that changes are held back, or published again.
pub(crate) fn paused(paused: bool) -> Line {
    if paused {
        Line::label(Style::Yellow, "paused").text("changes are held back; p delivers them")
    } else {
        Line::label(Style::Green, "resumed").text("changes are delivered")
    }
}

/// Words whether requests are printed from now on.
pub(crate) fn verbose(verbose: bool) -> Line {
    let state = if verbose { "on" } else { "off" };
    Line::label(Style::Dim, "verbose").styled(Style::Dim, state)
}

/// Words a refusal: the reason, and the flag that would allow the request.
pub(crate) fn refusal(reason: &Refusal) -> String {
    match reason {
        Refusal::UnknownHost(host) => format!("{reason} (--allowed-host {host} allows it)"),
        reason => match reason.setting() {
            Some(setting) => format!("{reason} (--{setting} allows it)"),
            None => reason.to_string(),
        },
    }
}
