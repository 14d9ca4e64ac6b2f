//! The file `_headers`: header fields to add to responses, by path.
//!
//! A line that begins with a slash is a pattern. The indented lines after it are header fields
//! (`Name: value`), or `! Name` to remove a field that an earlier rule added. All matching rules
//! apply; values of the same name are joined with a comma, except `Set-Cookie`, which has one value
//! per line.
//!
//! Not supported: patterns with a host, and `Basic-Auth`, which is reported as an error because the
//! files would be served without a password. Fields that control caching are ignored, which is
//! reported once: with them, a browser would show an old file after a save.

use hyper::header::{HeaderName, HeaderValue, SET_COOKIE};

use super::{RuleFault, pattern::Pattern};
use crate::http::field::parse_header;
use crate::http::url_path::UrlPath;

/// Fields that control caching.
const CACHES: [&str; 6] =
    ["age", "cache-control", "cdn-cache-control", "expires", "pragma", "surrogate-control"];

/// How many lines with fields are used. All of them may match one path, and the fields of a
/// response are searched for each.
const LINES: usize = 1_000;

/// The length up to which a line is used, bytes.
const LENGTH: usize = 8 * 1024;

/// The fields for paths that match a pattern.
#[derive(Debug)]
pub(super) struct Rule {
    pattern: Pattern,
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    Add(HeaderName, HeaderValue),
    Remove(HeaderName),
}

/// Parses the file. Lines with errors are reported and ignored.
pub(super) fn parse(text: &str) -> (Vec<Rule>, Vec<RuleFault>) {
    let (mut rules, mut faults) = (Vec::<Rule>::new(), Vec::new());
    // `open`: the last pattern was valid, so fields belong to it. `seen`: there was a pattern.
    let (mut open, mut seen) = (false, false);
    let (mut lines, mut has_cache_fields) = (0, false);
    for (number, line) in text.lines().enumerate() {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let read = if line.starts_with([' ', '\t']) {
            let alone = rules.is_empty() && !seen;
            match (field(text), rules.last_mut().filter(|_| open)) {
                (Err(why), _) => Err(why),
                (Ok(_), None) if alone => {
                    Err("a header without a path: write the path on a line before it".to_owned())
                }
                (Ok(Line::Add(name, _)), _) if CACHES.contains(&name.as_str()) => {
                    let is_first = !std::mem::replace(&mut has_cache_fields, true);
                    if is_first { Err(cache_field_ignored(text)) } else { Ok(()) }
                }
                (Ok(line), Some(rule)) => {
                    lines += 1;
                    rule.lines.extend((lines <= LINES).then_some(line));
                    Ok(())
                }
                (Ok(_), None) => Ok(()),
            }
        } else {
            seen = true;
            let pattern = Pattern::parse(text);
            open = pattern.is_ok();
            pattern.map(|pattern| rules.push(Rule { pattern, lines: Vec::new() }))
        };
        faults.extend(read.err().map(|message| RuleFault { line: number + 1, message }));
    }
    if lines > LINES {
        let message = format!("only the first {LINES} of {lines} headers are used");
        faults.push(RuleFault { line: 0, message });
    }
    (rules, faults)
}

fn cache_field_ignored(text: &str) -> String {
    let name = text.split(':').next().unwrap_or_default();
    format!("{name} has no effect here, because a browser would show an old file after a save")
}

/// Parses a field.
fn field(text: &str) -> Result<Line, String> {
    if text.len() > LENGTH {
        return Err(format!("the line has more than {LENGTH} bytes"));
    }
    if let Some(name) = text.strip_prefix('!') {
        let name =
            name.trim().parse().map_err(|_| format!("{name} is not the name of a header"))?;
        return Ok(Line::Remove(name));
    }
    let (name, value) = parse_header(text).map_err(|invalid| invalid.to_string())?;
    if name == "basic-auth" {
        return Err("Basic-Auth is not supported: remove it".to_owned());
    }
    Ok(Line::Add(name, value))
}

