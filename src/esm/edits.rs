//! Text edits of a source by the spans of its syntax tree. Everything else stays as it is, so that
//! line numbers and formatting are kept.

use oxc::span::Span;

/// A list of replacements: start, end, text. Offsets are in bytes.
#[derive(Default)]
pub(super) struct Edits(Vec<(u32, u32, String)>);

impl Edits {
    /// Replaces a span with a text.
    pub(super) fn replace(&mut self, span: Span, text: impl Into<String>) {
        self.0.push((span.start, span.end, text.into()));
    }

    /// Inserts a text at an offset.
    pub(super) fn insert(&mut self, at: u32, text: impl Into<String>) {
        self.0.push((at, at, text.into()));
    }

    /// Replaces a span with a text, and keeps the number of lines.
    pub(super) fn blank(&mut self, source: &str, span: Span, text: &str) {
        let lines = span.source_text(source).matches('\n').count();
        self.replace(span, format!("{text}{}", "\n".repeat(lines)));
    }

    /// Applies the edits to the source. Ignores an edit that begins within a replaced span.
    pub(super) fn apply(mut self, source: &str) -> String {
        self.0.sort_by_key(|(start, end, _)| (*start, *end));
        let added: usize = self.0.iter().map(|(_, _, text)| text.len()).sum();
        let mut out = String::with_capacity(source.len() + added);
        let mut copied = 0;
        for (start, end, text) in self.0 {
            let (start, end) = (start as usize, end as usize);
            let Some(before) = source.get(copied..start) else { continue };
            out.push_str(before);
            out.push_str(&text);
            copied = end;
        }
        out.push_str(source.get(copied..).unwrap_or_default());
        out
    }
}

#[cfg(test)]
mod tests {
    use oxc::span::Span;

    use super::Edits;

    #[test]
    fn edits_are_applied_in_source_order() {
        let source = "import a from 'a'\nfoo(a)";
        let mut edits = Edits::default();
        edits.replace(Span::new(22, 23), "b.a");
        edits.blank(source, Span::new(0, 18), ";");
        edits.insert(24, "!");
        edits.replace(Span::new(7, 8), "ignored");
        assert_eq!(edits.apply(source), ";\nfoo(b.a)!");
    }
}
