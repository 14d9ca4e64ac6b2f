//! Style sheets as texts that can stand in a page: splits off the `@import` rules, and makes the
//! URLs independent of where the text stands.
//!
//! A module inserts the text of a sheet when it runs, so that the sheet applies before the next
//! module runs. The sheets that it imports are inserted with it where they can be, each wrapped in
//! the conditions of its `@import` (CSS Cascading and Inheritance Level 5, section 2).

use cssparser::serialize_string;
use oxc::span::Span;

use super::{
    css_module::tokens::{Kind, Token, tokens},
    edits::Edits,
};

/// The start of the comment that names the source map of a sheet (ECMA-426).
const SOURCE_MAP: &str = "/*# sourceMappingURL=";

/// A part of a style sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Rules.
    Rules(String),
    /// An `@layer` statement before the first rule.
    Layers(String),
    Import(Import),
}

/// An `@import` rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Import {
    /// The URL as it is written, without escapes.
    pub(super) specifier: String,
    /// Everything behind the URL.
    pub(super) conditions: String,
    /// What stands before and behind the rules of the imported sheet if they are inserted.
    pub(super) wrapper: (String, String),
}

/// A style sheet, in the order of its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StyleSheet {
    pub(super) pieces: Vec<Piece>,
    /// Whether it declares namespaces, which no rule may precede.
    pub(super) has_namespaces: bool,
}

impl StyleSheet {
    /// Returns the arguments that the page's `joined` takes for the sheet at a URL path. `literal`
    /// returns a string literal, `import` the argument for an imported sheet.
    pub(super) fn arguments(
        &self,
        url_path: &str,
        literal: impl Fn(&str) -> String,
        mut import: impl FnMut(&Import) -> String,
    ) -> String {
        let mut arguments = literal(url_path);
        for piece in &self.pieces {
            arguments.push_str(", ");
            let argument = match piece {
                Piece::Rules(text) => literal(text),
                Piece::Layers(text) => format!("{{ layers: {} }}", literal(text)),
                Piece::Import(it) => import(it),
            };
            arguments.push_str(&argument);
        }
        arguments
    }
}

impl Import {
    /// Returns the argument for a sheet that the browser loads from a URL.
    pub(super) fn external(&self, url: &str, literal: impl Fn(&str) -> String) -> String {
        format!("{{ url: {}, conditions: {} }}", literal(url), literal(&self.conditions))
    }
}

/// Splits the style sheet at a URL path, and makes the URLs in its rules absolute.
pub(super) fn split(text: &str, url_path: &str) -> StyleSheet {
    let tokens = tokens(text);
    let source = Source { text, tokens: &tokens };
    let mut sheet = StyleSheet::default();
    // The index of the token and the offset at which the rules begin.
    let (mut at, mut first) = (0, (0, 0));
    while let Some(token) = tokens.get(at) {
        let end = source.statement_end(at);
        let is_statement = tokens.get(end).is_none_or(|token| token.kind == Kind::Semicolon);
        match &token.kind {
            Kind::Blank => {
                at += 1;
                continue;
            }
            Kind::At(name) if name == "charset" => {}
            Kind::At(name) if name == "layer" && is_statement => {
                let statement = text[token.start..source.end_of(end)].to_owned();
                sheet.pieces.push(Piece::Layers(statement.trim_end_matches(';').to_owned() + ";"));
            }
            Kind::At(name) if name == "import" && is_statement => {
                sheet.pieces.extend(source.import(at + 1, end).map(Piece::Import));
            }
            _ => break,
        }
        at = end + 1;
        first = (at, source.end_of(end));
    }
    let rules = tokens.get(first.0..).unwrap_or_default();
    sheet.has_namespaces = rules.iter().any(|it| it.kind == Kind::At("namespace".to_owned()));
    if rules.iter().any(|it| it.kind != Kind::Blank) {
        sheet.pieces.push(Piece::Rules(source.rules(first, url_path)));
    }
    sheet
}

/// Returns the text of the style sheet at a URL path, with absolute URLs in its rules. What it
/// imports stays.
pub(super) fn with_absolute_urls(text: &str, url_path: &str) -> String {
    let tokens = tokens(text);
    let source = Source { text, tokens: &tokens };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let end = source.statement_end(at);
        let is_statement = tokens.get(end).is_none_or(|token| token.kind == Kind::Semicolon);
        match &token.kind {
            Kind::Blank => at += 1,
            Kind::At(_) if is_statement => at = end + 1,
            _ => break,
        }
    }
    let start = tokens.get(at).map_or(text.len(), |token| token.start);
    text[..start].to_owned() + source.rules((at, start), url_path).trim_start_matches('\n')
}

/// The text of a sheet with its tokens.
#[derive(Clone, Copy)]
struct Source<'s> {
    text: &'s str,
    tokens: &'s [Token],
}

