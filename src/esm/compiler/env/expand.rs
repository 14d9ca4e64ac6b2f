//! References in the values of `.env` files, with the syntax of the npm package dotenv-expand:
//! `$NAME`, `${NAME}` and `${NAME:-default}`.
//!
//! A value may contain references in turn. An expansion follows at most 8 references in a row, so
//! values that refer to themselves end. A [`Budget`] limits the expansions of all values together.

use super::dotenv::Variables;

/// The number of references that are followed in a row.
const MAX_DEPTH: usize = 8;

/// The number of bytes that may still be produced, counting those of each step.
#[derive(Debug)]
pub(super) struct Budget(usize);

/// The expansions are larger than their budget.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OverBudget;

impl Budget {
    pub(super) fn of(bytes: usize) -> Self {
        Self(bytes)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), OverBudget> {
        self.0 = self.0.checked_sub(bytes).ok_or(OverBudget)?;
        Ok(())
    }
}

/// Returns a value with its references expanded. Variables of the environment take precedence.
///
/// # Errors
/// The budget is exceeded.
pub(super) fn expand(
    value: &str,
    variables: &Variables,
    environment: &Variables,
    budget: &mut Budget,
) -> Result<String, OverBudget> {
    let mut expanded = String::new();
    Expansion { variables, environment, budget }.append(value, MAX_DEPTH, &mut expanded)?;
    Ok(expanded)
}

struct Expansion<'e> {
    variables: &'e Variables,
    environment: &'e Variables,
    budget: &'e mut Budget,
}

impl Expansion<'_> {
    /// Appends a value to a text, following up to `depth` references in a row.
    fn append(&mut self, value: &str, depth: usize, text: &mut String) -> Result<(), OverBudget> {
        // A reference without content costs something, too.
        self.budget.spend(value.len() + 1)?;
        let last_brace = value.rfind('}').unwrap_or_default();
        let mut rest = value;
        while let Some(at) = rest.find('$') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            if let Some(before) = before.strip_suffix('\\') {
                text.push_str(before);
                text.push('$');
                rest = after;
                continue;
            }
            text.push_str(before);
            let is_open = after.starts_with('{') && value.len() - after.len() > last_brace;
            // Without a closing brace, every `${` would search the rest for one.
            let found = if is_open { None } else { reference(after) };
            let Some((name, default, below)) = found else {
                text.push('$');
                rest = after;
                continue;
            };
            rest = below;
            match (self.environment.get(name), self.variables.get(name)) {
                (Some(value), _) => {
                    self.budget.spend(value.len())?;
                    text.push_str(value);
                }
                (None, Some(value)) if depth > 0 && !value.is_empty() => {
                    self.append(value, depth - 1, text)?;
                }
                _ => text.push_str(default),
            }
        }
        text.push_str(rest);
        Ok(())
    }
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
    use super::{Budget, OverBudget, Variables};

    fn expand(value: &str, variables: &Variables, environment: &Variables) -> String {
        super::expand(value, variables, environment, &mut Budget::of(10_000)).unwrap()
    }

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
        let variables = variables(&[("A", "$B."), ("B", "$A-")]);
        assert_eq!(expand("$A", &variables, &Variables::new()), "-.-.-.-.");
    }

    #[test]
    fn expansions_stay_within_their_budget() {
        let mut variables = Variables::new();
        for level in 0..9 {
            variables.insert(format!("V{level}"), format!("${{V{}}}", level + 1).repeat(20));
        }
        for (value, expected) in [("$V0", Err(OverBudget)), ("x", Ok("x".to_owned()))] {
            let mut budget = Budget::of(10_000);
            let expanded = super::expand(value, &variables, &Variables::new(), &mut budget);
            assert_eq!(expanded, expected, "{value}");
        }
        let unclosed = "${".repeat(100_000);
        let mut budget = Budget::of(unclosed.len() + 1);
        let expanded = super::expand(&unclosed, &variables, &Variables::new(), &mut budget);
        assert_eq!(expanded, Ok(unclosed));
    }
}
