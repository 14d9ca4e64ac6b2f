//! The tokens of a style sheet in one list, with their places (CSS Syntax, section 4).

use cssparser::{ParseError, Parser, ParserInput, Token as Css};

/// Blocks that are nested deeper are not looked into.
const DEPTH: usize = 64;

/// What a token is, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ident(String),
    /// An id in a selector: without the `#`.
    Id(String),
    At(String),
    Text(String),
    /// A name and the bracket behind it.
    Function(String),
    /// A bracket of another kind.
    Open(char),
    Close,
    Delim(char),
    Colon,
    Semicolon,
    Comma,
    /// White space, or a comment.
    Blank,
    Other,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it begins and ends, bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Of what opens: which token closes it.
    pub(super) close: usize,
}

/// The tokens of a style sheet. What is not closed ends with it.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut input = ParserInput::new(text);
    let mut tokens = Vec::new();
    read(&mut Parser::new(&mut input), 0, &mut tokens);
    tokens
}

fn read(parser: &mut Parser<'_, '_>, depth: usize, tokens: &mut Vec<Token>) {
    loop {
        let start = parser.position().byte_index();
        let Ok(token) = parser.next_including_whitespace_and_comments().cloned() else { return };
        let end = parser.position().byte_index();
        let (kind, opens) = kind(token);
        let at = tokens.len();
        tokens.push(Token { kind, start, end, close: at });
        if !opens {
            continue;
        }
        let read = parser.parse_nested_block(|inner| {
            if depth < DEPTH {
                read(inner, depth + 1, tokens);
            } else {
                while inner.next().is_ok() {}
            }
            Ok::<_, ParseError<'_, ()>>(inner.position().byte_index())
        });
        let (start, end) = (read.unwrap_or(end), parser.position().byte_index());
        tokens[at].close = tokens.len();
        tokens.push(Token { kind: Kind::Close, start, end, close: tokens.len() });
    }
}

/// What a token is, and whether it opens a block.
fn kind(token: Css<'_>) -> (Kind, bool) {
    let kind = match token {
        Css::Ident(name) => Kind::Ident(name.to_string()),
        Css::IDHash(name) => Kind::Id(name.to_string()),
        Css::AtKeyword(name) => Kind::At(name.to_ascii_lowercase()),
        Css::QuotedString(text) => Kind::Text(text.to_string()),
        Css::Delim(delim) => Kind::Delim(delim),
        Css::Colon => Kind::Colon,
        Css::Semicolon => Kind::Semicolon,
        Css::Comma => Kind::Comma,
        Css::WhiteSpace(_) | Css::Comment(_) => Kind::Blank,
        Css::Function(name) => return (Kind::Function(name.to_ascii_lowercase()), true),
        Css::ParenthesisBlock => return (Kind::Open('('), true),
        Css::SquareBracketBlock => return (Kind::Open('['), true),
        Css::CurlyBracketBlock => return (Kind::Open('{'), true),
        _ => Kind::Other,
    };
    (kind, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Kind, tokens};

    #[test]
    fn what_opens_knows_what_closes_it() {
        let text = ".a:not([x], .b) { /* } */ c: url(x) \"}\" }";
        let tokens = tokens(text);
        let shown = |at: usize| &text[tokens[at].start..tokens[at].end];
        let opening = tokens.iter().enumerate().filter(|(at, token)| token.close > *at);
        let blocks: Vec<_> = opening.map(|(at, token)| (shown(at), shown(token.close))).collect();
        assert_eq!(blocks, [("not(", ")"), ("[", "]"), ("{", "}")]);
        assert!(tokens.iter().any(|token| token.kind == Kind::Text("}".to_owned())));
    }

    proptest! {
        #[test]
        fn the_tokens_of_any_text_cover_it(text in "(?s)([{}()\\[\\].#:;,@\"'/*\\\\ \na-c]|--|é){0,60}") {
            let tokens = tokens(&text);
            let mut at = 0;
            for token in &tokens {
                prop_assert!(token.start >= at && token.end >= token.start, "{:?}", token);
                prop_assert!(text.get(token.start..token.end).is_some());
                prop_assert!(token.close < tokens.len());
                at = token.end;
            }
        }
    }
}
