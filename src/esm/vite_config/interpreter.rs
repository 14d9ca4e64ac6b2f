//! Evaluates the expressions of a configuration file without running it.
//!
//! Only what has a known value is evaluated: literals, constants, conditions, calls of functions of
//! the project, and a few functions of Node and Vite ([`calls`](super::calls)). Anything else is
//! [unknown](Value::Unknown). The number of steps, their nesting and the size of texts are limited,
//! so that every file is read in a bounded time.

use std::{collections::BTreeMap, path::Path, rc::Rc};

use oxc::{
    allocator::Allocator,
    ast::ast::{
        Argument, ArrayExpressionElement, ChainElement, Expression, ObjectExpression,
        ObjectPropertyKind, PropertyKind, TemplateLiteral,
    },
    span::GetSpan,
};

use super::{
    modules::{Export, Files, Imported, Modules},
    paths,
    scope::{Binding, Closure, Scope},
    value::{Node, Place, SPREAD, Value, set},
};

/// The number of expressions that are evaluated.
const MAX_STEPS: usize = 50_000;

/// The nesting of evaluations.
const MAX_DEPTH: usize = 100;

/// The size of all texts that are made, bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// Evaluates the expressions of the modules of a configuration.
pub(super) struct Interpreter<'a, 'f> {
    pub(super) modules: Modules<'a, 'f>,
    /// The variables of `.env` files, and the public ones of the environment.
    pub(super) dotenv: &'f BTreeMap<String, String>,
    /// `process.env`.
    pub(super) environment: BTreeMap<String, String>,
    pub(super) steps: usize,
    depth: usize,
    text: usize,
}

impl<'a, 'f> Interpreter<'a, 'f> {
    pub(super) fn new(
        allocator: &'a Allocator,
        files: &'f dyn Files,
        folder: &Path,
        dotenv: &'f BTreeMap<String, String>,
        environment: BTreeMap<String, String>,
    ) -> Self {
        let modules = Modules::new(allocator, files, folder);
        Self { modules, dotenv, environment, steps: 0, depth: 0, text: 0 }
    }

