#![no_main]
//! Content Security Policies: an amended one allows our element, and nothing else that it did not
//! allow before; one that stays allowed it already. Judged as CSP Level 3 says, section 6.7.
//!
//! The input begins with the page's path, after a `!` where an inline script is added, too; then
//! comes a policy.

use hyper::HeaderMap;
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{amend_headers, amended};
use livers_fuzz::{text, word};

/// The host that pages are asked for at, and its port.
const HOST: (&str, &str) = ("ours.test", "8080");

/// What a page wants.
#[derive(Clone, Copy)]
enum Want<'w> {
    /// A script element's URL, and its nonce.
    Script(Url<'w>, &'w str),
    /// An inline script, and its nonce.
    Inline(&'w str),
    Connection(Url<'w>),
    /// Something else, by the name of its directive.
    Other(&'w str, Url<'w>),
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

/// The sources of the first directive of a policy that speaks for something.
fn sources<'p>(policy: &'p str, names: &[&str]) -> Option<Vec<&'p str>> {
    names.iter().find_map(|name| {
        policy.split(';').find_map(|directive| {
            let mut tokens = directive.split_ascii_whitespace();
            tokens.next().filter(|token| token.eq_ignore_ascii_case(name)).map(|_| tokens.collect())
        })
    })
}

fn allows(policy: &str, want: Want<'_>) -> bool {
    let scripts = ["script-src-elem", "script-src", "default-src"];
    let names = match want {
        Want::Script(..) | Want::Inline(_) => scripts.to_vec(),
        Want::Connection(_) => vec!["connect-src", "default-src"],
        Want::Other(name, _) => vec![name, "default-src"],
    };
    let Some(sources) = sources(policy, &names) else { return true };
    let is = |known: &str| sources.iter().any(|source| source.eq_ignore_ascii_case(known));
    let begins = |source: &str, prefix: &str| {
        source.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let trusts = |nonce: &str| {
        let mut nonces = sources.iter().filter(|source| begins(source, "'nonce-"));
        nonces.any(|source| source["'nonce-".len()..].strip_suffix('\'') == Some(nonce))
    };
    let strict = is("'strict-dynamic'");
    match want {
        Want::Script(_, nonce) if trusts(nonce) => true,
        Want::Script(url, _) => !strict && sources.iter().any(|source| matches(source, url)),
        Want::Inline(nonce) => {
            let hashed = ["'nonce-", "'sha256-", "'sha384-", "'sha512-"];
            let named = sources.iter().any(|source| hashed.iter().any(|hash| begins(source, hash)));
            trusts(nonce) || (is("'unsafe-inline'") && !strict && !named)
        }
        Want::Connection(url) | Want::Other(_, url) => {
            sources.iter().any(|source| matches(source, url))
        }
    }
}

/// Whether a source expression is for a URL (section 6.7.2.6 to 6.7.2.12).
fn matches(source: &str, url: Url<'_>) -> bool {
    let lower = source.to_ascii_lowercase();
    if lower == "*" {
        return true;
    }
    if lower == "'self'" {
        return (url.host, url.port) == HOST;
    }
    // What is asked for by ws is asked for by http.
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
    // In a path it is nothing special.
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
    let Some((first, rest)) = word(input) else { return };
    let Ok(policy) = std::str::from_utf8(rest) else { return };
    let (inline, path) = match first.strip_prefix('!') {
        Some(path) => (true, path),
        None => (false, first),
    };
    // Only such a path comes so far, and one of ours is no page.
    let is_path =
        path.starts_with('/') && path.parse::<hyper::Uri>().is_ok_and(|uri| uri.path() == path);
    if !is_path || path.starts_with("/__livers") {
        return;
    }
    let after = amended(policy, path, inline);
    let after = after.as_deref().unwrap_or(policy);
    let nonce = "ourNonce";
    if policy.contains(nonce) || policy.contains("ours.test") {
        return;
    }
    let socket = Url { scheme: "ws", ..ours("/__livers/socket") };
    for want in [
        Want::Script(ours("/__livers/client.js"), nonce),
        Want::Connection(ours("/__livers/source")),
        Want::Connection(socket),
        Want::Connection(ours(path)),
    ] {
        assert!(allows(after, want), "{policy:?} -> {after:?}");
    }
    assert!(!inline || allows(after, Want::Inline(nonce)), "{policy:?} -> {after:?}");

    let elsewhere = "/an-other/place.js";
    for want in [
        Want::Script(foreign("/__livers/client.js"), ""),
        Want::Script(ours(elsewhere), ""),
        Want::Script(ours(elsewhere), "other"),
        Want::Inline(""),
        Want::Inline("other"),
        Want::Connection(foreign("/__livers/socket")),
        Want::Connection(ours(elsewhere)),
        Want::Other("img-src", foreign(elsewhere)),
        Want::Other("style-src", ours("/__livers/a.css")),
    ] {
        // A page at a folder is allowed with what lies in there: a policy knows no other way.
        if path.ends_with('/') && elsewhere.starts_with(path) {
            continue;
        }
        assert_eq!(allows(policy, want), allows(after, want), "{policy:?} -> {after:?}");
    }
    // Once is enough.
    assert_eq!(amended(after, path, inline), None, "{policy:?} -> {after:?}");

    // In a field it is the same, where it is one policy.
    let Ok(value) = policy.trim_ascii().parse() else { return };
    let name = "content-security-policy";
    let mut headers = HeaderMap::new();
    headers.insert(name, value);
    let any = amend_headers(&mut headers, path, inline);
    if !policy.contains(',') && text(&headers, name).is_some() {
        assert_eq!(any, amended(policy.trim_ascii(), path, inline).is_some(), "{policy:?}");
    }
});
