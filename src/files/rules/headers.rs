//! The file `_headers`: fields to add to answers, by path.
//!
//! A line that begins with a slash is a pattern; the lines after it, indented, are fields
//! (`Name: value`), or `! Name` for one that an earlier rule gave and that is not wanted here. All rules
//! that match count; values of one name are joined with a comma, but for cookies, which cannot be.
//!
//! Left out on purpose: patterns with a host; and `Basic-Auth`, which is said, since its passwords
//! would be sent to everybody. And what says how long an answer may be kept is not taken
//! over: a browser that keeps an old file shows it after a save, which is what livers is there to
//! prevent.

use hyper::header::{HeaderName, HeaderValue, SET_COOKIE};

use super::{RuleFault, pattern::Pattern};
use crate::http::field::parse_header;
use crate::http::url_path::UrlPath;

/// Fields that are for the caches of a live site.
const CACHES: [&str; 6] =
    ["age", "cache-control", "cdn-cache-control", "expires", "pragma", "surrogate-control"];

/// The rules for paths that match a pattern.
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

/// Reads the file; what cannot be read is said and passed over.
pub(super) fn parse(text: &str) -> (Vec<Rule>, Vec<RuleFault>) {
    let (mut rules, mut faults) = (Vec::<Rule>::new(), Vec::new());
    // Lines below a pattern that cannot be read are none of the pattern before it.
    let (mut open, mut seen) = (false, false);
    for (number, line) in text.lines().enumerate() {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let read = if line.starts_with([' ', '\t']) {
            let alone = rules.is_empty() && !seen;
            field(text).and_then(|line| match (rules.last_mut().filter(|_| open), line) {
                (Some(rule), Some(line)) => {
                    rule.lines.push(line);
                    Ok(())
                }
                (None, _) if alone => {
                    Err("a field without a path: put the path on a line before it".to_owned())
                }
                _ => Ok(()),
            })
        } else {
            seen = true;
            let pattern = Pattern::parse(text);
            open = pattern.is_ok();
            pattern.map(|pattern| rules.push(Rule { pattern, lines: Vec::new() }))
        };
        faults.extend(read.err().map(|message| RuleFault { line: number + 1, message }));
    }
    (rules, faults)
}

/// Reads one field; nothing where it is left out.
fn field(text: &str) -> Result<Option<Line>, String> {
    if let Some(name) = text.strip_prefix('!') {
        let name = name.trim().parse().map_err(|_| format!("{name} is no field's name"))?;
        return Ok(Some(Line::Remove(name)));
    }
    let (name, value) = parse_header(text).map_err(|invalid| invalid.to_string())?;
    if name == "basic-auth" {
        return Err("livers asks nobody for a password: leave out Basic-Auth".to_owned());
    }
    Ok((!CACHES.contains(&name.as_str())).then_some(Line::Add(name, value)))
}

/// The fields for a path.
pub(super) fn matching(rules: &[Rule], path: &UrlPath) -> Vec<(HeaderName, HeaderValue)> {
    let mut fields: Vec<(HeaderName, HeaderValue)> = Vec::new();
    let matching = rules.iter().filter(|rule| rule.pattern.matches(path).is_some());
    for line in matching.flat_map(|rule| &rule.lines) {
        match line {
            Line::Remove(name) => fields.retain(|(known, _)| known != name),
            Line::Add(name, value) => {
                // One is a field of its own (RFC 9110, section 5.3).
                let mut known = fields.iter_mut().filter(|_| name != SET_COOKIE);
                match known.find(|(known, _)| known == name) {
                    Some((_, known)) => {
                        let both = [known.as_bytes(), b", ", value.as_bytes()].concat();
                        // Two values and a comma are a value.
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
    use super::{matching, parse};
    use crate::http::url_path::UrlPath;

    #[test]
    fn fields_are_added_by_path() {
        let text = "# a comment\n\
                    /*\n  X-Frame-Options: DENY\n  Link: </a.css>; rel=preload\n\n\
                    /app/*\r\n\tX-App: yes\r\n  Link: </b.js>; rel=preload\r\n  ! X-Frame-Options\r\n\
                    /*.json\n  Access-Control-Allow-Origin: *\n  Cache-Control: max-age=31536000\n\
                    /:id/only\n  x-id: one\n\
                    /cookies\n  ! X-Frame-Options\n  ! Link\n  Set-Cookie: a=1\n  Set-Cookie: b=2, c\n";
        let (rules, faults) = parse(text);
        assert_eq!(faults, []);
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
    fn what_cannot_be_read_is_said_with_its_line() {
        let text = "  X-A: early\n/a\n  no field\n  X-B: b\nb\n  X-C: c\n  Content-Length: 1\n\
                    /c\n  Basic-Auth: me:secret\n";
        let (rules, faults) = parse(text);
        let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [1, 3, 5, 7, 9], "{faults:?}");
        let fields = matching(&rules, &UrlPath::parse("/a").unwrap());
        assert_eq!(fields.len(), 1, "{fields:?}");
    }

    proptest::proptest! {
        #[test]
        fn anything_may_be_in_the_file(text in "([ /:*!#a-zA-Z\\-\n\t.]|\\PC){0,80}", path in "/[a-z/]{0,9}") {
            let (rules, _) = parse(&text);
            if let Ok(path) = UrlPath::parse(&path) {
                matching(&rules, &path);
            }
        }
    }
}
