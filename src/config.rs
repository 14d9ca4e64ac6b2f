//! Configuration of a server, as one plain value.
//!
//! The command line fills a [`Config`] from its flags, a program fills one directly, and a file can
//! be deserialized into one: the keys are the flags without their dashes (`proxy-wait = 10`).
//! Values that have a syntax of their own, such as a proxy route, are strings in a file.

use std::{collections::HashSet, path::PathBuf, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    docroot::Mount,
    error::{Error, InvalidValue},
    esm::Packs,
    event::NoEffect,
    http::guard::AllowedHost,
    live::reload::hub::Reload,
    proxy::Route,
    site::policy::{Cors, Header},
};

/// All settings of a server. [`Default`] serves the current folder on port 8080 of the loopback
/// interface.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The folder to serve. Default: the current folder.
    pub root: PathBuf,
    /// The port to listen on. 0 lets the system choose. Default: that of the project's
    /// `vite.config.*`, or 8080.
    pub port: Option<u16>,
    /// Fail if the port is in use, instead of trying the next 100 ports. Default: false.
    pub strict_port: bool,
    /// The host name or address to listen on, which requests may name. Default: 127.0.0.1 and ::1.
    pub host: Option<String>,
    /// Additional host names to accept in requests.
    #[serde(deserialize_with = "parse_list")]
    pub allowed_host: Vec<AllowedHost>,
    /// Routes to backends. The longest matching prefix wins.
    #[serde(deserialize_with = "parse_list")]
    pub proxy: Vec<Route>,
    /// How long a request waits for a backend that is down, in seconds. Default: 0.
    #[serde(deserialize_with = "parse_seconds")]
    pub proxy_wait: Duration,
    /// How long a backend may take to begin the response to a page or a part of one, in seconds; 0
    /// is unlimited. Requests of scripts, streams and WebSockets are never limited. Default: 120.
    #[serde(deserialize_with = "parse_seconds")]
    pub proxy_timeout: Duration,
    /// Send backends their own host in `Host`, and their own origin in `Origin` where the browser
    /// sent livers' origin. Always on for `https://` backends. Default: false.
    pub proxy_change_origin: bool,
    /// Accept self-signed and invalid certificates from backends. Default: false.
    pub proxy_insecure: bool,
    /// Additional folders and files to watch. They are not served; a change in one reloads every
    /// tab.
    pub watch: Vec<PathBuf>,
    /// Patterns of files whose changes are ignored, in the syntax of `.gitignore`.
    pub ignore: Vec<String>,
    /// Poll for changes instead of using the system's file events. Folders without events are
    /// polled in any case. Default: false.
    pub poll: bool,
    /// Which tabs are notified of a change. Default: those that use the file.
    pub reload: Reload,
    /// Folders to serve below a path, over the root. The first one that has the file wins.
    #[serde(deserialize_with = "parse_list")]
    pub mount: Vec<Mount>,
    /// The page to serve for navigations that match no file, relative to the root.
    pub spa: Option<String>,
    /// Header fields to add to every response with a file, a listing, or a missing file.
    #[serde(deserialize_with = "parse_list")]
    pub header: Vec<Header>,
    /// Origins whose pages may read files.
    #[serde(deserialize_with = "parse_list")]
    pub cors: Vec<Cors>,
    /// Isolate pages from other origins, so that they may use `SharedArrayBuffer`. Default: false.
    pub isolate: bool,
    /// Serve files and folders whose name begins with a dot. Default: false.
    pub dotfiles: bool,
    /// Serve private keys: `*.pem`, `*.key`, `id_rsa` and similar names. Default: false.
    pub serve_keys: bool,
    /// Follow symbolic links that lead out of the served folders. Default: false.
    pub follow_symlinks: bool,
    /// How a page is updated when its own file changes. Default: [`PageUpdate::Morph`].
    pub html: PageUpdate,
    /// Which console messages of pages are reported. Default: [`Console::Errors`].
    pub console: Console,
    /// Compile TypeScript and JSX, and resolve imports of packages, where a page requests a module.
    /// Needs the feature `esm`; without it, files are served unchanged. Default: true.
    pub compile: bool,
    /// The command that opens a place in the editor of the person at the machine. Its words can
    /// contain `{file}`, `{line}` and `{column}`. `none` opens no editor. Default: the first of
    /// `editors`, or an editor that is running.
    pub editor: Option<String>,
    /// Commands of editors, such as the value of the variable `VISUAL`. Only those of known editors
    /// that open a window are used.
    pub editors: Vec<String>,
    /// Which pages get their modules together, in packs. Needs [`compile`](Self::compile). Default:
    /// those with many modules.
    pub packs: Packs,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            root: PathBuf::from("."),
            port: None,
            strict_port: false,
            host: None,
            allowed_host: Vec::new(),
            proxy: Vec::new(),
            proxy_wait: Duration::ZERO,
            proxy_timeout: Duration::from_mins(2),
            proxy_change_origin: false,
            proxy_insecure: false,
            watch: Vec::new(),
            ignore: Vec::new(),
            poll: false,
            reload: Reload::default(),
            mount: Vec::new(),
            spa: None,
            header: Vec::new(),
            cors: Vec::new(),
            isolate: false,
            dotfiles: false,
            serve_keys: false,
            follow_symlinks: false,
            html: PageUpdate::default(),
            console: Console::default(),
            compile: true,
            editor: None,
            editors: Vec::new(),
            packs: Packs::default(),
        }
    }
}

