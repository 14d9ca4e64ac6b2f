//! `composes`: the classes that a local class stands for.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    names::Names,
    tokens::{Kind, Token},
};

/// A part of the value that a name is exported with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A class, as the page uses it.
    Class(String),
    /// A name that another file exports.
    Imported { specifier: String, name: String },
}

/// A class in the value of `composes`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Composed {
    Local(String),
    Global(String),
    Imported { specifier: String, name: String },
}

/// The composed classes of each local class.
#[derive(Default)]
pub(super) struct Compositions(BTreeMap<String, Vec<Composed>>);

impl Compositions {
    /// Adds a declaration in a rule for these classes.
    pub(super) fn add(&mut self, classes: &[String], value: &[Token]) {
        for part in value.split(|token| token.kind == Kind::Comma) {
            let composed = parse(part);
            for class in classes {
                self.0.entry(class.clone()).or_default().extend(composed.iter().cloned());
            }
        }
    }

    /// Returns what a name stands for: its scoped name, followed by the classes that it composes,
    /// directly and through other classes. A class that composes itself ends there.
    pub(super) fn parts(&self, name: &str, names: &Names<'_>) -> Vec<Part> {
        self.parts_within(name, names, &mut BTreeSet::new())
    }

    fn parts_within<'c>(
        &'c self,
        name: &'c str,
        names: &Names<'_>,
        around: &mut BTreeSet<&'c str>,
    ) -> Vec<Part> {
        if !around.insert(name) {
            return Vec::new();
        }
        let mut parts = vec![Part::Class(names.scoped(name))];
        for composed in self.0.get(name).into_iter().flatten() {
            let added = match composed {
                Composed::Local(name) => self.parts_within(name, names, around),
                Composed::Global(name) => vec![Part::Class(name.clone())],
                Composed::Imported { specifier, name } => {
                    vec![Part::Imported { specifier: specifier.clone(), name: name.clone() }]
                }
            };
            for part in added {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
        around.remove(name);
        parts
    }
}

/// Parses a part of the value: names, and optionally `from` with a specifier or `global`.
fn parse(part: &[Token]) -> Vec<Composed> {
    let part: Vec<_> = part.iter().filter(|token| token.kind != Kind::Blank).collect();
    let from = part.iter().position(|token| token.kind == Kind::Ident("from".to_owned()));
    let from = from.filter(|at| at + 2 == part.len() && *at > 0);
    let source = from.map(|at| &part[at + 1].kind);
    let names = part[..from.unwrap_or(part.len())].iter().filter_map(|token| match &token.kind {
        Kind::Ident(name) => Some(name.clone()),
        _ => None,
    });
    let composed = names.map(|name| match source {
        None => Composed::Local(name),
        Some(Kind::Text(specifier)) => Composed::Imported { specifier: specifier.clone(), name },
        Some(_) => Composed::Global(name),
    });
    composed.collect()
}
