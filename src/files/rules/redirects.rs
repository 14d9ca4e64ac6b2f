//! The file `_redirects`: redirects and rewrites, one per line: `/from /to [status]`.
//!
//! The first matching line applies. A status of 301 (the default), 302, 303, 307 or 308 redirects
//! the browser; with 200, 404, 410 or 451, the target file is served in place of the requested one.
//! Files take precedence, unless the status ends in `!`. A redirect keeps the query, unless the
//! target has one.
//!
//! Not supported: conditions on the query, country, language or role, and rewrites to another host,
//! which are a task for a proxy route.

use hyper::StatusCode;
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::{
    RuleFault,
    pattern::{Pattern, Template},
};
use crate::http::url_path::UrlPath;

/// The length up to which a target is used, bytes.
const LENGTH: usize = 2_000;

/// A line of the file.
#[derive(Debug)]
pub(super) struct Rule {
    from: Pattern,
    to: Template,
    status: StatusCode,
    /// Whether it takes precedence over files.
    forced: bool,
}

/// The target of a rule for one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuleTarget {
    /// Redirect the browser to this location.
    Redirect(StatusCode, String),
    /// Serve this path instead.
    Rewrite(StatusCode, UrlPath),
}

/// Parses the file. Lines with errors are reported and ignored.
pub(super) fn parse(text: &str) -> (Vec<Rule>, Vec<RuleFault>) {
    let (mut rules, mut faults) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        let Some(from) = words.next() else { continue };
        match rule(from, &words.collect::<Vec<_>>()) {
            Ok(rule) => rules.push(rule),
            Err(message) => faults.push(RuleFault { line: number + 1, message }),
        }
    }
    (rules, faults)
}

fn rule(from: &str, rest: &[&str]) -> Result<Rule, String> {
    let (to, status) = match rest {
        [to] => (to, "301"),
        [to, status] if status.starts_with(|first: char| first.is_ascii_digit()) => (to, *status),
        [] => return Err(format!("{from} has no target: write /from /to")),
        _ => return Err("conditions are not supported: write /from /to [status]".into()),
    };
    let from = Pattern::parse(from)?;
    let (status, forced) = match status.strip_suffix('!') {
        Some(status) => (status, true),
        None => (status, false),
    };
    let known = [200, 301, 302, 303, 307, 308, 404, 410, 451];
    let number = status.parse().ok().filter(|number| known.contains(number));
    let status = number.and_then(|number| StatusCode::from_u16(number).ok()).ok_or_else(|| {
        format!(
            "{status} is not a supported status: write 200, 301, 302, 303, 307, 308, 404, 410 or 451"
        )
    })?;
    if to.len() > LENGTH {
        return Err(format!("the target has more than {LENGTH} bytes"));
    }
    // A header can only contain the encoded form.
    let to = utf8_percent_encode(to, CONTROLS).to_string();
    let to = Template::parse(&to, from.names());
    let beginning = to.beginning();
    let local = beginning.starts_with('/') && !beginning.starts_with("//");
    let host =
        ["http://", "https://"].into_iter().find_map(|scheme| beginning.strip_prefix(scheme));
    match host {
        // A request must not be able to choose the host. Browsers ignore additional slashes before
        // it (WHATWG URL, "special authority ignore slashes state").
        Some(host)
            if host.is_empty()
                || host.starts_with(['/', '\\', '?', '#'])
                || (to.is_open() && !host.contains(['/', '?', '#'])) =>
        {
            Err("the host must not depend on the request: write it in full".into())
        }
        Some(_) if !status.is_redirection() => {
            Err("files of another host cannot be served: use a proxy route".into())
        }
        Some(_) => Ok(Rule { from, to, status, forced }),
        None if local => Ok(Rule { from, to, status, forced }),
        None => Err("the target is not a path or an http URL: begin it with one slash".into()),
    }
}

