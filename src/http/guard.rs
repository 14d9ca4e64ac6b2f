//! Host and origin checks, from the header fields of a request.
//!
//! Any web page can make a browser send requests to a server on the same machine. Two checks stop
//! such pages. The `Host` must be a known name or address of this server, which prevents DNS
//! rebinding. And livers' own paths respond only to pages of the same origin, by `Origin` and
//! `Sec-Fetch-Site`. Tools send neither field and are accepted.
//!
//! No CORS header is sent here: a page of another origin cannot read what it can fetch.

use std::{net::IpAddr, str::FromStr};

use hyper::{
    Request, Version,
    header::{HOST, HeaderMap, ORIGIN},
};

use crate::error::InvalidValue;

/// An additional host to accept: a name, an address, or a name with a leading dot that includes its
/// subdomains (`.example.com`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost(String);

impl FromStr for AllowedHost {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |problem, remedy: String| Err(InvalidValue::new(text, problem, remedy));
        if let Some((_, rest)) = text.split_once("://") {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let name = name_of(host).unwrap_or("app.example.com");
            return invalid("is a URL", format!("write its host alone, like {name}"));
        }
        // Certificates and CORS write subdomains with a star, Vite and livers with a dot.
        if let Some(name) = text.strip_prefix('*') {
            let name = if is_name(name.trim_start_matches('.')) { name } else { ".example.com" };
            return invalid("contains a *", format!("write {name} for a name and its subdomains"));
        }
        let host = text.to_ascii_lowercase();
        if let Some(name) = host.strip_prefix('.') {
            // An address has no subdomains.
            return if is_name(name) && !name.ends_with(|last: char| last.is_ascii_digit()) {
                Ok(Self(host.strip_suffix('.').unwrap_or(&host).to_owned()))
            } else {
                invalid("is not a host name", "write one like .example.com".to_owned())
            };
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        match name_of(&host) {
            Some(name) if name.len() + 1 < host.trim_end_matches(']').len() => {
                invalid("has a port", format!("write {name}, which covers all ports"))
            }
            Some(name) if name.parse::<IpAddr>().is_ok() || is_name(name) => {
                Ok(Self(name.to_owned()))
            }
            _ => invalid(
                "is not a host name or address",
                "write one like app.example.com".to_owned(),
            ),
        }
    }
}

impl AllowedHost {
    /// Returns whether a requested host matches.
    fn matches(&self, host: &str) -> bool {
        match self.0.strip_prefix('.') {
            Some(name) => host.strip_suffix(name).is_some_and(|b| b.is_empty() || b.ends_with('.')),
            None => self.0 == host,
        }
    }
}

/// The hosts of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    /// The host that the server listens on, and the additional ones.
    hosts: Vec<AllowedHost>,
    /// Accept every address. Set if the server listens on all; DNS rebinding needs a name.
    any_address: bool,
}

/// The result of checking the host of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The host is accepted: host and port in lower case.
    Pass(String),
    /// The host is missing, repeated or invalid: respond with 400 (RFC 9112, section 3.2). The
    /// problem.
    Malformed(&'static str),
    /// The host is not one of this server: refuse (RFC 9110, section 7.4). The host.
    Foreign(String),
}

impl Guard {
    /// Returns a guard that accepts the names of the loopback interface, the host that the server
    /// listens on, and the additional ones.
    pub(crate) fn new(host: Option<&str>, allowed: Vec<AllowedHost>) -> Self {
        let mut hosts = allowed;
        // As it is written: the system may resolve it, and clients use the same name.
        hosts.extend(host.map(|host| AllowedHost(host.to_ascii_lowercase())));
        let any_address = host
            .and_then(|host| host.parse().ok())
            .is_some_and(|address: IpAddr| address.is_unspecified());
        Self { hosts, any_address }
    }

