#![no_main]
//! What a page says on the socket: read as JSON has it, or passed over.

use libfuzzer_sys::fuzz_target;
use livers::fuzzing::said;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let read = said(text);
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    // serde takes a list for the fields in their order, too. No page says so, and it harms nobody.
    if value.is_array() {
        return;
    }
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    let list = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    let fits = |name: &str, fits: fn(&Value) -> bool| value.get(name).is_none_or(fits);
    let or_null = |name: &str, fits: &dyn Fn(&Value) -> bool| {
        value.get(name).is_none_or(|value| value.is_null() || fits(value))
    };
    let known = match kind {
        "hello" => {
            fits("page", Value::is_string)
                && or_null("uses", &list)
                && or_null("boot", &Value::is_string)
                && or_null("version", &Value::is_u64)
                && or_null("age", &Value::is_u64)
        }
        "uses" => ["add", "drop"].iter().all(|name| value.get(name).is_none_or(list)),
        "applied" => {
            fits("version", Value::is_u64)
                && fits("how", Value::is_string)
                && fits("ms", Value::is_u64)
                && or_null("why", &Value::is_string)
        }
        _ => false,
    };
    assert!(known || read.is_none(), "{text}: {read:?}");
    // A name that comes twice is an error to the one, and its last value to the other.
    let once = |name: &str| text.matches(&format!("\"{name}\"")).count() <= 1;
    let names =
        ["type", "page", "uses", "boot", "version", "age", "add", "drop", "how", "ms", "why"];
    if known && !text.contains('\\') && names.into_iter().all(once) {
        assert!(read.is_some(), "{text}");
    }
});
