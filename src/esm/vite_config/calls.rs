//! Calls: of functions of the project, of a few functions of Node and Vite, and of methods of
//! known values. Functions of other packages return what they were called with, for the plug-ins.

use std::rc::Rc;

use oxc::ast::ast::{CallExpression, Expression, NewExpression};

use super::{
    interpreter::Interpreter,
    modules::Imported,
    paths,
    scope::Scope,
    value::{Node, Place, Value, set},
};

impl<'a> Interpreter<'a, '_> {
    pub(super) fn call(
        &mut self,
        call: &'a CallExpression<'a>,
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        let callee = call.callee.get_inner_expression();
        let result = match callee.as_member_expression() {
            Some(member) if !is_import_meta(member.object()) => {
                let object = self.evaluate(member.object(), scope).value;
                let Some(name) = member.static_property_name() else { return Value::UNKNOWN };
                let arguments = self.arguments(&call.arguments, scope);
                match self.property(&object, name, scope) {
                    Value::Unknown(_) | Value::Undefined => method(&object, name, &arguments),
                    function => self.call_value(function, arguments, scope),
                }
            }
            _ => {
                let function = self.evaluate(callee, scope).value;
                let arguments = self.arguments(&call.arguments, scope);
                self.call_value(function, arguments, scope)
            }
        };
        match (result, callee) {
            (Value::Unknown(None), Expression::Identifier(name)) => {
                Value::Unknown(Some(name.name.to_string()))
            }
            (result, _) => result,
        }
    }

    fn call_value(
        &mut self,
        function: Value<'a>,
        arguments: Vec<Node<'a>>,
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        match function {
            Value::Function(function) => self.apply(&function, arguments),
            Value::Import { package, name } => {
                let name = name.unwrap_or_else(|| "default".to_owned());
                self.imported_function(package, &name, arguments, scope)
            }
            _ => Value::UNKNOWN,
        }
    }

    pub(super) fn construct(
        &mut self,
        new: &'a NewExpression<'a>,
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        let is_url = match self.evaluate(&new.callee, scope).value {
            Value::Import { package, name } => {
                ["", "url"].contains(&&*package) && name.as_deref() == Some("URL")
            }
            _ => false,
        };
        if !is_url {
            return Value::UNKNOWN;
        }
        let arguments = self.arguments(&new.arguments, scope);
        let base = match arguments.get(1).map(|node| &node.value) {
            Some(Value::Url(base)) => Some(base.clone()),
            _ => None,
        };
        let url = match (arguments.first().map(|node| &node.value), base) {
            (Some(Value::String(text)), Some(base)) => paths::join_url(&base, text),
            (Some(Value::Url(path)), _) => Some(path.clone()),
            _ => None,
        };
        url.map_or(Value::UNKNOWN, Value::Url)
    }

    /// Returns what a function of a module returns.
    fn imported_function(
        &mut self,
        package: String,
        name: &str,
        arguments: Vec<Node<'a>>,
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        let first = || arguments.first().map(|node| &node.value);
        match (&*package, name) {
            ("", _) => self.global_function(name, &arguments, scope),
            ("path" | "path/posix" | "pathe" | "upath", _) => self.path_function(name, &arguments),
            ("url", "fileURLToPath") => match first() {
                Some(Value::Url(path) | Value::String(path)) => {
                    Value::string(path.strip_prefix("file://").unwrap_or(path))
                }
                _ => Value::UNKNOWN,
            },
            ("url", "pathToFileURL") => match first() {
                Some(Value::String(path)) => Value::Url(path.clone()),
                _ => Value::UNKNOWN,
            },
            ("fs" | "fs/promises", "readFileSync" | "readFile") => {
                let path = match first() {
                    Some(Value::Url(path)) => Some(path.clone()),
                    Some(path) => {
                        path.as_text().map(|path| paths::resolve(self.modules.folder(), &[path]))
                    }
                    None => None,
                };
                let text = path.and_then(|path| self.modules.json_text(&path));
                text.map_or(Value::UNKNOWN, Value::String)
            }
            ("module", "createRequire") => Value::import("", "require"),
            ("dotenv", "config") => {
                self.extend_environment();
                Value::UNKNOWN
            }
            ("vite" | "vitest/config" | "vite-plus", _) => self.vite_function(name, arguments),
            _ => Value::Call { package, arguments },
        }
    }

    fn path_function(&mut self, name: &str, arguments: &[Node<'a>]) -> Value<'a> {
        let texts: Option<Vec<_>> = arguments.iter().map(|node| node.value.as_text()).collect();
        let Some(texts) = texts else { return Value::UNKNOWN };
        let name = name.strip_prefix("posix.").unwrap_or(name);
        match (name, &*texts) {
            ("resolve", parts) => Value::String(paths::resolve(self.modules.folder(), parts)),
            ("join", parts) => Value::String(paths::join(parts)),
            ("normalize", [path]) => Value::String(paths::join(std::slice::from_ref(path))),
            ("dirname", [path]) => Value::String(paths::dirname(path)),
            _ => Value::UNKNOWN,
        }
    }

    fn vite_function(&mut self, name: &str, mut arguments: Vec<Node<'a>>) -> Value<'a> {
        match name {
            "defineConfig" | "normalizePath" if !arguments.is_empty() => {
                arguments.swap_remove(0).value
            }
            "mergeConfig" if arguments.len() >= 2 => {
                let overrides = arguments.swap_remove(1);
                merge(arguments.swap_remove(0).value, overrides)
            }
            "loadEnv" => self.load_env(&arguments),
            _ => Value::UNKNOWN,
        }
    }

    /// Returns `loadEnv(mode, folder, prefixes)`: the variables of the `.env` files in the project's
    /// folder. Another folder is not read.
    fn load_env(&mut self, arguments: &[Node<'a>]) -> Value<'a> {
        let folder = arguments.get(1).and_then(|node| node.value.as_text());
        let folder = folder.map(|folder| paths::resolve(self.modules.folder(), &[folder]));
        if folder != Some(paths::to_text(self.modules.folder())) {
            return Value::UNKNOWN;
        }
        let prefixes = match arguments.get(2).map(|node| &node.value) {
            None | Some(Value::Undefined) => vec!["VITE_".to_owned()],
            Some(Value::String(prefix)) => vec![prefix.clone()],
            Some(Value::Array(prefixes)) => {
                prefixes.iter().filter_map(|node| node.value.as_text()).collect()
            }
            Some(_) => return Value::UNKNOWN,
        };
        let has_prefix = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let variables = self.environment.iter().chain(self.dotenv);
        let mut entries = Vec::new();
        for (name, text) in variables.filter(|(name, _)| has_prefix(name)) {
            if !entries.iter().any(|(known, _)| known == name) {
                let node = Node { value: Value::string(text), place: Place::default() };
                entries.push((name.clone(), node));
            }
        }
        Value::Object(entries)
    }

    fn global_function(
        &mut self,
        name: &str,
        arguments: &[Node<'a>],
        scope: &Rc<Scope<'a>>,
    ) -> Value<'a> {
        let first = arguments.first();
        let value = || first.map_or(Value::Undefined, |node| node.value.clone());
        match name {
            "process.cwd" => Value::String(paths::to_text(self.modules.folder())),
            "JSON.stringify" => match first {
                None => Value::Undefined,
                Some(node) => match node.value {
                    Value::Undefined => Value::Undefined,
                    Value::Unknown(_) => Value::UNKNOWN,
                    _ => Value::Json(Box::new(node.clone())),
                },
            },
            "JSON.parse" => match value() {
                Value::Json(node) => node.value,
                Value::String(text) => match serde_json::from_str(&text) {
                    Ok(json) => Value::of_json(json, Place { module: usize::MAX, offset: 0 }),
                    Err(_) => Value::UNKNOWN,
                },
                _ => Value::UNKNOWN,
            },
            "Object.assign" => {
                let mut entries = Vec::new();
                for argument in arguments {
                    self.assign(&mut entries, argument.clone());
                }
                Value::Object(entries)
            }
            // `defineConfig` may be a global helper.
            "Object.freeze" | "defineConfig" => value(),
            "Boolean" => value().truth().map_or(Value::UNKNOWN, Value::Bool),
            "String" => value().to_text().map_or(Value::UNKNOWN, Value::String),
            "Number" | "parseInt" | "parseFloat" | "Number.parseInt" => number(&value()),
            "require" => match first.and_then(|node| node.value.as_text()) {
                Some(specifier) => self.required(&specifier, scope),
                None => Value::UNKNOWN,
            },
            _ => Value::UNKNOWN,
        }
    }

    /// Returns `require(specifier)`.
    fn required(&mut self, specifier: &str, scope: &Rc<Scope<'a>>) -> Value<'a> {
        let is_module = specifier.starts_with('.')
            && matches!(self.modules.import(scope.module, specifier), Some(Imported::Module(_)));
        let name = is_module.then_some("default");
        self.imported(scope.module, specifier, name)
    }
}

/// Returns what a method of a value returns.
fn method<'a>(object: &Value<'a>, name: &str, arguments: &[Node<'a>]) -> Value<'a> {
    let text = |at: usize| arguments.get(at).and_then(|node| node.value.as_text());
    match (object, name) {
        (Value::Parameter(calls), "replace") => match (arguments.first(), text(1)) {
            (Some(find), Some(replacement)) => {
                let call = (Box::new(find.value.clone()), replacement);
                Value::Parameter(calls.iter().cloned().chain([call]).collect())
            }
            _ => Value::UNKNOWN,
        },
        (Value::Array(items), "filter") => filter(items, arguments),
        (Value::Array(items), "concat") => {
            let mut items = items.clone();
            for argument in arguments {
                match &argument.value {
                    Value::Array(more) => items.extend(more.iter().cloned()),
                    _ => items.push(argument.clone()),
                }
            }
            Value::Array(items)
        }
        (Value::Array(_), "flat") | (Value::Url(_) | Value::String(_), "toString") => {
            object.clone()
        }
        (Value::String(it), "startsWith") => {
            text(0).map_or(Value::UNKNOWN, |start| Value::Bool(it.starts_with(&start)))
        }
        (Value::String(it), "endsWith") => {
            text(0).map_or(Value::UNKNOWN, |end| Value::Bool(it.ends_with(&end)))
        }
        (Value::String(it), "includes") => {
            text(0).map_or(Value::UNKNOWN, |part| Value::Bool(it.contains(&part)))
        }
        (Value::String(it), "trim") => Value::string(it.trim()),
        (Value::String(it), "replace") => match (text(0), text(1)) {
            (Some(find), Some(to)) if !to.contains('$') => {
                Value::String(it.replacen(&find, &to, 1))
            }
            _ => Value::UNKNOWN,
        },
        (Value::Number(_) | Value::Bool(_), "toString") => {
            object.to_text().map_or(Value::UNKNOWN, Value::String)
        }
        _ => Value::UNKNOWN,
    }
}

/// Returns `items.filter(Boolean)`.
fn filter<'a>(items: &[Node<'a>], arguments: &[Node<'a>]) -> Value<'a> {
    match arguments.first().map(|node| &node.value) {
        Some(Value::Import { package, name })
            if package.is_empty() && name.as_deref() == Some("Boolean") =>
        {
            let is_kept = |node: &&Node<'a>| node.value.truth() != Some(false);
            Value::Array(items.iter().filter(is_kept).cloned().collect())
        }
        _ => Value::UNKNOWN,
    }
}

/// Returns a value as a number.
pub(super) fn number<'a>(value: &Value<'a>) -> Value<'a> {
    match value {
        Value::Number(number) => Value::Number(*number),
        Value::Bool(value) => Value::Number(f64::from(u8::from(*value))),
        Value::Undefined => Value::Number(f64::NAN),
        Value::Null => Value::Number(0.0),
        Value::String(text) => Value::Number(text.trim().parse().unwrap_or(f64::NAN)),
        _ => Value::UNKNOWN,
    }
}

/// Returns `mergeConfig(defaults, overrides)`.
fn merge<'a>(defaults: Value<'a>, overrides: Node<'a>) -> Value<'a> {
    match (defaults, overrides.value) {
        (Value::Object(mut entries), Value::Object(more)) => {
            for (key, node) in more {
                let old = entries.iter_mut().find(|(name, _)| *name == key);
                match old {
                    Some((_, old)) if !matches!(node.value, Value::Undefined | Value::Null) => {
                        let (defaults, place) = (old.value.clone(), node.place);
                        *old = Node { value: merge(defaults, node), place };
                    }
                    _ => set(&mut entries, key, node),
                }
            }
            Value::Object(entries)
        }
        (Value::Array(items), Value::Array(more)) => {
            Value::Array(items.into_iter().chain(more).collect())
        }
        (Value::Unknown(_), Value::Object(mut entries)) => {
            entries.push((
                super::value::SPREAD.to_owned(),
                Node { value: Value::UNKNOWN, place: overrides.place },
            ));
            Value::Object(entries)
        }
        (_, overrides) => overrides,
    }
}

/// Returns whether an expression is `import.meta`.
fn is_import_meta(expression: &Expression<'_>) -> bool {
    matches!(expression.get_inner_expression(), Expression::ImportMeta(_))
}