    /// Checks the host of a request.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Verdict {
        let mut hosts = request.headers().get_all(HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(_), Some(_)) => return Verdict::Malformed("more than one Host field"),
            (None, _) if request.version() == Version::HTTP_11 => {
                return Verdict::Malformed("the Host field is missing");
            }
            (host, _) => host.map(|host| host.to_str().unwrap_or("\0")),
        };
        // Another scheme is of another server (RFC 9110, section 7.4). A proxy in front may use
        // TLS.
        if request.uri().scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
            return Verdict::Malformed("the scheme of the target is not http");
        }
        // HTTP/1.0 did not have the field, and health checks of load balancers still omit it. No
        // browser sends such requests.
        let host = host.or_else(|| (request.version() < Version::HTTP_11).then_some("localhost"));
        // The host of an absolute target overrides the field (RFC 9112, section 3.2.2).
        let Some(host) =
            request.uri().authority().map(hyper::http::uri::Authority::as_str).or(host)
        else {
            return Verdict::Malformed("the Host field is missing");
        };
        let host = host.to_ascii_lowercase();
        match name_of(&host) {
            None => Verdict::Malformed("the Host field is invalid"),
            Some(name) if self.accepts(name) => Verdict::Pass(host),
            Some(name) => Verdict::Foreign(name.to_owned()),
        }
    }

    /// Returns whether a name or address belongs to this server.
    fn accepts(&self, name: &str) -> bool {
        if name == "localhost" || name.ends_with(".localhost") {
            return true;
        }
        if self.hosts.iter().any(|host| host.matches(name)) {
            return true;
        }
        name.parse().is_ok_and(|address: IpAddr| {
            let is_listed = || {
                let canonical = address.to_string();
                self.hosts.iter().any(|host| host.matches(&canonical))
            };
            // An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) is that IPv4 address.
            self.any_address || address.to_canonical().is_loopback() || is_listed()
        })
    }
}

/// Returns whether a request appears to have been sent on this machine: from a loopback address, to
/// a loopback name, and without the header fields that a tunnel or proxy adds.
pub(crate) fn is_local<B>(request: &Request<B>, from: IpAddr) -> bool {
    let headers = request.headers();
    let is_forwarded =
        ["forwarded", "x-forwarded-for", "via"].iter().any(|name| headers.contains_key(*name));
    let host = || Some(headers.get(HOST)?.to_str().unwrap_or("\0"));
    let host = request.uri().authority().map(hyper::http::uri::Authority::as_str).or_else(host);
    let is_loopback = |host: &str| {
        name_of(&host.to_ascii_lowercase()).is_some_and(|name| Guard::default().accepts(name))
    };
    from.to_canonical().is_loopback() && !is_forwarded && host.is_none_or(is_loopback)
}

/// Returns the name or address in `host:port`, an IPv6 address without its brackets.
fn name_of(host: &str) -> Option<&str> {
    let (name, port) = if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        (address, port)
    } else {
        let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
        if !is_name(name) {
            return None;
        }
        (name.strip_suffix('.').unwrap_or(name), port)
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Some(name),
        Some(port) if port.is_empty() || is_port(port) => Some(name),
        _ => None,
    }
}

/// Returns whether a text is a port number: digits without the sign that `u16::from_str` accepts.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Returns whether a text is a host name or an IPv4 address: non-empty labels of letters, digits,
/// `-` and `_`.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let text = text.strip_suffix('.').unwrap_or(text);
    text.split('.').all(|label| !label.is_empty() && label.bytes().all(allowed))
}

/// Returns whether a request comes from a page of this server, from the address bar, or from a
/// tool, but not from a page of another origin. `host` is the one of [`Verdict::Pass`].
pub(crate) fn same_origin(request: &HeaderMap, host: &str) -> bool {
    let foreign_site =
        request.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    let mut origins = request.get_all(ORIGIN).iter();
    let own_origin = match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin.to_str().is_ok_and(|origin| {
            let origin = origin.to_ascii_lowercase();
            // A proxy in front of livers may use TLS.
            [("http://", ":80"), ("https://", ":443")].into_iter().any(|(scheme, port)| {
                origin
                    .strip_prefix(scheme)
                    .is_some_and(|authority| authority == host.strip_suffix(port).unwrap_or(host))
            })
        }),
        _ => false,
    };
    own_origin && !foreign_site
}

#[cfg(test)]
mod tests {
    use hyper::{
        Request, Version,
        header::{HeaderMap, HeaderName, HeaderValue},
    };

    use super::{AllowedHost, Guard, Verdict, is_local, name_of, same_origin};

    fn check(guard: &Guard, uri: &str, hosts: &[&str]) -> Verdict {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        guard.check(&request.body(()).unwrap())
    }

