//! Names and what they are bound to.
//!
//! A name is looked up from the innermost scope outwards, and evaluated when it is used. A name that
//! is assigned to anywhere in its module is not known, nor one whose value is changed in place.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use oxc::{
    ast::ast::{
        ArrowFunctionExpression, AssignmentExpression, AssignmentTarget, BindingPattern,
        CallExpression, Declaration, Expression, FormalParameters, Function, ImportDeclaration,
        ImportDeclarationSpecifier, SimpleAssignmentTarget, Statement, UpdateExpression,
        VariableDeclaration,
    },
    ast_visit::{Visit, walk},
};

use super::value::Node;

/// A scope: of a module, a function or a block.
pub(super) struct Scope<'a> {
    pub(super) module: usize,
    bindings: RefCell<HashMap<String, Binding<'a>>>,
    parent: Option<Rc<Scope<'a>>>,
}

/// What a name is bound to.
#[derive(Clone)]
pub(super) enum Binding<'a> {
    Value(Node<'a>),
    /// An expression in the scope of the name.
    Expression(&'a Expression<'a>),
    Function(&'a Function<'a>),
    /// A property, with its default.
    Member(Rc<Binding<'a>>, String, Option<&'a Expression<'a>>),
    /// A name of a module; `None` is the whole module.
    Import {
        specifier: &'a str,
        name: Option<String>,
    },
    Unknown,
}

/// A function and the scope that it was created in.
pub(super) struct Closure<'a> {
    pub(super) parameters: &'a FormalParameters<'a>,
    pub(super) body: Body<'a>,
    pub(super) scope: Rc<Scope<'a>>,
}

#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    Expression(&'a Expression<'a>),
    Statements(&'a [Statement<'a>]),
}

impl std::fmt::Debug for Closure<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("function")
    }
}

impl<'a> Closure<'a> {
    pub(super) fn of_arrow(arrow: &'a ArrowFunctionExpression<'a>, scope: &Rc<Scope<'a>>) -> Self {
        let body = match (arrow.body.as_expression(), arrow.body.as_function_body()) {
            (Some(expression), _) => Body::Expression(expression),
            (None, Some(body)) => Body::Statements(&body.statements),
            (None, None) => Body::Statements(&[]),
        };
        Self { parameters: &arrow.params, body, scope: Rc::clone(scope) }
    }

    pub(super) fn of_function(function: &'a Function<'a>, scope: &Rc<Scope<'a>>) -> Self {
        let statements = function.body.as_deref().map(|body| body.statements.as_slice());
        let body = Body::Statements(statements.unwrap_or_default());
        Self { parameters: &function.params, body, scope: Rc::clone(scope) }
    }
}

impl<'a> Scope<'a> {
    pub(super) fn of_module(module: usize) -> Self {
        Self { module, bindings: RefCell::default(), parent: None }
    }

    pub(super) fn within(parent: &Rc<Self>) -> Self {
        let parent = Rc::clone(parent);
        Self { module: parent.module, bindings: RefCell::default(), parent: Some(parent) }
    }

    pub(super) fn bind(&self, name: &str, binding: Binding<'a>) {
        self.bindings.borrow_mut().insert(name.to_owned(), binding);
    }

    /// Returns what a name is bound to, and the scope that it is bound in.
    pub(super) fn find(self: &Rc<Self>, name: &str) -> Option<(Binding<'a>, Rc<Self>)> {
        let mut scope = self;
        loop {
            if let Some(binding) = scope.bindings.borrow().get(name) {
                return Some((binding.clone(), Rc::clone(scope)));
            }
            scope = scope.parent.as_ref()?;
        }
    }

