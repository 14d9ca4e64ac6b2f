use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use proptest::prelude::*;

use super::{EntityTag, Tag, Tags, Validators, Verdict, evaluate, range_holds};
use crate::http::date::{Date, tests::written};

/// When what is asked for was changed.
const MODIFIED: u64 = 784_111_777;

fn now() -> Validators {
    let modified = Date::of(UNIX_EPOCH + Duration::from_secs(MODIFIED));
    Validators { tag: Some(EntityTag::of(b"hello")), modified }
}

/// So many seconds after that.
fn at(later: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(MODIFIED + later)
}

fn request(fields: &[(&'static str, String)]) -> HeaderMap {
    let mut request = HeaderMap::new();
    for (name, value) in fields {
        request.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    request
}

#[test]
fn a_list_of_tags_is_read_as_far_as_it_is_one() {
    let table: &[(&str, &[(bool, &str)])] = &[
        ("", &[]),
        ("\"a\"", &[(false, "\"a\"")]),
        ("\"\"", &[(false, "\"\"")]),
        ("W/\"a\" ,\t\"b\"", &[(true, "\"a\""), (false, "\"b\"")]),
        (" , ,\"a,b\", ", &[(false, "\"a,b\"")]),
        ("\"\u{e4}\"", &[(false, "\"\u{e4}\"")]),
        ("w/\"a\"", &[]),
        ("W/ \"a\"", &[]),
        ("a, \"b\"", &[]),
        ("\"a\" \"b\"", &[]),
        ("\"a b\"", &[]),
        ("\"a", &[]),
        ("\"a\", b, \"c\"", &[(false, "\"a\"")]),
    ];
    for (text, tags) in table {
        let wanted: Vec<_> = tags.iter().map(|&(weak, quoted)| Tag { weak, quoted }).collect();
        assert_eq!(Tags(text).collect::<Vec<_>>(), wanted, "{text}");
    }
}

#[test]
fn a_field_may_have_several_lines_or_be_none() {
    use Verdict::*;
    let own = now().tag.unwrap().0;
    let [date, ..] = written(MODIFIED);
    let table: &[(&[(&'static str, &str)], Verdict)] = &[
        (&[("if-none-match", "\"a\""), ("if-none-match", &own)], NotModified),
        (&[("if-none-match", "*"), ("if-none-match", "\"a\"")], Proceed),
        (&[("if-none-match", "*, \"a\"")], Proceed),
        (&[("if-none-match", own.trim_matches('"'))], Proceed),
        (&[("if-none-match", "")], Proceed),
        (&[("if-match", "")], Failed),
        (&[("if-match", "nonsense")], Failed),
        (&[("if-match", "\"a\""), ("if-match", &own)], Proceed),
        (&[("if-modified-since", &date), ("if-modified-since", &date)], Proceed),
        (&[("if-modified-since", "yesterday")], Proceed),
        (&[("if-unmodified-since", "yesterday")], Proceed),
        // A tag decides, whatever the date says.
        (&[("if-none-match", "\"a\""), ("if-modified-since", &date)], Proceed),
        (&[("if-match", &own), ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT")], Proceed),
    ];
    for (fields, wanted) in table {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, (*value).into())).collect();
        let request = request(&fields);
        assert_eq!(evaluate(&Method::GET, &request, &now()), *wanted, "{fields:?}");
    }
}

#[test]
fn without_a_validator_only_any_matches() {
    let none = Validators::default();
    let [date, ..] = written(MODIFIED);
    for (name, value, wanted) in [
        ("if-match", "*", Verdict::Proceed),
        ("if-match", "\"a\"", Verdict::Failed),
        ("if-none-match", "*", Verdict::NotModified),
        ("if-none-match", "\"a\"", Verdict::Proceed),
        ("if-modified-since", &date, Verdict::Proceed),
        ("if-unmodified-since", &date, Verdict::Proceed),
    ] {
        let request = request(&[(name, value.to_owned())]);
        assert_eq!(evaluate(&Method::GET, &request, &none), wanted, "{name}: {value}");
    }
    assert!(!range_holds(&request(&[("if-range", date)]), &none, at(1)));
}

#[test]
fn other_bytes_have_another_tag() {
    assert_ne!(EntityTag::of(b"a"), EntityTag::of(b"b"));
}

#[test]
fn a_range_is_of_what_there_is_now_or_not_looked_at() {
    let own = now().tag.unwrap().0;
    let [fixed, rfc850, asctime] = written(MODIFIED);
    let [later, ..] = written(MODIFIED + 1);
    let [earlier, ..] = written(MODIFIED - 1);
    for (value, wanted) in [
        (own.clone(), true),
        (format!("W/{own}"), false),
        (format!("{own}, \"a\""), false),
        ("\"a\"".into(), false),
        ("*".into(), false),
        (fixed, true),
        (rfc850, true),
        (asctime, true),
        (later, false),
        (earlier, false),
        ("nonsense".into(), false),
        (String::new(), false),
    ] {
        let request = request(&[("if-range", value.clone())]);
        assert_eq!(range_holds(&request, &now(), at(1)), wanted, "{value}");
    }
    let [fixed, ..] = written(MODIFIED);
    let same_second = request(&[("if-range", fixed)]);
    assert!(!range_holds(&same_second, &now(), at(0)), "it may have changed since");
    assert!(range_holds(&request(&[("if-range", own.clone())]), &now(), at(0)));
    assert!(range_holds(&HeaderMap::new(), &now(), at(0)));
    let twice = request(&[("if-range", own.clone()), ("if-range", own)]);
    assert!(!range_holds(&twice, &now(), at(1)));
}

/// A list of tags, and what it says of ours: whether it holds it as it is, or as a weak one.
#[derive(Clone, Debug)]
enum List {
    Any,
    Tags { strong: bool, weak: bool },
}

impl List {
    fn text(&self, own: &str) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::Tags { strong, weak } => {
                let strong = if *strong { format!(", {own}") } else { String::new() };
                let weak = if *weak { format!(" , W/{own}") } else { String::new() };
                format!("\"x\"{strong}{weak}")
            }
        }
    }

    fn holds(&self, weakly: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Tags { strong, weak } => *strong || (weakly && *weak),
        }
    }
}

fn list() -> impl Strategy<Value = Option<List>> {
    let tags = (any::<bool>(), any::<bool>());
    let tags = tags.prop_map(|(strong, weak)| List::Tags { strong, weak });
    prop::option::of(prop_oneof![Just(List::Any), tags])
}

/// A date, by how many seconds it is later than ours, and in which format.
fn date() -> impl Strategy<Value = Option<(i64, usize)>> {
    prop::option::of((-2..=2_i64, 0..3_usize))
}

proptest! {
    /// Section 13.2.2, step by step, as it is written there.
    #[test]
    fn the_order_is_that_of_the_standard(
        (if_match, none_match) in (list(), list()),
        (unmodified, modified) in (date(), date()),
        method in prop::sample::select(vec!["GET", "HEAD", "POST"]),
    ) {
        let own = now().tag.unwrap().0;
        let mut fields = Vec::new();
        for (name, list) in [("if-match", &if_match), ("if-none-match", &none_match)] {
            fields.extend(list.as_ref().map(|list| (name, list.text(&own))));
        }
        for (name, date) in [("if-unmodified-since", unmodified), ("if-modified-since", modified)] {
            fields.extend(date.map(|(later, format)| {
                (name, written(MODIFIED.checked_add_signed(later).unwrap())[format].clone())
            }));
        }
        let reads = method != "POST";
        let oracle = || {
            match (&if_match, unmodified) {
                (Some(list), _) if !list.holds(false) => return Verdict::Failed,
                (None, Some((later, _))) if later < 0 => return Verdict::Failed,
                _ => {}
            }
            match (&none_match, modified) {
                (Some(list), _) if !list.holds(true) => Verdict::Proceed,
                (Some(_), _) => if reads { Verdict::NotModified } else { Verdict::Failed },
                (None, Some((later, _))) if reads && later >= 0 => Verdict::NotModified,
                _ => Verdict::Proceed,
            }
        };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        prop_assert_eq!(evaluate(&method, &request(&fields), &now()), oracle(), "{:?}", fields);
    }

    #[test]
    fn any_value_is_read(value in "[ -~]{0,30}") {
        for name in ["if-match", "if-none-match", "if-range", "if-modified-since"] {
            let request = request(&[(name, value.clone())]);
            evaluate(&Method::GET, &request, &now());
            range_holds(&request, &now(), at(1));
        }
    }
}
