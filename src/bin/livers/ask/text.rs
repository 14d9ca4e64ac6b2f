//! Wording of answers: the verdict as a sentence, then the tabs, then what is wrong.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use livers::{
    Errors, Event, MessageKind, PageMessage, TabOutcome, TabState, Tabs, Verdict, WaitAnswer,
    escape,
};
use percent_encoding::percent_decode_str;
use unicode_width::UnicodeWidthStr;

use super::answer::Reloaded;
use crate::{
    errors,
    line::{Line, Message, Style},
    messages,
    servers::RunningServer,
    terminal,
};

/// How many names a sentence has.
const MAX_NAMES: usize = 3;

/// Words the answer to `livers wait` about these files.
pub(super) fn wait(answer: &WaitAnswer, files: &[PathBuf], timeout: Duration) -> Message {
    let named = if files.is_empty() {
        answer.changes.iter().map(|change| terminal::name(&change.path)).collect()
    } else {
        files.iter().map(|file| file.to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let (style, label) = label(answer.verdict);
    let sentence = sentence(answer, &names(&named), timeout);
    let mut lines =
        vec![Line::default().styled(style, format!("{label}:")).text(format!(" {sentence}"))];
    lines.extend(aligned(&answer.tabs.iter().map(tab_row).collect::<Vec<_>>()));
    let faults = answer.faults.iter().cloned().map(Event::SourceFault);
    let several = errors::have_several(answer.tabs.iter().map(|tab| &tab.browser));
    let pages = answer
        .tabs
        .iter()
        .flat_map(|tab| errors::of_page(&tab.page, several.then_some(&tab.browser), &tab.errors));
    lines.extend(faults.chain(pages).flat_map(|event| terminal::describe(&event)));
    Message(lines)
}

fn label(verdict: Verdict) -> (Style, &'static str) {
    match verdict {
        Verdict::Applied => (Style::Green, "applied"),
        Verdict::Unchanged => (Style::Green, "unchanged"),
        Verdict::Failed => (Style::Red, "failed"),
        Verdict::Kept => (Style::Red, "kept"),
        Verdict::Unused => (Style::Yellow, "unused"),
        Verdict::NoTabs => (Style::Yellow, "no-tabs"),
        Verdict::Timeout => (Style::Yellow, "timeout"),
        _ => (Style::Yellow, "verdict"),
    }
}

/// Returns what follows the verdict. `names` is empty if the question names no file and nothing was
/// changed.
fn sentence(answer: &WaitAnswer, names: &str, timeout: Duration) -> String {
    let count = answer.tabs.len();
    let (tabs, s) = (messages::tabs(count), if count == 1 { "s" } else { "" });
    let is_named = !names.is_empty();
    let names = if is_named { names } else { "the last change" };
    let seconds = timeout.as_secs_f64();
    match answer.verdict {
        Verdict::Applied => format!("{names} in {tabs}{}", how(&answer.tabs)),
        Verdict::Unchanged if is_named => format!("{tabs} run{s} the current {names}"),
        Verdict::Unchanged => format!("nothing was changed since {tabs} loaded"),
        Verdict::Failed => {
            let failed =
                answer.tabs.iter().filter(|tab| tab.errors.iter().any(is_decisive)).count();
            match failed {
                0 => format!("{tabs} cannot run {names} (compile error)"),
                failed if failed == count => format!("{names} in {tabs}, with errors"),
                failed => format!("{names} in {tabs}, with errors in {failed} of them"),
            }
        }
        Verdict::Kept if is_named => {
            format!("{tabs} keep{s} running the old {names} (compile error)")
        }
        Verdict::Kept => format!("{tabs} keep{s} running the old code (compile error)"),
        Verdict::Unused => format!("no open tab uses {names}"),
        Verdict::NoTabs if answer.faults.is_empty() => "no tab is open".to_owned(),
        Verdict::NoTabs => "no tab is open, and there are compile errors".to_owned(),
        Verdict::Timeout if count == 0 => format!("no tab answered within {seconds} s"),
        Verdict::Timeout if count == 1 => {
            format!("{names} in 1 tab, which has not answered within {seconds} s")
        }
        Verdict::Timeout => {
            format!("{names} in {tabs}, of which some have not answered within {seconds} s")
        }
        // A verdict of a later version.
        _ => names.to_owned(),
    }
}

/// Returns whether an error decides a verdict. What a page writes to its console does not.
fn is_decisive(error: &PageMessage) -> bool {
    error.kind != MessageKind::Console
}

/// Returns what the tabs did, and the longest time, in parentheses.
fn how(tabs: &[TabOutcome]) -> String {
    let mut hows: Vec<&str> = tabs.iter().filter_map(|tab| tab.how.as_deref()).collect();
    hows.sort_unstable();
    hows.dedup();
    let ms = tabs.iter().filter_map(|tab| tab.ms).max();
    let parts: Vec<_> = (!hows.is_empty())
        .then(|| hows.join(" and "))
        .into_iter()
        .chain(ms.map(milliseconds))
        .collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn milliseconds(ms: u64) -> String {
    format!("{ms} ms")
}

fn tab_row(tab: &TabOutcome) -> Vec<String> {
    let how = match (&tab.how, &tab.why) {
        (Some(how), Some(why)) => format!("{how} ({why})"),
        (Some(how), None) => how.clone(),
        (None, _) => String::new(),
    };
    let ms = tab.ms.map(milliseconds).unwrap_or_default();
    let errors = tab.errors.iter().filter(|error| is_decisive(error)).count();
    vec![decoded_page(&tab.page), tab.browser.clone(), how, ms, errors_in_words(errors)]
}

/// Returns whether something is wrong. What a page writes to its console may be anything.
pub(super) fn has_errors(answer: &Errors) -> bool {
    !answer.faults.is_empty() || answer.tabs.iter().any(|tab| tab.errors.iter().any(is_decisive))
}

/// Words the answer to `livers errors`.
pub(super) fn errors(answer: &Errors) -> Message {
    let events = errors::events(answer);
    if events.is_empty() {
        return Line::default().styled(Style::Green, "no errors").into();
    }
    Message(events.iter().flat_map(terminal::describe).collect())
}

/// Words the answer to `livers tabs`.
pub(super) fn tabs(answer: &Tabs) -> Message {
    if answer.tabs.is_empty() {
        return Line::default().text("no tab is open").into();
    }
    let rows = answer.tabs.iter().map(|tab| {
        let device = match &tab.address {
            Some(address) => format!("{}, {address}", tab.browser),
            None => tab.browser.clone(),
        };
        let state = match tab.state {
            TabState::Loading => "loading",
            TabState::Updating => "updating",
            _ => "ready",
        };
        let files = match tab.uses {
            None => "all files".to_owned(),
            Some(1) => "1 file".to_owned(),
            Some(files) => format!("{files} files"),
        };
        let errors = errors_in_words(tab.errors);
        vec![decoded_page(&tab.page), device, state.to_owned(), files, errors]
    });
    Message(aligned(&rows.collect::<Vec<_>>()))
}

/// Words the answer to `livers reload`.
pub(super) fn reload(answer: &Reloaded, page: Option<&str>) -> Message {
    let text = match (answer.reloaded, page) {
        (0, None) => "no tab is open".to_owned(),
        (0, Some(page)) => format!("no tab shows {page}"),
        (tabs, _) => format!("reloaded {}", messages::tabs(tabs)),
    };
    Line::default().text(text).into()
}

/// Words the answer of `livers list`.
pub(super) fn servers(servers: &[RunningServer]) -> Message {
    if servers.is_empty() {
        return Line::default().text("no livers server runs").into();
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let rows = servers.iter().map(|server| {
        let age = now.saturating_sub(Duration::from_millis(server.started));
        let folder = server.root.to_string_lossy().into_owned();
        vec![server.url.clone(), folder, format!("since {}", age_in_words(age))]
    });
    Message(aligned(&rows.collect::<Vec<_>>()))
}

fn age_in_words(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// Returns a number of errors in words, and nothing for none.
fn errors_in_words(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    }
}

/// Returns the first few names.
fn names(names: &[String]) -> String {
    let first = names.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn decoded_page(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// Returns rows whose cells begin in the same columns, without columns that are empty in all of
/// them.
fn aligned(rows: &[Vec<String>]) -> Vec<Line> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |cell: &String| escape(cell).width();
    let widths: Vec<_> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(width).max())
        .map(Option::unwrap_or_default)
        .collect();
    let line = |row: &Vec<String>| {
        let mut line = Line::default();
        let mut gap = 2;
        for (at, (cell, wanted)) in row.iter().zip(&widths).enumerate() {
            if *wanted == 0 {
                continue;
            }
            if !cell.is_empty() {
                let style = if at == 0 { Style::Plain } else { Style::Dim };
                line = line.text(" ".repeat(gap)).styled(style, cell);
                gap = 0;
            }
            gap += wanted - width(cell) + 2;
        }
        line
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use serde_json::{Value, json};

    use super::{age_in_words, errors, has_errors, reload, servers, tabs, wait};
    use crate::{ask::answer::Reloaded, line::Message, servers::RunningServer};

    fn plain(message: &Message) -> Vec<String> {
        let plain = |line: &crate::line::Line| {
            anstream::adapter::strip_str(&line.to_string()).to_string().trim_end().to_owned()
        };
        message.0.iter().map(plain).collect()
    }

    fn tab(page: &str, how: Option<&str>, ms: Option<u64>, kinds: &[&str]) -> Value {
        let error =
            |kind: &&str| json!({ "kind": kind, "message": "x is not defined", "count": 2 });
        let errors: Vec<_> = kinds.iter().map(error).collect();
        json!({ "page": page, "browser": "Chrome 156", "how": how, "ms": ms, "errors": errors })
    }

    fn fault() -> Value {
        json!({
            "path": "/src/App.tsx", "file": "src/App.tsx", "line": 1, "column": 2,
            "message": "Unexpected token", "frame": "> 1 | a b\n    |  ^",
        })
    }

    /// Returns the text of an answer with these tabs and faults, about the files or the changes.
    fn text(
        verdict: &str,
        changes: &[&str],
        tabs: &[Value],
        faults: &[Value],
        files: &[&str],
    ) -> Vec<String> {
        let change = |path: &&str| json!({ "path": path, "kind": "modified" });
        let changes: Vec<_> = changes.iter().map(change).collect();
        let answer = json!({
            "verdict": verdict, "version": 18, "changes": changes, "tabs": tabs, "faults": faults,
            "more": "of a later version",
        });
        let files: Vec<_> = files.iter().map(PathBuf::from).collect();
        plain(&wait(&serde_json::from_value(answer).unwrap(), &files, Duration::from_millis(2500)))
    }

    #[test]
    fn the_first_line_is_the_verdict_as_a_sentence() {
        let (hot, css) =
            (tab("/", Some("hot"), Some(12), &[]), tab("/b", Some("css"), Some(7), &[]));
        let (idle, broken) =
            (tab("/", None, None, &[]), tab("/c", Some("hot"), Some(9), &["exception"]));
        let logs = tab("/", Some("hot"), Some(3), &["console"]);
        let app: &[&str] = &["/src/App.tsx"];
        let many: &[&str] = &["/a%20b", "/b", "/c", "/d", "/e"];
        let table: &[(&str, &[&str], &[&Value], usize, &[&str], &str)] = &[
            ("applied", app, &[&hot], 0, &[], "applied: src/App.tsx in 1 tab (hot, 12 ms)"),
            (
                "applied",
                app,
                &[&hot, &css],
                0,
                &[],
                "applied: src/App.tsx in 2 tabs (css and hot, 12 ms)",
            ),
            (
                "applied",
                app,
                &[&logs],
                0,
                &["./App.tsx"],
                "applied: ./App.tsx in 1 tab (hot, 3 ms)",
            ),
            ("applied", many, &[&idle], 0, &[], "applied: a b, b, c and 2 more in 1 tab"),
            ("unchanged", &[], &[&idle], 0, &["a.css"], "unchanged: 1 tab runs the current a.css"),
            (
                "unchanged",
                &[],
                &[&idle, &idle],
                0,
                &[],
                "unchanged: nothing was changed since 2 tabs loaded",
            ),
            ("failed", app, &[&broken], 0, &[], "failed: src/App.tsx in 1 tab, with errors"),
            (
                "failed",
                app,
                &[&broken, &hot],
                0,
                &[],
                "failed: src/App.tsx in 2 tabs, with errors in 1 of them",
            ),
            (
                "failed",
                app,
                &[&idle],
                1,
                &[],
                "failed: 1 tab cannot run src/App.tsx (compile error)",
            ),
            (
                "kept",
                app,
                &[&hot, &hot],
                1,
                &[],
                "kept: 2 tabs keep running the old src/App.tsx (compile error)",
            ),
            ("unused", app, &[], 0, &[], "unused: no open tab uses src/App.tsx"),
            ("no-tabs", app, &[], 0, &[], "no-tabs: no tab is open"),
            ("no-tabs", app, &[], 1, &[], "no-tabs: no tab is open, and there are compile errors"),
            ("timeout", app, &[], 0, &[], "timeout: no tab answered within 2.5 s"),
            (
                "timeout",
                &[],
                &[&idle],
                0,
                &[],
                "timeout: the last change in 1 tab, which has not answered within 2.5 s",
            ),
            (
                "timeout",
                &[],
                &[&idle, &hot],
                0,
                &[],
                "timeout: the last change in 2 tabs, of which some have not answered within 2.5 s",
            ),
        ];
        for (verdict, changes, tabs, faults, files, wanted) in table {
            let tabs: Vec<_> = tabs.iter().map(|tab| (*tab).clone()).collect();
            let faults = vec![fault(); *faults];
            assert_eq!(text(verdict, changes, &tabs, &faults, files)[0], *wanted);
        }
    }

    #[test]
    fn tabs_and_what_is_wrong_follow_the_verdict() {
        let tabs = [
            tab("/", Some("reload"), Some(120), &["exception", "rejection"]),
            tab("/about%20us.html", Some("css"), Some(7), &[]),
        ];
        let lines = text("failed", &["/a.css"], &tabs, &[fault()], &[]);
        assert_eq!(
            lines[1..],
            [
                "  /               Chrome 156  reload  120 ms  2 errors",
                "  /about us.html  Chrome 156  css     7 ms",
                "error    src/App.tsx:1:2: Unexpected token",
                "         > 1 | a b",
                "             |  ^",
                "error    x is not defined  on /  (x2)",
                "error    x is not defined  on /  (x2)",
            ]
        );
        // Without reports, there are no columns for them.
        let idle = [tab("/", None, None, &[])];
        assert_eq!(text("unchanged", &[], &idle, &[], &[])[1..], ["  /  Chrome 156"]);
    }

    #[test]
    fn control_characters_of_pages_are_escaped() {
        let tabs = [tab("/%1b[2J", Some("h\u{1b}ot"), Some(1), &[])];
        let lines = text("applied", &["/%0a"], &tabs, &[], &["a\u{202e}b"]);
        assert_eq!(lines[0], "applied: a\\u{202e}b in 1 tab (h\\u{1b}ot, 1 ms)");
        assert_eq!(lines[1], "  /\\u{1b}[2J  Chrome 156  h\\u{1b}ot  1 ms");
    }

    #[test]
    fn errors_are_listed_and_none_is_said() {
        let none = json!({ "faults": [], "tabs": [] });
        let none = serde_json::from_value(none).unwrap();
        assert_eq!(plain(&errors(&none)), ["no errors"]);
        assert!(!has_errors(&none));
        let mut firefox = tab("/b", None, None, &["load"]);
        firefox["browser"] = "Firefox 145".into();
        let table: &[(&[Value], &[Value], bool, &[&str])] = &[
            (&[fault()], &[], true, &["error    src/App.tsx:1:2: Unexpected token"]),
            (
                &[],
                &[tab("/", None, None, &["console"])],
                false,
                &["error    x is not defined  on /  (x2)"],
            ),
            (
                &[],
                &[tab("/", None, None, &["rejection"]), firefox],
                true,
                &[
                    "error    x is not defined  on / (Chrome 156)  (x2)",
                    "error    x is not defined  on /b (Firefox 145)  (x2)",
                ],
            ),
        ];
        for (faults, tabs, wrong, wanted) in table {
            let answer = json!({ "faults": faults, "tabs": tabs });
            let answer = serde_json::from_value(answer).unwrap();
            let lines = plain(&errors(&answer));
            assert_eq!(lines[..wanted.len()], **wanted);
            assert_eq!(has_errors(&answer), *wrong, "{lines:?}");
        }
    }

    #[test]
    fn open_tabs_are_aligned() {
        let answer = json!({ "version": 18, "tabs": [
            { "page": "/", "browser": "Chrome 156", "version": 18, "uses": 12, "state": "ready", "errors": 3 },
            { "page": "/日本", "browser": "Safari 18 on iPhone", "address": "192.168.0.7", "version": 18,
              "uses": 1, "state": "loading", "errors": 0 },
        ] });
        assert_eq!(
            plain(&tabs(&serde_json::from_value(answer).unwrap())),
            [
                "  /      Chrome 156                        ready    12 files  3 errors",
                "  /日本  Safari 18 on iPhone, 192.168.0.7  loading  1 file",
            ]
        );
        let none = json!({ "version": 18, "tabs": [] });
        assert_eq!(plain(&tabs(&serde_json::from_value(none).unwrap())), ["no tab is open"]);
    }

    #[test]
    fn reloads_are_counted() {
        let table = [
            (0, None, "no tab is open"),
            (0, Some("/a"), "no tab shows /a"),
            (1, None, "reloaded 1 tab"),
            (2, Some("/a"), "reloaded 2 tabs"),
        ];
        for (reloaded, page, wanted) in table {
            assert_eq!(plain(&reload(&Reloaded { reloaded }, page)), [wanted]);
        }
    }

    #[test]
    fn servers_are_aligned() {
        let server = |url: &str, root: &str| RunningServer {
            pid: 1,
            boot: String::new(),
            url: url.to_owned(),
            port: 1,
            address: ([127, 0, 0, 1], 1).into(),
            root: root.into(),
            mounts: Vec::new(),
            started: u64::MAX,
            version: String::new(),
        };
        let two =
            [server("http://localhost:8080/", "/home/me/a"), server("http://localhost:80/", "/b")];
        assert_eq!(
            plain(&servers(&two)),
            [
                "  http://localhost:8080/  /home/me/a  since 0 s",
                "  http://localhost:80/    /b          since 0 s",
            ]
        );
        assert_eq!(plain(&servers(&[])), ["no livers server runs"]);
        let ages = [59, 60, 3_600, 172_799, 172_800].map(|s| age_in_words(Duration::from_secs(s)));
        assert_eq!(ages, ["59 s", "1 min", "1 h", "47 h", "2 days"]);
    }
}
