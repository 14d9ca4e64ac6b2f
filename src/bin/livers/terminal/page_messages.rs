//! Wording of the messages of pages.
//!
//! The place comes first, as in a compile error; then the message, and on which page. An error has
//! the lines around its place, and the calls that led to it as far as they are the project's own. A
//! message on the console has the line of the call. The text is a page's own: it may have many lines,
//! and is [escaped](crate::line) like all other text.

use livers::{Level, MessageKind, PageMessage, StackFrame};

use super::{
    lines::{frame_lines, place},
    wrap::wrap,
};
use crate::line::{LABEL_WIDTH, Line, Message, Style};

/// How many lines a message has.
const MAX_LINES: usize = 20;

/// How many calls are listed, besides the one that is the place of the error.
const MAX_CALLS: usize = 3;

/// How many components are listed.
const MAX_COMPONENTS: usize = 6;

/// Returns the message of a page for a terminal with so many columns. Returns `None` for the failure
/// to load a module with a compile error, which has a message of its own.
pub(super) fn page_message(
    page: &str,
    browser: Option<&str>,
    message: &PageMessage,
    columns: Option<usize>,
) -> Option<Message> {
    if message.kind == MessageKind::Compile {
        return None;
    }
    let (label, style, text_style) = match message.level {
        Level::Error => ("error", Style::Red, Style::Plain),
        Level::Warn => ("warn", Style::Yellow, Style::Plain),
        Level::Info => ("info", Style::Dim, Style::Dim),
        Level::Debug => ("debug", Style::Dim, Style::Dim),
        _ => ("log", Style::Dim, Style::Dim),
    };
    let text = shown(&message.message);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut head = Line::label(style, label);
    // The message of a failed load names the file.
    let is_named = message.kind == MessageKind::Load && message.line.is_none();
    if let Some(file) = message.file.as_ref().filter(|_| !is_named) {
        head = head.place(text_style, place(file, message.line, message.column));
        head = head.styled(text_style, ": ");
    }
    let on = format!("on {}", origin(page, browser, message));
    let mut all = wrap(head, (text_style, first), Some((Style::Dim, &on)), columns);
    let count = lines.clone().count();
    let kept = if count > MAX_LINES { MAX_LINES - 1 } else { count };
    let indented = || Line::indented(LABEL_WIDTH);
    all.extend(
        lines.take(kept).flat_map(|line| wrap(indented(), (text_style, line), None, columns)),
    );
    if count > kept {
        all.push(indented().styled(Style::Dim, format!("… {} more lines", count - kept)));
    }
    all.extend(frame_lines(&frame(message), columns));
    if message.kind != MessageKind::Console {
        all.extend(calls(message));
    }
    all.extend(components(message).map(|names| indented().styled(Style::Dim, names)));
    Some(Message(all))
}

/// Returns a text as it is shown. Tabs depend on the column, and a terminal chooses between the two
/// forms of an emoji itself.
fn shown(text: &str) -> String {
    text.replace('\t', "    ").replace(['\u{fe0e}', '\u{fe0f}'], "")
}

/// Returns where a message comes from.
fn origin(page: &str, browser: Option<&str>, message: &PageMessage) -> String {
    let worker = message.worker.as_deref().map(|worker| format!("worker {worker}"));
    let more: Vec<_> = worker.as_deref().into_iter().chain(browser).collect();
    if more.is_empty() { page.to_owned() } else { format!("{page} ({})", more.join(", ")) }
}

/// Returns the code frame: of a call of the console, only the line.
fn frame(message: &PageMessage) -> String {
    let rows = message.frame.lines();
    match (message.kind, message.level) {
        (MessageKind::Console, Level::Error | Level::Warn) => {
            let rows = rows.skip_while(|row| !row.starts_with('>')).take(2);
            rows.collect::<Vec<_>>().join("\n")
        }
        (MessageKind::Console, _) => String::new(),
        _ => message.frame.clone(),
    }
}

