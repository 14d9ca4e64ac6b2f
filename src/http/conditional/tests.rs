use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use proptest::prelude::*;

use super::{
    EntityTag, LastModified, Precondition, Tag, Tags, Validators, evaluate, if_range_matches,
};
use crate::http::date::{Date, tests::written};

/// The time of the last modification, seconds since 1970.
const MODIFIED: u64 = 784_111_777;

fn current() -> Validators {
    let modified = Date::of(UNIX_EPOCH + Duration::from_secs(MODIFIED));
    let modified = modified.and_then(LastModified::from_date);
    Validators { tag: Some(EntityTag::of(b"hello")), modified }
}

fn own_tag() -> String {
    current().tag.unwrap().quoted().to_owned()
}

/// Returns the time this many seconds after the modification.
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
fn list_of_tags_is_parsed_up_to_the_first_invalid_one() {
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
fn fields_may_span_lines_and_invalid_ones_match_nothing() {
    use Precondition::*;
    let own = own_tag();
    let [date, ..] = written(MODIFIED);
    let table: &[(&[(&'static str, &str)], Precondition)] = &[
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
        // A tag takes precedence over a date.
        (&[("if-none-match", "\"a\""), ("if-modified-since", &date)], Proceed),
        (&[("if-match", &own), ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT")], Proceed),
    ];
    for (fields, wanted) in table {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, (*value).into())).collect();
        let request = request(&fields);
        assert_eq!(evaluate(&Method::GET, &request, &current()), *wanted, "{fields:?}");
    }
}

#[test]
fn without_validators_only_the_star_matches() {
    let none = Validators::default();
    let [date, ..] = written(MODIFIED);
    for (name, value, wanted) in [
        ("if-match", "*", Precondition::Proceed),
        ("if-match", "\"a\"", Precondition::Failed),
        ("if-none-match", "*", Precondition::NotModified),
        ("if-none-match", "\"a\"", Precondition::Proceed),
        ("if-modified-since", &date, Precondition::Proceed),
        ("if-unmodified-since", &date, Precondition::Proceed),
    ] {
        let request = request(&[(name, value.to_owned())]);
        assert_eq!(evaluate(&Method::GET, &request, &none), wanted, "{name}: {value}");
    }
    assert!(!if_range_matches(&request(&[("if-range", date)]), &none, at(1)));
}

#[test]
fn different_content_has_different_tags() {
    assert_ne!(EntityTag::of(b"a"), EntityTag::of(b"b"));
    assert_ne!(EntityTag::derived(1, b"a"), EntityTag::derived(1, b"b"));
    assert_ne!(EntityTag::derived(1, b"a"), EntityTag::derived(2, b"a"));
}

#[test]
fn if_range_must_match_the_current_representation() {
    let own = own_tag();
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
        assert_eq!(if_range_matches(&request, &current(), at(1)), wanted, "{value}");
    }
    let [fixed, ..] = written(MODIFIED);
    let same_second = request(&[("if-range", fixed)]);
    assert!(
        !if_range_matches(&same_second, &current(), at(0)),
        "the file may change within its second"
    );
    assert!(if_range_matches(&request(&[("if-range", own.clone())]), &current(), at(0)));
    assert!(if_range_matches(&HeaderMap::new(), &current(), at(0)));
    let twice = request(&[("if-range", own.clone()), ("if-range", own)]);
    assert!(!if_range_matches(&twice, &current(), at(1)));
}

/// A list of tags: whether it contains the current tag as a strong one, and as a weak one.
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

    fn contains(&self, weakly: bool) -> bool {
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

/// A date: how many seconds it is later than the modification, and its format.
fn date() -> impl Strategy<Value = Option<(i64, usize)>> {
    prop::option::of((-2..=2_i64, 0..3_usize))
}

proptest! {
    /// The oracle is section 13.2.2, step by step.
    #[test]
    fn preconditions_are_evaluated_in_the_order_of_the_standard(
        (if_match, none_match) in (list(), list()),
        (unmodified, modified) in (date(), date()),
        method in prop::sample::select(vec!["GET", "HEAD", "POST"]),
    ) {
        let own = own_tag();
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
                (Some(list), _) if !list.contains(false) => return Precondition::Failed,
                (None, Some((later, _))) if later < 0 => return Precondition::Failed,
                _ => {}
            }
            match (&none_match, modified) {
                (Some(list), _) if !list.contains(true) => Precondition::Proceed,
                (Some(_), _) => if reads { Precondition::NotModified } else { Precondition::Failed },
                (None, Some((later, _))) if reads && later >= 0 => Precondition::NotModified,
                _ => Precondition::Proceed,
            }
        };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        prop_assert_eq!(evaluate(&method, &request(&fields), &current()), oracle(), "{:?}", fields);
    }

    #[test]
    fn any_value_is_accepted(value in "[ -~]{0,30}") {
        for name in ["if-match", "if-none-match", "if-range", "if-modified-since"] {
            let request = request(&[(name, value.clone())]);
            evaluate(&Method::GET, &request, &current());
            if_range_matches(&request, &current(), at(1));
        }
    }
}
