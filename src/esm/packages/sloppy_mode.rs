//! Detects CommonJS files that run only in sloppy mode.
//!
//! A pack is an ES module, so all code in it is strict (ECMA-262, section 11.2.2). Most CommonJS
//! runs there unchanged. A file with `with`, octal literals, assignments to undeclared variables,
//! or functions that expect `this` to be the global object is served as a classic script of its
//! own.

use oxc::{
    allocator::Allocator,
    ast::ast::{CallExpression, Expression, Function, FunctionBody, Program, ThisExpression},
    ast_visit::{Visit, walk},
    parser::{ParseOptions, Parser},
    semantic::{ScopeFlags, SemanticBuilder},
    span::SourceType,
};

/// Variables that the registry declares, so that a file may assign to them.
const PROVIDED: [&str; 5] = ["module", "exports", "require", "process", "global"];

/// Returns whether strict mode rejects a file or changes its meaning.
pub(super) fn needs_sloppy_mode(source: &str, program: &Program<'_>) -> bool {
    if program.directives.iter().any(|directive| directive.directive == "use strict") {
        return false;
    }
    let mut finder = ThisCallFinder::default();
    finder.visit_program(program);
    if finder.found {
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
            let is_write = |&id| scoping.get_reference(id).is_write();
            !PROVIDED.contains(&name.as_str()) && references.iter().any(is_write)
        })
}

/// Finds `(function () { .. this .. })()`, where sloppy mode makes `this` the global object.
#[derive(Default)]
struct ThisCallFinder {
    found: bool,
}

impl<'a> Visit<'a> for ThisCallFinder {
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
    let mut this = ThisFinder(false);
    this.visit_function_body(body);
    this.0
}

/// Finds `this`, except in functions and classes, which bind their own.
struct ThisFinder(bool);

impl<'a> Visit<'a> for ThisFinder {
    fn visit_this_expression(&mut self, _: &ThisExpression) {
        self.0 = true;
    }

    fn visit_function(&mut self, _: &Function<'a>, _: ScopeFlags) {}

    fn visit_class(&mut self, _: &oxc::ast::ast::Class<'a>) {}
}

#[cfg(test)]
mod tests {
    use oxc::{allocator::Allocator, parser::Parser, span::SourceType};

    use super::needs_sloppy_mode;

    #[test]
    fn code_that_strict_mode_rejects_or_changes_needs_sloppy_mode() {
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
            assert_eq!(needs_sloppy_mode(source, &parsed.program), wanted, "{source}");
        }
    }
}
