//! Aliases of import specifiers (`resolve.alias`).

use super::Pattern;

/// An alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) find: Find,
    /// An absolute path on the disk, a URL path, or the name of a package.
    pub(crate) replacement: String,
}

/// The specifiers that an alias applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Find {
    /// Those that are equal to it, or continue after it with a slash.
    Text(String),
    Pattern(Pattern),
}

impl Alias {
    /// Creates an alias. A slash at the end of both sides is left out, as Vite does.
    pub(crate) fn new(find: Find, replacement: &str) -> Self {
        match (&find, replacement.strip_suffix('/')) {
            (Find::Text(text), Some(without)) if text.len() > 1 && text.ends_with('/') => {
                let find = Find::Text(text.trim_end_matches('/').to_owned());
                Self { find, replacement: without.to_owned() }
            }
            _ => Self { find, replacement: replacement.to_owned() },
        }
    }

    /// Returns what a specifier stands for, if the alias applies.
    fn replace(&self, specifier: &str) -> Option<String> {
        match &self.find {
            Find::Text(text) => {
                let rest = specifier.strip_prefix(text.as_str())?;
                let applies = rest.is_empty() || rest.starts_with('/') || text.ends_with('/');
                applies.then(|| format!("{}{rest}", self.replacement))
            }
            Find::Pattern(pattern) => pattern.replace(specifier, &self.replacement),
        }
    }

    /// Returns what the beginning of a specifier stands for, if the alias applies to all
    /// specifiers that begin with it.
    fn replace_beginning(&self, beginning: &str) -> Option<String> {
        match &self.find {
            Find::Text(text) => {
                let rest = beginning.strip_prefix(text.as_str())?;
                let applies = rest.starts_with('/') || text.ends_with('/');
                applies.then(|| format!("{}{rest}", self.replacement))
            }
            Find::Pattern(pattern) => {
                beginning.starts_with(pattern.prefix()?).then_some(())?;
                pattern.replace(beginning, &self.replacement)
            }
        }
    }
}

/// Returns what a specifier stands for: the first alias that applies decides. A query stays.
pub(crate) fn apply(aliases: &[Alias], specifier: &str) -> Option<String> {
    aliases.iter().find_map(|alias| alias.replace(specifier))
}

/// Returns what the beginning of a specifier stands for, whatever follows it.
pub(crate) fn apply_to_beginning(aliases: &[Alias], beginning: &str) -> Option<String> {
    aliases.iter().find_map(|alias| alias.replace_beginning(beginning))
}

#[cfg(test)]
mod tests {
    use super::{Alias, Find, apply, apply_to_beginning};
    use crate::esm::vite_settings::Pattern;

    #[test]
    fn the_first_alias_that_applies_decides() {
        let text = |find: &str, to: &str| Alias::new(Find::Text(find.to_owned()), to);
        let pattern =
            |find: &str, to: &str| Alias::new(Find::Pattern(Pattern::parse(find, "").unwrap()), to);
        let aliases = [
            text("@/ui", "/web/ui"),
            text("@", "/web/src"),
            text("src/", "/web/src/"),
            text("vue", "vue/dist/vue.js"),
            pattern("^~(.*)$", "$1"),
            pattern(r"\/#\/", "/web/types/"),
        ];
        for (specifier, wanted) in [
            ("@/ui/a", Some("/web/ui/a")),
            ("@/uikit", Some("/web/src/uikit")),
            ("@", Some("/web/src")),
            ("@scope/name", None),
            ("src/a.js?raw", Some("/web/src/a.js?raw")),
            ("srcs", None),
            ("vue", Some("vue/dist/vue.js")),
            ("vue-router", None),
            ("~bootstrap/a.css", Some("bootstrap/a.css")),
            ("/#/a", Some("/web/types/a")),
            ("./a", None),
        ] {
            assert_eq!(apply(&aliases, specifier).as_deref(), wanted, "{specifier}");
        }
        for (beginning, wanted) in
            [("@/a", Some("/web/src/a")), ("@", None), ("@s", None), ("~a", Some("a"))]
        {
            assert_eq!(apply_to_beginning(&aliases, beginning).as_deref(), wanted, "{beginning}");
        }
    }
}
