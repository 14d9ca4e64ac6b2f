//! Source maps and version stamps: every word of the code maps to the same word of the source.

use oxc_sourcemap::SourceMap;

use super::{
    super::{CompiledModule, script::Script},
    compile,
};

/// Decodes base64.
pub(super) fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    for group in text.trim().as_bytes().chunks(4) {
        let digits: Vec<_> = group
            .iter()
            .filter_map(|byte| ALPHABET.iter().position(|known| known == byte))
            .collect();
        let bits =
            digits.iter().enumerate().fold(0, |bits, (at, digit)| bits | digit << (18 - 6 * at));
        for at in 0..digits.len() - 1 {
            bytes.push(u8::try_from(bits >> (16 - 8 * at) & 255).unwrap());
        }
    }
    bytes
}

const SOURCE: &str = "#!/usr/bin/env livers
// A comment that is removed.
import { first } from './a'; import(`./plain`).then(three); four('日本𝒳', five, first);

type Gone = { a: string };
enum Six { Seven }
export const Eight = (nine: Gone) => <p title={ten}>
\ttext
\t{eleven<Gone>(twelve as unknown)}
</p>; import('./App'); thirteen(import.meta.env.DEV, process.env.NODE_ENV, fourteen);
";

const WORDS: [&str; 12] = [
    "first", "three", "four", "five", "Six", "Eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen",
];

fn module(path: &str, text: &str) -> CompiledModule {
    let Script { code, slots, .. } = compile(path, text).unwrap().unwrap();
    CompiledModule { code, slots, ..CompiledModule::default() }
}

#[test]
fn every_word_maps_to_its_source_with_and_without_stamps() {
    let module = module("/src/x.tsx", SOURCE);
    for code in [
        module.code.clone(),
        module.with_stamps(|path| (path != "/src/a.ts").then_some(7)),
        module.with_stamps(|_| Some(123_456_789)),
    ] {
        let (code, map) = code.split_once("//# sourceMappingURL=").unwrap();
        let json = String::from_utf8(base64(map.split_once("base64,").unwrap().1)).unwrap();
        let map = SourceMap::from_json_string(&json).unwrap();
        assert_eq!(map.get_sources().collect::<Vec<_>>(), ["x.tsx"]);
        assert_eq!(map.get_source_content(0), Some(SOURCE));
        let generated_line = map.get_tokens().find(|token| token.get_dst_line() == 0);
        assert_eq!(generated_line, None);
        let lookup = map.generate_lookup_table();
        for word in WORDS {
            let (line, column) = position(code, word);
            let token = map.lookup_token(&lookup, line, column).unwrap();
            let source_line = SOURCE.lines().nth(token.get_src_line() as usize).unwrap();
            let source_column = (token.get_src_col() + column - token.get_dst_col()) as usize;
            let rest: Vec<_> = source_line.encode_utf16().skip(source_column).collect();
            assert!(
                String::from_utf16_lossy(&rest).starts_with(word),
                "{word} maps to {source_line:?}, column {source_column}\n{code}"
            );
        }
    }
}

/// Returns the line and column of the first occurrence of a whole word behind the generated line,
/// counted from 0, in UTF-16 code units.
fn position(code: &str, word: &str) -> (u32, u32) {
    let generated = code.find('\n').unwrap();
    let is_end = |at: usize| !code[at + word.len()..].starts_with(char::is_alphanumeric);
    let mut found = code.match_indices(word).map(|(at, _)| at);
    let before = &code[..found.find(|at| *at > generated && is_end(*at)).unwrap()];
    let column = before.rsplit('\n').next().unwrap().encode_utf16().count();
    (u32::try_from(before.matches('\n').count()).unwrap(), u32::try_from(column).unwrap())
}

#[test]
fn the_call_that_stands_for_an_element_maps_to_it() {
    let source =
        "export const a = () => <p title={1}>\n  <Other />\n\t<b.c>{two}</b.c>\n  <></>\n</p>;\n";
    let code = module("/src/x.tsx", source).code;
    let (code, map) = code.split_once("//# sourceMappingURL=").unwrap();
    let json = String::from_utf8(base64(map.split_once("base64,").unwrap().1)).unwrap();
    let map = SourceMap::from_json_string(&json).unwrap();
    for (call, element) in [
        ("_jsxDEV(\"p\"", "<p"),
        ("_jsxDEV(Other", "<Other"),
        ("_jsxDEV(b.c", "<b.c"),
        ("_jsxDEV(_Fragment", "<>"),
    ] {
        let place = |text: &str, part: &str| {
            let before = &text[..text.find(part).unwrap_or_else(|| panic!("{part}: {text}"))];
            let column = before.rsplit('\n').next().unwrap().len();
            (before.matches('\n').count(), column)
        };
        let (line, column) = place(code, call);
        let is_here = |token: &oxc_sourcemap::Token| {
            (token.get_dst_line() as usize, token.get_dst_col() as usize) == (line, column)
        };
        let token = map.get_tokens().find(is_here).unwrap_or_else(|| panic!("{call}: {code}"));
        let found = (token.get_src_line() as usize, token.get_src_col() as usize);
        assert_eq!(found, place(source, element), "{call}");
    }
}

#[test]
fn stamps_do_not_move_the_code() {
    let source = "import './a'; import('../x.css'); import('./plain?v=1'); end();";
    let module = module("/src/x.ts", source);
    let line = |code: &str| code.lines().nth(3).unwrap().to_owned();
    let none = module.with_stamps(|_| None);
    assert_eq!(none, module.code);
    let some = module.with_stamps(|path| (path != "/src/a.ts").then_some(18));
    assert_eq!(some.len(), none.len());
    assert_eq!(line(&some).trim_end(), "import(\"/src/plain.js?v=1&t=18\"       );");
    assert!(some.contains("import \"/src/a.ts\"            ;"));
    assert!(some.contains("import(\"/x.css?import&t=18\"       );"));
    // A stamp that does not fit its slot.
    let large = module.with_stamps(|_| Some(u64::MAX));
    assert!(large.contains(&format!("import \"/src/a.ts?t={}\";\n", u64::MAX)));
}
