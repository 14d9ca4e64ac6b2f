//! Wording of events, one line each.

use std::fmt::Write;

use livers::{Change, Event, Fault, Kind, Refusal};
use percent_encoding::percent_decode_str;

use super::{CYAN, DIM, GREEN, RED, RESET, Verbosity, YELLOW, pending::Report};
use crate::messages;

/// How many file names a line has.
const MAX_NAMES: usize = 3;

/// Returns the line of an event, or `None` if the verbosity excludes it.
pub(super) fn event_line(event: &Event, verbosity: Verbosity) -> Option<String> {
    let needed = match event {
        Event::Updated { .. } => Verbosity::Changes,
        Event::Applied { .. } | Event::Tabs { .. } | Event::Request { .. } => Verbosity::All,
        _ => Verbosity::Errors,
    };
    if verbosity < needed {
        return None;
    }
    Some(match event {
        Event::Updated { changes, tabs, .. } => {
            let verb = match changes.first().map(|change| change.kind) {
                Some(kind) if changes.iter().any(|change| change.kind != kind) => "updated",
                Some(Kind::Created) => "created",
                Some(Kind::Removed) => "removed",
                _ => "updated",
            };
            let tabs = match tabs {
                0 => "no tab".to_owned(),
                1 => "1 tab".to_owned(),
                tabs => format!("{tabs} tabs"),
            };
            format!("{GREEN}{verb}{RESET}  {}  {DIM}-> {tabs}{RESET}", names(changes))
        }
        Event::Applied { page, how, took, why, .. } => {
            let why = why.as_deref().map(escaped);
            let report = Report { how: escaped(how), took: *took, why };
            format!("{DIM}applied  {}  {report}{RESET}", name(page))
        }
        Event::Tabs { open } => format!("{DIM}tabs     {open} open{RESET}"),
        Event::BackendDown { backend, why } => {
            format!("{RED}proxy{RESET}    {} is down: {}", escaped(backend), escaped(why))
        }
        Event::BackendUp { backend } => {
            format!("{GREEN}proxy{RESET}    {} is up again", escaped(backend))
        }
        Event::BackendFault { backend, path, why } => {
            format!("{RED}proxy{RESET}    {} {}: {}", escaped(backend), escaped(path), escaped(why))
        }
        Event::Refused { path, reason } => refused(path, reason),
        Event::PolicyAmended { path } => format!(
            "{YELLOW}policy{RESET}   {}: added livers' script and socket to its \
             Content-Security-Policy, here and on other pages",
            escaped(path)
        ),
        Event::WatchFault { path, why } => {
            format!("{RED}watch{RESET}    {}: {}", escaped(&path.to_string_lossy()), escaped(why))
        }
        Event::RuleFault { file, why } => {
            format!("{YELLOW}ignored{RESET}  {}: {}", escaped(file), escaped(why))
        }
        Event::StillWritten { path } => {
            let path = escaped(&path.to_string_lossy());
            format!("{YELLOW}writing{RESET}  {path} is still open for writing: served as it is")
        }
        Event::SourceFault(fault) => source_fault(fault),
        Event::Request { method, target, status, took } => {
            let ms = took.as_secs_f64() * 1000.0;
            format!("{DIM}{method:<8} {}  {status}, {ms:.1} ms{RESET}", escaped(target))
        }
        Event::ConnectionFault { why } => format!("{RED}server{RESET}   {}", escaped(why)),
        // `Event` may get more variants.
        _ => return None,
    })
}

/// Returns the lines of a compile error: its place, the message, and the source around it.
fn source_fault(fault: &Fault) -> String {
    let place = match (fault.line, fault.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        _ => String::new(),
    };
    let mut text = format!(
        "{RED}error{RESET}    {}{place}: {}",
        escaped(&fault.file),
        escaped(&fault.message)
    );
    for line in fault.frame.lines() {
        let _ = write!(text, "\n         {DIM}{}{RESET}", escaped(line));
    }
    if let Some(help) = &fault.help {
        let _ = write!(text, "\n         {CYAN}{}{RESET}", escaped(help));
    }
    text
}

/// Returns the line of a refused request.
pub(super) fn refused(path: &str, reason: &Refusal) -> String {
    format!("{YELLOW}refused{RESET}  {}: {}", escaped(path), escaped(&messages::refusal(reason)))
}

/// Returns the names of the first few changed files.
fn names(changes: &[Change]) -> String {
    let mut text: Vec<_> =
        changes.iter().take(MAX_NAMES).map(|change| name(&change.path)).collect();
    if changes.len() > MAX_NAMES {
        text.push(format!("and {} more", changes.len() - MAX_NAMES));
    }
    text.join(", ")
}

/// Returns a URL path decoded and without its leading slash.
fn name(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let name = decoded.strip_prefix('/').filter(|name| !name.is_empty()).unwrap_or(&decoded);
    escaped(name)
}

/// Returns text with its control characters escaped, since a terminal would obey them.
pub(super) fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|char| {
            let control = char.is_control();
            let escaped = control.then(|| char.escape_default());
            escaped.into_iter().flatten().chain((!control).then_some(char))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use livers::{Change, Event, Kind};

    use super::{Verbosity, event_line};

    fn plain(event: &Event, verbosity: Verbosity) -> Option<String> {
        event_line(event, verbosity).map(|line| anstream::adapter::strip_str(&line).to_string())
    }

    fn updated(paths: &[(&str, Kind)], tabs: usize) -> Event {
        let change = |(path, kind): &(&str, Kind)| Change { path: (*path).into(), kind: *kind };
        Event::Updated { version: 1, changes: paths.iter().map(change).collect(), tabs }
    }

    #[test]
    fn a_change_has_one_short_line() {
        use Kind::{Created, Modified, Removed};
        let table = [
            (updated(&[("/css/app.css", Modified)], 2), "updated  css/app.css  -> 2 tabs"),
            (updated(&[("/a%20b.html", Created)], 1), "created  a b.html  -> 1 tab"),
            (updated(&[("/a/", Removed)], 0), "removed  a/  -> no tab"),
            (updated(&[("/a", Removed), ("/b", Created)], 1), "updated  a, b  -> 1 tab"),
            (
                updated(
                    &[("/a", Modified), ("/b", Modified), ("/c", Modified), ("/d", Modified)],
                    3,
                ),
                "updated  a, b, c, and 1 more  -> 3 tabs",
            ),
            (updated(&[("/%1b[31m%0a", Modified)], 0), "updated  \\u{1b}[31m\\n  -> no tab"),
        ];
        for (event, wanted) in table {
            assert_eq!(plain(&event, Verbosity::Changes).as_deref(), Some(wanted));
            assert_eq!(plain(&event, Verbosity::Errors), None);
        }
    }

    #[test]
    fn requests_are_printed_only_with_verbose() {
        let event = Event::Request {
            method: "GET".into(),
            target: "/?a".into(),
            status: 200,
            took: std::time::Duration::from_micros(1500),
        };
        assert_eq!(plain(&event, Verbosity::Changes), None);
        assert_eq!(plain(&event, Verbosity::All).as_deref(), Some("GET      /?a  200, 1.5 ms"));
    }
}
