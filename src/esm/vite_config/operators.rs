//! Operators, on values that are known.

use std::rc::Rc;

use oxc::ast::ast::{
    BinaryExpression, BinaryOperator, LogicalExpression, LogicalOperator, UnaryExpression,
    UnaryOperator,
};

use super::{calls, interpreter::Interpreter, scope::Scope, value::Value};

impl<'a> Interpreter<'a, '_> {
    pub(super) fn logical(
        &mut self,
        it: &'a LogicalExpression<'a>,
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        let left = self.evaluate(&it.left, scope).value;
        let takes_right = match it.operator {
            LogicalOperator::And => left.truth(),
            LogicalOperator::Or => left.truth().map(|truth| !truth),
            LogicalOperator::Coalesce => left.is_nullish(),
        };
        match takes_right {
            Some(true) => self.evaluate(&it.right, scope).value,
            Some(false) => left,
            None => Value::UNKNOWN,
        }
    }

    pub(super) fn binary(
        &mut self,
        it: &'a BinaryExpression<'a>,
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        use BinaryOperator as Operator;
        let left = self.evaluate(&it.left, scope).value;
        let right = self.evaluate(&it.right, scope).value;
        let equal = || match (&left, &right) {
            (Value::Undefined, Value::Undefined) | (Value::Null, Value::Null) => Some(true),
            (Value::Bool(left), Value::Bool(right)) => Some(left == right),
            #[allow(clippy::float_cmp)] // As JavaScript compares them.
            (Value::Number(left), Value::Number(right)) => Some(left == right),
            (Value::Unknown(_) | Value::Parameter(_), _)
            | (_, Value::Unknown(_) | Value::Parameter(_)) => None,
            (left, right) => match (left.as_text(), right.as_text()) {
                (Some(left), Some(right)) => Some(left == right),
                _ => Some(false),
            },
        };
        let both_nullish = || Some(left.is_nullish()? && right.is_nullish()?);
        let loosely = || Some(equal()? || both_nullish()?);
        let as_bool = |known: Option<bool>| known.map_or(Value::UNKNOWN, Value::Bool);
        match (it.operator, &left, &right) {
            (Operator::StrictEquality, ..) => as_bool(equal()),
            (Operator::StrictInequality, ..) => as_bool(equal().map(|equal| !equal)),
            (Operator::Equality, ..) => as_bool(loosely()),
            (Operator::Inequality, ..) => as_bool(loosely().map(|equal| !equal)),
            (operator, Value::Number(left), Value::Number(right)) => match operator {
                Operator::Addition => Value::Number(left + right),
                Operator::Subtraction => Value::Number(left - right),
                Operator::Multiplication => Value::Number(left * right),
                Operator::Division => Value::Number(left / right),
                Operator::LessThan => Value::Bool(left < right),
                Operator::LessEqualThan => Value::Bool(left <= right),
                Operator::GreaterThan => Value::Bool(left > right),
                Operator::GreaterEqualThan => Value::Bool(left >= right),
                _ => Value::UNKNOWN,
            },
            (Operator::Addition, ..) => match (left.to_text(), right.to_text()) {
                (Some(one), Some(other))
                    if left.as_text().is_some() || right.as_text().is_some() =>
                {
                    Value::String(one + &other)
                }
                _ => Value::UNKNOWN,
            },
            _ => Value::UNKNOWN,
        }
    }

    pub(super) fn unary(
        &mut self,
        it: &'a UnaryExpression<'a>,
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        let value = self.evaluate(&it.argument, scope).value;
        match it.operator {
            UnaryOperator::LogicalNot => {
                value.truth().map_or(Value::UNKNOWN, |truth| Value::Bool(!truth))
            }
            UnaryOperator::Void => Value::Undefined,
            UnaryOperator::UnaryNegation => match value {
                Value::Number(number) => Value::Number(-number),
                _ => Value::UNKNOWN,
            },
            UnaryOperator::UnaryPlus => calls::number(&value),
            UnaryOperator::Typeof => Value::string(match value {
                Value::Undefined => "undefined",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Function(_) => "function",
                Value::Null | Value::Array(_) | Value::Object(_) => "object",
                _ => return Value::UNKNOWN,
            }),
            _ => Value::UNKNOWN,
        }
    }
}
