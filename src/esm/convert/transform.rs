//! Walks the syntax tree of a package file once, and collects its requests, its use of Node
//! globals, its export names, and the edits that turn it into a definition.

use std::collections::{BTreeSet, HashMap};

use oxc::{
    ast::ast::{
        ArrowFunctionExpression, AssignmentExpression, AssignmentTargetPropertyIdentifier,
        AwaitExpression, CallExpression, ConditionalExpression, ExportAllDeclaration,
        ExportFromDeclaration, ExportNamedDeclaration, Expression, ExpressionStatement,
        ForOfStatement, Function, IdentifierReference, IfStatement, ImportDeclaration,
        ImportExpression, ImportMeta, LogicalExpression, LogicalOperator, NewExpression,
        ObjectProperty, TaggedTemplateExpression, VariableDeclaration, VariableDeclarationKind,
        VariableDeclarator,
    },
    ast_visit::{Visit, walk},
    semantic::{ScopeFlags, Scoping, SymbolId},
    span::{GetSpan, Span},
};

use super::{
    constant_folding::{NODE_ENV, evaluate, node_env_span},
    export_names::ExportDetector,
    js::property_key,
    requests::{RequestKind, Requests},
};
use crate::esm::{edits::Edits, module_url::module_url};

/// Globals that Node provides and browsers lack.
pub(in crate::esm) const NODE_GLOBALS: [&str; 4] = ["process", "global", "__filename", "__dirname"];

/// The bindings of an ES module.
pub(in crate::esm) struct Bindings<'s> {
    pub(in crate::esm) scoping: &'s Scoping,
    /// The expression that reads each imported name.
    pub(in crate::esm) imports: HashMap<SymbolId, String>,
    /// The parameter through which the registry passes `import`, `import.meta` and Node globals.
    pub(in crate::esm) context: String,
    /// Where the module is from.
    pub(in crate::esm) origin: Origin,
}

/// Where a module is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::esm) enum Origin {
    /// A package, which may expect some globals of Node.
    Package,
    /// The project, which runs as in a browser.
    Project,
}

/// The state of the walk.
pub(in crate::esm) struct Transform<'s> {
    source: &'s str,
    /// `None` for CommonJS.
    pub(in crate::esm) bindings: Option<Bindings<'s>>,
    pub(in crate::esm) edits: Edits,
    pub(in crate::esm) requests: Requests,
    pub(in crate::esm) exports: ExportDetector,
    /// The [`NODE_GLOBALS`], and `require`, that are used and not declared.
    pub(in crate::esm) undeclared: BTreeSet<String>,
    /// Whether there is a top-level `await`.
    pub(in crate::esm) awaits: bool,
    /// Whether there is a top-level `for await` or `await using`, which only an async function can
    /// contain.
    pub(in crate::esm) is_async: bool,
    /// The edits that turn each top-level `await` into a `yield`, see
    /// [`es_module`](super::es_module).
    pub(in crate::esm) yields: Vec<(Span, String)>,
    function_depth: usize,
    /// The number of functions around the current node that have `arguments`.
    arguments_depth: usize,
    /// The number of branches around the current node that are never taken.
    untaken: usize,
    /// The start of an identifier that is called, and whether it is parenthesized.
    callee: Option<(u32, bool)>,
    /// The start of the current expression statement.
    statement_start: u32,
}

impl<'s> Transform<'s> {
    pub(in crate::esm) fn new(source: &'s str, bindings: Option<Bindings<'s>>) -> Self {
        Self {
            source,
            bindings,
            edits: Edits::default(),
            requests: Requests::default(),
            exports: ExportDetector::default(),
            undeclared: BTreeSet::new(),
            awaits: false,
            is_async: false,
            yields: Vec::new(),
            function_depth: 0,
            arguments_depth: 0,
            untaken: 0,
            callee: None,
            statement_start: u32::MAX,
        }
    }

    /// Returns the expression that reads a name, if the name is imported.
    fn imported(&self, name: &IdentifierReference<'_>) -> Option<&String> {
        let bindings = self.bindings.as_ref()?;
        let symbol = bindings.scoping.get_reference(name.reference_id.get()?).symbol_id()?;
        bindings.imports.get(&symbol)
    }

    fn is_write(&self, name: &IdentifierReference<'_>) -> bool {
        let reference = self.bindings.as_ref().zip(name.reference_id.get());
        reference.is_some_and(|(bindings, id)| bindings.scoping.get_reference(id).is_write())
    }

    /// Returns whether a name is not declared in the file. Always true in CommonJS, where
    /// declarations shadow the parameters of the definition.
    fn is_undeclared(&self, name: &IdentifierReference<'_>) -> bool {
        let Some(bindings) = &self.bindings else { return true };
        let reference = name.reference_id.get().map(|id| bindings.scoping.get_reference(id));
        reference.is_none_or(|reference| reference.symbol_id().is_none())
    }

