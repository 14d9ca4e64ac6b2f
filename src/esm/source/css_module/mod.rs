//! CSS modules: the names in a `.module.css` belong to it alone, and what imports it learns them.
//!
//! Classes, ids and keyframes get the file's own stamp behind their names; `:global` and `:local` say
//! otherwise; `composes` adds classes of this file, of another one, or of nobody (`from global`). All
//! else of the sheet stays as it is written, line by line. The names differ by the file's URL alone,
//! so a saved sheet is renewed in place, and its importers run again only where names came or went.
//!
//! A scanner over the tokens does it, with the tokenizer that the build has for selectors anyway; a
//! whole style sheet compiler would be as large as all the rest of livers.
//!
//! Left out on purpose: `@value`, and the names of grids, containers and custom properties.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
};

use cssparser::serialize_identifier;
use oxc::span::Span;
use xxhash_rust::xxh3::xxh3_64;

use super::css_tokens::{Kind, Token, tokens};
use crate::esm::{Fault, edits::Edits};

/// A sheet whose names are its own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sheet {
    /// As the page gets it.
    pub(super) text: String,
    /// Each name of it, and what that stands for.
    pub(super) names: BTreeMap<String, Vec<Part>>,
}

/// What a name stands for, in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A class as the page has it.
    Class(String),
    /// A name of another file: the specifier and the name.
    Of(String, String),
}

/// Gives the names of a sheet at a URL path to it alone.
pub(super) fn scope(path: &Path, url: &str, text: &str) -> Result<Sheet, Fault> {
    let mut scan = Scan {
        text,
        tokens: tokens(text),
        stamp: stamp(url),
        edits: Edits::default(),
        names: BTreeSet::new(),
        keyframes: BTreeSet::new(),
        animated: Vec::new(),
        composed: BTreeMap::new(),
        classes: Vec::new(),
        misplaced: None,
    };
    scan.block(0..scan.tokens.len(), false);
    if let Some((start, end)) = scan.misplaced {
        let message = "only a rule whose selector is one class of this file can compose".to_owned();
        return Err(Fault::at(path, text, start, end, message));
    }
    for (name, start, end) in std::mem::take(&mut scan.animated) {
        if scan.keyframes.contains(&name) {
            scan.rename(&name, start, end);
        }
    }
    let mut names = BTreeMap::new();
    for name in scan.names.iter().chain(&scan.keyframes) {
        names.insert(name.clone(), scan.parts(name, &mut BTreeSet::new()));
    }
    Ok(Sheet { text: scan.edits.apply(text.to_owned()), names })
}

/// Six letters and digits.
fn stamp(url: &str) -> String {
    let hash = xxh3_64(url.as_bytes());
    let digit =
        |at: u32| char::from(b"0123456789abcdefghijklmnopqrstuv"[(hash >> (5 * at) & 31) as usize]);
    (0..6).map(digit).collect()
}

/// What a class composes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Composed {
    Here(String),
    Global(String),
    Of(String, String),
}

struct Scan<'s> {
    text: &'s str,
    tokens: Vec<Token>,
    stamp: String,
    edits: Edits,
    /// Classes and ids.
    names: BTreeSet<String>,
    keyframes: BTreeSet<String>,
    /// What may be the name of keyframes, which may come further down.
    animated: Vec<(String, usize, usize)>,
    composed: BTreeMap<String, Vec<Composed>>,
    /// The classes that a rule is for, if it is for nothing else; of each rule around.
    classes: Vec<Option<Vec<String>>>,
    /// The first declaration that cannot stand where it stands.
    misplaced: Option<(usize, usize)>,
}

