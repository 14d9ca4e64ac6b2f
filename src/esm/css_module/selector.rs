//! Selectors of a CSS module.

use std::ops::Range;

use super::{
    names::Names,
    tokens::{Kind, Token},
};

/// Renames the local classes and ids in a selector. `base` is whether names are global at its
/// start. Returns whether they are global at its end.
pub(super) fn scope_selector(
    tokens: &[Token],
    range: Range<usize>,
    base: bool,
    names: &mut Names<'_>,
) -> bool {
    let mut global = base;
    let mut at = range.start;
    while at < range.end {
        let Token { kind, start, end, close } = &tokens[at];
        let next = tokens.get(at + 1).filter(|_| at + 1 < range.end);
        match (kind, next.map(|next| (&next.kind, next))) {
            (Kind::Comma, _) => global = base,
            (Kind::Delim('.'), Some((Kind::Ident(name), next))) if !global => {
                names.add(name, next.start, next.end);
                at += 1;
            }
            (Kind::Id(name), _) if !global => names.add(name, start + 1, *end),
            (Kind::Colon, Some((Kind::Ident(name), next))) if is_switch(name) => {
                global = name.eq_ignore_ascii_case("global");
                let rest = &tokens[at + 2..range.end];
                let is_alone =
                    at == range.start && rest.iter().all(|token| token.kind == Kind::Blank);
                let blank = tokens.get(at + 2).filter(|token| token.kind == Kind::Blank);
                let end = blank.filter(|_| !is_alone).map_or(next.end, |blank| blank.end);
                names.replace(*start, end, if is_alone { "&" } else { "" });
                at += 1;
            }
            (Kind::Colon, Some((Kind::Function(name), next))) if is_switch(name) => {
                let close = &tokens[next.close];
                names.replace(*start, next.end, "");
                scope_selector(tokens, at + 2..next.close, name == "global", names);
                names.replace(close.start, close.end, "");
                at = next.close;
            }
            (Kind::Open('['), _) => at = *close,
            (Kind::Open(_) | Kind::Function(_), _) => {
                scope_selector(tokens, at + 1..*close, global, names);
                at = *close;
            }
            _ => {}
        }
        at += 1;
    }
    global
}

/// Returns the classes of a selector list that consists of single classes (`.a, .b`), or `None` for
/// any other selector.
pub(super) fn single_classes(selector: &[Token]) -> Option<Vec<String>> {
    let parts = selector.split(|token| token.kind == Kind::Comma);
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

/// Returns whether a pseudo-class is `:global` or `:local`.
fn is_switch(name: &str) -> bool {
    name.eq_ignore_ascii_case("global") || name.eq_ignore_ascii_case("local")
}