    fn add_request(&mut self, specifier: &str, kind: RequestKind) {
        if self.untaken == 0 {
            self.requests.add(specifier, kind);
        }
    }

    /// Returns as many line breaks as a span has.
    fn lines(&self, span: Span) -> String {
        "\n".repeat(span.source_text(self.source).matches('\n').count())
    }

    fn is_of_package(&self) -> bool {
        self.bindings.as_ref().is_none_or(|bindings| bindings.origin == Origin::Package)
    }

    /// Remembers an identifier that is called, so that its call keeps an undefined `this`.
    fn note_callee(&mut self, callee: &Expression<'_>) {
        if let Expression::Identifier(name) = callee.without_parentheses() {
            let is_parenthesized = matches!(callee, Expression::ParenthesizedExpression(_));
            self.callee = Some((name.span.start, is_parenthesized));
        }
    }

    /// Visits a condition, and the branches that it can take.
    fn visit_branches(
        &mut self,
        test: &Expression<'_>,
        then: impl FnOnce(&mut Self),
        otherwise: impl FnOnce(&mut Self),
    ) {
        let outcome = evaluate(test);
        self.visit_expression(test);
        self.visit_branch(outcome != Some(false), then);
        self.visit_branch(outcome != Some(true), otherwise);
    }

    /// Visits a branch. Of one that is never taken, it only edits the code.
    fn visit_branch(&mut self, is_taken: bool, visit: impl FnOnce(&mut Self)) {
        if is_taken {
            return visit(self);
        }
        self.untaken += 1;
        visit(self);
        self.untaken -= 1;
    }
}

/// Returns a URL literal, with `*` in place of its computed parts.
fn url_pattern(text: &Expression<'_>) -> Option<String> {
    match text.get_inner_expression() {
        Expression::StringLiteral(text) => Some(text.value.to_string()),
        Expression::TemplateLiteral(text) => {
            let parts = text.quasis.iter().map(|part| part.value.cooked.as_deref());
            Some(parts.collect::<Option<Vec<_>>>()?.join("*"))
        }
        _ => None,
    }
}

