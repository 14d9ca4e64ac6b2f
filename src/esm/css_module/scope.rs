//! Scoping of a style sheet: makes its names local.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
};

use super::{
    composes::{Compositions, MAX_COMPOSED, Part, TooManyComposed},
    names::Names,
    selector::{scope_selector, single_classes},
    tokens::{Kind, Token, tokens},
};
use crate::esm::compile_error::CompileError;

/// A style sheet with local names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// The text for the page.
    pub(crate) text: String,
    /// The exported names and their values.
    pub(crate) names: BTreeMap<String, Vec<Part>>,
}

/// Makes the names of the sheet at a URL path local.
///
/// # Errors
/// Fails if `composes` is used in a rule where it is not allowed, or adds too many classes.
pub(crate) fn scope(path: &Path, url: &str, text: &str) -> Result<Sheet, CompileError> {
    let mut scanner = Scanner {
        tokens: tokens(text),
        names: Names::new(text, url),
        keyframes: BTreeSet::new(),
        animations: Vec::new(),
        compositions: Compositions::default(),
        rules: Vec::new(),
        misplaced: None,
        too_many: None,
    };
    scanner.block(0..scanner.tokens.len(), false);
    let Scanner { mut names, keyframes, animations, compositions, misplaced, too_many, .. } =
        scanner;
    if let Some(Range { start, end }) = misplaced {
        let message = "composes requires a rule whose selector is a single local class".to_owned();
        return Err(CompileError::at(path, text, start, end, message));
    }
    let too_many_composed = || format!("composes adds up to more than {MAX_COMPOSED} classes");
    if let Some(Range { start, end }) = too_many {
        return Err(CompileError::at(path, text, start, end, too_many_composed()));
    }
    for (name, Range { start, end }) in animations {
        if keyframes.contains(&name) {
            names.rename(&name, start, end);
        }
    }
    let exported = names.local.iter().chain(&keyframes);
    let exports = compositions
        .expand(exported, &names)
        .map_err(|TooManyComposed| CompileError::of_file(path, too_many_composed()))?;
    Ok(Sheet { text: names.into_text(), names: exports })
}

struct Scanner<'s> {
    tokens: Vec<Token>,
    names: Names<'s>,
    keyframes: BTreeSet<String>,
    /// Identifiers in `animation` properties, which may be names of keyframes further down.
    animations: Vec<(String, Range<usize>)>,
    compositions: Compositions,
    /// For each rule around, outermost first: its classes, if its selector is nothing else.
    rules: Vec<Option<Vec<String>>>,
    /// The first `composes` in a rule where it is not allowed.
    misplaced: Option<Range<usize>>,
    /// The first `composes` that exceeds the limit.
    too_many: Option<Range<usize>>,
}

impl Scanner<'_> {
    /// Scans the rules and declarations between two tokens.
    fn block(&mut self, range: Range<usize>, global: bool) {
        let mut at = range.start;
        while at < range.end {
            if matches!(self.tokens[at].kind, Kind::Blank | Kind::Semicolon) {
                at += 1;
                continue;
            }
            let end = self.prelude_end(at, range.end);
            let is_rule = end < range.end
                && self.tokens.get(end).is_some_and(|token| token.kind == Kind::Open('{'));
            if is_rule {
                let close = self.tokens[end].close;
                self.rule(at..end, end + 1..close, global);
                at = close + 1;
            } else {
                self.declaration(at..end, global);
                at = end + 1;
            }
        }
    }

    /// Returns where a declaration, or the prelude of a rule, ends.
    fn prelude_end(&self, start: usize, limit: usize) -> usize {
        // The value of a custom property may contain blocks.
        let is_custom =
            matches!(&self.tokens[start].kind, Kind::Ident(name) if name.starts_with("--"));
        let mut end = start;
        while end < limit
            && self.tokens[end].kind != Kind::Semicolon
            && (is_custom || self.tokens[end].kind != Kind::Open('{'))
        {
            end = self.tokens[end].close.max(end) + 1;
        }
        end.min(limit)
    }

    fn rule(&mut self, prelude: Range<usize>, body: Range<usize>, global: bool) {
        let Kind::At(name) = &self.tokens[prelude.start].kind else {
            let classes = single_classes(&self.tokens[prelude.clone()]).filter(|_| !global);
            let global = scope_selector(&self.tokens, prelude, global, &mut self.names);
            self.rules.push(classes);
            self.block(body, global);
            self.rules.pop();
            return;
        };
        if name.ends_with("keyframes") {
            self.keyframes(prelude, global);
            return;
        }
        if name == "scope" {
            scope_selector(&self.tokens, prelude, global, &mut self.names);
        }
        self.block(body, global);
    }

    /// Scans the prelude of `@keyframes`.
    fn keyframes(&mut self, prelude: Range<usize>, global: bool) {
        let mut tokens = self.tokens[prelude.clone()].iter();
        if tokens.any(|token| token.kind == Kind::Function("global".to_owned())) {
            scope_selector(&self.tokens, prelude, global, &mut self.names);
            return;
        }
        let named = self.tokens[prelude].iter().find_map(|token| match &token.kind {
            Kind::Ident(name) | Kind::Text(name) => Some((name, token)),
            _ => None,
        });
        if let Some((name, token)) = named.filter(|_| !global) {
            self.names.rename(name, token.start, token.end);
            self.keyframes.insert(name.clone());
        }
    }

    fn declaration(&mut self, range: Range<usize>, global: bool) {
        let Some(Token { kind: Kind::Ident(name), start, .. }) = self.tokens.get(range.start)
        else {
            return;
        };
        let colon = self.tokens[range.clone()].iter().position(|token| token.kind == Kind::Colon);
        let Some(value) = colon.map(|colon| range.start + colon + 1..range.end) else { return };
        let name = name.to_ascii_lowercase();
        if name == "composes" {
            let semicolon = self.tokens.get(range.end);
            let semicolon = semicolon.filter(|token| token.kind == Kind::Semicolon);
            let end = semicolon.unwrap_or(&self.tokens[range.end - 1]).end;
            self.names.remove(*start, end);
            self.composes(*start, value);
        } else if matches!(
            name.strip_prefix("-webkit-").unwrap_or(&name),
            "animation" | "animation-name"
        ) && !global
        {
            for token in &self.tokens[value] {
                if let Kind::Ident(name) = &token.kind {
                    self.animations.push((name.clone(), token.start..token.end));
                }
            }
        }
    }

    /// Adds the value of `composes` to the classes of the rule around it.
    fn composes(&mut self, start: usize, value: Range<usize>) {
        let declaration = start..self.tokens[value.end - 1].end;
        let Some(Some(classes)) = self.rules.last() else {
            self.misplaced.get_or_insert(declaration);
            return;
        };
        if let Err(TooManyComposed) = self.compositions.add(classes, &self.tokens[value]) {
            self.too_many.get_or_insert(declaration);
        }
    }
}