impl Config {
    /// Returns the error of two settings that contradict each other.
    pub(crate) fn contradiction(&self) -> Option<Error> {
        let mut prefixes = HashSet::new();
        let twice = self.proxy.iter().find(|route| !prefixes.insert(route.prefix()))?;
        Some(Error::DuplicateRoute(twice.prefix().to_owned()))
    }

    /// Returns the settings that have no effect beside the others.
    pub(crate) fn without_effect(&self) -> Vec<(&'static str, NoEffect)> {
        let default = Self::default();
        let all_proxied = self.proxy.iter().any(|route| route.prefix() == "/");
        let no_proxy = self.proxy.is_empty();
        let no_tls = !no_proxy && !self.proxy.iter().any(Route::is_tls);
        let rows = [
            ("proxy-wait", no_proxy && self.proxy_wait != default.proxy_wait, NoEffect::NoProxy),
            (
                "proxy-timeout",
                no_proxy && self.proxy_timeout != default.proxy_timeout,
                NoEffect::NoProxy,
            ),
            ("proxy-change-origin", no_proxy && self.proxy_change_origin, NoEffect::NoProxy),
            ("proxy-insecure", no_proxy && self.proxy_insecure, NoEffect::NoProxy),
            ("proxy-insecure", no_tls && self.proxy_insecure, NoEffect::NoTlsBackend),
            ("spa", all_proxied && self.spa.is_some(), NoEffect::AllProxied),
            ("header", all_proxied && !self.header.is_empty(), NoEffect::AllProxied),
            ("cors", all_proxied && !self.cors.is_empty(), NoEffect::AllProxied),
            ("isolate", all_proxied && self.isolate, NoEffect::AllProxied),
        ];
        let given_twice = [
            ("mount", has_duplicates(&self.mount), NoEffect::GivenTwice),
            ("allowed-host", has_duplicates(&self.allowed_host), NoEffect::GivenTwice),
            ("watch", has_duplicates(&self.watch), NoEffect::GivenTwice),
            ("ignore", has_duplicates(&self.ignore), NoEffect::GivenTwice),
            ("cors", has_duplicates(&self.cors), NoEffect::GivenTwice),
        ];
        rows.into_iter()
            .chain(given_twice)
            .filter(|(_, applies, _)| *applies)
            .map(|(name, _, why)| (name, why))
            .collect()
    }
}

/// Returns whether a list has two equal values. Lists of settings are short.
fn has_duplicates<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().any(|(at, value)| list[..at].contains(value))
}

/// How a page is updated when its own HTML file changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageUpdate {
    /// Change the document in place where the result is certain to be right; else reload.
    #[default]
    Morph,
    /// Always reload.
    Reload,
}

impl FromStr for PageUpdate {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "morph" => Ok(Self::Morph),
            "reload" => Ok(Self::Reload),
            _ => {
                Err(InvalidValue::new(text, "is not known", "write morph (the default) or reload"))
            }
        }
    }
}

/// Which messages of pages are reported: uncaught errors, failed loads, violations of the page's
/// policy, and calls of `console`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Console {
    /// All errors, and `console.error` and `console.warn`.
    #[default]
    Errors,
    /// Also `console.log`, `console.info` and `console.debug`.
    All,
    /// Nothing. Pages get no listener.
    Off,
}

impl FromStr for Console {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "errors" => Ok(Self::Errors),
            "all" => Ok(Self::All),
            "off" => Ok(Self::Off),
            _ => Err(InvalidValue::new(
                text,
                "is not known",
                "write errors (the default), all or off",
            )),
        }
    }
}

