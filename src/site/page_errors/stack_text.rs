//! Parses the texts in which browsers describe a call stack.
//!
//! There is no standard for `Error.prototype.stack`. Chromium writes `at f (url:1:2)`, Firefox and
//! Safari write `f@url:1:2`, and React describes the components around an error in the same two
//! ways. Lines in another form, such as those of the message and of built-in functions, are left
//! out. The text comes from a page, so frames and lengths are bounded.

/// Number of lines that are looked at.
const MAX_LINES: usize = 500;

/// Number of frames.
pub(super) const MAX_FRAMES: usize = 50;

/// Length of a line that can be a frame, bytes.
const MAX_LINE: usize = 4_000;

/// Number of characters of a function's name.
const MAX_NAME: usize = 200;

/// One call, as a browser describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TextFrame {
    /// The name of the function, or of the component; empty if it has none.
    pub(super) function: String,
    /// The URL of the script; empty for a component without a place.
    pub(super) url: String,
    /// The line, counted from 1; 0 if it is not known.
    pub(super) line: u32,
    /// The column in UTF-16 code units, counted from 1; 0 if it is not known.
    pub(super) column: u32,
}

/// Returns the frames of a stack, innermost first. The text may begin with the message.
pub(super) fn stack(text: &str, message: &str) -> Vec<TextFrame> {
    // A message may quote another stack.
    let text = text.strip_prefix(message).unwrap_or(text);
    lines(text).filter_map(frame).take(MAX_FRAMES).collect()
}

/// Returns the components of React's component stack, innermost first. Elements of HTML, such as
/// `div`, are left out.
pub(super) fn components(text: &str) -> Vec<TextFrame> {
    let component = |line| {
        let found = frame(line).or_else(|| {
            let name = line.strip_prefix("at ").or_else(|| line.strip_prefix("in "))?;
            let (function, rest) = name.split_at(name.find([' ', '(']).unwrap_or(name.len()));
            // A built-in function, such as `Array.map`.
            if rest == " (<anonymous>)" && function.contains('.') {
                return None;
            }
            let function = limited(function);
            Some(TextFrame { function, ..TextFrame::default() })
        })?;
        found.function.starts_with(|first: char| !first.is_lowercase()).then_some(found)
    };
    lines(text).filter_map(component).take(MAX_FRAMES).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take(MAX_LINES).filter(|line| line.len() <= MAX_LINE).map(str::trim)
}

/// Parses one line. Returns `None` if it has no place.
pub(super) fn frame(line: &str) -> Option<TextFrame> {
    if let Some(call) = line.strip_prefix("at ") {
        return chromium(call);
    }
    let is_split = |at: &usize| is_url(&line[at + 1..]);
    let at = line.match_indices('@').map(|(at, _)| at).find(is_split)?;
    let (url, line_number, column) = place(&line[at + 1..])?;
    Some(TextFrame { function: gecko_name(&line[..at]), url, line: line_number, column })
}

/// Parses what follows `at` in Chromium.
fn chromium(call: &str) -> Option<TextFrame> {
    let call = call.strip_prefix("async ").unwrap_or(call);
    let Some(inner) = call.strip_suffix(')') else {
        let (url, line, column) = place(call)?;
        return Some(TextFrame { function: String::new(), url, line, column });
    };
    // `eval (eval at f (url:1:2), <anonymous>:1:1)` is a call in the script that has the `eval`.
    let (name, location) = match inner.split_once(" (") {
        Some((name, location)) if location.starts_with("eval at ") => {
            let end = location.find("), ")?;
            (name, location[..end].trim_end_matches(')').rsplit_once('(')?.1)
        }
        // A name can have brackets, a URL seldom.
        _ => inner.rsplit_once(" (")?,
    };
    let (url, line, column) = place(location)?;
    let name = name.split(" [as ").next().unwrap_or_default();
    let function = if name == "<anonymous>" { String::new() } else { limited(name) };
    Some(TextFrame { function, url, line, column })
}

