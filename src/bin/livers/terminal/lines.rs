//! Wording of events: one line each, and of a compile error its source, too.

use livers::{Change, Event, Fault, Kind, Level, Refusal};
use percent_encoding::percent_decode_str;

use super::{frame, page_messages::page_message, pending::Report, wrap::wrap};
use crate::{
    line::{LABEL_WIDTH, Line, Message, Style},
    messages,
    place::Place,
    verbosity::Verbosity,
};

/// How many file names a line has.
const MAX_NAMES: usize = 3;

/// Terminals with fewer columns show a code frame without the indentation of the label.
const NARROW: usize = 80;

/// Returns the message of an event for a terminal with so many columns, or `None` if the verbosity
/// excludes it.
pub(super) fn event_message(
    event: &Event,
    verbosity: Verbosity,
    columns: Option<usize>,
) -> Option<Message> {
    if verbosity < needed(event) {
        return None;
    }
    // Progress is for those who wait in front of a terminal.
    if matches!(event, Event::Watching { .. }) && columns.is_none() {
        return None;
    }
    match event {
        Event::SourceFault(fault) => return Some(source_fault(fault, columns)),
        Event::PageMessage { page, browser, message } => {
            return page_message(page, browser.as_deref(), message, columns);
        }
        _ => {}
    }
    event_line(event).map(Message::from)
}

/// Returns the least verbosity that prints an event.
pub(super) fn needed(event: &Event) -> Verbosity {
    match event {
        Event::Listening { .. }
        | Event::Updated { .. }
        | Event::Watching { .. }
        | Event::Compiling { .. }
        | Event::EditorOpened { .. } => Verbosity::Changes,
        Event::Applied { .. }
        | Event::CompilerStarted { .. }
        | Event::Tabs { .. }
        | Event::Request { .. } => Verbosity::All,
        Event::PageMessage { message, .. } if message.level != Level::Error => Verbosity::Changes,
        _ => Verbosity::Errors,
    }
}

/// Returns the line of an event that has one.
fn event_line(event: &Event) -> Option<Line> {
    let label = Line::label;
    Some(match event {
        Event::Listening { url, root, .. } => {
            label(Style::Green, "started").text(format!("{url} serves {}", root.to_string_lossy()))
        }
        Event::Lost { count } => {
            Line::default().styled(Style::Dim, format!("... {count} events lost"))
        }
        Event::Updated { changes, tabs, .. } => updated(changes, *tabs),
        Event::Applied { page, how, took, why, .. } => {
            let report = Report { how: how.clone(), took: *took, why: why.clone() };
            let line = label(Style::Dim, "applied").styled(Style::Dim, format!("{}  ", name(page)));
            report.append_to(line, Style::Dim)
        }
        Event::Tabs { open } => {
            label(Style::Dim, "tabs").styled(Style::Dim, format!("{open} open"))
        }
        Event::BackendDown { backend, why } => {
            label(Style::Red, "proxy").text(format!("{backend} is down: {why}"))
        }
        Event::BackendUp { backend } => {
            label(Style::Green, "proxy").text(format!("{backend} is up again"))
        }
        Event::BackendFault { backend, path, why } => {
            label(Style::Red, "proxy").text(format!("{backend} {path}: {why}"))
        }
        Event::Refused { path, reason } => refused(path, reason),
        Event::Missing { path, used_by, meant } => {
            missing(path, used_by.as_deref(), meant.as_deref())
        }
        Event::PolicyAmended { path } => label(Style::Yellow, "policy").text(format!(
            "{path}: added livers' script and socket to its Content-Security-Policy, here and on \
             other pages"
        )),
        Event::Watching { folders, all } => {
            let so_far = if *all { "" } else { " so far" };
            label(Style::Dim, "watching").styled(Style::Dim, format!("{folders} folders{so_far}"))
        }
        Event::WatchFault { path, why } => {
            label(Style::Red, "watch").text(format!("{}: {why}", path.to_string_lossy()))
        }
        Event::SettingUnused { setting, why } => {
            label(Style::Yellow, "ignored").text(messages::setting_unused(setting, *why))
        }
        Event::ProjectConfig { file, notice } => {
            label(Style::Yellow, "config").text(messages::config_notice(file, notice))
        }
        Event::CompilerStarted { compiler, host } => {
            label(Style::Dim, "compiler").styled(Style::Dim, messages::compiler(compiler, *host))
        }
        Event::Paused { paused } => messages::paused(*paused),
        Event::SpaPageMissing { file } => label(Style::Yellow, "missing")
            .text(format!("{file}  (--spa: routes get 404 until it exists)")),
        Event::RuleFault { file, why } => {
            label(Style::Yellow, "ignored").text(format!("{file}: {why}"))
        }
        Event::StillWritten { path } => label(Style::Yellow, "writing")
            .text(format!("{} is still open for writing: served as it is", path.to_string_lossy())),
        Event::Request { method, target, status, took } => {
            let ms = took.as_secs_f64() * 1000.0;
            let line =
                Line::default().styled(Style::Dim, format!("{method:<8} {target}  {status}"));
            line.varying(Style::Dim, format!(", {ms:.1} ms"))
        }
        Event::EditorOpened { path, line, column, editor } => label(Style::Dim, "opened")
            .styled(Style::Dim, format!("{}:{line}:{column} in {editor}", name(path))),
        Event::EditorFault { path, why } => {
            label(Style::Yellow, "open").text(messages::editor_fault(&name(path), why))
        }
        Event::ConnectionFault { why } => label(Style::Red, "server").text(why),
        // `Event` may get more variants.
        _ => return None,
    })
}

