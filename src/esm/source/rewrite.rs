//! Puts what specifiers became into the syntax tree, and finds them again in the code.
//!
//! Behind the URL of a project's file a stamp may be put when the module is served. It must not move
//! what follows in the line, or the source map would lie: so a mark as long as the longest stamp is
//! printed with the URL, and becomes blanks behind the closing quote, which a stamp then takes the
//! place of.

use std::collections::HashMap;

use oxc::{
    allocator::Allocator,
    ast::{
        ast::{
            Argument, ArrayExpressionElement, CallExpression, ExportAllDeclaration,
            ExportFromDeclaration, Expression, ImportDeclaration, ImportExpression, Program,
            StringLiteral,
        },
        builder::AstBuilder,
    },
    ast_visit::{VisitJsMut, walk_js_mut},
    span::GetSpan,
    str::Str,
};

use super::scan::{kind_of, kind_of_options, literal};

/// How long a stamp may be without moving what follows it: `?t=` and nine digits.
pub(super) const STAMP: usize = 12;

/// A place in the code where a stamp may be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The offset, behind the URL.
    pub(super) at: usize,
    /// The URL path of the file.
    pub(super) path: String,
    /// What a stamp begins with: `?`, or `&` where the URL has a query.
    pub(super) lead: char,
}

/// What specifiers become, each by itself and the type that its attributes name.
pub(super) type Changes = HashMap<(String, Option<String>), Change>;

/// What a specifier becomes.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The URL.
    pub(super) url: String,
    /// Whether a stamp may be put behind it.
    pub(super) slot: bool,
    /// Whether the attributes stay.
    pub(super) attributes: bool,
}

/// Changes the specifiers of a program. Those in `import.meta.hot.accept` become the URLs that
/// `accepted` says.
pub(super) fn rewrite<'a>(
    program: &mut Program<'a>,
    allocator: &'a Allocator,
    changes: &Changes,
    mark: &str,
    accepted: &dyn Fn(&str) -> Option<String>,
) {
    Rewriter { allocator, changes, mark, accepted }.visit_program(program);
}

/// Takes the marks out of the code, and says where they were.
pub(super) fn slots(code: &mut String, mark: &str) -> Vec<Slot> {
    let mut slots = Vec::new();
    let mut out = String::with_capacity(code.len());
    let mut rest = code.as_str();
    while let Some(at) = rest.find(mark) {
        let (before, after) = (&rest[..at], &rest[at + mark.len()..]);
        out.push_str(before);
        // URLs are ASCII without quotes or backslashes, so they are printed as they are.
        let url = before.rsplit('"').next().unwrap_or_default();
        let path = url.split('?').next().unwrap_or_default().to_owned();
        let lead = if url.contains('?') { '&' } else { '?' };
        slots.push(Slot { at: out.len(), path, lead });
        let (quote, after) = after.split_at(after.len().min(1));
        out.push_str(quote);
        out.push_str(&" ".repeat(mark.len()));
        rest = after;
    }
    out.push_str(rest);
    *code = out;
    slots
}

/// A mark that a source does not hold, as long as a stamp.
pub(super) fn mark(text: &str) -> String {
    let marks = (0_u32..).map(|number| format!("~{number:0>width$}~", width = STAMP - 2));
    marks.into_iter().find(|mark| !text.contains(mark)).unwrap_or_default()
}

struct Rewriter<'a, 'c> {
    allocator: &'a Allocator,
    changes: &'c Changes,
    mark: &'c str,
    accepted: &'c dyn Fn(&str) -> Option<String>,
}

