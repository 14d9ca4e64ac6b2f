//! One walk over a file of a package: what it asks for, what it uses of Node, and what has to be
//! changed in its text.

use std::collections::{BTreeSet, HashMap};

use oxc::{
    ast::ast::{
        ArrowFunctionExpression, AssignmentExpression, AwaitExpression, CallExpression,
        ConditionalExpression, ExportAllDeclaration, ExportFromDeclaration, ExportNamedDeclaration,
        Expression, ExpressionStatement, ForOfStatement, Function, IdentifierReference,
        IfStatement, ImportDeclaration, ImportExpression, ImportMeta, LogicalExpression,
        LogicalOperator, NewExpression, ObjectProperty, TaggedTemplateExpression,
        VariableDeclarator,
    },
    ast_visit::{Visit, walk},
    semantic::{ScopeFlags, Scoping, SymbolId},
    span::GetSpan,
};

use super::{
    decided::{self, MODE},
    names::Finder,
    requests::{How, Requests},
};
use crate::esm::edits::Edits;

/// What a file of Node's has, and a browser has not.
pub(super) const OF_NODE: [&str; 4] = ["process", "global", "__filename", "__dirname"];

/// What is special in an ES module.
pub(super) struct Bindings<'s> {
    pub(super) scoping: &'s Scoping,
    /// What an imported name is read from.
    pub(super) imports: HashMap<SymbolId, String>,
    /// What the registry hands to the definition.
    pub(super) hand: String,
}

/// The walk.
pub(super) struct Walk<'s> {
    /// Nothing in CommonJS.
    pub(super) bindings: Option<Bindings<'s>>,
    pub(super) edits: Edits,
    pub(super) requests: Requests,
    pub(super) names: Finder,
    /// The names of `OF_NODE`, and `require`, that are used and not declared.
    pub(super) free: BTreeSet<String>,
    /// Whether there is an `await` outside of functions.
    pub(super) awaits: bool,
    depth: usize,
    /// Where a name begins that is called; and whether it is in parentheses.
    callee: Option<(u32, bool)>,
    /// Where a statement begins.
    statement: u32,
}

impl<'s> Walk<'s> {
    pub(super) fn new(bindings: Option<Bindings<'s>>) -> Self {
        Self {
            bindings,
            edits: Edits::default(),
            requests: Requests::default(),
            names: Finder::default(),
            free: BTreeSet::new(),
            awaits: false,
            depth: 0,
            callee: None,
            statement: u32::MAX,
        }
    }

    fn import(&self, name: &IdentifierReference<'_>) -> Option<&String> {
        let bindings = self.bindings.as_ref()?;
        let symbol = bindings.scoping.get_reference(name.reference_id.get()?).symbol_id()?;
        bindings.imports.get(&symbol)
    }

    /// Whether a name is declared nowhere. In CommonJS nobody looks: what is declared in the file
    /// hides what it is given.
    fn is_free(&self, name: &IdentifierReference<'_>) -> bool {
        let Some(bindings) = &self.bindings else { return true };
        let reference = name.reference_id.get().map(|id| bindings.scoping.get_reference(id));
        reference.is_none_or(|reference| reference.symbol_id().is_none())
    }

    /// Notes a name that is called, so that it is called without a `this`.
    fn called(&mut self, callee: &Expression<'_>) {
        if let Expression::Identifier(name) = callee.without_parentheses() {
            let in_parentheses = matches!(callee, Expression::ParenthesizedExpression(_));
            self.callee = Some((name.span.start, in_parentheses));
        }
    }

    fn branches(
        &mut self,
        test: &Expression<'_>,
        then: impl FnOnce(&mut Self),
        otherwise: impl FnOnce(&mut Self),
    ) {
        let outcome = decided::truth(test);
        self.visit_expression(test);
        if outcome != Some(false) {
            then(self);
        }
        if outcome != Some(true) {
            otherwise(self);
        }
    }
}

/// Whether an expression is `import.meta.url`.
fn is_own_url(base: &Expression<'_>) -> bool {
    match base.get_inner_expression() {
        Expression::StaticMemberExpression(member) => {
            member.property.name == "url"
                && matches!(member.object.get_inner_expression(), Expression::ImportMeta(_))
        }
        _ => false,
    }
}

/// An address, with `*` for what is computed.
fn address_of(text: &Expression<'_>) -> Option<String> {
    match text.get_inner_expression() {
        Expression::StringLiteral(text) => Some(text.value.to_string()),
        Expression::TemplateLiteral(text) => {
            let parts = text.quasis.iter().map(|part| part.value.cooked.as_deref());
            Some(parts.collect::<Option<Vec<_>>>()?.join("*"))
        }
        _ => None,
    }
}

