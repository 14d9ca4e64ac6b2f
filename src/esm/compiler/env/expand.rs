//! References in the values of `.env` files, with the syntax of the npm package dotenv-expand:
//! `$NAME`, `${NAME}` and `${NAME:-default}`.
//!
//! A value may contain references in turn. An expansion follows at most 8 references in a row, and
//! follows none once it is 64 KiB long, so values that refer to themselves end.

use super::dotenv::Variables;

/// The number of references that are followed in a row.
const MAX_DEPTH: usize = 8;

/// The length from which on no reference is followed, bytes.
const MAX_LEN: usize = 64 * 1024;

/// Returns a value with its references expanded. Variables of the environment take precedence.
pub(super) fn expand(value: &str, variables: &Variables, environment: &Variables) -> String {
    expand_within(value, variables, environment, MAX_DEPTH)
}

fn expand_within(
    value: &str,
    variables: &Variables,
    environment: &Variables,
    depth: usize,
) -> String {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        if let Some(before) = before.strip_suffix('\\') {
            expanded.push_str(before);
            expanded.push('$');
            rest = after;
            continue;
        }
        expanded.push_str(before);
        let Some((name, default, below)) = reference(after) else {
            expanded.push('$');
            rest = after;
            continue;
        };
        rest = below;
        match (environment.get(name), variables.get(name)) {
            (Some(value), _) => expanded.push_str(value),
            (None, Some(value)) if depth > 0 && !value.is_empty() => {
                if expanded.len() < MAX_LEN {
                    expanded.push_str(&expand_within(value, variables, environment, depth - 1));
                }
            }
            _ => expanded.push_str(default),
        }
    }
    expanded.push_str(rest);
    expanded
}

/// Parses the reference behind a `$` into the name, the default, and the rest of the value.
fn reference(after: &str) -> Option<(&str, &str, &str)> {
    let (name, default, rest) = if let Some(inner) = after.strip_prefix('{') {
        let (inner, rest) = inner.split_once('}')?;
        let with_default = inner.split_once(":-").or_else(|| inner.split_once('-'));
        let (name, default) = with_default.unwrap_or((inner, ""));
        (name, default, rest)
    } else {
        let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let end = after.find(|char| !is_word(char)).unwrap_or(after.len());
        (&after[..end], "", &after[end..])
    };
    (!name.is_empty()).then_some((name, default, rest))
}

#[cfg(test)]
mod tests {
    use super::{MAX_LEN, Variables, expand};

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn references_are_replaced_by_values_or_defaults() {
        let variables = variables(&[("A", "1"), ("B", "$A$A"), ("EMPTY", "")]);
        let environment = Variables::from([("E".to_owned(), "$A".to_owned())]);
        for (value, expected) in [
            ("$A-${A}", "1-1"),
            ("$B", "11"),
            ("\\$A", "$A"),
            ("$", "$"),
            ("${A", "${A"),
            ("${NO:-x}${NO-y}$NO", "xy"),
            ("${EMPTY:-x}", "x"),
            ("$E", "$A"),
        ] {
            assert_eq!(expand(value, &variables, &environment), expected, "{value}");
        }
    }

    #[test]
    fn values_that_refer_to_themselves_end() {
        let variables = variables(&[("A", "$B$B$B$B$B$B$B$B"), ("B", "$A$A$A$A$A$A$A$A.")]);
        let expanded = expand("$A", &variables, &Variables::new());
        assert!(expanded.len() < 16 * MAX_LEN, "{}", expanded.len());
    }
}