/// Returns the fields for a path.
pub(super) fn matching(rules: &[Rule], path: &UrlPath) -> Vec<(HeaderName, HeaderValue)> {
    let mut fields: Vec<(HeaderName, HeaderValue)> = Vec::new();
    let matching = rules.iter().filter(|rule| rule.pattern.matches(path).is_some());
    for line in matching.flat_map(|rule| &rule.lines) {
        match line {
            Line::Remove(name) => fields.retain(|(known, _)| known != name),
            Line::Add(name, value) => {
                // `Set-Cookie` cannot be joined (RFC 9110, section 5.3).
                let mut known = fields.iter_mut().filter(|_| name != SET_COOKIE);
                match known.find(|(known, _)| known == name) {
                    Some((_, known)) => {
                        let both = [known.as_bytes(), b", ", value.as_bytes()].concat();
                        // Two values with a comma between them are a valid value.
                        if let Ok(both) = HeaderValue::from_bytes(&both) {
                            *known = both;
                        }
                    }
                    None => fields.push((name.clone(), value.clone())),
                }
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, LINES, matching, parse};
    use crate::http::url_path::UrlPath;

    #[test]
    fn matching_rules_add_and_remove_fields() {
        let text = "# a comment\n\
                    /*\n  X-Frame-Options: DENY\n  Link: </a.css>; rel=preload\n\n\
                    /app/*\r\n\tX-App: yes\r\n  Link: </b.js>; rel=preload\r\n  ! X-Frame-Options\r\n\
                    /*.json\n  Access-Control-Allow-Origin: *\n  Cache-Control: max-age=31536000\n\
                    /:id/only\n  x-id: one\n\
                    /cookies\n  ! X-Frame-Options\n  ! Link\n  Set-Cookie: a=1\n  Set-Cookie: b=2, c\n";
        let (rules, faults) = parse(text);
        let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [12], "the caching: {faults:?}");
        let table = [
            ("/", "x-frame-options: DENY|link: </a.css>; rel=preload"),
            ("/app/", "link: </a.css>; rel=preload, </b.js>; rel=preload|x-app: yes"),
            (
                "/a.json",
                "x-frame-options: DENY|link: </a.css>; rel=preload|access-control-allow-origin: *",
            ),
            ("/cookies", "set-cookie: a=1|set-cookie: b=2, c"),
            ("/7/only", "x-frame-options: DENY|link: </a.css>; rel=preload|x-id: one"),
        ];
        for (path, wanted) in table {
            let fields = matching(&rules, &UrlPath::parse(path).unwrap());
            let fields =
                fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            assert_eq!(fields.collect::<Vec<_>>().join("|"), wanted, "{path}");
        }
    }

    #[test]
    fn errors_are_reported_with_their_lines() {
        let text = "  X-A: early\n/a\n  no field\n  X-B: b\nb\n  X-C: c\n  Content-Length: 1\n\
                    /c\n  Basic-Auth: me:secret\n";
        let (rules, faults) = parse(text);
        let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [1, 3, 5, 7, 9], "{faults:?}");
        let fields = matching(&rules, &UrlPath::parse("/a").unwrap());
        assert_eq!(fields.len(), 1, "{fields:?}");
    }

    #[test]
    fn number_and_length_of_the_fields_are_bounded() {
        let field = |number| format!("  X-{number}: b\n");
        let text = format!("/*\n  X-Long: {}\n", "a".repeat(LENGTH))
            + &(0..LINES + 2).map(field).collect::<String>();
        let (rules, faults) = parse(&text);
        let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 0], "{faults:?}");
        assert_eq!(matching(&rules, &UrlPath::parse("/a").unwrap()).len(), LINES);
    }

    #[test]
    fn fields_that_control_caching_are_reported_once() {
        let text = "/a\n  Expires: 0\n  X-A: b\n/b\n  Cache-Control: no-store\n  ! Cache-Control\n";
        let (rules, faults) = parse(text);
        let faults: Vec<_> = faults.iter().map(|it| (it.line, &it.message[..26])).collect();
        assert_eq!(faults, [(2, "Expires has no effect here")]);
        assert_eq!(matching(&rules, &UrlPath::parse("/a").unwrap()).len(), 1);
        assert_eq!(matching(&rules, &UrlPath::parse("/b").unwrap()), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed(text in "([ /:*!#a-zA-Z\\-\n\t.]|\\PC){0,80}", path in "/[a-z/]{0,9}") {
            let (rules, _) = parse(&text);
            if let Ok(path) = UrlPath::parse(&path) {
                matching(&rules, &path);
            }
        }
    }
}
