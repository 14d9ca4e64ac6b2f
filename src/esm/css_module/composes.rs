//! `composes`: the classes that a local class stands for.
//!
//! The value of each exported name lists all classes that it composes, directly or not, so a chain
//! of declarations expands to the square of its length. The expansion of a sheet is limited.

use std::collections::{BTreeMap, HashSet};

use super::{
    names::Names,
    tokens::{Kind, Token},
};

/// A part of the value that a name is exported with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A class, as the page uses it.
    Class(String),
    /// A name that another file exports.
    Imported { specifier: String, name: String },
}

/// A class in the value of `composes`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Composed {
    Local(String),
    Global(String),
    Imported { specifier: String, name: String },
}

/// The number of classes that the declarations of a sheet may add to other classes, and that the
/// values of all exported names may list.
pub(super) const MAX_COMPOSED: usize = 200_000;

/// The sheet composes more than [`MAX_COMPOSED`] classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooManyComposed;

/// The composed classes of each local class.
#[derive(Default)]
pub(super) struct Compositions {
    composed: BTreeMap<String, Vec<Composed>>,
    /// The number of composed classes.
    added: usize,
}

impl Compositions {
    /// Adds a declaration in a rule for these classes.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn add(
        &mut self,
        classes: &[String],
        value: &[Token],
    ) -> Result<(), TooManyComposed> {
        for part in value.split(|token| token.kind == Kind::Comma) {
            let composed = parse(part);
            self.added = self.added.saturating_add(composed.len().saturating_mul(classes.len()));
            if self.added > MAX_COMPOSED {
                return Err(TooManyComposed);
            }
            for class in classes {
                self.composed.entry(class.clone()).or_default().extend(composed.iter().cloned());
            }
        }
        Ok(())
    }

    /// Returns what each name stands for: its scoped name, followed by the classes that it
    /// composes, directly and through other classes. A class that composes itself ends there.
    ///
    /// # Errors
    /// The lists are too long.
    pub(super) fn expand<'n>(
        &self,
        exported: impl Iterator<Item = &'n String>,
        names: &Names<'_>,
    ) -> Result<BTreeMap<String, Vec<Part>>, TooManyComposed> {
        let mut budget = MAX_COMPOSED;
        let expand = |name: &String| Ok((name.clone(), self.parts(name, names, &mut budget)?));
        exported.map(expand).collect()
    }

    /// Returns what a name stands for. Each class that is visited is taken off the budget.
    fn parts(
        &self,
        name: &str,
        names: &Names<'_>,
        budget: &mut usize,
    ) -> Result<Vec<Part>, TooManyComposed> {
        let name = Composed::Local(name.to_owned());
        let (mut parts, mut seen) = (Vec::new(), HashSet::new());
        let mut next = vec![&name];
        while let Some(composed) = next.pop() {
            if !seen.insert(composed) {
                continue;
            }
            parts.push(match composed {
                Composed::Local(name) => {
                    let below = self.composed.get(name).map_or(&[][..], Vec::as_slice);
                    *budget = budget.checked_sub(1 + below.len()).ok_or(TooManyComposed)?;
                    next.extend(below.iter().rev());
                    Part::Class(names.scoped(name))
                }
                Composed::Global(name) => Part::Class(name.clone()),
                Composed::Imported { specifier, name } => {
                    Part::Imported { specifier: specifier.clone(), name: name.clone() }
                }
            });
        }
        Ok(parts)
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