impl<'a> Visit<'a> for Transform<'_> {
    fn visit_expression(&mut self, it: &Expression<'a>) {
        match node_env_span(it) {
            Some(span) => self.edits.replace(span, format!("\"{NODE_ENV}\"")),
            None => walk::walk_expression(self, it),
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        let callee = self.callee.take_if(|(start, _)| *start == it.span.start);
        if let Some(import) = self.imported(it).cloned() {
            let text = match callee {
                // An import cannot be assigned to: in strict mode, this throws a TypeError.
                _ if self.is_write(it) && !import.contains(['.', '[']) => {
                    "Object.freeze({_:0})._".to_owned()
                }
                None => import,
                Some((_, true)) => format!("0,{import}"),
                // A statement that begins with a parenthesis could continue the previous line.
                Some(_) if self.statement_start == it.span.start => {
                    let context = self.bindings.as_ref().map_or("", |bindings| &bindings.context);
                    format!("{context}.call({import})")
                }
                Some(_) => format!("(0,{import})"),
            };
            self.edits.replace(it.span, text);
        } else if it.name == "arguments" && self.arguments_depth == 0 {
            // The generator function has arguments, a module has none: this name is not declared.
            if let Some(bindings) = &self.bindings {
                self.edits.replace(it.span, format!("{}arguments", bindings.context));
            }
        } else if self.untaken == 0
            && self.is_of_package()
            && (NODE_GLOBALS.contains(&it.name.as_str()) || it.name == "require")
            && self.is_undeclared(it)
        {
            self.undeclared.insert(it.name.to_string());
        }
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Some(specifier) = required(it)
            && it.callee.get_identifier_reference().is_some_and(|name| self.is_undeclared(name))
        {
            self.add_request(specifier, RequestKind::Require);
        }
        if self.bindings.is_none() && self.untaken == 0 {
            self.exports.call(it);
        }
        self.note_callee(&it.callee);
        walk::walk_call_expression(self, it);
    }

    fn visit_tagged_template_expression(&mut self, it: &TaggedTemplateExpression<'a>) {
        self.note_callee(&it.tag);
        walk::walk_tagged_template_expression(self, it);
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        if it.shorthand
            && let Expression::Identifier(name) = &it.value
            && self.imported(name).is_some()
        {
            self.edits.insert(it.span.start, format!("{}:", property_key(&name.name)));
        }
        walk::walk_object_property(self, it);
    }

    fn visit_assignment_target_property_identifier(
        &mut self,
        it: &AssignmentTargetPropertyIdentifier<'a>,
    ) {
        if self.imported(&it.binding).is_some() {
            self.edits.insert(it.span.start, format!("{}:", property_key(&it.binding.name)));
        }
        walk::walk_assignment_target_property_identifier(self, it);
    }

    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        self.statement_start = it.span.start;
        walk::walk_expression_statement(self, it);
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        if self.untaken == 0 {
            self.exports.assignment(it);
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
        self.is_async |= it.kind == VariableDeclarationKind::AwaitUsing && self.function_depth == 0;
        walk::walk_variable_declaration(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if self.untaken == 0 {
            self.exports.declarator(it);
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        self.visit_branches(
            &it.test,
            |transform| transform.visit_statement(&it.consequent),
            |transform| {
                if let Some(alternate) = &it.alternate {
                    transform.visit_statement(alternate);
                }
            },
        );
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        self.visit_branches(
            &it.test,
            |transform| transform.visit_expression(&it.consequent),
            |transform| transform.visit_expression(&it.alternate),
        );
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        match it.operator {
            LogicalOperator::And => {
                self.visit_branches(
                    &it.left,
                    |transform| transform.visit_expression(&it.right),
                    |_| {},
                );
            }
            LogicalOperator::Or => {
                self.visit_branches(
                    &it.left,
                    |_| {},
                    |transform| transform.visit_expression(&it.right),
                );
            }
            LogicalOperator::Coalesce => walk::walk_logical_expression(self, it),
        }
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.function_depth += 1;
        self.arguments_depth += 1;
        walk::walk_function(self, it, flags);
        self.function_depth -= 1;
        self.arguments_depth -= 1;
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.function_depth += 1;
        walk::walk_arrow_function_expression(self, it);
        self.function_depth -= 1;
    }

    fn visit_await_expression(&mut self, it: &AwaitExpression<'a>) {
        if self.function_depth == 0 {
            self.awaits = true;
            let keyword = Span::new(it.span.start, it.argument.span().start);
            // A statement that begins with a parenthesis could continue the previous line.
            let start = if self.statement_start == it.span.start { "0,(yield" } else { "(yield" };
            // No line break may follow `yield`.
            let lines = self.lines(keyword);
            let (open, close) = if lines.is_empty() { (" ", ")") } else { ("(", "))") };
            self.yields.push((keyword, format!("{start}{open}{lines}")));
            self.yields.push((Span::empty(it.span.end), close.to_owned()));
        }
        walk::walk_await_expression(self, it);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.is_async |= it.r#await && self.function_depth == 0;
        walk::walk_for_of_statement(self, it);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        let specifier = constant_text(&it.source);
        if specifier.is_none() && self.is_of_package() {
            return walk::walk_import_expression(self, it);
        }
        let context = self.bindings.as_ref().map_or("require", |bindings| &bindings.context);
        let callee = Span::new(it.span.start, it.source.span().start);
        self.edits.replace(callee, format!("{context}.import({}", self.lines(callee)));
        match specifier {
            Some(specifier) => {
                self.add_request(specifier, RequestKind::Dynamic);
            }
            None => walk::walk_import_expression(self, it),
        }
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        if let Some(address) = module_url(it).and_then(url_pattern) {
            self.add_request(&address, RequestKind::Url);
        }
        walk::walk_new_expression(self, it);
    }

    fn visit_import_meta(&mut self, it: &ImportMeta) {
        if let Some(bindings) = &self.bindings {
            self.edits.replace(it.span, format!("{}.meta", bindings.context));
        }
    }

    // `es_module` removes these statements as a whole.
    fn visit_import_declaration(&mut self, _: &ImportDeclaration<'a>) {}
    fn visit_export_named_declaration(&mut self, _: &ExportNamedDeclaration<'a>) {}
    fn visit_export_from_declaration(&mut self, _: &ExportFromDeclaration<'a>) {}
    fn visit_export_all_declaration(&mut self, _: &ExportAllDeclaration<'a>) {}
}

/// Returns the specifier of a call of `require`, which is a string or a template without
/// expressions: minifiers write both.
fn required<'e>(call: &'e CallExpression<'_>) -> Option<&'e str> {
    match &call.arguments[..] {
        [argument] if call.callee.is_specific_id("require") => {
            constant_text(argument.as_expression()?)
        }
        _ => None,
    }
}

/// Returns the text of a string, or of a template without expressions.
fn constant_text<'e>(expression: &'e Expression<'_>) -> Option<&'e str> {
    match expression {
        Expression::StringLiteral(literal) => Some(&literal.value),
        Expression::TemplateLiteral(template) if template.expressions.is_empty() => {
            Some(template.quasis.first()?.value.cooked.as_ref()?)
        }
        _ => None,
    }
}
