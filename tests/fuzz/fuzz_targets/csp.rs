#![no_main]
//! Content Security Policies: an amended policy allows the injected element, and nothing else that
//! the original did not allow; a policy that is not amended allows it already. Checked against an
//! implementation of CSP Level 3, section 6.7.
//!
//! The input is a line with the path of the page, after a `!` if an inline script is injected, too,
//! and a policy.

use hyper::HeaderMap;
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{amend_headers, amend_policy};
use livers_fuzz::{field_text, first_line_text};

/// The host and port of the pages.
const HOST: (&str, &str) = ("ours.test", "8080");

/// Something that a page loads or connects to.
#[derive(Clone, Copy)]
enum Action<'a> {
    /// A script element with a URL and a nonce.
    Script(Url<'a>, &'a str),
    /// An inline script with a nonce.
    Inline(&'a str),
    Connection(Url<'a>),
    /// Anything else, with the name of its directive.
    Other(&'a str, Url<'a>),
}

#[derive(Clone, Copy)]
struct Url<'u> {
    scheme: &'u str,
    host: &'u str,
    port: &'u str,
    path: &'u str,
}

fn ours(path: &str) -> Url<'_> {
    Url { scheme: "http", host: HOST.0, port: HOST.1, path }
}

fn foreign(path: &str) -> Url<'_> {
    Url { scheme: "http", host: "evil.test", port: "80", path }
}

/// Returns the sources of the first of these directives that a policy has.
fn sources<'p>(policy: &'p str, names: &[&str]) -> Option<Vec<&'p str>> {
    names.iter().find_map(|name| {
        policy.split(';').find_map(|directive| {
            let mut tokens = directive.split_ascii_whitespace();
            tokens.next().filter(|token| token.eq_ignore_ascii_case(name)).map(|_| tokens.collect())
        })
    })
}

