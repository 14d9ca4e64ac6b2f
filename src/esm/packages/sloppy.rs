//! Whether a CommonJS file needs the old rules of the language.
//!
//! A pack is an ES module, and all code in one is strict. Most of CommonJS runs there just as well.
//! What does not (`with`, octal numbers, assignments to what is declared nowhere, functions that take
//! `this` for the window) is sent as a classic script of its own.

use oxc::{
    allocator::Allocator,
    ast::ast::{CallExpression, Expression, Function, FunctionBody, Program, ThisExpression},
    ast_visit::{Visit, walk},
    parser::{ParseOptions, Parser},
    semantic::{ScopeFlags, SemanticBuilder},
    span::SourceType,
};

/// What a file of CommonJS may assign to without declaring it.
const GIVEN: [&str; 5] = ["module", "exports", "require", "process", "global"];

/// Whether a file does not run, or runs differently, as a part of a module.
pub(super) fn is_needed(source: &str, program: &Program<'_>) -> bool {
    if program.directives.iter().any(|directive| directive.directive == "use strict") {
        return false;
    }
    let mut calls = Calls::default();
    calls.visit_program(program);
    if calls.found {
        return true;
    }
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, source, SourceType::mjs()).with_options(options).parse();
    if parsed.diagnostics.has_errors() {
        return true;
    }
    let built = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program);
    let scoping = built.semantic.scoping();
    let mut undeclared = scoping.root_unresolved_references().iter();
    built.diagnostics.has_errors()
        || undeclared.any(|(name, references)| {
            let written = |&id| scoping.get_reference(id).is_write();
            !GIVEN.contains(&name.as_str()) && references.iter().any(written)
        })
}

/// Looks for `(function () { .. this .. })()`, where `this` is the window.
#[derive(Default)]
struct Calls {
    found: bool,
}

impl<'a> Visit<'a> for Calls {
    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Expression::FunctionExpression(function) = it.callee.without_parentheses()
            && let Some(body) = &function.body
            && !body.has_use_strict_directive()
        {
            self.found |= uses_this(body);
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_function_body(&mut self, it: &FunctionBody<'a>) {
        if !it.has_use_strict_directive() {
            walk::walk_function_body(self, it);
        }
    }
}

fn uses_this(body: &FunctionBody<'_>) -> bool {
    let mut this = This(false);
    this.visit_function_body(body);
    this.0
}

/// Looks for `this`, not in functions that have one of their own.
struct This(bool);

impl<'a> Visit<'a> for This {
    fn visit_this_expression(&mut self, _: &ThisExpression) {
        self.0 = true;
    }

    fn visit_function(&mut self, _: &Function<'a>, _: ScopeFlags) {}

    fn visit_class(&mut self, _: &oxc::ast::ast::Class<'a>) {}
}

#[cfg(test)]
mod tests {
    use oxc::{allocator::Allocator, parser::Parser, span::SourceType};

    use super::is_needed;

    #[test]
    fn what_needs_the_old_rules() {
        for (source, wanted) in [
            ("exports.x = 1", false),
            ("'use strict'; x = 1", false),
            ("x = 1", true),
            ("for (i = 0; i < 1; i++) ;", true),
            ("exports = module.exports = {}", false),
            ("var x; x = 1", false),
            ("onload = null", true),
            ("with (a) b()", true),
            ("var a = 010", true),
            ("delete a", true),
            ("function f(a, a) {}", true),
            ("var await = 1, let = 2", true),
            ("(function () { this.x = 1 })()", true),
            ("(function () { return this }())", true),
            ("(function () { (() => this)() })()", true),
            ("(function () { 'use strict'; return this })()", false),
            ("(function () { function F() { this.x = 1 } })()", false),
            ("(function (root) { root.x = 1 })(this)", false),
            ("(function () { this.x = 1 }).call(this)", false),
            ("return 1", false),
        ] {
            let allocator = Allocator::default();
            let options = oxc::parser::ParseOptions {
                allow_return_outside_function: true,
                ..oxc::parser::ParseOptions::default()
            };
            let parser = Parser::new(&allocator, source, SourceType::script());
            let parsed = parser.with_options(options).parse();
            assert_eq!(is_needed(source, &parsed.program), wanted, "{source}");
        }
    }
}
