//! JavaScript, TypeScript and JSX.

use super::{Case, nest, survives};

/// Constructs that nest or repeat: name, file extension, beginning, open, inner, close.
const SHAPES: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("parentheses", "js", "import './a';x=", "(", "1", ")"),
    ("arrays", "ts", "x=", "[", "1", "]"),
    ("objects", "ts", "x=", "{a:", "1", "}"),
    ("calls", "ts", "", "f(", "1", ")"),
    ("call chain", "ts", "f", "()", "", ""),
    ("index chain", "ts", "f", "[0]", "", ""),
    ("member chain", "ts", "f", ".a", "", ""),
    ("optional chain", "ts", "f", "?.a", "", ""),
    ("tagged templates", "ts", "f", "``", "", ""),
    ("sum", "ts", "x=1", "+1", "", ""),
    ("conjunction", "ts", "x=1", "&&1", "", ""),
    ("power", "ts", "x=1", "**1", "", ""),
    ("conditional", "ts", "x=", "a?b:", "1", ""),
    ("middle of a conditional", "ts", "x=", "a?", "1", ":b"),
    ("assignment", "ts", "", "a=", "1", ""),
    ("arrow functions", "ts", "x=", "a=>", "1", ""),
    ("arrow functions with blocks", "ts", "x=", "()=>{", "", "}"),
    ("default parameters", "ts", "x=", "(a=", "1", ")=>1"),
    ("negation", "ts", "x=", "!", "1", ""),
    ("typeof and tabs", "ts", "x=", "typeof\t", "1", ""),
    ("new and line breaks", "ts", "x=", "new\n", "f", ""),
    ("templates", "ts", "x=", "`${", "1", "}`"),
    ("blocks", "ts", "", "{", "", "}"),
    ("if", "ts", "", "if(a)", ";", ""),
    ("else if", "ts", "", "if(a);else ", ";", ""),
    ("else if on lines", "ts", "", "if(a)b\nelse\n", ";", ""),
    ("for", "ts", "", "for(;;)", ";", ""),
    ("do", "ts", "", "do\t", ";", "while(a)"),
    ("functions", "ts", "", "function f(){", "", "}"),
    ("classes", "ts", "x=", "class{a=", "1", "}"),
    ("brackets behind comments", "ts", "x=", "[/*]*/", "1", "]"),
    ("elements", "tsx", "x=", "<a>", "b", "</a>"),
    ("fragments", "tsx", "x=", "<>", "b", "</>"),
    ("attributes", "tsx", "x=", "<a b={", "1", "}/>"),
    ("children", "tsx", "x=", "<a>{", "1", "}</a>"),
    ("array types", "ts", "let x:A", "[]", "", ""),
    ("generic types", "ts", "let x:", "A<", "B", ">"),
    ("tuple types", "ts", "let x:", "[", "B", "]"),
    ("function types", "ts", "let x:", "(a:", "B", ")=>c"),
    ("conditional types", "ts", "let x:", "A extends B?C:", "B", ""),
    ("namespaces", "ts", "", "namespace A{", "", "}"),
    ("as", "ts", "x=1", " as A", "", ""),
    ("comments", "ts", "", "/*", "", "*/"),
    ("groups of a regular expression", "ts", "x=/", "(", "b", ")"),
];

#[tokio::test]
async fn expansions() {
    let doubling = |step: fn(usize) -> String| {
        let members = (0..40).map(|at| format!(", A{} = {}", at + 1, step(at)));
        format!("export enum E {{ A0 = 'x'{} }}", members.collect::<String>())
    };
    let repeated = |line: fn(usize) -> String| (0..20_000).map(line).collect::<String>();
    let cases = [
        ("sums in an enum", doubling(|at| format!("A{at} + A{at}"))),
        ("templates in an enum", doubling(|at| format!("`${{A{at}}}${{A{at}}}`"))),
        ("inferred types", format!("type X = A extends {}", "(infer B extends ".repeat(30))),
        ("type arguments", format!("x = a{}", "<a".repeat(20_000))),
        ("conditional arrow functions", format!("x = {}d", "a?(b):c=>".repeat(20_000))),
        ("async type parameters", format!("x = {}", "async<T,>(a=".repeat(30))),
        ("imports", repeated(|at| format!("import './{at}.js';"))),
        ("the same import", repeated(|_| "import './probe.json';".to_owned())),
        ("queries", repeated(|at| format!("import './probe.json?{at}';"))),
        (
            "names",
            format!(
                "//$hot{}
import.meta.hot;",
                "$".repeat(500_000)
            ),
        ),
        (
            "placeholders",
            repeated(|at| {
                format!(
                    "//~{at:0>10}~
"
                )
            }) + "import './probe.json';",
        ),
        ("members", format!("class A {{ {} }}", repeated(|at| format!("m{at} = 1;")))),
        ("elements", format!("x = [{}]", repeated(|_| "<a b='c'/>,\n".to_owned()))),
    ];
    let cases = cases.map(|(name, text)| Case::of_file(name, "a.tsx", text));
    survives("expansions in scripts", cases).await;
}

#[tokio::test]
async fn nested_and_chained_scripts() {
    let cases = SHAPES.iter().flat_map(|(name, extension, before, open, inner, close)| {
        [100, 3_000, 60_000].map(|depth| {
            let text = format!("{before}{}", nest(depth, open, inner, close));
            Case::of_file(format!("{name} {depth}"), &format!("a.{extension}"), text)
        })
    });
    survives("scripts", cases).await;
}
