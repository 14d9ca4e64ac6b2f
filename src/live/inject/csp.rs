//! Amends Content Security Policies (CSP Level 3) so that they allow the injected element, and
//! nothing more.
//!
//! The element needs its script and, for that script, connections to the reload socket, to livers'
//! own paths, and to the page itself, which is fetched again when it changes. A policy that allows
//! these stays the same to the byte. Any other gets the narrowest source expression that does:
//! paths of this one host or, where only trusted scripts may run (`'strict-dynamic'`) or an inline
//! script is injected, a nonce. A nonce is not added where it would disable `'unsafe-inline'`.
//!
//! Report-only policies are amended too, so that they report what the page does, not what livers
//! does.
//!
//! Not amended: `sandbox`, which could be lifted only as a whole, and Trusted Types. A page under
//! these reloads where others are patched, or runs without the element's script.

use hyper::header::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, HeaderMap, HeaderValue,
};

/// What the injected elements of one page need.
#[derive(Clone, Debug)]
pub(crate) struct Needs {
    /// The host and port that the page was requested from.
    pub(crate) host: String,
    /// The page's own path, percent-encoded.
    pub(crate) path: String,
    /// The directory of livers' own paths, with a trailing slash.
    pub(crate) own: &'static str,
    /// The nonce of the injected elements.
    pub(crate) nonce: String,
    /// Whether an inline script is injected.
    pub(crate) inline: bool,
}

/// The directives that govern script elements: the first one that a policy has (CSP3, section
/// 6.8.3).
const SCRIPTS: &[&str] = &["script-src-elem", "script-src", "default-src"];
/// The directives that govern connections, likewise.
const CONNECTIONS: &[&str] = &["connect-src", "default-src"];

impl Needs {
    /// Returns a serialized policy that allows what is needed, or `None` if this one does.
    pub(crate) fn amend(&self, policy: &str) -> Option<String> {
        let directives: Vec<_> = policy.split(';').map(Directive::parse).collect();
        let mut amended: Vec<_> =
            policy.trim_end_matches([';', ' ']).split(';').map(str::to_owned).collect();
        let before = amended.clone();
        for (names, name) in [(SCRIPTS, "script-src"), (CONNECTIONS, "connect-src")] {
            // Of several directives with one name, the first counts.
            let governs = |name: &&str| directives.iter().position(|other| other.is(name));
            let Some(at) = names.iter().find_map(governs) else { continue };
            let directive = &directives[at];
            let added = if names == SCRIPTS {
                self.for_scripts(directive)
            } else {
                self.for_connections(directive)
            };
            let added: Vec<_> = {
                // Compared exactly, because paths are case-sensitive.
                let known = |source: &String| directive.sources.contains(&source.as_str());
                added.into_iter().filter(|source| !known(source)).collect()
            };
            if added.is_empty() {
                continue;
            }
            // `default-src` governs more than this, and stays.
            if directive.is("default-src") {
                amended.push(directive.extended(name, &added));
            } else {
                amended[at] = directive.extended(directive.name, &added);
            }
        }
        (amended != before).then(|| amended.join(";").trim_ascii_start().to_owned())
    }

    /// Amends the policies in a response's headers. Returns whether any was changed.
    pub(crate) fn amend_headers(&self, headers: &mut HeaderMap) -> bool {
        let mut any = false;
        for name in [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY] {
            let hyper::header::Entry::Occupied(mut entry) = headers.entry(name) else { continue };
            for value in entry.iter_mut() {
                // A comma-separated list of policies that all apply.
                let Ok(policies) = value.to_str() else { continue };
                let amended: Vec<_> =
                    policies.split(',').map(|policy| (policy, self.amend(policy))).collect();
                if amended.iter().all(|(_, amended)| amended.is_none()) {
                    continue;
                }
                let policies: Vec<_> = amended
                    .into_iter()
                    .map(|(policy, amended)| amended.unwrap_or_else(|| policy.to_owned()))
                    .collect();
                if let Ok(policies) = HeaderValue::from_str(&policies.join(",")) {
                    *value = policies;
                    any = true;
                }
            }
        }
        any
    }

    fn for_scripts(&self, directive: &Directive<'_>) -> Vec<String> {
        let strict = directive.has("'strict-dynamic'");
        let trusting = ["'nonce-", "'sha256-", "'sha384-", "'sha512-"];
        let trusts = |source: &&str| {
            let source = source.to_ascii_lowercase();
            trusting.iter().any(|prefix| source.starts_with(prefix))
        };
        let inline =
            directive.has("'unsafe-inline'") && !strict && !directive.sources.iter().any(trusts);
        if strict || (self.inline && !inline) {
            vec![format!("'nonce-{}'", self.nonce)]
        } else if directive.has("'self'") || directive.has("*") {
            Vec::new()
        } else {
            vec![format!("{}{}", self.host, self.own)]
        }
    }

    fn for_connections(&self, directive: &Directive<'_>) -> Vec<String> {
        if directive.has("'self'") || directive.has("*") {
            return Vec::new();
        }
        let (host, own) = (&self.host, self.own);
        // Semicolons end a directive, commas a policy.
        let path = self.path.replace(';', "%3B").replace(',', "%2C");
        vec![format!("{host}{own}"), format!("ws://{host}{own}"), format!("{host}{path}")]
    }
}

