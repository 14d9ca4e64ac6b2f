//! The regular expressions that aliases and proxy rules are commonly written with.
//!
//! These are a literal text, at the start (`/^@\//`) or anywhere, up to the end (`/^vue$/`), or
//! followed by any text, which can be a group (`/^~(.*)$/`). Others are not understood.

/// A regular expression of a simple form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    literal: String,
    /// Whether the literal is at the start of the text.
    at_start: bool,
    tail: Tail,
}

/// What follows the literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// Nothing that belongs to the match.
    None,
    /// The end of the text.
    End,
    /// Any text, of at least this length; as a group if `captured`.
    Rest { captured: bool, min: usize },
}

/// The forms of [`Tail::Rest`]: the source, whether it is a group, and the least length.
const RESTS: [(&str, bool, usize); 8] = [
    ("(.*)$", true, 0),
    ("(.*)", true, 0),
    ("(.+)$", true, 1),
    ("(.+)", true, 1),
    (".*$", false, 0),
    (".*", false, 0),
    (".+$", false, 1),
    (".+", false, 1),
];

impl Pattern {
    /// Parses the source of a regular expression. Returns `None` if it is not of a simple form.
    pub(crate) fn parse(source: &str, flags: &str) -> Option<Self> {
        let at_start = source.starts_with('^');
        if !(flags.is_empty() || at_start && flags == "g") {
            return None;
        }
        let mut literal = String::new();
        let mut rest = source.strip_prefix('^').unwrap_or(source);
        let tail = loop {
            if let Some((_, captured, min)) = RESTS.iter().find(|(form, ..)| *form == rest) {
                break Tail::Rest { captured: *captured, min: *min };
            }
            if rest == "$" {
                break Tail::End;
            }
            let mut chars = rest.chars();
            let char = match chars.next() {
                None => break Tail::None,
                // Other escapes stand for classes of characters and assertions.
                Some('\\') => chars.next().filter(char::is_ascii_punctuation)?,
                Some(char) if "^$.*+?()[]{}|".contains(char) => return None,
                Some(char) => char,
            };
            literal.push(char);
            rest = chars.as_str();
        };
        let matches_anything = literal.is_empty() && (!at_start || tail == Tail::None);
        (!matches_anything).then_some(Self { literal, at_start, tail })
    }

    /// Returns the text with its match replaced, or `None` if it does not match. In the replacement,
    /// `$1` stands for the group.
    pub(crate) fn replace(&self, text: &str, replacement: &str) -> Option<String> {
        let ends = |at: usize| match self.tail {
            Tail::None => true,
            Tail::End => at + self.literal.len() == text.len(),
            Tail::Rest { min, .. } => text.len() - at - self.literal.len() >= min,
        };
        let at = if self.at_start {
            Some(0).filter(|_| text.starts_with(&self.literal))
        } else {
            text.find(&self.literal)
        };
        // Of several places, only the last one can be at the end.
        let at = match self.tail {
            Tail::End if !self.at_start => {
                text.ends_with(&self.literal).then(|| text.len() - self.literal.len())
            }
            _ => at,
        };
        let at = at.filter(|at| ends(*at))?;
        let (before, after) = (&text[..at], &text[at + self.literal.len()..]);
        Some(match self.tail {
            Tail::Rest { captured: true, .. } => {
                format!("{before}{}", replacement.replace("$1", after))
            }
            Tail::Rest { .. } => format!("{before}{replacement}"),
            _ => format!("{before}{replacement}{after}"),
        })
    }

    /// Returns the literal at the start of the texts that match, if it decides which ones match.
    pub(crate) fn prefix(&self) -> Option<&str> {
        let decides = matches!(self.tail, Tail::None | Tail::Rest { min: 0, .. });
        (self.at_start && decides).then_some(&self.literal)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn simple_forms_are_understood() {
        let table = [
            (r"^@\/", "@/a/b", "/src/", Some("/src/a/b")),
            (r"^@\/", "a@/b", "/src/", None),
            (r"\/@\/", "/@/a", "/src/", Some("/src/a")),
            ("^vue$", "vue", "vue/dist/vue.js", Some("vue/dist/vue.js")),
            ("^vue$", "vue-router", "x", None),
            (r"\.svg$", "a.svg", ".png", Some("a.png")),
            (r"\.svg$", "a.svgz", ".png", None),
            ("^~(.*)$", "~pkg/a.css", "$1", Some("pkg/a.css")),
            ("^~(.+)", "~", "$1", None),
            ("^~", "~pkg", "", Some("pkg")),
            ("^lib/.*", "lib/a/b", "one", Some("one")),
            ("^(.*)", "x", "y", Some("y")),
        ];
        for (source, text, replacement, wanted) in table {
            let pattern = Pattern::parse(source, "").expect(source);
            assert_eq!(pattern.replace(text, replacement).as_deref(), wanted, "{source} {text}");
        }
        assert_eq!(Pattern::parse(r"^\/api\/", "").unwrap().prefix(), Some("/api/"));
        assert_eq!(Pattern::parse(r"^\/api$", "").unwrap().prefix(), None);
    }

    #[test]
    fn other_forms_are_not_understood() {
        for source in [r"^@(a|b)\/", "[ab]", r"\w", "a.b", "a?", "", "^", "(a)", "a\\", ".*", "a$b"]
        {
            assert_eq!(Pattern::parse(source, ""), None, "{source}");
        }
        assert_eq!(Pattern::parse("a", "i"), None);
        assert_eq!(Pattern::parse("a", "g"), None);
    }
}
