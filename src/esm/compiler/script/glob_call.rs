//! Arguments of `import.meta.glob`, the API of Vite for importing files by patterns.
//!
//! The compiler does not evaluate code, so patterns and options have to be literals.

use oxc::{
    ast::ast::{Argument, ArrayExpressionElement, CallExpression, Expression, ObjectExpression},
    span::{GetSpan, Span},
};

use super::scan::string_value;

/// The arguments of a call.
#[derive(Default)]
pub(super) struct GlobCall {
    pub(super) patterns: Vec<String>,
    /// The folder that relative patterns, and the keys of the result, are relative to.
    pub(super) base: Option<String>,
    /// Whether the files are imported statically.
    pub(super) eager: bool,
    /// Whether dotfiles and `node_modules` are included.
    pub(super) exhaustive: bool,
    /// The export that is imported; `None` for the whole namespace.
    pub(super) import: Option<String>,
    /// The query that is appended to the specifiers, with its `?`, or empty.
    pub(super) query: String,
}

/// The position and message of an invalid argument.
type Invalid = (Span, &'static str);

const PATTERN: &str = "a pattern of import.meta.glob must be a string literal";

/// Returns whether an expression is `import.meta.glob`.
pub(super) fn is_glob(callee: &Expression<'_>) -> bool {
    let Expression::StaticMemberExpression(glob) = callee.get_inner_expression() else {
        return false;
    };
    glob.property.name == "glob"
        && matches!(glob.object.get_inner_expression(), Expression::ImportMeta(_))
}

impl GlobCall {
    /// Parses the arguments of a call.
    pub(super) fn parse(call: &CallExpression<'_>) -> Result<Self, Invalid> {
        let mut parsed = Self::default();
        let mut arguments = call.arguments.iter();
        match arguments.next() {
            None => return Err((call.span, "import.meta.glob requires a pattern")),
            Some(Argument::ArrayExpression(patterns)) => {
                for element in &patterns.elements {
                    let pattern = match element {
                        ArrayExpressionElement::StringLiteral(text) => Some(text.value.to_string()),
                        other => other.as_expression().and_then(string_value),
                    };
                    parsed.patterns.push(pattern.ok_or((element.span(), PATTERN))?);
                }
            }
            Some(pattern) => {
                let text = pattern.as_expression().and_then(string_value);
                parsed.patterns.push(text.ok_or((pattern.span(), PATTERN))?);
            }
        }
        match arguments.next() {
            None => {}
            Some(Argument::ObjectExpression(options)) => parsed.parse_options(options)?,
            Some(other) => {
                let message = "the options of import.meta.glob must be an object literal";
                return Err((other.span(), message));
            }
        }
        Ok(parsed)
    }

    fn parse_options(&mut self, options: &ObjectExpression<'_>) -> Result<(), Invalid> {
        for property in &options.properties {
            let message =
                "import.meta.glob supports the options base, eager, exhaustive, import and query";
            let unknown = (property.span(), message);
            let property = property.as_property().ok_or(unknown)?;
            let name = property.key.static_name().ok_or(unknown)?;
            let flag = || match &property.value {
                Expression::BooleanLiteral(flag) => Ok(flag.value),
                _ => Err((property.span, "this option must be true or false")),
            };
            let text = || {
                string_value(&property.value)
                    .ok_or((property.span, "this option must be a string literal"))
            };
            match &*name {
                "base" => {
                    let base = text()?;
                    if !["./", "../", "/"].iter().any(|start| base.starts_with(start)) {
                        return Err((property.span, "this option must start with ./, ../ or /"));
                    }
                    self.base = Some(base);
                }
                "eager" => self.eager = flag()?,
                "exhaustive" => self.exhaustive = flag()?,
                "import" => self.import = Some(text()?).filter(|name| name != "*"),
                "query" => self.query = format!("?{}", text()?.trim_start_matches('?')),
                // The option of Vite before version 5.
                "as" => {
                    self.query = format!("?{}", text()?);
                    self.import = Some("default".to_owned());
                }
                _ => return Err(unknown),
            }
        }
        Ok(())
    }
}