impl<'a> Rewriter<'a, '_> {
    fn change(&self, specifier: String, kind: Option<String>) -> Option<(Str<'a>, &Change)> {
        let change = self.changes.get(&(specifier, kind))?;
        let mark = if change.slot { self.mark } else { "" };
        let url = format!("{}{mark}", change.url);
        Some((Str::from_str_in(&url, &self.allocator), change))
    }

    /// Changes a specifier, and says whether its attributes go.
    fn literal(&self, source: &mut StringLiteral<'a>, kind: Option<String>) -> bool {
        let Some((url, change)) = self.change(source.value.to_string(), kind) else { return false };
        set(source, url);
        !change.attributes
    }

    /// Changes a specifier that is accepted.
    fn accept(&self, specifier: &mut StringLiteral<'a>) {
        if let Some(path) = (self.accepted)(&specifier.value) {
            set(specifier, Str::from_str_in(&path, &self.allocator));
        }
    }
}

fn set<'a>(literal: &mut StringLiteral<'a>, value: Str<'a>) {
    literal.value = value;
    literal.raw = None;
    literal.lone_surrogates = false;
}

/// Whether this is `import.meta.hot.accept`.
fn is_accept(callee: &Expression<'_>) -> bool {
    let Expression::StaticMemberExpression(accept) = callee else { return false };
    let Expression::StaticMemberExpression(hot) = &accept.object else { return false };
    accept.property.name == "accept"
        && hot.property.name == "hot"
        && matches!(hot.object, Expression::ImportMeta(_))
}

impl<'a> VisitJsMut<'a> for Rewriter<'a, '_> {
    fn visit_import_declaration(&mut self, import: &mut ImportDeclaration<'a>) {
        let kind = import.with_clause.as_deref().and_then(kind_of);
        if self.literal(&mut import.source, kind) {
            import.with_clause = None;
        }
    }

    fn visit_export_from_declaration(&mut self, export: &mut ExportFromDeclaration<'a>) {
        let kind = export.with_clause.as_deref().and_then(kind_of);
        if self.literal(&mut export.source, kind) {
            export.with_clause = None;
        }
    }

    fn visit_export_all_declaration(&mut self, export: &mut ExportAllDeclaration<'a>) {
        let kind = export.with_clause.as_deref().and_then(kind_of);
        if self.literal(&mut export.source, kind) {
            export.with_clause = None;
        }
    }

    fn visit_call_expression(&mut self, call: &mut CallExpression<'a>) {
        if is_accept(&call.callee) {
            match call.arguments.first_mut() {
                Some(Argument::StringLiteral(one)) => self.accept(one),
                Some(Argument::ArrayExpression(all)) => {
                    for element in &mut all.elements {
                        if let ArrayExpressionElement::StringLiteral(one) = element {
                            self.accept(one);
                        }
                    }
                }
                _ => {}
            }
        }
        walk_js_mut::walk_call_expression(self, call);
    }

    fn visit_import_expression(&mut self, import: &mut ImportExpression<'a>) {
        let kind = import.options.as_ref().and_then(kind_of_options);
        if let Some(specifier) = literal(&import.source)
            && let Some((url, change)) = self.change(specifier, kind)
        {
            let builder = AstBuilder::new(self.allocator);
            import.source =
                Expression::new_string_literal(import.source.span(), url, None, &builder);
            if !change.attributes {
                import.options = None;
            }
        }
        walk_js_mut::walk_import_expression(self, import);
    }
}

#[cfg(test)]
mod tests {
    use super::{STAMP, Slot, mark, slots};

    #[test]
    fn a_mark_becomes_blanks_behind_the_quote() {
        let mark = mark("~0000000000~");
        assert_eq!((mark.len(), mark.as_str()), (STAMP, "~0000000001~"));
        let mut code = format!("import(\"/a.js{mark}\");import \"/b.css?import{mark}\"; \"~\"");
        let length = code.len();
        let slots = slots(&mut code, &mark);
        let blanks = " ".repeat(STAMP);
        assert_eq!(
            code,
            format!("import(\"/a.js\"{blanks});import \"/b.css?import\"{blanks}; \"~\"")
        );
        assert_eq!(code.len(), length);
        let slot = |at, path: &str, lead| Slot { at, path: path.to_owned(), lead };
        assert_eq!(slots, [slot(13, "/a.js", '?'), slot(49, "/b.css", '&')]);
    }
}