/// Returns the target of the first rule that matches a path, among the forced rules or the others.
pub(super) fn matching(
    rules: &[Rule],
    path: &UrlPath,
    query: Option<&str>,
    forced: bool,
) -> Option<RuleTarget> {
    rules.iter().filter(|rule| rule.forced == forced).find_map(|rule| {
        let to = rule.to.fill(&rule.from.matches(path)?);
        let (place, own) = to.split_at(to.find(['?', '#']).unwrap_or(to.len()));
        let there = UrlPath::parse(place).ok();
        // A rule that leads to the same path would loop.
        if there.as_ref() == Some(path) {
            return None;
        }
        if !rule.status.is_redirection() {
            return there.map(|there| RuleTarget::Rewrite(rule.status, there));
        }
        if place.starts_with('/') && there.is_none() {
            return None;
        }
        let place = there.map_or_else(|| place.to_owned(), |there| there.to_string());
        let query = query.filter(|_| !own.contains('?'));
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(RuleTarget::Redirect(rule.status, format!("{place}{query}{own}")))
    })
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::{LENGTH, RuleTarget, matching, parse};
    use crate::http::url_path::UrlPath;

    #[test]
    fn first_matching_rule_applies() {
        let text = "# old places\n\
                    /old /new\n\
                    /old /never\n\
                    /tmp /new 302 # for now\n\
                    /blog/:year/* /posts/:splat?year=:year 308\n\
                    /out/* https://example.com/:splat 307\n\
                    /force /new 302!\n\
                    /gone /gone.html 410\n\
                    /self/* /self/:splat\n\
                    /root /\n\
                    /far https://example.com/\u{fc}#\u{1}\n\
                    /near /\u{fc}?\u{fc}#\u{fc}\n\
                    /part /new#part\n\
                    /* /index.html 200\n";
        let (rules, faults) = parse(text);
        assert_eq!(faults, []);
        let to = |status, place: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            Some(if status.is_redirection() {
                RuleTarget::Redirect(status, place.to_owned())
            } else {
                RuleTarget::Rewrite(status, UrlPath::parse(place).unwrap())
            })
        };
        let table = [
            ("/old", None, to(301, "/new")),
            ("/old/", Some("a=b"), to(301, "/new?a=b")),
            ("/tmp", None, to(302, "/new")),
            ("/blog/2026/a/b", Some("x"), to(308, "/posts/a/b?year=2026")),
            ("/out/a%20b", Some("x"), to(307, "https://example.com/a%20b?x")),
            ("/out/%5Cevil", None, to(307, "https://example.com/%5Cevil")),
            ("/gone", None, to(410, "/gone.html")),
            ("/self/a", None, to(200, "/index.html")),
            ("/root", None, to(301, "/")),
            ("/far", None, to(301, "https://example.com/%C3%BC#%01")),
            ("/near", None, to(301, "/%C3%BC?%C3%BC#%C3%BC")),
            ("/part", Some("a"), to(301, "/new?a#part")),
            ("/any/thing", None, to(200, "/index.html")),
            ("/index.html", None, None),
        ];
        for (path, query, wanted) in table {
            let found = matching(&rules, &UrlPath::parse(path).unwrap(), query, false);
            assert_eq!(found, wanted, "{path}");
        }
        let force = UrlPath::parse("/force").unwrap();
        assert_eq!(matching(&rules, &force, None, true), to(302, "/new"));
        assert_eq!(matching(&rules, &force, None, false), to(200, "/index.html"));
    }

    #[test]
    fn errors_are_reported_with_their_lines() {
        let lines = [
            "/a",
            "a /b",
            "/a b",
            "/a //evil.example/",
            "/a javascript:alert(1)",
            "/a/* https://:splat/",
            "/a/* https://:splat",
            "/a/* https:///:splat",
            "/a https://?b",
            "/a https://#b",
            "/a/* https://\\/:splat",
            "/a/* https://x.:splat/",
            "/a/* https://x:splat",
            "/a https://example.com/ 200",
            "/a /b 600",
            "/a /b 305",
            "/a /b Country=us",
            "/a id=:id /b",
            "https://example.com/a /b",
        ];
        let long = format!("/a /{}", "b".repeat(LENGTH));
        let lines = [&lines[..], &[&long]].concat();
        let (rules, faults) = parse(&lines.join("\n"));
        assert!(rules.is_empty(), "{rules:?}");
        let numbers: Vec<_> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(numbers, (1..=lines.len()).collect::<Vec<_>>());
    }

    #[test]
    fn request_cannot_choose_the_host() {
        let (rules, _) = parse("/a/* /:splat\n/b/* https://example.com/:splat\n/c/:x /:x/y\n");
        for path in ["/a/evil.example", "/a/%5Cevil.example", "/a", "/a/%09/evil", "/c/%5C"] {
            let found = matching(&rules, &UrlPath::parse(path).unwrap(), None, false);
            if let Some(RuleTarget::Redirect(_, place)) = found {
                let second = place.as_bytes().get(1);
                assert!(!matches!(second, Some(b'/' | b'\\' | b'\t')), "{path} -> {place}");
            }
        }
    }
}
