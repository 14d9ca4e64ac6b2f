//! Values of a configuration file, as far as they are known.

use std::rc::Rc;

use serde_json::{Map, Number, Value as Json};

use super::scope::Closure;

/// A value, and where the expression is that it comes from.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) value: Value<'a>,
    pub(super) place: Place,
}

/// A position in one of the modules, the first of which is the configuration file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) module: usize,
    pub(super) offset: u32,
}

/// A value of JavaScript.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    RegExp {
        source: String,
        flags: String,
    },
    Array(Vec<Node<'a>>),
    /// A key [`SPREAD`] stands for properties that are not known.
    Object(Vec<(String, Node<'a>)>),
    /// The result of `JSON.stringify` for a value.
    Json(Box<Node<'a>>),
    /// A `file:` URL, as its path.
    Url(String),
    /// An imported name, `default` included, or with `None` the whole module. The module named by
    /// an empty string has the global names.
    Import {
        package: String,
        name: Option<String>,
    },
    /// What a function of a package returns.
    Call {
        package: String,
        arguments: Vec<Node<'a>>,
    },
    Function(Rc<Closure<'a>>),
    /// The parameter of a function that is looked at without being called, after some calls of
    /// `replace`.
    Parameter(Vec<(Box<Value<'a>>, String)>),
    /// Anything else, with the name of the function that returned it.
    Unknown(Option<String>),
}

/// The key that stands for unknown properties.
pub(super) const SPREAD: &str = "...";

impl<'a> Value<'a> {
    pub(super) const UNKNOWN: Self = Self::Unknown(None);

    pub(super) fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    pub(super) fn import(package: &str, name: &str) -> Self {
        Self::Import { package: package.to_owned(), name: Some(name.to_owned()) }
    }

    /// Returns whether the value counts as true, if it is known.
    pub(super) fn truth(&self) -> Option<bool> {
        Some(match self {
            Self::Undefined | Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(value) => *value != 0.0 && !value.is_nan(),
            Self::String(text) => !text.is_empty(),
            Self::Unknown(_) | Self::Parameter(_) | Self::Json(_) => return None,
            _ => true,
        })
    }

    pub(super) fn is_nullish(&self) -> Option<bool> {
        match self {
            Self::Undefined | Self::Null => Some(true),
            Self::Unknown(_) => None,
            _ => Some(false),
        }
    }

    /// Returns the text of a string, or of a value that converts to one.
    pub(super) fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::Undefined => "undefined".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => number(*value)?.to_string(),
            Self::String(text) => text.clone(),
            Self::Json(node) => node.value.to_complete_json()?.to_string(),
            Self::Url(path) => format!("file://{path}"),
            _ => return None,
        })
    }

    /// Returns the text of a string.
    pub(super) fn as_text(&self) -> Option<String> {
        match self {
            Self::String(_) | Self::Json(_) => self.to_text(),
            _ => None,
        }
    }

    /// Returns a property of an object. One that is not known is `None`.
    pub(super) fn get(&self, key: &str) -> Option<&Node<'a>> {
        let Self::Object(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Returns the value as JSON. Leaves out unknown values and those that JSON cannot express.
    pub(super) fn to_json(&self) -> Option<Json> {
        self.json(&mut false)
    }

    /// Returns the value as JSON, or `None` if a part of it is not known.
    pub(super) fn to_complete_json(&self) -> Option<Json> {
        let mut is_partial = false;
        self.json(&mut is_partial).filter(|_| !is_partial)
    }

    fn json(&self, is_partial: &mut bool) -> Option<Json> {
        Some(match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(value) => Json::Number(number(*value)?),
            Self::String(text) => Json::String(text.clone()),
            Self::Json(_) => Json::String(self.to_text()?),
            Self::Array(items) => {
                let items = items.iter();
                Json::Array(items.filter_map(|item| item.value.json(is_partial)).collect())
            }
            Self::Object(entries) => {
                let mut object = Map::new();
                for (key, node) in entries {
                    if let Some(value) = node.value.json(is_partial) {
                        object.insert(key.clone(), value);
                    }
                }
                Json::Object(object)
            }
            Self::Undefined => return None,
            _ => {
                *is_partial = true;
                return None;
            }
        })
    }

    /// Returns a value from JSON.
    pub(super) fn of_json(json: Json, place: Place) -> Self {
        let node = |json| Node { value: Self::of_json(json, place), place };
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(value) => Self::Number(value.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::String(text),
            Json::Array(items) => Self::Array(items.into_iter().map(node).collect()),
            Json::Object(object) => {
                Self::Object(object.into_iter().map(|(key, value)| (key, node(value))).collect())
            }
        }
    }
}

/// Sets a property of an object.
pub(super) fn set<'a>(entries: &mut Vec<(String, Node<'a>)>, key: String, node: Node<'a>) {
    match entries.iter_mut().find(|(name, _)| *name == key && key != SPREAD) {
        Some((_, old)) => *old = node,
        None => entries.push((key, node)),
    }
}

/// Returns a number as JSON: an integer without a fraction.
#[allow(clippy::cast_possible_truncation)] // Within the bounds.
fn number(value: f64) -> Option<Number> {
    const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
    if value.fract() == 0.0 && value.abs() <= MAX_SAFE {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}
