//! Variables in HTML: `%VITE_TITLE%`, `%MODE%`.

use serde_json::{Map, Value};

use crate::esm::vite_settings::ViteSettings;

/// The variables that always exist.
const BUILTIN: [&str; 5] = ["BASE_URL", "MODE", "DEV", "PROD", "SSR"];

/// The number of bytes that the values in a page may have. Further variables stay as they are.
const MAX_INSERTED: usize = 1024 * 1024;

/// Returns whether a page refers to a variable, which need not exist.
pub(crate) fn refers_to_variables(html: &str, settings: &ViteSettings) -> bool {
    let is_name = |name: &str| BUILTIN.contains(&name) || settings.is_public(name);
    next_reference(html, &is_name).is_some()
}

/// Returns a page with the values of the variables that it refers to. Others stay as they are.
pub(in crate::esm::compiler) fn insert_variables(
    html: &str,
    variables: &Map<String, Value>,
) -> String {
    let mut budget = MAX_INSERTED;
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    let is_name = |name: &str| variables.contains_key(name);
    while let Some((at, name)) = next_reference(rest, &is_name) {
        let (before, reference) = rest.split_at(at);
        let (reference, after) = reference.split_at(name.len() + 2);
        let value = variables.get(name).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let left = value.as_ref().and_then(|value| budget.checked_sub(value.len()));
        budget = left.unwrap_or(budget);
        out.push_str(before);
        out.push_str(value.as_deref().filter(|_| left.is_some()).unwrap_or(reference));
        rest = after;
    }
    out + rest
}

/// Returns the offset of the first `%NAME%`, and the name.
fn next_reference<'h>(html: &'h str, is_name: &dyn Fn(&str) -> bool) -> Option<(usize, &'h str)> {
    html.match_indices('%').find_map(|(at, _)| {
        let after = &html[at + 1..];
        let end = after.find(|char: char| !char.is_ascii_alphanumeric() && char != '_')?;
        let name = Some(&after[..end]).filter(|_| after[end..].starts_with('%'))?;
        Some((at, name)).filter(|(_, name)| is_name(name))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::insert_variables;

    #[test]
    fn known_variables_are_replaced() {
        let variables = json!({"VITE_A": "<a>", "MODE": "development", "DEV": true});
        let variables = variables.as_object().unwrap();
        for (html, expected) in [
            ("<b>%VITE_A%</b>%MODE%%DEV%", "<b><a></b>developmenttrue"),
            ("%VITE_B% %PUBLIC_URL% 50% %VITE_A", "%VITE_B% %PUBLIC_URL% 50% %VITE_A"),
            ("100%VITE_A%%%MODE%", "100<a>%development"),
            ("/a%20b%C3%A9", "/a%20b%C3%A9"),
        ] {
            assert_eq!(insert_variables(html, variables), expected);
        }
        let large = json!({"VITE_A": "x".repeat(1024 * 1024)});
        let html = insert_variables("%VITE_A%%VITE_A%", large.as_object().unwrap());
        assert_eq!(html.len(), 1024 * 1024 + 8);
    }
}
