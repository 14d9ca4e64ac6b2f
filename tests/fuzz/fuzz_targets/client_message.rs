#![no_main]
//! Messages of a page on the reload socket: parsed as their JSON says, or ignored.

use libfuzzer_sys::fuzz_target;
use livers::fuzzing::parse_client_message;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let parsed = parse_client_message(text);
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    // serde also accepts an array of the fields in order. No page sends one, and it is harmless.
    if value.is_array() {
        return;
    }
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    let list = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    let fits = |name: &str, fits: fn(&Value) -> bool| value.get(name).is_none_or(fits);
    let or_null = |name: &str, fits: &dyn Fn(&Value) -> bool| {
        value.get(name).is_none_or(|value| value.is_null() || fits(value))
    };
    let is_valid = match kind {
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
    assert!(is_valid || parsed.is_none(), "{text}: {parsed:?}");
    // serde_json rejects a duplicate name for a struct, but keeps its last value for a `Value`.
    let is_unique = |name: &str| text.matches(&format!("\"{name}\"")).count() <= 1;
    let names =
        ["type", "page", "uses", "boot", "version", "age", "add", "drop", "how", "ms", "why"];
    if is_valid && !text.contains('\\') && names.into_iter().all(is_unique) {
        assert!(parsed.is_some(), "{text}");
    }
});
