//! CSS modules.

use super::{Case, nest, survives};

/// Creates a case of a CSS module that is imported.
fn module(name: String, text: String) -> Case {
    Case::new(name, "/a.module.css?import").with("a.module.css", text)
}

/// Returns a rule for a class that composes others.
fn rule(class: usize, composed: &str) -> String {
    format!(".c{class}{{composes:{composed}}}\n")
}

#[tokio::test]
async fn composed_classes() {
    let chain = |length| (0..length).map(|at| rule(at, &format!("c{}", at + 1))).collect();
    let diamond = |levels: usize| {
        let two = |at: usize| rule(at, &format!("c{} c{}", at + 2 - at % 2, at + 3 - at % 2));
        (0..2 * levels).map(two).collect()
    };
    let dense = |classes: usize| {
        let all: String = (0..classes).map(|at| format!("c{at} ")).collect();
        (0..classes).map(|at| rule(at, &all)).collect()
    };
    let lists = |length: usize| {
        let classes = (0..length).map(|at| format!(".c{at}")).collect::<Vec<_>>().join(",");
        let composed = (0..length).map(|at| format!("d{at} ")).collect::<String>();
        format!("{classes}{{composes:{composed} from global}}")
    };
    let mut cases = Vec::new();
    for length in [300, 2_000, 8_000, 60_000] {
        cases.push(module(format!("chain {length}"), chain(length)));
    }
    for levels in [10, 40, 1_000] {
        cases.push(module(format!("diamond {levels}"), diamond(levels)));
    }
    for classes in [100, 700] {
        cases.push(module(format!("everything {classes}"), dense(classes)));
    }
    for length in [100, 3_000] {
        cases.push(module(format!("lists {length}"), lists(length)));
    }
    survives("composes", cases).await;
}

#[tokio::test]
async fn nested_style_sheets() {
    let shapes = [
        ("rules", ".a{", "", "}"),
        ("at-rules", "@media x{", "", "}"),
        ("functions", "a:not(", ".b", ")"),
        ("global", ":global(", ".b", ")"),
        ("brackets", "[", "a", "]"),
        ("values", ".a{--x:", "1", "}"),
        ("comments", "/*", "", "*/"),
    ];
    let cases = shapes.iter().flat_map(|(name, open, inner, close)| {
        [60, 5_000, 200_000]
            .map(|depth| module(format!("{name} {depth}"), nest(depth, open, inner, close)))
    });
    survives("style sheets", cases).await;
}