impl FromStr for Packs {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(InvalidValue::new(
                text,
                "is not known",
                "write auto (the default), always or never",
            )),
        }
    }
}

impl FromStr for Reload {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "used" => Ok(Self::Used),
            "all" => Ok(Self::All),
            _ => Err(InvalidValue::new(text, "is not known", "write used (the default) or all")),
        }
    }
}

/// Deserializes a list of strings that are parsed with [`FromStr`].
fn parse_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = InvalidValue>,
{
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

/// Deserializes a number of seconds.
fn parse_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Config, PageUpdate};
    use crate::live::reload::hub::Reload;

    #[test]
    fn settings_are_deserialized_by_the_names_of_their_flags() {
        let config: Config = serde_json::from_str(
            r#"{
                "root": "site", "port": 0, "strict-port": true, "allowed-host": [".app.test"],
                "proxy": ["/ws=3000"], "proxy-wait": 1.5, "reload": "all", "html": "reload",
                "mount": ["/a=b"], "header": ["X-A: b"], "cors": ["*"], "spa": "index.html"
            }"#,
        )
        .unwrap();
        assert_eq!((config.port, config.strict_port), (Some(0), true));
        assert_eq!((config.allowed_host.len(), config.proxy.len()), (1, 1));
        assert_eq!((config.mount.len(), config.header.len(), config.cors.len()), (1, 1, 1));
        assert_eq!(config.proxy_wait, Duration::from_millis(1500));
        assert_eq!((config.reload, config.html), (Reload::All, PageUpdate::Reload));
        assert_eq!(config.proxy_timeout, Config::default().proxy_timeout);
    }

    #[test]
    fn contradictions_and_settings_without_effect_are_found() {
        use crate::{
            error::Error,
            event::NoEffect::{AllProxied, GivenTwice, NoProxy, NoTlsBackend},
        };
        let config = |text: &str| serde_json::from_str::<Config>(text).unwrap();
        let table = [
            ("{}", vec![]),
            (r#"{ "proxy-wait": 0, "proxy-timeout": 120 }"#, vec![]),
            (
                r#"{ "proxy-wait": 1, "proxy-timeout": 5, "proxy-change-origin": true }"#,
                vec![
                    ("proxy-wait", NoProxy),
                    ("proxy-timeout", NoProxy),
                    ("proxy-change-origin", NoProxy),
                ],
            ),
            (
                r#"{ "mount": ["/a=b", "/a=c", "/a/=b"], "ignore": ["a", "b", "a"] }"#,
                vec![("mount", GivenTwice), ("ignore", GivenTwice)],
            ),
            (r#"{ "proxy-insecure": true }"#, vec![("proxy-insecure", NoProxy)]),
            (
                r#"{ "proxy": ["/a=3000"], "proxy-insecure": true, "proxy-wait": 1 }"#,
                vec![("proxy-insecure", NoTlsBackend)],
            ),
            (r#"{ "proxy": ["/a=https://b.test"], "proxy-insecure": true }"#, vec![]),
            (r#"{ "proxy": ["/a=3000"], "spa": "index.html", "isolate": true }"#, vec![]),
            (
                r#"{ "proxy": ["/=3000"], "spa": "a.html", "isolate": true, "cors": ["*"], "header": ["a: b"] }"#,
                vec![
                    ("spa", AllProxied),
                    ("header", AllProxied),
                    ("cors", AllProxied),
                    ("isolate", AllProxied),
                ],
            ),
        ];
        for (text, wanted) in table {
            assert_eq!(config(text).without_effect(), wanted, "{text}");
            assert!(config(text).contradiction().is_none(), "{text}");
        }
        for text in [r#"["/a=1", "/b=1", "/a=2"]"#, r#"["/a/=1", "/a=1"]"#] {
            let error = config(&format!("{{ \"proxy\": {text} }}")).contradiction();
            assert!(
                matches!(error, Some(Error::DuplicateRoute(prefix)) if prefix == "/a"),
                "{text}"
            );
        }
    }

    #[test]
    fn invalid_settings_are_rejected_with_the_reason() {
        for (text, wanted) in [
            (r#"{ "prot": 1 }"#, "unknown field `prot`"),
            (r#"{ "proxy": ["ws"] }"#, "ws is not a proxy route: write"),
            (r#"{ "proxy-wait": -1 }"#, "negative"),
            (r#"{ "proxy": "/ws=3000" }"#, "expected a sequence"),
        ] {
            let error = serde_json::from_str::<Config>(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