/// Returns the lines of the calls: in a package where it has thrown, and in the project's own code
/// besides the place of the message.
fn calls(message: &PageMessage) -> impl Iterator<Item = Line> {
    let is_own = |frame: &&StackFrame| {
        frame.path.is_some() && !frame.file.split(['/', '\\']).any(|name| name == "node_modules")
    };
    let is_place = |frame: &&StackFrame| {
        (Some(&frame.file), frame.line) == (message.file.as_ref(), message.line)
    };
    let thrown = message.stack.first().filter(|first| !is_own(first) && !is_place(first));
    let own = message.stack.iter().filter(is_own).skip_while(is_place);
    thrown.into_iter().chain(own.take(MAX_CALLS)).map(|frame| {
        let place = place(&frame.file, frame.line, frame.column);
        let line = Line::indented(LABEL_WIDTH).styled(Style::Dim, "at ");
        match &*frame.function {
            "" => line.place(Style::Dim, place),
            function => {
                let line = line.styled(Style::Dim, format!("{function} ("));
                line.place(Style::Dim, place).styled(Style::Dim, ")")
            }
        }
    })
}

/// Returns the line with the components around the one that failed.
fn components(message: &PageMessage) -> Option<String> {
    let names = message.components.iter().map(|frame| &*frame.function);
    let names: Vec<_> = names.filter(|name| !name.is_empty()).take(MAX_COMPONENTS + 1).collect();
    let more = if names.len() > MAX_COMPONENTS { " < …" } else { "" };
    let names = names.into_iter().take(MAX_COMPONENTS).collect::<Vec<_>>().join(" < ");
    (!names.is_empty()).then(|| format!("in {names}{more}"))
}

#[cfg(test)]
mod tests {
    use livers::{Level, MessageKind, PageMessage, StackFrame};

    use super::page_message;

    fn plain(page: &str, browser: Option<&str>, message: &PageMessage) -> String {
        let lines = page_message(page, browser, message, None).unwrap().0;
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    fn call(function: &str, file: &str, line: u32) -> StackFrame {
        StackFrame {
            function: function.to_owned(),
            path: Some(format!("/{file}")),
            file: file.to_owned(),
            line: Some(line),
            column: Some(3),
        }
    }

    fn exception() -> PageMessage {
        PageMessage {
            kind: MessageKind::Exception,
            message: "TypeError: x is not a function".to_owned(),
            path: Some("/src/App.tsx".to_owned()),
            file: Some("src/App.tsx".to_owned()),
            line: Some(2),
            column: Some(3),
            frame: "  1 | a\n> 2 |   x()\n    |   ^\n".to_owned(),
            stack: vec![
                call("invoke", "node_modules/react/index.js", 9),
                call("App", "src/App.tsx", 2),
                call("render", "node_modules/react/index.js", 9),
                call("", "src/main.tsx", 7),
            ],
            components: vec![call("App", "src/App.tsx", 2), call("Root", "src/main.tsx", 7)],
            count: 1,
            ..PageMessage::default()
        }
    }

    #[test]
    fn an_error_has_its_place_its_source_and_the_projects_own_calls() {
        let expected = "\
error    src/App.tsx:2:3: TypeError: x is not a function  on /
           1 | a
         > 2 |   x()
             |   ^
         at invoke (node_modules/react/index.js:9:3)
         at src/main.tsx:7:3
         in App < Root";
        assert_eq!(plain("/", None, &exception()), expected);
        let compile = PageMessage { kind: MessageKind::Compile, ..exception() };
        assert_eq!(page_message("/", None, &compile, None), None);
    }

    #[test]
    fn a_message_on_the_console_has_its_line() {
        let warning = PageMessage { kind: MessageKind::Console, level: Level::Warn, ..exception() };
        let warning = PageMessage {
            message: "one\n\ttwo\u{1b}[2J\u{26a0}\u{fe0f}".to_owned(),
            components: Vec::new(),
            ..warning
        };
        let expected = "\
warn     src/App.tsx:2:3: one  on /a (Firefox 150)
             two\\u{1b}[2J\u{26a0}
         > 2 |   x()
             |   ^";
        assert_eq!(plain("/a", Some("Firefox 150"), &warning), expected);
        let log = PageMessage {
            level: Level::Log,
            file: None,
            message: "text".to_owned(),
            worker: Some("/w.ts".to_owned()),
            ..warning
        };
        assert_eq!(plain("/", None, &log), "log      text  on / (worker /w.ts)");
    }

    #[test]
    fn long_messages_are_cut() {
        let text = "line\n".repeat(50);
        let shown = plain("/", None, &PageMessage { message: text, ..PageMessage::default() });
        assert_eq!(shown.lines().count(), 21);
        assert!(shown.ends_with("line\n         … 30 more lines"), "{shown}");
    }
}