impl<'s> Source<'s> {
    /// Returns the index of the semicolon or the block that ends a statement.
    fn statement_end(self, start: usize) -> usize {
        let mut at = start;
        while let Some(token) = self.tokens.get(at) {
            if matches!(token.kind, Kind::Semicolon | Kind::Open('{')) {
                break;
            }
            at = token.close.max(at) + 1;
        }
        at
    }

    /// Returns the offset at which a token ends, or the end of the sheet.
    fn end_of(self, at: usize) -> usize {
        self.tokens.get(at).map_or(self.text.len(), |token| token.end)
    }

    /// Returns the text between a bracket and the one that closes it.
    fn inner(self, open: &Token) -> &'s str {
        &self.text[open.end..self.tokens[open.close].start]
    }

    /// Parses what is between `@import` and the end of the rule. Returns `None` if it has no URL.
    fn import(self, start: usize, end: usize) -> Option<Import> {
        let end = end.min(self.tokens.len());
        let mut at = (start..end).find(|at| self.tokens[*at].kind != Kind::Blank)?;
        let specifier = match &self.tokens[at].kind {
            Kind::Text(url) | Kind::Url(url) => url.clone(),
            Kind::Function(name) if is_url_function(name) => self.argument(at)?.1.to_owned(),
            _ => return None,
        };
        at = self.tokens[at].close.max(at) + 1;
        let text_end = self.tokens.get(end.checked_sub(1)?)?.end;
        let text_from = |at: usize| {
            let start = self.tokens.get(at).map_or(text_end, |token| token.start);
            self.text.get(start..text_end).unwrap_or_default().trim().to_owned()
        };
        let mut import = Import { specifier, conditions: text_from(at), ..Import::default() };
        let mut wrap = |open: &str| {
            import.wrapper.0.push_str(open);
            import.wrapper.1.push('}');
        };
        let mut layer = None;
        while let Some(token) = self.tokens.get(at).filter(|_| at < end) {
            match &token.kind {
                Kind::Blank => {}
                Kind::Ident(name) if name.eq_ignore_ascii_case("layer") => layer = Some(""),
                Kind::Function(name) if name == "layer" => layer = Some(self.inner(token)),
                Kind::Function(name) if name == "supports" => {
                    wrap(&format!("@supports ({}) {{", self.inner(token)));
                }
                _ => {
                    wrap(&format!("@media {} {{", text_from(at)));
                    break;
                }
            }
            at = token.close.max(at) + 1;
        }
        if let Some(name) = layer {
            wrap(&format!("@layer {name} {{"));
        }
        Some(import)
    }

    /// Returns the string in a function that contains nothing else.
    fn argument(self, function: usize) -> Option<(&'s Token, &'s str)> {
        let inner = self.tokens.get(function + 1..self.tokens[function].close)?;
        inner.iter().find_map(|token| match &token.kind {
            Kind::Text(url) => Some((token, url.as_str())),
            _ => None,
        })
    }

    /// Returns the text from a token and its offset on, with absolute URLs, and with all blocks
    /// closed. Each rule stays on its line.
    fn rules(self, (first, start): (usize, usize), url_path: &str) -> String {
        let mut edits = Edits::default();
        edits.blank(self.text, span(0, start), "");
        let replace = |edits: &mut Edits, token: &Token, url: &str, function: bool| {
            let Some(url) = absolute(url, url_path) else { return };
            let mut quoted = String::new();
            if serialize_string(&url, &mut quoted).is_ok() {
                let text = if function { format!("url({quoted})") } else { quoted };
                edits.replace(span(token.start, token.end), text);
            }
        };
        let mut at = first;
        while let Some(token) = self.tokens.get(at) {
            match &token.kind {
                // The name of a namespace is no reference.
                Kind::At(name) if name == "namespace" => at = self.statement_end(at),
                Kind::Url(url) => replace(&mut edits, token, url, true),
                Kind::Blank => {
                    let url = self.text[token.start..token.end].strip_prefix(SOURCE_MAP);
                    let url = url.and_then(|url| url.strip_suffix("*/"));
                    if let Some(url) = url.and_then(|url| absolute(url.trim(), url_path)) {
                        let comment = format!("{SOURCE_MAP}{url} */");
                        edits.replace(span(token.start, token.end), comment);
                    }
                }
                Kind::Function(name) if is_url_function(name) => {
                    if let Some((token, url)) = self.argument(at) {
                        replace(&mut edits, token, url, false);
                    }
                }
                Kind::Function(name) if name.ends_with("image-set") => {
                    let mut inner = at + 1;
                    while inner < token.close {
                        if let Kind::Text(url) = &self.tokens[inner].kind {
                            replace(&mut edits, &self.tokens[inner], url, false);
                        }
                        // `type("image/png")` is no reference.
                        let is_type = self.tokens[inner].kind == Kind::Function("type".to_owned());
                        inner = if is_type { self.tokens[inner].close } else { inner } + 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        edits.apply(self.text) + &self.missing_end(first)
    }

    /// Returns what closes the blocks and the comment that the text leaves open.
    fn missing_end(self, first: usize) -> String {
        let mut end = String::new();
        let last = self.tokens.iter().rfind(|token| token.start < token.end);
        let last = last.map_or("", |last| &self.text[last.start..last.end]);
        if last.starts_with("/*") && (last.len() < 4 || !last.ends_with("*/")) {
            end.push_str("*/");
        }
        let is_open = |token: &&Token| {
            let close = &self.tokens[token.close];
            close.kind == Kind::Close && close.start == close.end
        };
        for token in self.tokens[first..].iter().rev().filter(is_open) {
            match token.kind {
                Kind::Open('{') => end.push('}'),
                Kind::Open('[') => end.push(']'),
                Kind::Open(_) | Kind::Function(_) => end.push(')'),
                _ => {}
            }
        }
        end
    }
}

fn is_url_function(name: &str) -> bool {
    matches!(name, "url" | "src")
}

/// Returns a relative URL in the sheet at a URL path as an absolute path, or `None` if it is
/// absolute, or refers to the document (`#id`).
pub(super) fn absolute(url: &str, url_path: &str) -> Option<String> {
    let has_scheme = url.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':'));
    if url.is_empty() || url.starts_with(['/', '#']) || has_scheme {
        return None;
    }
    let folder = &url_path[..url_path.rfind('/').map_or(0, |at| at + 1)];
    let base = if url.starts_with('?') { url_path } else { folder };
    Some(format!("{base}{url}"))
}

fn span(start: usize, end: usize) -> Span {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(offset(start), offset(end))
}

#[cfg(test)]
mod tests {
    use super::{Import, Piece, split};

    fn rules(text: &str) -> String {
        match &split(text, "/css/a.css").pieces[..] {
            [Piece::Rules(text)] => text.clone(),
            pieces => panic!("{pieces:?}"),
        }
    }

    #[test]
    fn relative_urls_become_absolute() {
        for (text, expected) in [
            ("a{b:url(x.png)}", "a{b:url(\"/css/x.png\")}"),
            ("a{b:URL( '../x y.png' )}", "a{b:URL( \"/css/../x y.png\" )}"),
            ("a{--b:url(x)}", "a{--b:url(\"/css/x\")}"),
            ("a{b:url(/x) url(#x) url(data:,x) url(\"//h/x\") url()}", ""),
            (
                "a{b:image-set(\"x\" 1x type('image/png'), url(y) 2x)}",
                "a{b:image-set(\"/css/x\" 1x type('image/png'), url(\"/css/y\") 2x)}",
            ),
            ("@namespace s url(x); a[b=\"x\"]{content:'x'}", ""),
            (
                "@font-face{src:url(f.woff2?v=1#x)format('woff2')}",
                "@font-face{src:url(\"/css/f.woff2?v=1#x\")format('woff2')}",
            ),
            ("a{b:url(?x)}", "a{b:url(\"/css/a.css?x\")}"),
            ("/* a */\n\na{}", ""),
            ("a{}/*# sourceMappingURL=a.css.map */", "a{}/*# sourceMappingURL=/css/a.css.map */"),
            ("a:not(b,[c", "a:not(b,[c])"),
            ("a{b:c/* d", "a{b:c/* d*/}"),
        ] {
            let expected = if expected.is_empty() { text } else { expected };
            assert_eq!(rules(text), expected, "{text}");
        }
    }

    #[test]
    fn imports_are_split_off_with_their_conditions() {
        let import = |specifier: &str, conditions: &str, open: &str, close: &str| {
            Piece::Import(Import {
                specifier: specifier.to_owned(),
                conditions: conditions.to_owned(),
                wrapper: (open.to_owned(), close.to_owned()),
            })
        };
        let text = "@charset \"utf-8\"; /* c */ @layer a, b;\n@import 'x.css';\n\
            @import url(y.css) layer screen and (color);@import url(\"z.css\") layer(a.b) supports(display: grid);\
            @import nothing;\na{}@import 'late.css';";
        assert_eq!(
            split(text, "/a.css").pieces,
            [
                Piece::Layers("@layer a, b;".to_owned()),
                import("x.css", "", "", ""),
                import(
                    "y.css",
                    "layer screen and (color)",
                    "@media screen and (color) {@layer  {",
                    "}}"
                ),
                import(
                    "z.css",
                    "layer(a.b) supports(display: grid)",
                    "@supports (display: grid) {@layer a.b {",
                    "}}"
                ),
                Piece::Rules("\n\n\na{}@import 'late.css';".to_owned()),
            ]
        );
        assert!(split("@import 'x'; @namespace 'y';", "/a.css").has_namespaces);
        assert_eq!(split("@layer a { b {} }", "/").pieces.len(), 1);
        assert_eq!(split("@import 'x", "/").pieces, [import("x", "", "", "")]);
        assert_eq!(split("@import", "/").pieces, []);
        assert_eq!(split("/* a */ ", "/").pieces, []);
        assert_eq!(split("", "/").pieces, []);
    }
}