    #[test]
    fn only_known_hosts_pass() {
        let pass = |host: &str| Verdict::Pass(host.to_owned());
        let foreign = |host: &str| Verdict::Foreign(host.to_owned());
        let table = [
            ("localhost", pass("localhost")),
            ("localhost:8080", pass("localhost:8080")),
            ("LocalHost:8080", pass("localhost:8080")),
            ("localhost.:8080", pass("localhost.:8080")),
            ("app.localhost:8080", pass("app.localhost:8080")),
            ("127.0.0.1:8080", pass("127.0.0.1:8080")),
            ("127.9.9.9", pass("127.9.9.9")),
            ("[::1]:8080", pass("[::1]:8080")),
            ("[::ffff:127.0.0.1]:8080", pass("[::ffff:127.0.0.1]:8080")),
            ("evil.example", foreign("evil.example")),
            ("localhost.evil.example", foreign("localhost.evil.example")),
            ("evillocalhost", foreign("evillocalhost")),
            ("192.168.0.7:8080", foreign("192.168.0.7")),
            ("[::2]", foreign("::2")),
            ("[::ffff:192.168.0.7]", foreign("::ffff:192.168.0.7")),
            ("0.0.0.0:8080", foreign("0.0.0.0")),
        ];
        for (host, wanted) in table {
            assert_eq!(check(&Guard::new(None, Vec::new()), "/", &[host]), wanted, "{host}");
        }
        for host in [
            "",
            ":80",
            "a b",
            "user@localhost",
            "localhost:x",
            "localhost:+80",
            "localhost:-80",
            "localhost:99999",
            "[::1",
            "[::1]x",
            "[x]",
            "loc\u{e4}l",
        ] {
            assert!(
                matches!(check(&Guard::new(None, Vec::new()), "/", &[host]), Verdict::Malformed(_)),
                "{host}"
            );
        }
        assert!(matches!(check(&Guard::new(None, Vec::new()), "/", &[]), Verdict::Malformed(_)));
        let twice = ["localhost", "localhost"];
        assert!(matches!(check(&Guard::new(None, Vec::new()), "/", &twice), Verdict::Malformed(_)));
    }

    #[test]
    fn only_http_1_0_may_omit_the_host() {
        for (version, pass) in [(Version::HTTP_10, true), (Version::HTTP_11, false)] {
            let request = Request::builder().version(version).uri("/").body(()).unwrap();
            let verdict = Guard::default().check(&request);
            assert_eq!(verdict == Verdict::Pass("localhost".into()), pass, "{version:?}");
        }
        let request = Request::builder().version(Version::HTTP_10).uri("http://evil.example/");
        let verdict = Guard::default().check(&request.body(()).unwrap());
        assert_eq!(verdict, Verdict::Foreign("evil.example".into()));
    }

    #[test]
    fn requests_that_come_from_elsewhere_are_not_local() {
        let table: &[(&str, &str, &[(&str, &str)], bool)] = &[
            ("127.0.0.1", "/", &[], true),
            ("::1", "/", &[("host", "localhost:8080")], true),
            ("::ffff:127.0.0.1", "/", &[("host", "app.LocalHost")], true),
            ("127.0.0.1", "/", &[("host", "127.0.0.1:80")], true),
            ("127.0.0.1", "/", &[("host", "[::1]:80")], true),
            ("127.0.0.1", "http://localhost/", &[], true),
            ("192.168.0.7", "/", &[("host", "localhost")], false),
            ("127.0.0.1", "/", &[("host", "192.168.0.7")], false),
            ("127.0.0.1", "/", &[("host", "app.tunnel.example")], false),
            ("127.0.0.1", "/", &[("host", "\u{e4}")], false),
            ("127.0.0.1", "http://app.tunnel.example/", &[("host", "localhost")], false),
            ("127.0.0.1", "/", &[("x-forwarded-for", "192.0.2.1")], false),
            ("127.0.0.1", "/", &[("forwarded", "for=192.0.2.1")], false),
            ("127.0.0.1", "/", &[("via", "1.1 tunnel")], false),
        ];
        for (from, uri, fields, local) in table {
            let mut request = Request::builder().uri(*uri);
            for (name, value) in *fields {
                request = request.header(*name, *value);
            }
            let request = request.body(()).unwrap();
            assert_eq!(
                is_local(&request, from.parse().unwrap()),
                *local,
                "{from} {uri} {fields:?}"
            );
        }
    }

    #[test]
    fn the_host_of_an_absolute_target_overrides_the_field() {
        let guard = Guard::new(None, Vec::new());
        let evil = check(&guard, "http://evil.example/", &["localhost"]);
        assert_eq!(evil, Verdict::Foreign("evil.example".into()));
        for scheme in ["http", "https", "HTTP"] {
            let own = check(&guard, &format!("{scheme}://localhost:8080/"), &["localhost:8080"]);
            assert_eq!(own, Verdict::Pass("localhost:8080".into()));
        }
        let other = check(&guard, "ftp://localhost:8080/", &["localhost:8080"]);
        assert!(matches!(other, Verdict::Malformed(_)), "{other:?}");
    }

