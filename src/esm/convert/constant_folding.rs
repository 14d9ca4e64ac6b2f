//! Evaluates conditions on `process.env.NODE_ENV` before the code runs.
//!
//! Many packages choose between a development and a production file by it. Folding the condition
//! keeps the other file out of the dependency graph.

use oxc::{
    ast::ast::{BinaryOperator, Expression, LogicalOperator, UnaryOperator},
    span::{GetSpan, Span},
};

/// The value of `process.env.NODE_ENV`.
pub(in crate::esm) const NODE_ENV: &str = "development";

/// Number of nested operators above which a condition is not evaluated. Each part of a condition is
/// evaluated by itself, too, so that the time would grow with the square of the nesting.
const MAX_NESTING: usize = 32;

/// Evaluates a condition, or returns `None` if it depends on more than `NODE_ENV` and literals.
pub(in crate::esm) fn evaluate(test: &Expression<'_>) -> Option<bool> {
    evaluate_within(test, MAX_NESTING)
}

fn evaluate_within(test: &Expression<'_>, nesting: usize) -> Option<bool> {
    let nesting = nesting.checked_sub(1)?;
    let evaluate = |part| evaluate_within(part, nesting);
    match test.get_inner_expression() {
        Expression::BooleanLiteral(literal) => Some(literal.value),
        Expression::UnaryExpression(unary) if unary.operator == UnaryOperator::LogicalNot => {
            evaluate(&unary.argument).map(|value| !value)
        }
        Expression::LogicalExpression(both) => match (both.operator, evaluate(&both.left)) {
            (LogicalOperator::And, Some(false)) => Some(false),
            (LogicalOperator::Or, Some(true)) => Some(true),
            (LogicalOperator::And | LogicalOperator::Or, Some(_)) => evaluate(&both.right),
            _ => None,
        },
        Expression::BinaryExpression(both) => {
            let equal = string_value(&both.left)? == string_value(&both.right)?;
            match both.operator {
                BinaryOperator::Equality | BinaryOperator::StrictEquality => Some(equal),
                BinaryOperator::Inequality | BinaryOperator::StrictInequality => Some(!equal),
                _ => None,
            }
        }
        _ => None,
    }
}

fn string_value<'a>(expression: &'a Expression<'_>) -> Option<&'a str> {
    match expression.get_inner_expression() {
        Expression::StringLiteral(literal) => Some(literal.value.as_str()),
        other => node_env_span(other).map(|_| NODE_ENV),
    }
}

/// Returns the span of an expression if it is `process.env.NODE_ENV`.
pub(in crate::esm) fn node_env_span(expression: &Expression<'_>) -> Option<Span> {
    let member = expression.as_member_expression()?;
    let env = member.object().as_member_expression()?;
    let is_node_env = member.static_property_name() == Some("NODE_ENV")
        && env.static_property_name() == Some("env")
        && matches!(env.object(), Expression::Identifier(name) if name.name == "process");
    is_node_env.then(|| expression.span())
}
