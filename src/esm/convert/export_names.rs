//! Detects the names that a CommonJS file exports, by static analysis.
//!
//! Recognizes `exports.a =`, `module.exports = { a }`, `Object.defineProperty(exports, "a", ..)`,
//! the export helpers of TypeScript, Babel, esbuild, SWC and webpack, and `module.exports =
//! require(..)`. Ignores scopes: a name too many does no harm, its value is `undefined`.
//!
//! Left out on purpose: computed names. Importers list those that they need in the URL (`?names=`).

use std::collections::{BTreeSet, HashMap, HashSet};

use oxc::ast::ast::{
    Argument, AssignmentExpression, AssignmentTarget, CallExpression, Expression, ObjectExpression,
    ObjectPropertyKind, VariableDeclarator,
};

/// Number of calls around a `require`, or of assignments before a value, in which it is found.
const MAX_STEPS: usize = 8;

/// The names that a file exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::esm) struct ExportNames {
    /// Its own names, without `default`.
    pub(in crate::esm) own: BTreeSet<String>,
    /// The specifiers of modules whose names it exports too.
    pub(in crate::esm) stars: Vec<String>,
}

/// Collects export names during a walk over the syntax tree.
#[derive(Default)]
pub(in crate::esm) struct ExportDetector {
    pub(in crate::esm) names: ExportNames,
    /// Variables that hold the result of `require`, with the specifier.
    required: HashMap<String, String>,
    /// The same as in `names.stars`.
    known_stars: HashSet<String>,
}

impl ExportDetector {
    fn add(&mut self, name: &str) {
        if name != "default" && name != "__esModule" {
            self.names.own.insert(name.to_owned());
        }
    }

    /// Inspects `exports.a = ..` and `module.exports = ..`.
    pub(in crate::esm) fn assignment(&mut self, it: &AssignmentExpression<'_>) {
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
            Some("exports") if object.is_specific_id("module") => self.add_exports_value(&it.right),
            Some(name) if is_exports(object) => self.add(name),
            _ => {}
        }
    }

    /// Adds the names of a value that becomes `module.exports`.
    fn add_exports_value(&mut self, value: &Expression<'_>) {
        let mut value = value.get_inner_expression();
        for _ in 0..MAX_STEPS {
            let Expression::AssignmentExpression(inner) = value else { break };
            value = inner.right.get_inner_expression();
        }
        match value {
            Expression::ObjectExpression(object) => self.add_keys(object),
            other => self.add_star(other),
        }
    }

    /// Adds the keys of an object literal.
    fn add_keys(&mut self, object: &ObjectExpression<'_>) {
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    if let Some(name) = property.key.static_name() {
                        self.add(&name);
                    }
                }
                ObjectPropertyKind::SpreadProperty(spread) => self.add_star(&spread.argument),
            }
        }
    }

    /// Adds all names of a module, if a value is the result of `require`.
    fn add_star(&mut self, value: &Expression<'_>) {
        if let Some(specifier) = self.required_specifier(value)
            && self.known_stars.insert(specifier.clone())
        {
            self.names.stars.push(specifier);
        }
    }

    /// Returns the specifier of the `require` call that a value comes from, possibly through the
    /// helpers of compilers, as in `_interopRequireWildcard(require("./a"))`.
    fn required_specifier(&self, value: &Expression<'_>) -> Option<String> {
        let mut value = value.get_inner_expression();
        for _ in 0..MAX_STEPS {
            match value {
                Expression::Identifier(name) => {
                    return self.required.get(name.name.as_str()).cloned();
                }
                Expression::CallExpression(call) => {
                    if let Some(specifier) = call.common_js_require() {
                        return Some(specifier.value.to_string());
                    }
                    let first = call.arguments.first()?.as_expression()?;
                    value = first.get_inner_expression();
                }
                _ => return None,
            }
        }
        None
    }

    /// Remembers the variable of `const a = require("./a")`.
    pub(in crate::esm) fn declarator(&mut self, it: &VariableDeclarator<'_>) {
        if let Some(name) = it.id.get_identifier_name()
            && let Some(specifier) = it.init.as_ref().and_then(|init| self.required_specifier(init))
        {
            self.required.insert(name.to_string(), specifier);
        }
    }

    /// Inspects calls that add exports: `Object.defineProperty`, `Object.assign`, compiler helpers.
    pub(in crate::esm) fn call(&mut self, it: &CallExpression<'_>) {
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
                    self.add_exports_value(value);
                }
            }
            "forEach" => self.add_star_of_keys(object),
            "__exportStar" | "_export_star" | "_exportStar" | "__reExport" | "__export"
            | "_export" | "d" => {
                for value in it.arguments.iter().take(2).filter_map(Argument::as_expression) {
                    match value.get_inner_expression() {
                        Expression::ObjectExpression(object) => self.add_keys(object),
                        _ if name == "d" => {}
                        value => self.add_star(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// Inspects the receiver of `Object.keys(_a).forEach(..)`, Babel's `export *`.
    fn add_star_of_keys(&mut self, keys: Option<&Expression<'_>>) {
        if let Some(Expression::CallExpression(call)) = keys
            && call.callee.is_specific_member_access("Object", "keys")
            && let Some(value) = call.arguments.first().and_then(Argument::as_expression)
        {
            self.add_star(value);
        }
    }
}

/// Returns whether an expression is `exports` or `module.exports`.
fn is_exports(object: &Expression<'_>) -> bool {
    object.is_specific_id("exports") || object.is_specific_member_access("module", "exports")
}