impl<'a> Visit<'a> for Walk<'_> {
    fn visit_expression(&mut self, it: &Expression<'a>) {
        match decided::mode(it) {
            Some(span) => self.edits.replace(span, format!("\"{MODE}\"")),
            None => walk::walk_expression(self, it),
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        let callee = self.callee.take_if(|(start, _)| *start == it.span.start);
        if let Some(import) = self.import(it).cloned() {
            let text = match callee {
                None => import,
                Some((_, true)) => format!("0,{import}"),
                // A parenthesis would go on with the line before.
                Some(_) if self.statement == it.span.start => {
                    let hand = self.bindings.as_ref().map_or("", |bindings| &bindings.hand);
                    format!("{hand}.call({import})")
                }
                Some(_) => format!("(0,{import})"),
            };
            self.edits.replace(it.span, text);
        } else if (OF_NODE.contains(&it.name.as_str()) || it.name == "require") && self.is_free(it)
        {
            self.free.insert(it.name.to_string());
        }
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Some(specifier) = it.common_js_require()
            && it.callee.get_identifier_reference().is_some_and(|name| self.is_free(name))
        {
            self.requests.add(&specifier.value, How::Require);
        }
        if self.bindings.is_none() {
            self.names.call(it);
        }
        self.called(&it.callee);
        walk::walk_call_expression(self, it);
    }

    fn visit_tagged_template_expression(&mut self, it: &TaggedTemplateExpression<'a>) {
        self.called(&it.tag);
        walk::walk_tagged_template_expression(self, it);
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        if it.shorthand
            && let Expression::Identifier(name) = &it.value
            && self.import(name).is_some()
        {
            self.edits.insert(it.span.start, format!("{}:", name.name));
        }
        walk::walk_object_property(self, it);
    }

    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        self.statement = it.span.start;
        walk::walk_expression_statement(self, it);
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        self.names.assignment(it);
        walk::walk_assignment_expression(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        self.names.declarator(it);
        walk::walk_variable_declarator(self, it);
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        self.branches(
            &it.test,
            |walk| walk.visit_statement(&it.consequent),
            |walk| {
                if let Some(alternate) = &it.alternate {
                    walk.visit_statement(alternate);
                }
            },
        );
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        self.branches(
            &it.test,
            |walk| walk.visit_expression(&it.consequent),
            |walk| walk.visit_expression(&it.alternate),
        );
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        match it.operator {
            LogicalOperator::And => {
                self.branches(&it.left, |walk| walk.visit_expression(&it.right), |_| {});
            }
            LogicalOperator::Or => {
                self.branches(&it.left, |_| {}, |walk| walk.visit_expression(&it.right));
            }
            LogicalOperator::Coalesce => walk::walk_logical_expression(self, it),
        }
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.depth += 1;
        walk::walk_function(self, it, flags);
        self.depth -= 1;
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.depth += 1;
        walk::walk_arrow_function_expression(self, it);
        self.depth -= 1;
    }

    fn visit_await_expression(&mut self, it: &AwaitExpression<'a>) {
        self.awaits |= self.depth == 0;
        walk::walk_await_expression(self, it);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.awaits |= it.r#await && self.depth == 0;
        walk::walk_for_of_statement(self, it);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        let Expression::StringLiteral(specifier) = &it.source else {
            return walk::walk_import_expression(self, it);
        };
        let hand = self.bindings.as_ref().map_or("require", |bindings| &bindings.hand);
        let callee = oxc::span::Span::new(it.span.start, it.source.span().start);
        self.edits.replace(callee, format!("{hand}.import("));
        self.requests.add(&specifier.value, How::Dynamic);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        if it.callee.is_specific_id("URL")
            && let [address, base] = &it.arguments[..]
            && base.as_expression().is_some_and(is_own_url)
            && let Some(address) = address.as_expression().and_then(address_of)
        {
            self.requests.add(&address, How::Url);
        }
        walk::walk_new_expression(self, it);
    }

    fn visit_import_meta(&mut self, it: &ImportMeta) {
        if let Some(bindings) = &self.bindings {
            self.edits.replace(it.span, format!("{}.meta", bindings.hand));
        }
    }

    // These are taken away as a whole.
    fn visit_import_declaration(&mut self, _: &ImportDeclaration<'a>) {}
    fn visit_export_named_declaration(&mut self, _: &ExportNamedDeclaration<'a>) {}
    fn visit_export_from_declaration(&mut self, _: &ExportFromDeclaration<'a>) {}
    fn visit_export_all_declaration(&mut self, _: &ExportAllDeclaration<'a>) {}
}