    #[test]
    fn the_listening_host_passes() {
        let table = [
            ("192.168.0.7", "192.168.0.7:80", true),
            ("192.168.0.7", "192.168.0.8:80", false),
            ("box.local", "Box.local:80", true),
            ("box.local", "other.local", false),
            ("0.0.0.0", "192.168.0.8", true),
            ("0.0.0.0", "[fd00::1]:80", true),
            ("::", "10.0.0.1", true),
            ("0.0.0.0", "evil.example", false),
        ];
        for (listening, host, pass) in table {
            let verdict = check(&Guard::new(Some(listening), Vec::new()), "/", &[host]);
            assert_eq!(matches!(verdict, Verdict::Pass(_)), pass, "{listening} {host}");
        }
    }

    #[test]
    fn additional_hosts_pass_and_similar_names_do_not() {
        let table = [
            ("app.example.com", "app.example.com", true),
            ("app.example.com", "App.Example.COM:8080", true),
            ("app.example.com", "app.example.com.", true),
            ("App.Example.com.", "app.example.com", true),
            ("app.example.com", "x.app.example.com", false),
            ("app.example.com", "xapp.example.com", false),
            ("app.example.com", "app.example.com.evil.test", false),
            ("app.example.com", "example.com", false),
            (".example.com", "example.com", true),
            (".example.com", "a.example.com:1", true),
            (".example.com", "b.a.example.com", true),
            (".Example.com.", "a.example.com.", true),
            (".example.com", "evilexample.com", false),
            (".example.com", "example.com.evil.test", false),
            (".example.com", "com", false),
            ("192.168.0.7", "192.168.0.7:80", true),
            ("192.168.0.7", "192.168.0.70", false),
            ("fd00::0:1", "[fd00::1]:80", true),
            ("[fd00::1]", "[fd00::1]", true),
            ("box", "box:8080", true),
            ("box", "localhost", true),
        ];
        for (allowed, host, pass) in table {
            let guard = Guard::new(None, vec![allowed.parse().unwrap()]);
            let verdict = check(&guard, "/", &[host]);
            assert_eq!(matches!(verdict, Verdict::Pass(_)), pass, "{allowed} {host}");
        }
    }

    #[test]
    fn an_invalid_host_is_explained() {
        for (text, wanted) in [
            ("https://app.test/x", "is a URL: write its host alone, like app.test"),
            ("http://", "is a URL: write its host alone, like app.example.com"),
            ("*.app.test", "contains a *: write .app.test for a name and its subdomains"),
            ("*", "contains a *: write .example.com for a name and its subdomains"),
            ("app.test:8080", "has a port: write app.test, which covers all ports"),
            ("[::1]:8080", "has a port: write ::1, which covers all ports"),
            (".", "is not a host name: write one like .example.com"),
            (".7", "is not a host name: write one like .example.com"),
            ("..app.test", "is not a host name: write one like .example.com"),
            ("", "is not a host name or address: write one like app.example.com"),
            ("a..test", "is not a host name or address: write one like app.example.com"),
            ("app.test/x", "is not a host name or address: write one like app.example.com"),
            ("a b", "is not a host name or address: write one like app.example.com"),
            ("a,b", "is not a host name or address: write one like app.example.com"),
        ] {
            let message = text.parse::<AllowedHost>().unwrap_err().to_string();
            assert_eq!(message, format!("{text} {wanted}"));
        }
    }

    #[test]
    fn pages_of_other_origins_are_recognized() {
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("origin", "http://localhost:8080")], true),
            (&[("origin", "https://localhost:8080")], true),
            (&[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://localhost:3000")], false),
            (&[("origin", "http://127.0.0.1:8080")], false),
            (&[("origin", "http://localhost")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "http://localhost:8080.evil.example")], false),
            (&[("origin", "ws://localhost:8080")], false),
            (&[("origin", "http://localhost:8080"), ("origin", "http://localhost:8080")], false),
        ];
        for (list, own) in table {
            let mut request = HeaderMap::new();
            for (name, value) in *list {
                request.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(same_origin(&request, "localhost:8080"), *own, "{list:?}");
        }
        let mut request = HeaderMap::new();
        request.insert("origin", HeaderValue::from_static("http://localhost"));
        assert!(same_origin(&request, "localhost:80"), "browsers omit the default port");
        assert!(same_origin(&request, "localhost"));
    }

    proptest::proptest! {
        #[test]
        fn any_host_is_parsed_or_rejected(host in ".*") {
            if let Some(name) = name_of(&host) {
                proptest::prop_assert!(host.contains(name) && !name.contains(['/', '@', ' ']));
            }
        }
    }
}
