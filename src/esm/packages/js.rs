//! Spelling of JavaScript: string literals and identifiers.

/// Returns a text as a JavaScript string literal.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns whether a property name can follow a dot, or stand unquoted in an object literal.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let is_start = |char: char| char.is_ascii_alphabetic() || char == '_' || char == '$';
    chars.next().is_some_and(is_start) && chars.all(|char| is_start(char) || char.is_ascii_digit())
}