/// A directive of a policy (CSP3, section 2.3).
struct Directive<'p> {
    name: &'p str,
    sources: Vec<&'p str>,
}

impl<'p> Directive<'p> {
    fn parse(text: &'p str) -> Self {
        let mut tokens = text.split_ascii_whitespace();
        Self { name: tokens.next().unwrap_or_default(), sources: tokens.collect() }
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn has(&self, source: &str) -> bool {
        self.sources.iter().any(|other| other.eq_ignore_ascii_case(source))
    }

    /// Returns the directive under a name with more sources, and without `'none'`, which must be
    /// the only one.
    fn extended(&self, name: &str, added: &[String]) -> String {
        let kept = self.sources.iter().filter(|source| !source.eq_ignore_ascii_case("'none'"));
        let tokens =
            [name].into_iter().chain(kept.copied()).chain(added.iter().map(String::as_str));
        tokens.fold(String::new(), |text, token| text + " " + token)
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderValue};

    use super::Needs;

    fn needs(inline: bool) -> Needs {
        let (host, path, nonce) = ("h:1".into(), "/a;b,c".into(), "N".into());
        Needs { host, path, own: "/o/", nonce, inline }
    }

    const CONNECT: &str = "connect-src h:1/o/ ws://h:1/o/ h:1/a%3Bb%2Cc";

    #[test]
    fn a_policy_is_amended_by_what_it_does_not_allow() {
        let table = [
            ("", None),
            ("img-src 'none'", None),
            ("default-src 'self'", None),
            ("default-src *; script-src 'self' 'unsafe-inline'", None),
            ("script-src 'unsafe-inline'", Some("script-src 'unsafe-inline' h:1/o/".to_owned())),
            (
                "img-src *; SCRIPT-SRC 'nonce-x' https://cdn.example;",
                Some("img-src *; SCRIPT-SRC 'nonce-x' https://cdn.example h:1/o/".to_owned()),
            ),
            (
                "script-src 'self' 'strict-dynamic' 'sha256-x'",
                Some("script-src 'self' 'strict-dynamic' 'sha256-x' 'nonce-N'".to_owned()),
            ),
            ("script-src 'none'; script-src *", Some("script-src h:1/o/; script-src *".to_owned())),
            (
                "script-src 'self'; script-src-elem 'none'",
                Some("script-src 'self'; script-src-elem h:1/o/".to_owned()),
            ),
            ("connect-src 'none'", Some(CONNECT.to_owned())),
            // A vertical tab is not white space (WHATWG Infra) but part of an unknown directive's
            // name.
            (
                "\t\x0bimg-src *; script-src 'none'",
                Some("\x0bimg-src *; script-src h:1/o/".to_owned()),
            ),
            (
                "default-src 'none'; img-src 'self'",
                Some(format!("default-src 'none'; img-src 'self'; script-src h:1/o/; {CONNECT}")),
            ),
            (
                "default-src https:",
                Some(format!(
                    "default-src https:; script-src https: h:1/o/; {}",
                    CONNECT.replace("src", "src https:")
                )),
            ),
        ];
        for (policy, wanted) in table {
            let amended = needs(false).amend(policy);
            assert_eq!(amended, wanted, "{policy}");
            let again = amended.and_then(|policy| needs(false).amend(&policy));
            assert_eq!(again, None, "an amended policy is not amended again: {policy}");
        }
    }

    #[test]
    fn an_inline_script_needs_a_nonce_unless_inline_scripts_are_allowed() {
        let table = [
            ("script-src 'self'", Some("script-src 'self' 'nonce-N'")),
            ("script-src 'self' 'unsafe-inline'", None),
            (
                "script-src 'unsafe-inline' 'nonce-x'",
                Some("script-src 'unsafe-inline' 'nonce-x' 'nonce-N'"),
            ),
            ("script-src 'unsafe-inline'", Some("script-src 'unsafe-inline' h:1/o/")),
        ];
        for (policy, wanted) in table {
            assert_eq!(needs(true).amend(policy).as_deref(), wanted, "{policy}");
        }
    }

    #[test]
    fn every_policy_of_a_response_is_amended() {
        let mut headers = HeaderMap::new();
        let policies = ["script-src 'self', script-src 'none'", "img-src *"];
        for policy in policies {
            headers.append("content-security-policy", HeaderValue::from_static(policy));
        }
        let only = HeaderValue::from_static("script-src-elem 'none'");
        headers.insert("content-security-policy-report-only", only);
        assert!(needs(false).amend_headers(&mut headers));
        let values: Vec<_> = headers.get_all("content-security-policy").iter().collect();
        assert_eq!(values, ["script-src 'self',script-src h:1/o/", "img-src *"]);
        assert_eq!(headers["content-security-policy-report-only"], "script-src-elem h:1/o/");
        headers.remove("content-security-policy-report-only");
        headers.remove("content-security-policy");
        assert!(!needs(false).amend_headers(&mut headers));
    }
}
