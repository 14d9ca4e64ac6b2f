//! Replacement of import specifiers in a syntax tree by URLs.

use std::collections::HashMap;

use oxc::{
    allocator::{Allocator, Box as ArenaBox},
    ast::{
        ast::{
            Argument, ArrayExpressionElement, CallExpression, ExportAllDeclaration,
            ExportFromDeclaration, Expression, ImportDeclaration, ImportExpression, NewExpression,
            Program, StringLiteral, TemplateElement, TemplateElementValue, WithClause,
        },
        builder::AstBuilder,
    },
    ast_visit::{VisitJsMut, walk_js_mut},
    span::{GetSpan, Span},
    str::Str,
};

use super::{
    imports::AddressEdit,
    scan::{Address, string_value, type_attribute, type_option},
};
use crate::esm::module_url::module_url;

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
/// `import.meta.hot.accept`, and `edit` the change of an address. URLs that take a version stamp
/// get the placeholder for one.
pub(super) fn rewrite<'a>(
    program: &mut Program<'a>,
    allocator: &'a Allocator,
    replacements: &Replacements,
    placeholder: &str,
    accepted: &dyn Fn(&str) -> Option<String>,
    edit: &dyn Fn(&Address) -> Option<AddressEdit>,
) {
    Rewriter { allocator, replacements, placeholder, accepted, edit }.visit_program(program);
}

struct Rewriter<'a, 'r> {
    allocator: &'a Allocator,
    replacements: &'r Replacements,
    placeholder: &'r str,
    accepted: &'r dyn Fn(&str) -> Option<String>,
    edit: &'r dyn Fn(&Address) -> Option<AddressEdit>,
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

    /// Replaces the parts of an address that are not computed.
    fn edit(&self, expression: &mut Expression<'a>, is_import: bool) {
        let address = Address::of(expression, is_import);
        let Some(AddressEdit { start, end }) = address.as_ref().and_then(self.edit) else { return };
        let text = |text: &str| Str::from_str_in(text, &self.allocator);
        match (expression, start) {
            (Expression::TemplateLiteral(template), start) if !template.expressions.is_empty() => {
                let change = |part: Option<&mut TemplateElement<'a>>, value: &str| {
                    if let Some(part) = part {
                        part.value =
                            TemplateElementValue { raw: text(value), cooked: Some(text(value)) };
                    }
                };
                if let Some(start) = start {
                    change(template.quasis.first_mut(), &start);
                }
                if let Some(last) = address.and_then(|it| it.end).filter(|_| !end.is_empty()) {
                    change(template.quasis.last_mut(), &(last + end));
                }
            }
            (expression, Some(start)) => {
                let builder = AstBuilder::new(self.allocator);
                let span = expression.span();
                *expression = Expression::new_string_literal(span, text(&start), None, &builder);
            }
            _ => {}
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
    let Expression::StaticMemberExpression(hot) = accept.object.get_inner_expression() else {
        return false;
    };
    accept.property.name == "accept"
        && hot.property.name == "hot"
        && matches!(hot.object.get_inner_expression(), Expression::ImportMeta(_))
}

/// Sets the position of the callee of a call that creates a JSX element to that of the element. Stack
/// traces show the position of the callee.
fn locate_callee(call: &mut CallExpression<'_>) {
    let callee = match &mut call.callee {
        Expression::StaticMemberExpression(member) => &mut member.object,
        callee => callee,
    };
    if let Expression::Identifier(name) = callee
        && name.span.is_empty()
        && !call.span.is_empty()
    {
        name.span = Span::sized(call.span.start, 1);
    }
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
        locate_callee(call);
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
        } else if string_value(&import.source).is_none() {
            self.edit(&mut import.source, import.options.is_none());
        }
        walk_js_mut::walk_import_expression(self, import);
    }

    fn visit_new_expression(&mut self, it: &mut NewExpression<'a>) {
        if module_url(it).is_some()
            && let Some(address) = it.arguments.first_mut().and_then(Argument::as_expression_mut)
        {
            self.edit(address, false);
        }
        walk_js_mut::walk_new_expression(self, it);
    }
}