impl Scan<'_> {
    /// The rules and declarations between two tokens.
    fn block(&mut self, range: Range<usize>, global: bool) {
        let mut at = range.start;
        while at < range.end {
            if matches!(self.tokens[at].kind, Kind::Blank | Kind::Semicolon) {
                at += 1;
                continue;
            }
            // The value of a custom property may be anything.
            let custom =
                matches!(&self.tokens[at].kind, Kind::Ident(name) if name.starts_with("--"));
            let mut end = at;
            while end < range.end
                && self.tokens[end].kind != Kind::Semicolon
                && (custom || self.tokens[end].kind != Kind::Open('{'))
            {
                end = self.tokens[end].close.max(end) + 1;
            }
            let end = end.min(range.end);
            if self
                .tokens
                .get(end)
                .filter(|_| end < range.end)
                .is_some_and(|token| token.kind == Kind::Open('{'))
            {
                let close = self.tokens[end].close;
                self.rule(at..end, end + 1..close, global);
                at = close + 1;
            } else {
                self.declaration(at..end, global);
                at = end + 1;
            }
        }
    }

    fn rule(&mut self, prelude: Range<usize>, body: Range<usize>, global: bool) {
        let Kind::At(name) = &self.tokens[prelude.start].kind else {
            let only = self.only_classes(prelude.clone()).filter(|_| !global);
            let global = self.selector(prelude, global);
            self.classes.push(only);
            self.block(body, global);
            self.classes.pop();
            return;
        };
        if name.ends_with("keyframes") {
            let named = prelude.clone().find_map(|at| match &self.tokens[at].kind {
                Kind::Ident(name) | Kind::Text(name) => Some((name.clone(), at)),
                _ => None,
            });
            let is_global = self.tokens[prelude.clone()]
                .iter()
                .any(|token| token.kind == Kind::Function("global".to_owned()));
            if is_global {
                self.selector(prelude, global);
            } else if let Some((name, at)) = named.filter(|_| !global) {
                let Token { start, end, .. } = self.tokens[at];
                self.rename(&name, start, end);
                self.keyframes.insert(name);
            }
            return;
        }
        if name == "scope" {
            self.selector(prelude, global);
        }
        self.block(body, global);
    }

    /// Gives the names in a selector their stamps, and says whether it ends as a global one.
    fn selector(&mut self, range: Range<usize>, base: bool) -> bool {
        let mut global = base;
        let mut at = range.start;
        while at < range.end {
            let Token { kind, start, end, close } = self.tokens[at].clone();
            let next = self.tokens.get(at + 1).filter(|_| at + 1 < range.end).cloned();
            match (kind, next.as_ref().map(|next| &next.kind)) {
                (Kind::Comma, _) => global = base,
                (Kind::Delim('.'), Some(Kind::Ident(name))) if !global => {
                    let (start, end) =
                        next.as_ref().map_or((end, end), |next| (next.start, next.end));
                    self.own(name, start, end);
                    at += 1;
                }
                (Kind::Id(name), _) if !global => self.own(&name, start + 1, end),
                (Kind::Colon, Some(Kind::Ident(name))) if is_switch(name) => {
                    global = name.eq_ignore_ascii_case("global");
                    let blank = self.tokens.get(at + 2).filter(|token| token.kind == Kind::Blank);
                    let alone = at == range.start
                        && self.tokens[at + 2..range.end].iter().all(|it| it.kind == Kind::Blank);
                    let next = next.as_ref().map_or(end, |next| next.end);
                    let end = blank.filter(|_| !alone).map_or(next, |blank| blank.end);
                    self.replace(start, end, if alone { "&" } else { "" });
                    at += 1;
                }
                (Kind::Colon, Some(Kind::Function(name))) if is_switch(name) => {
                    let inner = next.as_ref().map_or(at, |next| next.close);
                    self.replace(start, next.as_ref().map_or(end, |next| next.end), "");
                    self.selector(at + 2..inner, name == "global");
                    let Token { start, end, .. } = self.tokens[inner];
                    self.replace(start, end, "");
                    at = inner;
                }
                (Kind::Open('['), _) => at = close,
                (Kind::Open(_) | Kind::Function(_), _) => {
                    self.selector(at + 1..close, global);
                    at = close;
                }
                _ => {}
            }
            at += 1;
        }
        global
    }

    /// The classes of a selector that is nothing but classes, one or some with commas.
    fn only_classes(&self, range: Range<usize>) -> Option<Vec<String>> {
        let parts = self.tokens[range].split(|token| token.kind == Kind::Comma);
        let class = |part: &[Token]| {
            let mut part = part.iter().filter(|token| token.kind != Kind::Blank);
            match (part.next(), part.next(), part.next()) {
                (Some(dot), Some(Token { kind: Kind::Ident(name), .. }), None)
                    if dot.kind == Kind::Delim('.') =>
                {
                    Some(name.clone())
                }
                _ => None,
            }
        };
        parts.map(class).collect()
    }

    fn declaration(&mut self, range: Range<usize>, global: bool) {
        let Some(Token { kind: Kind::Ident(name), start, .. }) = self.tokens.get(range.start)
        else {
            return;
        };
        let (name, start) = (name.to_ascii_lowercase(), *start);
        let colon = self.tokens[range.clone()].iter().position(|token| token.kind == Kind::Colon);
        let Some(value) = colon.map(|colon| range.start + colon + 1..range.end) else { return };
        let plain = name.strip_prefix("-webkit-").unwrap_or(&name);
        if name == "composes" {
            self.compose(start, value);
            let end = self.tokens.get(range.end).filter(|token| token.kind == Kind::Semicolon);
            let end = end.map_or_else(|| self.tokens[range.end - 1].end, |token| token.end);
            let source = self.text;
            self.edits.blank(source, span(start, end), "");
        } else if matches!(plain, "animation" | "animation-name") && !global {
            for token in &self.tokens[value] {
                if let Kind::Ident(name) = &token.kind {
                    self.animated.push((name.clone(), token.start, token.end));
                }
            }
        }
    }

    /// What the classes of the rule around it compose.
    fn compose(&mut self, start: usize, value: Range<usize>) {
        let Some(Some(classes)) = self.classes.last().cloned() else {
            let place = (start, self.tokens[value.end - 1].end);
            self.misplaced.get_or_insert(place);
            return;
        };
        for part in self.tokens[value].split(|token| token.kind == Kind::Comma) {
            let part: Vec<_> = part.iter().filter(|token| token.kind != Kind::Blank).collect();
            let from = part.iter().position(|token| token.kind == Kind::Ident("from".to_owned()));
            let from = from.filter(|at| at + 2 == part.len() && *at > 0);
            let names =
                part[..from.unwrap_or(part.len())].iter().filter_map(|token| match &token.kind {
                    Kind::Ident(name) => Some(name.clone()),
                    _ => None,
                });
            let source = from.map(|at| &part[at + 1].kind);
            let composed = names.map(|name| match source {
                None => Composed::Here(name),
                Some(Kind::Text(specifier)) => Composed::Of(specifier.clone(), name),
                Some(_) => Composed::Global(name),
            });
            let composed: Vec<_> = composed.collect();
            for class in &classes {
                self.composed.entry(class.clone()).or_default().extend(composed.iter().cloned());
            }
        }
    }

    /// What a name stands for; what leads to itself ends there.
    fn parts(&self, name: &str, around: &mut BTreeSet<String>) -> Vec<Part> {
        if !around.insert(name.to_owned()) {
            return Vec::new();
        }
        let mut parts = vec![Part::Class(self.stamped(name))];
        for composed in self.composed.get(name).into_iter().flatten() {
            let more = match composed {
                Composed::Here(name) => self.parts(name, around),
                Composed::Global(name) => vec![Part::Class(name.clone())],
                Composed::Of(specifier, name) => vec![Part::Of(specifier.clone(), name.clone())],
            };
            for part in more {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
        around.remove(name);
        parts
    }

    fn own(&mut self, name: &str, start: usize, end: usize) {
        self.rename(name, start, end);
        self.names.insert(name.to_owned());
    }

    fn rename(&mut self, name: &str, start: usize, end: usize) {
        let mut written = String::new();
        if serialize_identifier(&self.stamped(name), &mut written).is_ok() {
            self.replace(start, end, &written);
        }
    }

    fn stamped(&self, name: &str) -> String {
        format!("_{name}_{}", self.stamp)
    }

    fn replace(&mut self, start: usize, end: usize, text: &str) {
        self.edits.replace(span(start, end), text);
    }
}

fn is_switch(name: &str) -> bool {
    name.eq_ignore_ascii_case("global") || name.eq_ignore_ascii_case("local")
}

fn span(start: usize, end: usize) -> Span {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(offset(start), offset(end))
}

#[cfg(test)]
mod tests;
