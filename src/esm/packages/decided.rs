//! Conditions whose outcome is known before the code runs: those on `process.env.NODE_ENV`.
//!
//! Packages have a file for development and one for production, and choose by it. Only the one is
//! sent.

use oxc::{
    ast::ast::{BinaryOperator, Expression, LogicalOperator, UnaryOperator},
    span::{GetSpan, Span},
};

/// What `process.env.NODE_ENV` is here.
pub(super) const MODE: &str = "development";

/// Whether a condition holds, if that is known.
pub(super) fn truth(test: &Expression<'_>) -> Option<bool> {
    match test.get_inner_expression() {
        Expression::BooleanLiteral(literal) => Some(literal.value),
        Expression::UnaryExpression(unary) if unary.operator == UnaryOperator::LogicalNot => {
            truth(&unary.argument).map(|held| !held)
        }
        Expression::LogicalExpression(both) => match (both.operator, truth(&both.left)) {
            (LogicalOperator::And, Some(false)) => Some(false),
            (LogicalOperator::Or, Some(true)) => Some(true),
            (LogicalOperator::And | LogicalOperator::Or, Some(_)) => truth(&both.right),
            _ => None,
        },
        Expression::BinaryExpression(both) => {
            let equal = value(&both.left)? == value(&both.right)?;
            match both.operator {
                BinaryOperator::Equality | BinaryOperator::StrictEquality => Some(equal),
                BinaryOperator::Inequality | BinaryOperator::StrictInequality => Some(!equal),
                _ => None,
            }
        }
        _ => None,
    }
}

fn value<'a>(expression: &'a Expression<'_>) -> Option<&'a str> {
    match expression.get_inner_expression() {
        Expression::StringLiteral(literal) => Some(literal.value.as_str()),
        other => mode(other).map(|_| MODE),
    }
}

/// The place of `process.env.NODE_ENV`, if an expression is that.
pub(super) fn mode(expression: &Expression<'_>) -> Option<Span> {
    let member = expression.as_member_expression()?;
    let env = member.object().as_member_expression()?;
    let named = member.static_property_name() == Some("NODE_ENV")
        && env.static_property_name() == Some("env")
        && matches!(env.object(), Expression::Identifier(name) if name.name == "process");
    named.then(|| expression.span())
}