/// Splits `url:line:column`. Returns `None` if this is no URL, as for built-in functions.
fn place(text: &str) -> Option<(String, u32, u32)> {
    if !is_url(text) {
        return None;
    }
    // Firefox: `url line 5 > eval:1:2`.
    if let Some((outer, _)) = text.split_once(" > ")
        && let Some((url, line)) = outer.rsplit_once(" line ")
    {
        return Some((url.to_owned(), line.parse().ok()?, 0));
    }
    let number = |text: &str| text.parse::<u32>().ok();
    let Some((rest, last)) = text.rsplit_once(':').and_then(|(a, b)| Some((a, number(b)?))) else {
        return Some((text.to_owned(), 0, 0));
    };
    match rest.rsplit_once(':').and_then(|(url, line)| Some((url, number(line)?))) {
        Some((url, line)) if is_url(url) => Some((url.to_owned(), line, last)),
        _ if is_url(rest) => Some((rest.to_owned(), last, 0)),
        _ => Some((text.to_owned(), 0, 0)),
    }
}

/// Returns whether a text begins as a URL with a scheme, or as a path.
fn is_url(text: &str) -> bool {
    if text.starts_with('/') {
        return true;
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = |char: char| char.is_ascii_alphanumeric() || "+.-".contains(char);
    scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(is_scheme)
        && rest.contains('/')
}

/// Returns the name of a function in Firefox or Safari, without what they add to it.
fn gecko_name(name: &str) -> String {
    // What has scheduled the call: `promise callback*f`, `async*f`.
    let name = name.rsplit('*').next().unwrap_or_default();
    let name = name.trim_end_matches(['/', '<']);
    match name {
        "global code" | "module code" | "eval code" | "anonymous" => String::new(),
        name => limited(name),
    }
}

fn limited(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_FRAMES, components, stack};

    /// Returns frames as `function url line column`, joined by `|`.
    fn shown(frames: &[super::TextFrame]) -> String {
        let frames = frames.iter().map(|frame| {
            format!("{} {} {} {}", frame.function, frame.url, frame.line, frame.column)
        });
        frames.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn the_forms_of_all_browsers_are_parsed() {
        for (line, expected) in [
            // Chromium.
            (
                "    at App (http://a:1/src/App.tsx?t=18:12:5)",
                "App http://a:1/src/App.tsx?t=18 12 5",
            ),
            ("    at http://a/x.js:1:2", " http://a/x.js 1 2"),
            ("    at async load (http://a/x.js:1:2)", "load http://a/x.js 1 2"),
            ("    at async http://a/x.js:1:2", " http://a/x.js 1 2"),
            ("    at new Thing (http://a/x.js:1:2)", "new Thing http://a/x.js 1 2"),
            ("    at Object.run [as go] (http://a/x.js:1:2)", "Object.run http://a/x.js 1 2"),
            (
                "    at HTMLButtonElement.<anonymous> (http://a/:9:3)",
                "HTMLButtonElement.<anonymous> http://a/ 9 3",
            ),
            ("    at <anonymous> (http://a/x.js:1:2)", " http://a/x.js 1 2"),
            (
                "    at eval (eval at f (http://a/x.js:3:4), <anonymous>:1:1)",
                "eval http://a/x.js 3 4",
            ),
            (
                "    at eval (eval at <anonymous> (eval at g (http://a/x.js:3:4)), <anonymous>:1:1)",
                "eval http://a/x.js 3 4",
            ),
            ("    at Array.map (<anonymous>)", ""),
            ("    at async Promise.all (index 0)", ""),
            ("    at <anonymous>:1:7", ""),
            ("    at f (native)", ""),
            ("    at f (/src/a.ts?t=3:1:2)", "f /src/a.ts?t=3 1 2"),
            ("    at f (http://a/a%20(1).js:1:2)", "f http://a/a%20(1).js 1 2"),
            ("    at f (blob:http://a/0f-1:1:2)", "f blob:http://a/0f-1 1 2"),
            (
                "    at f (wasm://wasm/00a:wasm-function[1]:0x5)",
                "f wasm://wasm/00a:wasm-function[1]:0x5 0 0",
            ),
            // Firefox.
            ("App@http://a:1/src/App.tsx?t=18:12:5", "App http://a:1/src/App.tsx?t=18 12 5"),
            ("@http://a/x.js:1:2", " http://a/x.js 1 2"),
            ("async*load@http://a/x.js:1:2", "load http://a/x.js 1 2"),
            ("setTimeout handler*tick/<@http://a/x.js:1:2", "tick http://a/x.js 1 2"),
            (
                "f@http://a/__livers/npm/@s/p@1.0.0/x.js:1:2",
                "f http://a/__livers/npm/@s/p@1.0.0/x.js 1 2",
            ),
            ("@http://a/x.js line 5 > eval:1:1", " http://a/x.js 5 0"),
            // Safari.
            ("module code@http://a/x.js:1:2", " http://a/x.js 1 2"),
            ("forEach@[native code]", ""),
            ("[native code]", ""),
            ("f@http://a/x.js:7", "f http://a/x.js 7 0"),
            // No frames.
            ("TypeError: x is not a function", ""),
            ("write to me@example.org: please", ""),
            ("at noon", ""),
            ("", ""),
        ] {
            assert_eq!(shown(&stack(line, "")), expected, "{line}");
        }
    }

    #[test]
    fn the_message_is_no_part_of_the_stack() {
        let message = "Error: outer\n    at quoted (http://a/q.js:1:1)";
        let text = format!("{message}\n    at f (http://a/x.js:1:2)\n    at g (http://a/y.js:3:4)");
        assert_eq!(shown(&stack(&text, message)), "f http://a/x.js 1 2|g http://a/y.js 3 4");
    }

    #[test]
    fn component_stacks_are_parsed() {
        let text = "\n    at Bomb (http://a/src/App.tsx?t=3:4:9)\n    at div\n    at Suspense\n    \
                    at Array.map (<anonymous>)\n    at App (http://a/src/App.tsx:9:1)";
        let expected =
            "Bomb http://a/src/App.tsx?t=3 4 9|Suspense  0 0|App http://a/src/App.tsx 9 1";
        assert_eq!(shown(&components(text)), expected);
        let text = "Bomb@http://a/x.js:4:9\ndiv\nApp@http://a/x.js:9:1";
        assert_eq!(shown(&components(text)), "Bomb http://a/x.js 4 9|App http://a/x.js 9 1");
        assert_eq!(shown(&components("\n    in Bomb (created by App)\n    in p")), "Bomb  0 0");
    }

    #[test]
    fn long_texts_are_bounded() {
        let text = "    at f (http://a/x.js:1:2)\n".repeat(10_000);
        assert_eq!(stack(&text, "").len(), MAX_FRAMES);
        let text = format!("    at {} (http://a/x.js:1:2)", "f".repeat(1_000));
        assert_eq!(stack(&text, "")[0].function.len(), 200);
        let text = format!("    at f (http://a/{}:1:2)", "x".repeat(100_000));
        assert!(stack(&text, "").is_empty());
        assert_eq!(
            shown(&stack("f@http://a/x.js:99999999999:1", "")),
            "f http://a/x.js:99999999999 1 0"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in "(?s)((\n? *at |@)?[a-z(<@: ]{0,9}(http://a/x)?[:0-9)]{0,9}.{0,40}){0,20}") {
            prop_assert!(stack(&text, "").len() <= MAX_FRAMES);
            prop_assert!(components(&text).len() <= MAX_FRAMES);
        }

        #[test]
        fn every_place_is_found(name in "[A-Za-z$_]{1,20}", path in "[a-z@/]{0,20}", line in 1..u32::MAX, column in 1..u32::MAX) {
            let url = format!("http://localhost:3000/{path}");
            for text in [
                format!("    at {name} ({url}:{line}:{column})"),
                format!("    at async {name} ({url}:{line}:{column})"),
                format!("{name}@{url}:{line}:{column}"),
            ] {
                let found = stack(&text, "");
                prop_assert_eq!(found.len(), 1);
                prop_assert_eq!((&*found[0].url, found[0].line, found[0].column), (&*url, line, column));
                prop_assert_eq!(&found[0].function, &name);
            }
        }
    }
}
