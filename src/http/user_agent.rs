//! Names a browser by its `User-Agent`, for people: `Chrome 140`, `Safari 18 on iPhone`.
//!
//! The field is a browser's own word (RFC 9110, section 10.1.5) and decides nothing.

use hyper::header::{HeaderMap, USER_AGENT};

/// Tokens of browsers and their names. Most browsers also name those that come after them here.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];

/// Devices that are not computers.
const DEVICES: [&str; 3] = ["iPhone", "iPad", "Android"];

/// Returns the name of the browser that sent a request.
pub(crate) fn browser(headers: &HeaderMap) -> String {
    let value = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    value.map_or_else(|| "unknown browser".to_owned(), name)
}

fn name(agent: &str) -> String {
    let found = BROWSERS.iter().find_map(|(token, name)| {
        let (_, version) = agent.split_once(token)?;
        let digits = version.find(|char: char| !char.is_ascii_digit()).unwrap_or(version.len());
        Some(format!("{name} {}", &version[..digits.min(6)]))
    });
    // A tool names itself first.
    let first = || agent.split([' ', '/']).next().unwrap_or_default().chars().take(30).collect();
    let name = found.unwrap_or_else(first);
    match DEVICES.iter().find(|device| agent.contains(*device)) {
        Some(device) => format!("{name} on {device}"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn browsers_are_named_by_their_own_token() {
        let table = [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Safari/537.36",
                "Chrome 140",
            ),
            ("Mozilla/5.0 (X11) AppleWebKit/537.36 HeadlessChrome/140.0.1 Safari/1", "Chrome 140"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge 140"),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
                "Firefox 143",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                 Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari 18 on iPhone",
            ),
            ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0.0.0 Mobile", "Chrome 140 on Android"),
            ("curl/8.5.0", "curl"),
            ("", ""),
            ("Chrome/99999999999", "Chrome 999999"),
        ];
        for (agent, wanted) in table {
            assert_eq!(name(agent), wanted, "{agent}");
        }
    }
}