    /// Evaluates an expression.
    pub(super) fn evaluate(
        &mut self,
        expression: &'a Expression<'a>,
        scope: &Rc<Scope<'a>>,
    ) -> Node<'a> {
        let place = Place { module: scope.module, offset: expression.span().start };
        let value = self.bounded(|this| this.value(expression, scope));
        // Where a constant is used tells more than where it is defined.
        Node { value, place }
    }

    /// Evaluates something within the limits.
    pub(super) fn bounded(&mut self, work: impl FnOnce(&mut Self) -> Value<'a>) -> Value<'a> {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.depth >= MAX_DEPTH {
            return Value::UNKNOWN;
        }
        self.depth += 1;
        let value = work(self);
        self.depth -= 1;
        if let Value::String(text) = &value {
            self.text += text.len();
            if self.text > MAX_TEXT {
                return Value::UNKNOWN;
            }
        }
        value
    }

    fn value(&mut self, expression: &'a Expression<'a>, scope: &Rc<Scope<'a>>) -> Value<'a> {
        match expression.get_inner_expression() {
            Expression::StringLiteral(literal) => Value::string(literal.value),
            Expression::NumericLiteral(literal) => Value::Number(literal.value),
            Expression::BooleanLiteral(literal) => Value::Bool(literal.value),
            Expression::NullLiteral(_) => Value::Null,
            Expression::RegExpLiteral(literal) => Value::RegExp {
                source: literal.regex.pattern.text.to_string(),
                flags: literal.regex.flags.to_string(),
            },
            Expression::TemplateLiteral(template) => self.template(template, scope),
            Expression::Identifier(name) => self.name(&name.name, scope),
            Expression::ArrayExpression(array) => self.array(&array.elements, scope),
            Expression::ObjectExpression(object) => self.object(object, scope),
            Expression::ArrowFunctionExpression(arrow) => {
                Value::Function(Rc::new(Closure::of_arrow(arrow, scope)))
            }
            Expression::FunctionExpression(function) => {
                Value::Function(Rc::new(Closure::of_function(function, scope)))
            }
            Expression::AwaitExpression(it) => self.evaluate(&it.argument, scope).value,
            Expression::ConditionalExpression(it) => {
                match self.evaluate(&it.test, scope).value.truth() {
                    Some(true) => self.evaluate(&it.consequent, scope).value,
                    Some(false) => self.evaluate(&it.alternate, scope).value,
                    None => Value::UNKNOWN,
                }
            }
            Expression::LogicalExpression(it) => self.logical(it, scope),
            Expression::BinaryExpression(it) => self.binary(it, scope),
            Expression::UnaryExpression(it) => self.unary(it, scope),
            Expression::CallExpression(call) => self.call(call, scope),
            Expression::NewExpression(new) => self.construct(new, scope),
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.call(call, scope),
                element => match element.as_member_expression() {
                    Some(member) => self.member(member, scope),
                    None => Value::UNKNOWN,
                },
            },
            inner => match inner.as_member_expression() {
                Some(member) => self.member(member, scope),
                None => Value::UNKNOWN,
            },
        }
    }

    fn template(&mut self, template: &'a TemplateLiteral<'a>, scope: &Rc<Scope<'a>>) -> Value<'a> {
        let mut text = String::new();
        for (at, part) in template.quasis.iter().enumerate() {
            let Some(cooked) = part.value.cooked else { return Value::UNKNOWN };
            text.push_str(&cooked);
            if let Some(expression) = template.expressions.get(at) {
                let Some(inserted) = self.evaluate(expression, scope).value.to_text() else {
                    return Value::UNKNOWN;
                };
                text.push_str(&inserted);
            }
        }
        Value::String(text)
    }

    /// Returns the value of a name.
    fn name(&mut self, name: &str, scope: &Rc<Scope<'a>>) -> Value<'a> {
        if let Some((binding, bound_in)) = scope.find(name) {
            let module = self.modules.all.get(bound_in.module);
            if module.is_some_and(|module| module.changed.contains(name)) {
                return Value::UNKNOWN;
            }
            return self.bounded(|this| this.bound(&binding, &bound_in));
        }
        let file = self.modules.all.get(scope.module).map(|module| module.path.clone());
        let file = file.unwrap_or_default();
        match name {
            "undefined" => Value::Undefined,
            "__filename" => Value::String(paths::to_text(&file)),
            "__dirname" => Value::String(paths::dirname(&paths::to_text(&file))),
            _ => Value::import("", name),
        }
    }

    /// Returns the value of a binding in a scope.
    fn bound(&mut self, binding: &Binding<'a>, scope: &Rc<Scope<'a>>) -> Value<'a> {
        match binding {
            Binding::Value(node) => node.value.clone(),
            Binding::Expression(expression) => self.evaluate(expression, scope).value,
            Binding::Function(function) => {
                Value::Function(Rc::new(Closure::of_function(function, scope)))
            }
            Binding::Member(object, key, default) => {
                let object = self.bounded(|this| this.bound(object, scope));
                let value = self.property(&object, key, scope);
                match (value, default) {
                    (Value::Undefined, Some(default)) => self.evaluate(default, scope).value,
                    (value, _) => value,
                }
            }
            Binding::Import { specifier, name } => {
                self.imported(scope.module, specifier, name.as_deref())
            }
            Binding::Unknown => Value::UNKNOWN,
        }
    }

    /// Returns what a module imports under a name; `None` is the whole module.
    pub(super) fn imported(
        &mut self,
        from: usize,
        specifier: &str,
        name: Option<&str>,
    ) -> Value<'a> {
        if !specifier.starts_with('.') {
            let package = specifier.strip_prefix("node:").unwrap_or(specifier);
            let package = if package == "process" { "" } else { package };
            return match (package, name) {
                ("", None | Some("default")) => Value::import("", "process"),
                ("", Some(name)) => Value::import("", &format!("process.{name}")),
                (_, name) => {
                    Value::Import { package: package.to_owned(), name: name.map(str::to_owned) }
                }
            };
        }
        match self.modules.import(from, specifier) {
            Some(Imported::Json(number)) => {
                let place = Place { module: usize::MAX, offset: 0 };
                let json = self.modules.json.get(number).cloned().unwrap_or_default();
                match name {
                    None | Some("default") => Value::of_json(json, place),
                    Some(name) => json
                        .get(name)
                        .cloned()
                        .map_or(Value::Undefined, |json| Value::of_json(json, place)),
                }
            }
            Some(Imported::Module(module)) => match name {
                Some(name) => self.bounded(|this| this.exported(module, name)),
                None => Value::UNKNOWN,
            },
            None => Value::UNKNOWN,
        }
    }

    /// Returns what a module exports under a name.
    pub(super) fn exported(&mut self, module: usize, name: &str) -> Value<'a> {
        let Some((module, export)) = self.modules.export(module, name) else {
            return Value::UNKNOWN;
        };
        let Some(scope) = self.modules.all.get(module).map(|module| Rc::clone(&module.scope))
        else {
            return Value::UNKNOWN;
        };
        match export {
            Export::Expression(expression) => self.evaluate(expression, &scope).value,
            Export::Function(function) => {
                Value::Function(Rc::new(Closure::of_function(function, &scope)))
            }
            Export::Local(name) => self.name(&name, &scope),
            Export::From(specifier, name) => self.imported(module, specifier, name.as_deref()),
        }
    }

    fn array(
        &mut self,
        elements: &'a [ArrayExpressionElement<'a>],
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        let mut items = Vec::new();
        for element in elements {
            match element {
                ArrayExpressionElement::SpreadElement(spread) => {
                    let node = self.evaluate(&spread.argument, scope);
                    self.spread(node, &mut items);
                }
                ArrayExpressionElement::Elision(_) => {}
                element => {
                    if let Some(expression) = element.as_expression() {
                        items.push(self.evaluate(expression, scope));
                    }
                }
            }
        }
        Value::Array(items)
    }

    /// Appends the items of an array; one that is not known is an unknown item.
    fn spread(&mut self, node: Node<'a>, items: &mut Vec<Node<'a>>) {
        match node.value {
            Value::Array(spread) => {
                self.steps += spread.len();
                items.extend(spread);
            }
            _ => items.push(Node { value: Value::UNKNOWN, place: node.place }),
        }
    }

    fn object(&mut self, object: &'a ObjectExpression<'a>, scope: &Rc<Scope<'a>>) -> Value<'a> {
        let mut entries = Vec::new();
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    let key = match (property.key.static_name(), property.key.as_expression()) {
                        (Some(key), _) => Some(key.to_string()),
                        (None, Some(key)) => self.evaluate(key, scope).value.to_text(),
                        (None, None) => None,
                    };
                    let mut node = self.evaluate(&property.value, scope);
                    if property.kind != PropertyKind::Init {
                        node.value = Value::UNKNOWN;
                    }
                    match key {
                        Some(key) => set(&mut entries, key, node),
                        None => entries
                            .push((SPREAD.to_owned(), Node { value: Value::UNKNOWN, ..node })),
                    }
                }
                ObjectPropertyKind::SpreadProperty(spread) => {
                    let node = self.evaluate(&spread.argument, scope);
                    self.assign(&mut entries, node);
                }
            }
        }
        Value::Object(entries)
    }

    /// Adds the properties of an object to others.
    pub(super) fn assign(&mut self, entries: &mut Vec<(String, Node<'a>)>, node: Node<'a>) {
        match node.value {
            Value::Object(spread) => {
                self.steps += spread.len();
                for (key, node) in spread {
                    set(entries, key, node);
                }
            }
            Value::Undefined | Value::Null | Value::Bool(_) => {}
            _ => {
                let unknown = Node { value: Value::UNKNOWN, place: node.place };
                entries.push((SPREAD.to_owned(), unknown));
            }
        }
    }

    /// Evaluates the arguments of a call.
    pub(super) fn arguments(
        &mut self,
        arguments: &'a [Argument<'a>],
        scope: &Rc<Scope<'a>>,
    ) -> Vec<Node<'a>> {
        let mut values = Vec::new();
        for argument in arguments {
            match argument {
                Argument::SpreadElement(spread) => {
                    let node = self.evaluate(&spread.argument, scope);
                    self.spread(node, &mut values);
                }
                argument => {
                    if let Some(expression) = argument.as_expression() {
                        values.push(self.evaluate(expression, scope));
                    }
                }
            }
        }
        values
    }
}
