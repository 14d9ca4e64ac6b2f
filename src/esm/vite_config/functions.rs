//! Calls of functions of the project: their statements, as far as they are known to run.

use std::rc::Rc;

use oxc::ast::ast::{AssignmentTarget, Expression, FormalParameters, Statement};

use super::{
    interpreter::Interpreter,
    scope::{Binding, Body, Closure, Scope},
    value::{Node, Place, Value},
};

/// What the statements of a function lead to.
enum Flow<'a> {
    Next,
    Return(Value<'a>),
    /// It is not known which statement is the next one.
    Unknown,
}

impl<'a> Interpreter<'a, '_> {
    /// Returns what a function returns for these arguments.
    pub(super) fn apply(&mut self, function: &Closure<'a>, arguments: Vec<Node<'a>>) -> Value<'a> {
        self.bounded(|this| {
            let scope = Rc::new(Scope::within(&function.scope));
            bind(&scope, function.parameters, arguments);
            match function.body {
                Body::Expression(expression) => this.evaluate(expression, &scope).value,
                Body::Statements(statements) => match this.run(statements, &scope) {
                    Flow::Next => Value::Undefined,
                    Flow::Return(value) => value,
                    Flow::Unknown => Value::UNKNOWN,
                },
            }
        })
    }

    /// Runs statements in their own scope.
    fn run(&mut self, statements: &'a [Statement<'a>], scope: &Rc<Scope<'a>>) -> Flow<'a> {
        scope.declare(statements);
        for statement in statements {
            match self.statement(statement, scope) {
                Flow::Next => {}
                flow => return flow,
            }
        }
        Flow::Next
    }

    fn statement(&mut self, statement: &'a Statement<'a>, scope: &Rc<Scope<'a>>) -> Flow<'a> {
        match statement {
            Statement::ReturnStatement(it) => Flow::Return(match &it.argument {
                Some(argument) => self.evaluate(argument, scope).value,
                None => Value::Undefined,
            }),
            Statement::IfStatement(it) => match self.evaluate(&it.test, scope).value.truth() {
                Some(true) => self.statement(&it.consequent, scope),
                Some(false) => match &it.alternate {
                    Some(alternate) => self.statement(alternate, scope),
                    None => Flow::Next,
                },
                None if may_return(&it.consequent) => Flow::Unknown,
                None if it.alternate.as_ref().is_some_and(may_return) => Flow::Unknown,
                None => Flow::Next,
            },
            Statement::BlockStatement(block) => {
                let scope = Rc::new(Scope::within(scope));
                let mut flow = Flow::Next;
                let value = self.bounded(|this| {
                    flow = this.run(&block.body, &scope);
                    Value::Undefined
                });
                if matches!(value, Value::Unknown(_)) { Flow::Unknown } else { flow }
            }
            Statement::ExpressionStatement(it) => {
                self.effect(&it.expression, scope);
                Flow::Next
            }
            Statement::SwitchStatement(_) | Statement::TryStatement(_) => Flow::Unknown,
            // Loops and other statements: what they assign is not known.
            statement if may_return(statement) => Flow::Unknown,
            _ => Flow::Next,
        }
    }

    /// Runs the statements of the modules that change the environment.
    pub(super) fn prepare(&mut self, module: usize) {
        let Some(module) = self.modules.all.get(module) else { return };
        let (scope, statements) = (Rc::clone(&module.scope), module.statements);
        for statement in statements {
            match statement {
                Statement::ImportDeclaration(it) if it.source.value == "dotenv/config" => {
                    self.extend_environment();
                }
                Statement::ExpressionStatement(it) => self.effect(&it.expression, &scope),
                _ => {}
            }
        }
    }

    /// Adds the variables of `.env` files to `process.env`.
    pub(super) fn extend_environment(&mut self) {
        for (name, value) in self.dotenv {
            self.environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    /// Evaluates what changes the environment: `process.env = ..`, `Object.assign(process.env, ..)`
    /// and calls of `dotenv`. Other statements only change what is taken to be unknown.
    fn effect(&mut self, expression: &'a Expression<'a>, scope: &Rc<Scope<'a>>) {
        let added = match expression.get_inner_expression() {
            Expression::AssignmentExpression(it) if is_environment(&it.left) => {
                self.evaluate(&it.right, scope).value
            }
            Expression::CallExpression(call) => {
                let assigned = call.arguments.first().and_then(|it| it.as_expression());
                let is_assign = call.callee.is_specific_member_access("Object", "assign")
                    && assigned.is_some_and(|it| it.is_specific_member_access("process", "env"));
                let value = self.evaluate(expression, scope).value;
                if is_assign { value } else { Value::UNKNOWN }
            }
            _ => return,
        };
        if let Value::Object(entries) = added {
            for (name, node) in entries {
                if let Some(text) = node.value.as_text() {
                    self.environment.insert(name, text);
                }
            }
        }
    }

    /// Returns what a function makes of its first parameter, without a call: the calls of
    /// `replace`, in order.
    pub(super) fn replacements(
        &mut self,
        function: &Closure<'a>,
    ) -> Option<Vec<(Value<'a>, String)>> {
        let value = Value::Parameter(Vec::new());
        let argument = Node { value, place: Place::default() };
        match self.apply(function, vec![argument]) {
            Value::Parameter(calls) => {
                Some(calls.into_iter().map(|(find, to)| (*find, to)).collect())
            }
            _ => None,
        }
    }
}

/// Binds the parameters of a function to arguments.
fn bind<'a>(scope: &Scope<'a>, parameters: &'a FormalParameters<'a>, arguments: Vec<Node<'a>>) {
    let mut arguments = arguments.into_iter();
    for parameter in &parameters.items {
        let is_given = |node: &Node<'a>| !matches!(node.value, Value::Undefined);
        let binding = match (arguments.next().filter(is_given), &parameter.initializer) {
            (Some(node), _) => Binding::Value(node),
            (None, Some(initializer)) => Binding::Expression(initializer),
            (None, None) => {
                Binding::Value(Node { value: Value::Undefined, place: Place::default() })
            }
        };
        scope.bind_pattern(&parameter.pattern, binding);
    }
    if let Some(rest) = &parameters.rest {
        scope.bind_pattern(&rest.rest.argument, Binding::Unknown);
    }
}

/// Returns whether a statement may end the function that it is in.
fn may_return(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::ReturnStatement(_)
        | Statement::ThrowStatement(_)
        | Statement::SwitchStatement(_)
        | Statement::TryStatement(_) => true,
        Statement::BlockStatement(block) => block.body.iter().any(may_return),
        Statement::IfStatement(it) => {
            may_return(&it.consequent) || it.alternate.as_ref().is_some_and(may_return)
        }
        Statement::ForStatement(it) => may_return(&it.body),
        Statement::ForInStatement(it) => may_return(&it.body),
        Statement::ForOfStatement(it) => may_return(&it.body),
        Statement::WhileStatement(it) => may_return(&it.body),
        Statement::DoWhileStatement(it) => may_return(&it.body),
        Statement::LabeledStatement(it) => may_return(&it.body),
        _ => false,
    }
}

/// Returns whether a target is `process.env`.
fn is_environment(target: &AssignmentTarget<'_>) -> bool {
    target.as_member_expression().is_some_and(|member| {
        member.static_property_name() == Some("env")
            && member.object().get_inner_expression().is_specific_id("process")
    })
}
