#![no_main]
//! Paths: one that is read leads down from the root, as its letters say, and has one spelling.

use hyper::{HeaderMap, Uri, header::REFERER};
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{referring, spelled, url_path};

fuzz_target!(|raw: &str| {
    let (read, by_other_means) = url_path(raw);
    assert_eq!(read.as_ref().map(|(names, _)| names), by_other_means.as_ref(), "{raw:?}");
    let Some((names, url)) = read else { return };

    assert!(livers_fuzz::stays(&url), "{raw:?} {url}");
    assert!(url.parse::<Uri>().is_ok_and(|uri| uri.path() == url), "{raw:?} {url}");
    assert_eq!(url_path(&url).0, Some((names.clone(), url.clone())), "{raw:?}");

    let (names, directory) = names;
    let of_disk: Vec<_> = names.iter().map(Vec::as_slice).collect();
    assert_eq!(spelled(&of_disk, directory).as_ref(), Some(&url), "{raw:?}");

    // A page at that path is known again by what the browser says of it.
    for url_of_page in [format!("http://host:1{url}"), format!("http://HOST:1{url}?a=/b#c")] {
        let headers = HeaderMap::from_iter([(REFERER, url_of_page.parse().unwrap())]);
        assert_eq!(referring(&headers, "host:1").as_ref(), Some(&url), "{url_of_page}");
        assert_eq!(referring(&headers, "host:2"), None, "{url_of_page}");
    }
});
