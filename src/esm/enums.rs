//! The size of the constant values of TypeScript enums.
//!
//! The parser's analysis evaluates the members of an enum. In `enum E { A = 'x', B = A + A, ... }`
//! each value is twice as long as the one before, so the lengths are added up first.

use std::collections::HashMap;

use oxc::{
    ast::ast::{
        BinaryExpression, BinaryOperator, Expression, Program, TSEnumDeclaration, TSEnumMemberName,
    },
    ast_visit::Visit,
    span::Span,
};

/// The message for an enum whose values are too large.
pub(super) const TOO_LARGE: &str = "the constant values of this enum are too large";

/// The number of bytes that all values of a file, and the steps of their evaluation, may have.
const MAX_EVALUATED: usize = 8 * 1024 * 1024;

/// The length of a number as text, bytes.
const NUMBER: usize = 24;

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Number,
    /// A text of a length in bytes.
    Text(usize),
}

/// Returns the first enum whose values are too large, if there is one.
pub(super) fn too_large(program: &Program<'_>) -> Option<Span> {
    let mut enums = Enums::default();
    enums.visit_program(program);
    enums.too_large
}

#[derive(Default)]
struct Enums {
    /// The members of all enums so far. Of members of the same name, the longest counts.
    members: HashMap<String, Value>,
    /// The number of bytes so far.
    evaluated: usize,
    too_large: Option<Span>,
}

impl<'a> Visit<'a> for Enums {
    fn visit_ts_enum_declaration(&mut self, declaration: &TSEnumDeclaration<'a>) {
        for member in &declaration.body.members {
            let value = match &member.initializer {
                None => Some(Value::Number),
                Some(initializer) => self.evaluate(initializer),
            };
            if self.evaluated > MAX_EVALUATED {
                self.too_large.get_or_insert(declaration.span);
                return;
            }
            let name = match &member.id {
                TSEnumMemberName::Identifier(name) => name.name.as_str(),
                TSEnumMemberName::String(name) | TSEnumMemberName::ComputedString(name) => {
                    name.value.as_str()
                }
                TSEnumMemberName::ComputedTemplateString(_) => continue,
            };
            if let Some(value) = value {
                let known = self.members.entry(name.to_owned()).or_insert(value);
                if length(*known) < length(value) {
                    *known = value;
                }
            }
        }
    }
}

impl Enums {
    fn evaluate(&mut self, expression: &Expression<'_>) -> Option<Value> {
        let value = match expression {
            Expression::StringLiteral(text) => Value::Text(text.value.len()),
            Expression::NumericLiteral(_) => Value::Number,
            Expression::UnaryExpression(unary) => {
                self.evaluate(&unary.argument)?;
                Value::Number
            }
            Expression::ParenthesizedExpression(inner) => self.evaluate(&inner.expression)?,
            Expression::BinaryExpression(binary) => self.evaluate_binary(binary)?,
            Expression::TemplateLiteral(template) => {
                let mut sum = template.quasis.iter().map(|quasi| quasi.value.raw.len()).sum();
                for part in &template.expressions {
                    sum += length(self.evaluate(part)?);
                }
                Value::Text(sum)
            }
            Expression::Identifier(name) => match name.name.as_str() {
                "Infinity" | "NaN" => Value::Number,
                name => *self.members.get(name)?,
            },
            Expression::StaticMemberExpression(member) => {
                *self.members.get(member.property.name.as_str())?
            }
            Expression::ComputedMemberExpression(member) => match &member.expression {
                Expression::StringLiteral(name) => *self.members.get(name.value.as_str())?,
                _ => return None,
            },
            _ => return None,
        };
        self.evaluated = self.evaluated.saturating_add(length(value));
        // What is too long already need not become longer.
        (self.evaluated <= MAX_EVALUATED).then_some(value)
    }

    fn evaluate_binary(&mut self, binary: &BinaryExpression<'_>) -> Option<Value> {
        let (left, right) = (self.evaluate(&binary.left)?, self.evaluate(&binary.right)?);
        let is_sum = binary.operator == BinaryOperator::Addition;
        Some(match (left, right) {
            (Value::Number, Value::Number) => Value::Number,
            _ if is_sum => Value::Text(length(left) + length(right)),
            _ => return None,
        })
    }
}

fn length(value: Value) -> usize {
    match value {
        Value::Number => NUMBER,
        Value::Text(length) => length,
    }
}

#[cfg(test)]
mod tests {
    use oxc::{allocator::Allocator, parser::Parser, span::SourceType};

    #[test]
    fn values_that_grow_exponentially_are_found() {
        let doubling = |levels: usize, step: &dyn Fn(usize) -> String| {
            let members = (0..levels).map(|at| format!(", A{} = {}", at + 1, step(at)));
            members.collect::<String>()
        };
        let sum = doubling(40, &|at| format!("A{at} + A{at}"));
        let template = doubling(40, &|at| format!("`${{A{at}}}${{E.A{at}}}`"));
        let member = doubling(40, &|at| format!("E['A{at}'] + (E.A{at})"));
        let few = doubling(9, &|at| format!("A{at} + A{at}"));
        for (text, expected) in [
            (format!("enum E {{ A0 = 'x'{sum} }}"), true),
            (format!("namespace N {{ enum E {{ A0 = 'x'{template} }} }}"), true),
            (format!("const enum E {{ A0 = 'x'{member} }}"), true),
            (format!("enum E {{ A0 = 1{sum} }}"), false),
            (format!("enum E {{ A0 = 'x'{few} }}"), false),
            (format!("enum E {{ A0 = f(){sum} }}"), false),
            ("enum E { A, B = A | 1, C = -B, D = 'd', E = D + B }".to_owned(), false),
        ] {
            let allocator = Allocator::default();
            let program = Parser::new(&allocator, &text, SourceType::ts()).parse().program;
            assert_eq!(super::too_large(&program).is_some(), expected, "{text}");
        }
    }
}
