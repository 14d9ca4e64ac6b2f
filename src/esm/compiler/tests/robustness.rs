//! Any source compiles, is unchanged, or has an error: no input panics or overflows the stack.

use proptest::prelude::*;

use super::{super::bare_imports, compile};
use crate::esm::stack::run_with_stack;

#[test]
fn deeply_nested_sources_do_not_overflow_the_stack() {
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("export let a = {}{inner}{}", open.repeat(times), close.repeat(times))
    };
    // The limits of nested brackets do not apply to chains.
    for chain in [nested("a + ", "1", "", 20_000), nested("b", "", ".c()", 20_000)] {
        assert!(
            run_with_stack(&chain, || compile("/src/x.tsx", &chain).is_ok()).is_ok_and(|ok| ok)
        );
    }
    let table = [
        nested("(", "1", ")", 10_000),
        nested("[", "1", "]", 2000),
        nested("f(", "1", ")", 2000),
        nested("() => {", "", "}", 1000),
        nested("a => ", "1", "", 2000),
        nested("!", "1", "", 5000),
        nested("a + ", "1", "", 5000),
        nested("a ? b : ", "1", "", 2000),
        nested("typeof ", "1", "", 2000),
        nested("a = ", "1", "", 2000),
        nested("b", "", ".c()", 2000),
        nested("<p>", "", "</p>", 500),
        nested("`${", "1", "}`", 1000),
        nested("", "1;", "if (a) {} else ", 2000) + "{}",
        nested("{", "}", "", 1000),
        "(".repeat(10_000),
        "a<".repeat(100),
    ];
    for text in table {
        let start = &text[..text.len().min(40)];
        for path in ["/src/x.jsx", "/src/x.tsx"] {
            let result = run_with_stack(&text, || compile(path, &text).map(|_| ()));
            assert!(result.is_ok(), "{start}");
        }
    }
}

/// Pieces of complete and incomplete syntax.
const PIECES: [&str; 40] = [
    "import ",
    "export ",
    "default ",
    "from './a'",
    "'react'",
    "import('./plain')",
    "{ ",
    "} ",
    "( ",
    ") ",
    "=> ",
    "async ",
    "await ",
    "const a = ",
    "function B",
    "class C ",
    "extends ",
    "<p>",
    "</p>",
    "<>",
    "</>",
    "{...a}",
    "import.meta.env",
    "import.meta",
    "process.env.NODE_ENV",
    "`${",
    "}`",
    "enum E { A }",
    ": string",
    "as const ",
    "@b ",
    "#c",
    "/* ",
    "*/",
    "// x\n",
    "\n",
    "; ",
    "\u{2028}",
    "日本",
    "'use client'",
];

proptest! {
    #[test]
    fn any_text_has_an_outcome(text in "(?s).{0,200}") {
        for path in ["/src/x.js", "/src/x.tsx"] {
            let result = run_with_stack(&text, || compile(path, &text).map(|_| ()));
            prop_assert!(result.is_ok());
        }
        bare_imports(&text);
    }

    #[test]
    fn any_pieces_have_an_outcome(pieces in prop::collection::vec(0..PIECES.len(), 0..24)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        for path in ["/src/x.js", "/src/x.ts", "/src/x.tsx"] {
            let result = run_with_stack(&text, || compile(path, &text).map(|_| ()));
            prop_assert!(result.is_ok());
        }
        bare_imports(&text);
    }

    #[test]
    fn truncated_source_has_an_outcome(from in 0_usize..800, length in 1_usize..40) {
        let mut text: Vec<_> = SOURCE.chars().collect();
        text.drain(from.min(text.len())..(from + length).min(text.len()));
        let text: String = text.into_iter().collect();
        let result = run_with_stack(&text, || compile("/src/x.tsx", &text).map(|_| ()));
        prop_assert!(result.is_ok());
    }
}

const SOURCE: &str = r#"
import React, { useState, type FC } from 'react';
import * as d3 from "d3";
import data from '../data.json' with { type: 'json' };
export * from './a';
enum Color { Red = 1, Green = Red << 1 }
namespace N { export const x = 1; export namespace M { export let y = x } }
abstract class Shape<T extends object = {}> { constructor(private readonly t: T, public n?: number) {}
  static #count = 0; declare z: string; get t2(): T { return this.t! } abstract area(): number }
const Lazy = React.lazy(() => import('./App'));
export const Button: FC<{ onClick?(): void }> = ({ onClick, ...rest }) => {
  const [n, set] = useState<number>(() => 0);
  return <><Lazy {...rest} n={n as number}>{n > 1 ? <b key="b">many &amp; more</b> : null}</Lazy>
    <button onClick={() => { set(n + 1); onClick?.() }} disabled>{`${n} times`}</button></>;
};
console.log(import.meta.env.MODE, process.env.NODE_ENV, d3.select, data, <T,>(x: T) => x satisfies T);
export default Button; // the end
"#;