/// Returns the line of a change.
pub(super) fn updated(changes: &[Change], tabs: usize) -> Line {
    let verb = match changes.first().map(|change| change.kind) {
        Some(kind) if changes.iter().any(|change| change.kind != kind) => "updated",
        Some(Kind::Created) => "created",
        Some(Kind::Removed) => "removed",
        _ => "updated",
    };
    let tabs = match tabs {
        0 => "no tab".to_owned(),
        count => messages::tabs(count),
    };
    let line = Line::label(Style::Green, verb).text(format!("{}  ", names(changes)));
    line.styled(Style::Dim, format!("-> {tabs}"))
}

/// Returns the lines of a compile error: its place, the message, and the source around it.
fn source_fault(fault: &Fault, columns: Option<usize>) -> Message {
    let place = place(&fault.file, fault.line, fault.column);
    let mut message = fault.message.lines();
    let first = message.next().unwrap_or_default();
    let head = Line::label(Style::Red, "error").place(Style::Plain, place).text(": ");
    let first = wrap(head, (Style::Plain, first), None, columns);
    let indented = || Line::indented(LABEL_WIDTH);
    let rows = frame_lines(&fault.frame, columns);
    let help = fault.help.iter().map(|help| indented().styled(Style::Cyan, help));
    let message = message.map(|line| indented().text(line));
    Message(first.into_iter().chain(message).chain(rows).chain(help).collect())
}

/// Returns a place in a file. A column needs a line.
pub(super) fn place(file: &str, line: Option<u32>, column: Option<u32>) -> Place {
    Place { file: file.to_owned(), line, column: column.filter(|_| line.is_some()) }
}

/// Returns the lines of a code frame.
pub(super) fn frame_lines(
    frame: &str,
    columns: Option<usize>,
) -> impl Iterator<Item = Line> + use<> {
    let indent = if columns.is_some_and(|columns| columns < NARROW) { 0 } else { LABEL_WIDTH };
    let rows = frame::fit(frame, columns.map(|columns| columns.saturating_sub(indent)));
    rows.into_iter().map(move |row| Line::indented(indent).styled(Style::Dim, row))
}

/// Returns the line of a missing file.
fn missing(path: &str, used_by: Option<&str>, meant: Option<&str>) -> Line {
    let mut line = Line::label(Style::Yellow, "missing").text(path);
    if let Some(user) = used_by {
        line = line.styled(Style::Dim, "  used by ").text(user);
    }
    match meant {
        Some(meant) => {
            line.styled(Style::Cyan, format!("  (there is {meant}: begin the URL with a slash)"))
        }
        None => line,
    }
}

/// Returns the line of a refused request.
pub(super) fn refused(path: &str, reason: &Refusal) -> Line {
    Line::label(Style::Yellow, "refused").text(format!("{path}: {}", messages::refusal(reason)))
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
pub(crate) fn name(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.strip_prefix('/').filter(|name| !name.is_empty()).unwrap_or(&decoded).to_owned()
}

#[cfg(test)]
mod tests {
    use livers::{Change, Event, Kind};

    use super::event_message;
    use crate::verbosity::Verbosity;

    fn plain(event: &Event, verbosity: Verbosity) -> Option<String> {
        let message = event_message(event, verbosity, None)?;
        let lines: Vec<_> = message.0.iter().map(ToString::to_string).collect();
        Some(anstream::adapter::strip_str(&lines.join("\n")).to_string())
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
    fn progress_of_the_start_is_printed_on_a_terminal_only() {
        let text = |all, verbosity, columns| {
            let message =
                event_message(&Event::Watching { folders: 8000, all }, verbosity, columns)?;
            Some(anstream::adapter::strip_str(&message.0[0].to_string()).to_string())
        };
        let wide = Some(80);
        let line = text(false, Verbosity::Changes, wide).unwrap();
        assert!(line.starts_with("watching") && line.ends_with(" 8000 folders so far"), "{line}");
        assert!(text(true, Verbosity::Changes, wide).unwrap().ends_with(" 8000 folders"));
        assert_eq!(text(false, Verbosity::Changes, None), None);
        assert_eq!(text(false, Verbosity::Errors, wide), None);
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
