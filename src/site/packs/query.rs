//! The query of a request for a pack.

use percent_encoding::percent_decode_str;

/// What a pack is requested for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PackQuery {
    /// The URLs of the modules to load, with all that they import.
    pub(super) entries: Vec<String>,
    /// Modules below which nothing changed after this version are known.
    pub(super) since: Option<u64>,
    /// These modules, and all that they import, are known.
    pub(super) after: Vec<String>,
    /// These module scripts come before in the page, and may fail to load.
    pub(super) before: Vec<String>,
    /// The URL path of the page.
    pub(super) page: Option<String>,
    /// Whether the files of packages are wanted, instead of the modules that import them.
    pub(super) packages: bool,
    /// Whether the source map is wanted, instead of the pack.
    pub(super) map: bool,
}

impl PackQuery {
    /// Parses a query. Ignores what it does not know.
    pub(super) fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for part in query.split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "entry" => parsed.entries.push(value),
                "since" => parsed.since = value.parse().ok(),
                "after" => parsed.after.push(value),
                "before" => parsed.before.push(value),
                "page" => parsed.page = Some(value),
                "packages" => parsed.packages = true,
                "map" => parsed.map = true,
                _ => {}
            }
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::PackQuery;

    #[test]
    fn queries_are_parsed() {
        let query = PackQuery::parse(
            "entry=%2Fa.js%3Fx&entry=/b.js&since=3&after=/c.js&before=/e.js&page=/d&q",
        );
        let expected = PackQuery {
            entries: vec!["/a.js?x".to_owned(), "/b.js".to_owned()],
            since: Some(3),
            after: vec!["/c.js".to_owned()],
            before: vec!["/e.js".to_owned()],
            page: Some("/d".to_owned()),
            packages: false,
            map: false,
        };
        assert_eq!(query, expected);
        let PackQuery { packages, map, since, .. } = PackQuery::parse("map&packages&since=x");
        assert!(map && packages && since.is_none());
    }
}
