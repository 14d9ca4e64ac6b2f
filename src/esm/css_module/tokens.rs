//! Tokens of a style sheet as one list, with their positions (CSS Syntax Level 3, section 4).

use cssparser::{ParseError, Parser, ParserInput, Token as CssToken};

/// The depth from which on nested blocks are skipped.
const MAX_DEPTH: usize = 64;

/// The kind of a token, as far as livers needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::esm) enum Kind {
    Ident(String),
    /// An id in a selector, without its `#`.
    Id(String),
    /// An at-keyword, in lower case.
    At(String),
    /// A quoted string.
    Text(String),
    /// A URL without quotes.
    Url(String),
    /// A function name in lower case, with the bracket behind it.
    Function(String),
    /// Another opening bracket.
    Open(char),
    Close,
    Delim(char),
    Colon,
    Semicolon,
    Comma,
    /// White space or a comment.
    Blank,
    Other,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::esm) struct Token {
    pub(in crate::esm) kind: Kind,
    /// The byte offset of its start.
    pub(in crate::esm) start: usize,
    /// The byte offset of its end.
    pub(in crate::esm) end: usize,
    /// The index of the token that closes the block that this one opens; its own index otherwise.
    pub(in crate::esm) close: usize,
}

/// Returns the tokens of a style sheet. A block that is not closed ends with the sheet.
pub(in crate::esm) fn tokens(text: &str) -> Vec<Token> {
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
        let inner_end = parser.parse_nested_block(|inner| {
            if depth < MAX_DEPTH {
                read(inner, depth + 1, tokens);
            } else {
                while inner.next().is_ok() {}
            }
            Ok::<_, ParseError<'_, ()>>(inner.position().byte_index())
        });
        let (start, end) = (inner_end.unwrap_or(end), parser.position().byte_index());
        tokens[at].close = tokens.len();
        tokens.push(Token { kind: Kind::Close, start, end, close: tokens.len() });
    }
}

/// Converts a token, and returns whether it opens a block.
fn kind(token: CssToken<'_>) -> (Kind, bool) {
    let kind = match token {
        CssToken::Ident(name) => Kind::Ident(name.to_string()),
        CssToken::IDHash(name) => Kind::Id(name.to_string()),
        CssToken::AtKeyword(name) => Kind::At(name.to_ascii_lowercase()),
        CssToken::QuotedString(text) => Kind::Text(text.to_string()),
        CssToken::UnquotedUrl(url) => Kind::Url(url.to_string()),
        CssToken::Delim(delim) => Kind::Delim(delim),
        CssToken::Colon => Kind::Colon,
        CssToken::Semicolon => Kind::Semicolon,
        CssToken::Comma => Kind::Comma,
        CssToken::WhiteSpace(_) | CssToken::Comment(_) => Kind::Blank,
        CssToken::Function(name) => return (Kind::Function(name.to_ascii_lowercase()), true),
        CssToken::ParenthesisBlock => return (Kind::Open('('), true),
        CssToken::SquareBracketBlock => return (Kind::Open('['), true),
        CssToken::CurlyBracketBlock => return (Kind::Open('{'), true),
        _ => Kind::Other,
    };
    (kind, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Kind, tokens};

    #[test]
    fn opening_tokens_refer_to_their_closing_tokens() {
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
        fn tokens_of_any_text_are_in_order_and_in_bounds(text in "(?s)([{}()\\[\\].#:;,@\"'/*\\\\ \na-c]|--|é){0,60}") {
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