/// Returns whether a policy allows an action.
fn allows(policy: &str, action: Action<'_>) -> bool {
    let scripts = ["script-src-elem", "script-src", "default-src"];
    let names = match action {
        Action::Script(..) | Action::Inline(_) => scripts.to_vec(),
        Action::Connection(_) => vec!["connect-src", "default-src"],
        Action::Other(name, _) => vec![name, "default-src"],
    };
    let Some(sources) = sources(policy, &names) else { return true };
    let has = |keyword: &str| sources.iter().any(|source| source.eq_ignore_ascii_case(keyword));
    let starts_with = |source: &str, prefix: &str| {
        source.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let trusts = |nonce: &str| {
        let mut nonces = sources.iter().filter(|source| starts_with(source, "'nonce-"));
        nonces.any(|source| source["'nonce-".len()..].strip_suffix('\'') == Some(nonce))
    };
    let strict = has("'strict-dynamic'");
    match action {
        Action::Script(_, nonce) if trusts(nonce) => true,
        Action::Script(url, _) => !strict && sources.iter().any(|source| matches(source, url)),
        Action::Inline(nonce) => {
            let hashed = ["'nonce-", "'sha256-", "'sha384-", "'sha512-"];
            let named =
                sources.iter().any(|source| hashed.iter().any(|hash| starts_with(source, hash)));
            trusts(nonce) || (has("'unsafe-inline'") && !strict && !named)
        }
        Action::Connection(url) | Action::Other(_, url) => {
            sources.iter().any(|source| matches(source, url))
        }
    }
}

/// Returns whether a source expression matches a URL (sections 6.7.2.6 to 6.7.2.12).
fn matches(source: &str, url: Url<'_>) -> bool {
    let lower = source.to_ascii_lowercase();
    if lower == "*" {
        return true;
    }
    if lower == "'self'" {
        return (url.host, url.port) == HOST;
    }
    // The schemes ws and http match each other.
    let scheme = |name: &str| {
        name == url.scheme
            || (name == "ws" && url.scheme == "http")
            || (name == "http" && url.scheme == "ws")
    };
    if let Some(name) = lower.strip_suffix(':')
        && !lower.contains('/')
    {
        return scheme(name);
    }
    // In a path, `://` has no meaning.
    let scheme_end = source.find("://").filter(|end| !source[..*end].contains('/'));
    let (source, own) = match scheme_end {
        Some(end) if !scheme(&lower[..end]) => return false,
        Some(end) => (&source[end + 3..], true),
        None => (source, url.scheme == "http" || url.scheme == "ws"),
    };
    let (place, path) = source.split_at(source.find('/').unwrap_or(source.len()));
    let (host, port) = place.split_once(':').unwrap_or((place, "80"));
    let host = host.to_ascii_lowercase();
    let hosts = host == url.host
        || host == "*"
        || host
            .strip_prefix('*')
            .is_some_and(|end| end.starts_with('.') && url.host.ends_with(end));
    let decode = |path: &str| -> Vec<u8> {
        let (mut out, mut rest) = (Vec::new(), path.as_bytes());
        while let [first, after @ ..] = rest {
            let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
            let decoded = digits
                .filter(|digits| *first == b'%' && !digits.starts_with('+'))
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            out.push(decoded.unwrap_or(*first));
            rest = if decoded.is_some() { &after[2..] } else { after };
        }
        out
    };
    let (path, asked) = (decode(path), decode(url.path));
    let paths = path.is_empty()
        || if path.ends_with(b"/") { asked.starts_with(&path) } else { asked == path };
    own && hosts && (port == url.port || port == "*") && paths
}

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = first_line_text(input) else { return };
    let Ok(policy) = std::str::from_utf8(rest) else { return };
    let (inline, path) = match first.strip_prefix('!') {
        Some(path) => (true, path),
        None => (false, first),
    };
    // hyper accepts only such paths, and livers' own paths are no pages.
    let is_path =
        path.starts_with('/') && path.parse::<hyper::Uri>().is_ok_and(|uri| uri.path() == path);
    if !is_path || path.starts_with("/__livers") {
        return;
    }
    let after = amend_policy(policy, path, inline);
    let after = after.as_deref().unwrap_or(policy);
    let nonce = "ourNonce";
    if policy.contains(nonce) || policy.contains("ours.test") {
        return;
    }
    let socket = Url { scheme: "ws", ..ours("/__livers/socket") };
    for action in [
        Action::Script(ours("/__livers/client.js"), nonce),
        Action::Connection(ours("/__livers/source")),
        Action::Connection(socket),
        Action::Connection(ours(path)),
    ] {
        assert!(allows(after, action), "{policy:?} -> {after:?}");
    }
    assert!(!inline || allows(after, Action::Inline(nonce)), "{policy:?} -> {after:?}");

    let elsewhere = "/an-other/place.js";
    for action in [
        Action::Script(foreign("/__livers/client.js"), ""),
        Action::Script(ours(elsewhere), ""),
        Action::Script(ours(elsewhere), "other"),
        Action::Inline(""),
        Action::Inline("other"),
        Action::Connection(foreign("/__livers/socket")),
        Action::Connection(ours(elsewhere)),
        Action::Other("img-src", foreign(elsewhere)),
        Action::Other("style-src", ours("/__livers/a.css")),
    ] {
        // A source expression for a folder page also matches everything below the folder.
        if path.ends_with('/') && elsewhere.starts_with(path) {
            continue;
        }
        assert_eq!(allows(policy, action), allows(after, action), "{policy:?} -> {after:?}");
    }
    // An amended policy needs no further amendment.
    assert_eq!(amend_policy(after, path, inline), None, "{policy:?} -> {after:?}");

    // A header field with a single policy is amended in the same way.
    let Ok(value) = policy.trim_ascii().parse() else { return };
    let name = "content-security-policy";
    let mut headers = HeaderMap::new();
    headers.insert(name, value);
    let is_amended = amend_headers(&mut headers, path, inline);
    if !policy.contains(',') && field_text(&headers, name).is_some() {
        assert_eq!(
            is_amended,
            amend_policy(policy.trim_ascii(), path, inline).is_some(),
            "{policy:?}"
        );
    }
});
