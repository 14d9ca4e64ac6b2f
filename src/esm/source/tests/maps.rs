//! The source map leads from each word of the code to the same word of the source.

use super::{super::Compiled, compile};

/// A segment of a line: its column, and the line and column in the source.
type Segment = (usize, usize, usize);

/// The segments of each line.
fn decode(mappings: &str) -> Vec<Vec<Segment>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let numbers = |segment: &str| {
        let (mut numbers, mut number, mut shift) = (Vec::new(), 0_i64, 0);
        for char in segment.chars() {
            let digit = i64::try_from(ALPHABET.find(char).unwrap()).unwrap();
            number += (digit & 31) << shift;
            shift += 5;
            if digit & 32 == 0 {
                numbers.push(if number & 1 == 1 { -(number >> 1) } else { number >> 1 });
                (number, shift) = (0, 0);
            }
        }
        numbers
    };
    let (mut line, mut column) = (0, 0);
    let at = |number: i64| usize::try_from(number).unwrap();
    mappings
        .split(';')
        .map(|row| {
            let mut generated = 0;
            row.split(',')
                .filter(|segment| !segment.is_empty())
                .map(|segment| {
                    let numbers = numbers(segment);
                    generated += numbers[0];
                    line += numbers[2];
                    column += numbers[3];
                    (at(generated), at(line), at(column))
                })
                .collect()
        })
        .collect()
}

fn base64(text: &str) -> Vec<u8> {
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
// A comment that goes.
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

#[test]
fn a_map_leads_to_the_source() {
    let script = compile("/src/x.tsx", SOURCE).unwrap().unwrap();
    let compiled = Compiled { code: script.code, slots: script.slots, ..Compiled::default() };
    for code in [
        compiled.code.clone(),
        compiled.stamped(|path| (path != "/src/a.ts").then_some(7)),
        compiled.stamped(|_| Some(123_456_789)),
    ] {
        let (code, map) = code.split_once("//# sourceMappingURL=").unwrap();
        let map = map.split_once("base64,").unwrap().1;
        let map: serde_json::Value = serde_json::from_slice(&base64(map)).unwrap();
        assert_eq!(map["sources"], serde_json::json!(["x.tsx"]));
        assert_eq!(map["sourcesContent"], serde_json::json!([SOURCE]));
        let lines = decode(map["mappings"].as_str().unwrap());
        // Nobody's source is on the first line.
        assert_eq!(lines[0], []);
        for word in WORDS {
            let word_ends = |at: usize| !code[at + word.len()..].starts_with(char::is_alphanumeric);
            let mut found = code.match_indices(word).map(|(at, _)| at);
            let before =
                &code[..found.find(|at| *at > code.find('\n').unwrap() && word_ends(*at)).unwrap()];
            let line = before.matches('\n').count();
            let column = before.rsplit('\n').next().unwrap().encode_utf16().count();
            let segment = lines[line].iter().rev().find(|(start, ..)| *start <= column).unwrap();
            let found = (segment.1, segment.2 + column - segment.0);
            let line = SOURCE.lines().nth(found.0).unwrap().encode_utf16();
            let line: Vec<_> = line.skip(found.1).collect();
            assert!(
                String::from_utf16_lossy(&line).starts_with(word),
                "{word} leads to {found:?}\n{code}"
            );
        }
    }
}

#[test]
fn a_stamp_moves_nothing() {
    let source = "import './a'; import('../x.css'); import('./plain?v=1'); end();";
    let script = compile("/src/x.ts", source).unwrap().unwrap();
    let compiled = Compiled { code: script.code, slots: script.slots, ..Compiled::default() };
    let line = |code: &str| code.lines().nth(3).unwrap().to_owned();
    let none = compiled.stamped(|_| None);
    assert_eq!(none, compiled.code);
    let some = compiled.stamped(|path| (path != "/src/a.ts").then_some(18));
    assert_eq!(some.len(), none.len());
    assert_eq!(line(&some).trim_end(), "import(\"/src/plain.js?v=1&t=18\"       );");
    assert!(some.contains("import \"/src/a.ts\"            ;"));
    assert!(some.contains("import(\"/x.css?import&t=18\"       );"));
    // A version that nobody will see.
    let large = compiled.stamped(|_| Some(u64::MAX));
    assert!(large.contains(&format!("import \"/src/a.ts?t={}\";\n", u64::MAX)));
}
