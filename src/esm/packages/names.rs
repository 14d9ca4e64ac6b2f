//! The names that a CommonJS file exports, as far as they stand in its text.
//!
//! What people and compilers write is known: `exports.a =`, `module.exports = { a }`,
//! `Object.defineProperty(exports, "a", ..)`, the helpers of TypeScript, Babel, esbuild, SWC and
//! webpack, and `module.exports = require(..)`. Scopes are not looked at: a name too many does no
//! harm, it is undefined.
//!
//! Left out on purpose: names that are computed. Those that an importer wants come with its URL.

use std::collections::{BTreeSet, HashMap};

use oxc::ast::ast::{
    Argument, AssignmentExpression, AssignmentTarget, CallExpression, Expression, ObjectExpression,
    ObjectPropertyKind, VariableDeclarator,
};

/// What is known of a file's exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// The names, without `default`.
    pub(super) own: BTreeSet<String>,
    /// The specifiers of the modules whose names it exports too.
    pub(super) stars: Vec<String>,
}

/// Gathers them.
#[derive(Default)]
pub(super) struct Finder {
    pub(super) names: Names,
    /// Variables that hold what was required.
    required: HashMap<String, String>,
}

impl Finder {
    fn add(&mut self, name: &str) {
        if name != "default" && name != "__esModule" {
            self.names.own.insert(name.to_owned());
        }
    }

    fn star(&mut self, specifier: &str) {
        if !self.names.stars.iter().any(|known| known == specifier) {
            self.names.stars.push(specifier.to_owned());
        }
    }

    /// `exports.a = ..` and `module.exports = ..`.
    pub(super) fn assignment(&mut self, it: &AssignmentExpression<'_>) {
        let (object, name) = match &it.left {
            AssignmentTarget::StaticMemberExpression(member) => {
                (&member.object, Some(member.property.name.as_str()))
            }
            AssignmentTarget::ComputedMemberExpression(member) => {
                let name = member.static_property_name();
                (&member.object, name.map(|name| name.as_str()))
            }
            _ => return,
        };
        match name {
            Some("exports") if object.is_specific_id("module") => self.whole(&it.right),
            Some(name) if is_exports(object) => self.add(name),
            _ => {}
        }
    }

    /// What `module.exports` becomes.
    fn whole(&mut self, value: &Expression<'_>) {
        match value.get_inner_expression() {
            Expression::ObjectExpression(object) => self.object(object),
            Expression::AssignmentExpression(assignment) => self.whole(&assignment.right),
            other => self.module(other),
        }
    }

    fn object(&mut self, object: &ObjectExpression<'_>) {
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    if let Some(name) = property.key.static_name() {
                        self.add(&name);
                    }
                }
                ObjectPropertyKind::SpreadProperty(spread) => self.module(&spread.argument),
            }
        }
    }

    /// All names of a module that is required here, or was.
    fn module(&mut self, value: &Expression<'_>) {
        if let Some(specifier) = self.specifier(value) {
            self.star(&specifier);
        }
    }

    fn specifier(&self, value: &Expression<'_>) -> Option<String> {
        match value.get_inner_expression() {
            Expression::Identifier(name) => self.required.get(name.name.as_str()).cloned(),
            Expression::CallExpression(call) => match call.common_js_require() {
                Some(specifier) => Some(specifier.value.to_string()),
                // `_interopRequireWildcard(require("./a"))`
                None => self.specifier(call.arguments.first()?.as_expression()?),
            },
            _ => None,
        }
    }

    /// `const a = require("./a")`.
    pub(super) fn declarator(&mut self, it: &VariableDeclarator<'_>) {
        if let Some(name) = it.id.get_identifier_name()
            && let Some(specifier) = it.init.as_ref().and_then(|init| self.specifier(init))
        {
            self.required.insert(name.to_string(), specifier);
        }
    }

    /// The calls by which compilers export.
    pub(super) fn call(&mut self, it: &CallExpression<'_>) {
        let argument = |at: usize| it.arguments.get(at).and_then(Argument::as_expression);
        let Some(first) = argument(0) else { return };
        let (object, name) = match it.callee.get_inner_expression() {
            Expression::Identifier(name) => (None, name.name.as_str()),
            callee => match callee.as_member_expression() {
                Some(member) => match member.static_property_name() {
                    Some(name) => (Some(member.object()), name),
                    None => return,
                },
                None => return,
            },
        };
        let of_object = object.is_some_and(|object| object.is_specific_id("Object"));
        match name {
            "defineProperty" if of_object && is_exports(first) => {
                if let Some(Expression::StringLiteral(name)) = argument(1) {
                    self.add(&name.value);
                }
            }
            "assign" if of_object && is_exports(first) => {
                for value in it.arguments.iter().skip(1).filter_map(Argument::as_expression) {
                    self.whole(value);
                }
            }
            "forEach" => self.keys(object),
            "__exportStar" | "_export_star" | "_exportStar" | "__reExport" | "__export"
            | "_export" | "d" => {
                for value in it.arguments.iter().take(2).filter_map(Argument::as_expression) {
                    match value.get_inner_expression() {
                        Expression::ObjectExpression(object) => self.object(object),
                        _ if name == "d" => {}
                        value => self.module(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// Babel's `Object.keys(_a).forEach(..)`.
    fn keys(&mut self, keys: Option<&Expression<'_>>) {
        if let Some(Expression::CallExpression(call)) = keys
            && call.callee.is_specific_member_access("Object", "keys")
            && let Some(value) = call.arguments.first().and_then(Argument::as_expression)
        {
            self.module(value);
        }
    }
}

/// Whether an expression is `exports` or `module.exports`.
fn is_exports(object: &Expression<'_>) -> bool {
    object.is_specific_id("exports") || object.is_specific_member_access("module", "exports")
}
