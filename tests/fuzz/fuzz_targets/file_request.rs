#![no_main]
//! Header fields of a request for a file: well-formed preconditions are evaluated as RFC 9110,
//! section 13.2.2 requires, and no field causes a panic.
//!
//! The input is a request. The file has the content [`CONTENT`], the entity tag [`TAG`] and the
//! modification date [`DATE`].

use hyper::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use livers::fuzzing;
use livers_fuzz::field_text;

const CONTENT: &[u8] = b"0123456789";
const TAG: &str = "\"e353667619ec664b49655fc9692165fb\"";
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// Returns whether a list contains the tag of the file, or `None` if the list is malformed (section
/// 13.1.1).
fn lists(fields: &HeaderMap, name: &str, weakly: bool) -> Option<bool> {
    let values: Vec<_> = fields.get_all(name).iter().collect();
    if let [any] = values[..]
        && any == "*"
    {
        return Some(true);
    }
    let mut found = false;
    for value in values {
        let mut rest = value.to_str().ok()?;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let weak = rest.starts_with("W/");
            let quoted = if weak { &rest[2..] } else { rest };
            let end = quoted.strip_prefix('"')?.find('"')? + 2;
            if quoted[..end].contains([' ', '\t']) {
                return None;
            }
            found |= &quoted[..end] == TAG && (weakly || !weak);
            rest = quoted[end..].trim_start_matches([' ', '\t']);
            if !(rest.is_empty() || rest.starts_with(',')) {
                return None;
            }
        }
    }
    Some(found)
}

/// Converts a date in the preferred format (section 5.6.7) so that it can be compared. Returns
/// `None` for a date in another format, or an invalid one.
fn moment(date: &str) -> Option<(u16, usize, u8, String)> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    // The weekday and the length of the month are not checked here.
    fuzzing::reformat_date(date).filter(|formatted| formatted == date)?;
    let month = MONTHS.find(&date[8..11])?;
    Some((date[12..16].parse().ok()?, month, date[5..7].parse().ok()?, date[17..25].to_owned()))
}

/// Returns the status that the preconditions require, or `None` if the RFC does not define it.
fn expected(method: &Method, fields: &HeaderMap) -> Option<u16> {
    let reads = method == Method::GET || method == Method::HEAD;
    let date = |name: &str| -> Option<Option<_>> {
        let values: Vec<_> = fields.get_all(name).iter().collect();
        match values[..] {
            [] => Some(None),
            [value] => moment(value.to_str().ok()?).map(Some),
            _ => None,
        }
    };
    let modified = moment(DATE);
    if fields.contains_key("if-match") {
        if !lists(fields, "if-match", false)? {
            return Some(412);
        }
    } else if date("if-unmodified-since")?.is_some_and(|date| modified > Some(date)) {
        return Some(412);
    }
    if fields.contains_key("if-none-match") {
        return Some(match lists(fields, "if-none-match", true)? {
            true if reads => 304,
            true => 412,
            false => 200,
        });
    }
    let unmodified = date("if-modified-since")?.is_some_and(|date| modified <= Some(date));
    Some(if reads && unmodified { 304 } else { 200 })
}

fuzz_target!(|input: &[u8]| {
    let Some(request) = livers_fuzz::request(input) else { return };
    let (method, fields) = (request.method(), request.headers());
    let (status, response, body) = fuzzing::respond(method, fields, CONTENT);
    assert_eq!(response["etag"], TAG);
    let length =
        field_text(&response, "content-length").map(|length| length.parse::<usize>().unwrap());
    match status {
        304 | 412 | 416 => assert!(body.is_empty()),
        200 if method == Method::HEAD => assert!(body.is_empty() && length == Some(CONTENT.len())),
        200 => assert!(body == CONTENT && length == Some(CONTENT.len())),
        206 => assert!(method == Method::GET && length == Some(body.len())),
        _ => panic!("{status}"),
    }
    if let Some(expected) = expected(method, fields) {
        let proceeds = [200, 206, 416].contains(&status);
        assert!(status == expected || (expected == 200 && proceeds), "{status}, not {expected}");
    }
    // A range applies only to the current representation (section 13.1.5).
    if [206, 416].contains(&status) {
        let condition = field_text(fields, "if-range").map(str::trim);
        let is_current =
            |tag: &str| tag == TAG || fuzzing::reformat_date(tag).is_some_and(|date| date == DATE);
        assert!(condition.is_none_or(is_current) && fields.contains_key("range"));
    }
    let mut codings = fuzzing::accepted_codings(fields);
    let accepted: String =
        fields.get_all("accept-encoding").iter().filter_map(|value| value.to_str().ok()).collect();
    assert!(
        codings
            .iter()
            .all(|coding| accepted.contains('*') || accepted.to_ascii_lowercase().contains(coding))
    );
    codings.sort_unstable();
    codings.dedup();
    assert_eq!(codings.len(), fuzzing::accepted_codings(fields).len());
    fuzzing::content_coding(fields);
    if let Some(accept) = fuzzing::accept_websocket(method, fields) {
        assert!(accept.len() == 28 && method == Method::GET);
    }
    for value in fields.values().filter_map(|value| value.to_str().ok()) {
        fuzzing::charset(value);
        // A formatted date parses to the same date.
        if let Some(formatted) = fuzzing::reformat_date(value) {
            assert_eq!(fuzzing::reformat_date(formatted.to_str().unwrap()), Some(formatted));
        }
    }
});
