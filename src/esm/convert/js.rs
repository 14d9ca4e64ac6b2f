//! Spelling of JavaScript: string literals and identifiers.

/// Returns a text as a JavaScript string literal.
pub(in crate::esm) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns a property name as it stands in an object literal.
pub(in crate::esm) fn property_key(name: &str) -> String {
    match name {
        // Without brackets, it would set the prototype.
        "__proto__" => "[\"__proto__\"]".to_owned(),
        name if is_identifier(name) => name.to_owned(),
        name => quoted(name),
    }
}

/// Returns whether a property name can follow a dot, or stand unquoted in an object literal.
pub(in crate::esm) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let is_start = |char: char| char.is_ascii_alphabetic() || char == '_' || char == '$';
    chars.next().is_some_and(is_start) && chars.all(|char| is_start(char) || char.is_ascii_digit())
}
