#![no_main]
//! URL paths: a parsed path stays below the root, has the decoded segments of its text, and has one
//! canonical spelling.
//!
//! The input is a path.

use hyper::{HeaderMap, Uri, header::REFERER};
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{parse_path, path_of_file, referring_page};

fuzz_target!(|raw: &str| {
    let (parsed, reference) = parse_path(raw);
    assert_eq!(parsed.as_ref().map(|(segments, _)| segments), reference.as_ref(), "{raw:?}");
    let Some((segments, url)) = parsed else { return };

    assert!(livers_fuzz::is_same_host(&url), "{raw:?} {url}");
    assert!(url.parse::<Uri>().is_ok_and(|uri| uri.path() == url), "{raw:?} {url}");
    assert_eq!(parse_path(&url).0, Some((segments.clone(), url.clone())), "{raw:?}");

    let (names, directory) = segments;
    let names: Vec<_> = names.iter().map(Vec::as_slice).collect();
    assert_eq!(path_of_file(&names, directory).as_ref(), Some(&url), "{raw:?}");

    // The `Referer` of a page at that path yields the same path.
    for url_of_page in [format!("http://host:1{url}"), format!("http://HOST:1{url}?a=/b#c")] {
        let headers = HeaderMap::from_iter([(REFERER, url_of_page.parse().unwrap())]);
        assert_eq!(referring_page(&headers, "host:1").as_ref(), Some(&url), "{url_of_page}");
        assert_eq!(referring_page(&headers, "host:2"), None, "{url_of_page}");
    }
});
