//! Replacement of import specifiers in a syntax tree by URLs.

use std::collections::HashMap;

use oxc::{
    allocator::{Allocator, Box as ArenaBox},
    ast::{
        ast::{
            Argument, ArrayExpressionElement, CallExpression, ExportAllDeclaration,
            ExportFromDeclaration, Expression, ImportDeclaration, ImportExpression, Program,
            StringLiteral, WithClause,
        },
        builder::AstBuilder,
    },
    ast_visit::{VisitJsMut, walk_js_mut},
    span::GetSpan,
    str::Str,
};

use super::scan::{string_value, type_attribute, type_option};

/// The replacements for specifiers, by specifier and `type` import attribute.
pub(super) type Replacements = HashMap<(String, Option<String>), Replacement>;

/// The replacement for a specifier.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    pub(super) url: String,
    /// Whether the URL takes a version stamp.
    pub(super) takes_stamp: bool,
    /// Whether the import keeps its attributes.
    pub(super) keeps_attributes: bool,
}

/// Replaces the specifiers of a program. `accepted` returns the URL for a specifier in a call of
/// `import.meta.hot.accept`. URLs that take a version stamp get the placeholder for one.
pub(super) fn rewrite<'a>(
    program: &mut Program<'a>,
    allocator: &'a Allocator,
    replacements: &Replacements,
    placeholder: &str,
    accepted: &dyn Fn(&str) -> Option<String>,
) {
    Rewriter { allocator, replacements, placeholder, accepted }.visit_program(program);
}

struct Rewriter<'a, 'r> {
    allocator: &'a Allocator,
    replacements: &'r Replacements,
    placeholder: &'r str,
    accepted: &'r dyn Fn(&str) -> Option<String>,
}

impl<'a> Rewriter<'a, '_> {
    fn replacement(
        &self,
        specifier: String,
        kind: Option<String>,
    ) -> Option<(Str<'a>, &Replacement)> {
        let replacement = self.replacements.get(&(specifier, kind))?;
        let placeholder = if replacement.takes_stamp { self.placeholder } else { "" };
        let url = format!("{}{placeholder}", replacement.url);
        Some((Str::from_str_in(&url, &self.allocator), replacement))
    }

    /// Replaces the specifier of a static import or export, and its attributes if needed.
    fn replace(
        &self,
        source: &mut StringLiteral<'a>,
        attributes: &mut Option<ArenaBox<'a, WithClause<'a>>>,
    ) {
        let kind = attributes.as_deref().and_then(type_attribute);
        let Some((url, replacement)) = self.replacement(source.value.to_string(), kind) else {
            return;
        };
        set(source, url);
        if !replacement.keeps_attributes {
            *attributes = None;
        }
    }

    /// Replaces a specifier in `import.meta.hot.accept`.
    fn replace_accepted(&self, specifier: &mut StringLiteral<'a>) {
        if let Some(url) = (self.accepted)(&specifier.value) {
            set(specifier, Str::from_str_in(&url, &self.allocator));
        }
    }
}

fn set<'a>(literal: &mut StringLiteral<'a>, value: Str<'a>) {
    literal.value = value;
    literal.raw = None;
    literal.lone_surrogates = false;
}

/// Returns whether an expression is `import.meta.hot.accept`.
fn is_accept(callee: &Expression<'_>) -> bool {
    let Expression::StaticMemberExpression(accept) = callee else { return false };
    let Expression::StaticMemberExpression(hot) = &accept.object else { return false };
    accept.property.name == "accept"
        && hot.property.name == "hot"
        && matches!(hot.object, Expression::ImportMeta(_))
}

impl<'a> VisitJsMut<'a> for Rewriter<'a, '_> {
    fn visit_import_declaration(&mut self, import: &mut ImportDeclaration<'a>) {
        self.replace(&mut import.source, &mut import.with_clause);
    }

    fn visit_export_from_declaration(&mut self, export: &mut ExportFromDeclaration<'a>) {
        self.replace(&mut export.source, &mut export.with_clause);
    }

    fn visit_export_all_declaration(&mut self, export: &mut ExportAllDeclaration<'a>) {
        self.replace(&mut export.source, &mut export.with_clause);
    }

    fn visit_call_expression(&mut self, call: &mut CallExpression<'a>) {
        if is_accept(&call.callee) {
            match call.arguments.first_mut() {
                Some(Argument::StringLiteral(one)) => self.replace_accepted(one),
                Some(Argument::ArrayExpression(all)) => {
                    for element in &mut all.elements {
                        if let ArrayExpressionElement::StringLiteral(one) = element {
                            self.replace_accepted(one);
                        }
                    }
                }
                _ => {}
            }
        }
        walk_js_mut::walk_call_expression(self, call);
    }

    fn visit_import_expression(&mut self, import: &mut ImportExpression<'a>) {
        let kind = import.options.as_ref().and_then(type_option);
        if let Some(specifier) = string_value(&import.source)
            && let Some((url, replacement)) = self.replacement(specifier, kind)
        {
            let builder = AstBuilder::new(self.allocator);
            import.source =
                Expression::new_string_literal(import.source.span(), url, None, &builder);
            if !replacement.keeps_attributes {
                import.options = None;
            }
        }
        walk_js_mut::walk_import_expression(self, import);
    }
}