    /// Binds the names that statements declare.
    pub(super) fn declare(&self, statements: &'a [Statement<'a>]) {
        for statement in statements {
            match statement {
                Statement::ImportDeclaration(import) => self.declare_import(import),
                Statement::ExportDeclaration(export) => self.declare_one(&export.declaration),
                statement => {
                    if let Some(declaration) = statement.as_declaration() {
                        self.declare_one(declaration);
                    }
                }
            }
        }
    }

    fn declare_one(&self, declaration: &'a Declaration<'a>) {
        match declaration {
            Declaration::VariableDeclaration(variables) => self.declare_variables(variables),
            Declaration::FunctionDeclaration(function) => {
                if let Some(name) = &function.id
                    && function.body.is_some()
                {
                    self.bind(&name.name, Binding::Function(function));
                }
            }
            Declaration::ClassDeclaration(class) => {
                if let Some(name) = &class.id {
                    self.bind(&name.name, Binding::Unknown);
                }
            }
            _ => {}
        }
    }

    fn declare_variables(&self, variables: &'a VariableDeclaration<'a>) {
        for variable in &variables.declarations {
            let value = variable.init.as_ref().map_or(Binding::Unknown, Binding::Expression);
            self.bind_pattern(&variable.id, value);
        }
    }

    fn declare_import(&self, import: &'a ImportDeclaration<'a>) {
        let specifier = import.source.value.as_str();
        for imported in import.specifiers.iter().flatten() {
            let (local, name) = match imported {
                ImportDeclarationSpecifier::ImportSpecifier(named) => {
                    (&named.local, Some(named.imported.name().to_string()))
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => {
                    (&default.local, Some("default".to_owned()))
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(all) => (&all.local, None),
            };
            self.bind(&local.name, Binding::Import { specifier, name });
        }
    }

    /// Binds the names of a pattern.
    pub(super) fn bind_pattern(&self, pattern: &'a BindingPattern<'a>, value: Binding<'a>) {
        self.bind_part(pattern, value, None);
    }

    fn bind_part(
        &self,
        pattern: &'a BindingPattern<'a>,
        value: Binding<'a>,
        default: Option<&'a Expression<'a>>,
    ) {
        let value = match (default, value) {
            (Some(default), Binding::Member(object, key, None)) => {
                Binding::Member(object, key, Some(default))
            }
            (_, value) => value,
        };
        match pattern {
            BindingPattern::BindingIdentifier(name) => self.bind(&name.name, value),
            BindingPattern::ObjectPattern(object) => {
                let whole = Rc::new(value);
                for property in &object.properties {
                    let part = match property.key.static_name() {
                        Some(key) => Binding::Member(Rc::clone(&whole), key.to_string(), None),
                        None => Binding::Unknown,
                    };
                    self.bind_part(&property.value, part, None);
                }
                if let Some(rest) = &object.rest {
                    self.bind_part(&rest.argument, Binding::Unknown, None);
                }
            }
            BindingPattern::ArrayPattern(array) => {
                let whole = Rc::new(value);
                for (at, element) in array.elements.iter().enumerate() {
                    if let Some(element) = element {
                        let part = Binding::Member(Rc::clone(&whole), at.to_string(), None);
                        self.bind_part(element, part, None);
                    }
                }
                if let Some(rest) = &array.rest {
                    self.bind_part(&rest.argument, Binding::Unknown, None);
                }
            }
            BindingPattern::AssignmentPattern(assignment) => {
                self.bind_part(&assignment.left, value, Some(&assignment.right));
            }
        }
    }
}

/// Methods that change what they are called on.
const MUTATING: [&str; 8] =
    ["push", "unshift", "pop", "shift", "splice", "sort", "reverse", "fill"];

/// The names that are assigned to in a module, or whose values are changed in place.
#[derive(Default)]
pub(super) struct Changed(pub(super) HashSet<String>);

impl Changed {
    fn add_root(&mut self, expression: &Expression<'_>) {
        let mut expression = expression.get_inner_expression();
        while let Some(member) = expression.as_member_expression() {
            expression = member.object().get_inner_expression();
        }
        if let Expression::Identifier(name) = expression {
            self.0.insert(name.name.to_string());
        }
    }

    fn add_target(&mut self, target: &SimpleAssignmentTarget<'_>) {
        match target {
            SimpleAssignmentTarget::AssignmentTargetIdentifier(name) => {
                self.0.insert(name.name.to_string());
            }
            target => {
                if let Some(member) = target.as_member_expression() {
                    self.add_root(member.object());
                }
            }
        }
    }
}

impl<'a> Visit<'a> for Changed {
    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        match &it.left {
            AssignmentTarget::ArrayAssignmentTarget(_)
            | AssignmentTarget::ObjectAssignmentTarget(_) => {}
            target => {
                if let Some(target) = target.as_simple_assignment_target() {
                    self.add_target(target);
                }
            }
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_update_expression(&mut self, it: &UpdateExpression<'a>) {
        self.add_target(&it.argument);
        walk::walk_update_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Some(member) = it.callee.get_inner_expression().as_member_expression()
            && member.static_property_name().is_some_and(|name| MUTATING.contains(&name))
        {
            self.add_root(member.object());
        }
        walk::walk_call_expression(self, it);
    }
}
