//! Members of objects, of arrays, of imported modules and of `import.meta`.

use std::rc::Rc;

use oxc::ast::ast::{Expression, MemberExpression};

use super::{
    interpreter::Interpreter,
    paths,
    scope::Scope,
    value::{Node, Place, SPREAD, Value},
};

impl<'a> Interpreter<'a, '_> {
    pub(super) fn member(
        &mut self,
        member: &'a MemberExpression<'a>,
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        if let Expression::ImportMeta(_) = member.object().get_inner_expression() {
            let file = self.modules.all.get(scope.module).map(|module| module.path.clone());
            let file = paths::to_text(&file.unwrap_or_default());
            return match member.static_property_name() {
                Some("url") => Value::Url(file),
                Some("filename") => Value::String(file),
                Some("dirname") => Value::String(paths::dirname(&file)),
                _ => Value::UNKNOWN,
            };
        }
        let object = self.evaluate(member.object(), scope).value;
        let key = match member {
            MemberExpression::ComputedMemberExpression(computed) => {
                self.evaluate(&computed.expression, scope).value.to_text()
            }
            member => member.static_property_name().map(str::to_owned),
        };
        match key {
            Some(key) => self.property(&object, &key, scope),
            None => Value::UNKNOWN,
        }
    }

    /// Returns a property of a value.
    pub(super) fn property(
        &mut self,
        object: &Value<'a>,
        key: &str,
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        match object {
            Value::Object(entries) => match object.get(key) {
                Some(node) => node.value.clone(),
                None if entries.iter().any(|(key, _)| key == SPREAD) => Value::UNKNOWN,
                None => Value::Undefined,
            },
            Value::Array(items) => match key.parse::<usize>() {
                Ok(at) => items.get(at).map_or(Value::Undefined, |node| node.value.clone()),
                #[allow(clippy::cast_precision_loss)] // Arrays are short.
                Err(_) if key == "length" => Value::Number(items.len() as f64),
                Err(_) => Value::UNKNOWN,
            },
            Value::Url(path) if key == "pathname" => Value::String(path.clone()),
            Value::Url(_) if key == "href" => object.clone(),
            Value::Import { package, name } if package.is_empty() => match name.as_deref() {
                Some("process") if key == "env" => self.environment(scope),
                Some("process") if ["argv", "platform", "version", "versions"].contains(&key) => {
                    Value::UNKNOWN
                }
                Some("globalThis") => Value::import("", key),
                name => Value::import("", &format!("{}.{key}", name.unwrap_or_default())),
            },
            Value::Import { package, name } => Value::Import {
                package: package.clone(),
                name: Some(match name.as_deref() {
                    None | Some("default") => key.to_owned(),
                    Some(name) => format!("{name}.{key}"),
                }),
            },
            _ => Value::UNKNOWN,
        }
    }

    /// Returns `process.env`.
    fn environment(&mut self, scope: &Rc<Scope<'a>>) -> Value<'a> {
        let place = Place { module: scope.module, offset: 0 };
        self.steps += self.environment.len();
        let node = |text: &String| Node { value: Value::string(text), place };
        let entries = self.environment.iter().map(|(name, text)| (name.clone(), node(text)));
        Value::Object(entries.collect())
    }
}
