//! Small changes to a source, by the places that the parser tells; all else stays as it is written.

use oxc::span::Span;

/// What to put where.
#[derive(Default)]
pub(super) struct Edits(Vec<(u32, u32, String)>);

impl Edits {
    /// Puts a text in the place of another.
    pub(super) fn replace(&mut self, span: Span, text: impl Into<String>) {
        self.0.push((span.start, span.end, text.into()));
    }

    /// Puts a text before an offset.
    pub(super) fn insert(&mut self, at: u32, text: impl Into<String>) {
        self.0.push((at, at, text.into()));
    }

    /// Takes a text away and puts another one there, on as many lines as before.
    pub(super) fn blank(&mut self, source: &str, span: Span, text: &str) {
        let lines = span.source_text(source).matches('\n').count();
        self.replace(span, format!("{text}{}", "\n".repeat(lines)));
    }

    /// The source with all that done to it. What lies in a text that was replaced is lost.
    pub(super) fn apply(mut self, source: String) -> String {
        if self.0.is_empty() {
            return source;
        }
        self.0.sort_by_key(|(start, end, _)| (*start, *end));
        let added: usize = self.0.iter().map(|(_, _, text)| text.len()).sum();
        let mut out = String::with_capacity(source.len() + added);
        let mut done = 0;
        for (start, end, text) in self.0 {
            let (start, end) = (start as usize, end as usize);
            let Some(before) = source.get(done..start) else { continue };
            out.push_str(before);
            out.push_str(&text);
            done = end;
        }
        out.push_str(source.get(done..).unwrap_or_default());
        out
    }
}

#[cfg(test)]
mod tests {
    use oxc::span::Span;

    use super::Edits;

    #[test]
    fn they_are_applied_in_the_order_of_the_source() {
        let source = "import a from 'a'\nfoo(a)";
        let mut edits = Edits::default();
        edits.replace(Span::new(22, 23), "b.a");
        edits.blank(source, Span::new(0, 18), ";");
        edits.insert(24, "!");
        edits.replace(Span::new(7, 8), "lost");
        assert_eq!(edits.apply(source.to_owned()), ";\nfoo(b.a)!");
    }
}
