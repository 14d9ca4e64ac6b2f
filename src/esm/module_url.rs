//! `new URL(.., import.meta.url)`, the address of a file beside a module.

use oxc::ast::ast::{Expression, NewExpression};

/// Returns the first argument of `new URL(.., import.meta.url)`, or `None` for any other
/// expression.
pub(super) fn module_url<'e, 'a>(it: &'e NewExpression<'a>) -> Option<&'e Expression<'a>> {
    let [address, base] = &it.arguments[..] else { return None };
    let is_ours = it.callee.is_specific_id("URL") && is_import_meta_url(base.as_expression()?);
    address.as_expression().filter(|_| is_ours)
}

fn is_import_meta_url(base: &Expression<'_>) -> bool {
    match base.get_inner_expression() {
        Expression::StaticMemberExpression(member) => {
            member.property.name == "url"
                && matches!(member.object.get_inner_expression(), Expression::ImportMeta(_))
        }
        _ => false,
    }
}
