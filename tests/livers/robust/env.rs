//! `.env` files.

use super::{Case, nest, survives};

fn env(name: String, text: String) -> Case {
    Case::of_file(name, "a.ts", "export const env = import.meta.env as unknown;").with(".env", text)
}

#[tokio::test]
async fn references_in_values() {
    let bomb = |levels: usize, times: usize| {
        let value = |level: usize| format!("${{V{}}}", level + 1).repeat(times);
        let lines = (0..levels).map(|level| format!("V{level}={}\n", value(level)));
        format!("VITE_A=$V0\n{}V{levels}=x\n", lines.collect::<String>())
    };
    let mut cases = Vec::new();
    for (levels, times) in [(2, 20), (4, 20), (9, 20), (30, 2), (1_000, 1), (50_000, 1)] {
        cases.push(env(format!("{levels} levels of {times}"), bomb(levels, times)));
    }
    let many = |names: usize| {
        let line = |at| format!("VITE_{at}=${{X}}\n");
        format!("X={}\n{}", "x".repeat(1_000), (0..names).map(line).collect::<String>())
    };
    cases.push(env("many names".into(), many(20_000)));
    cases.push(env("itself".into(), "VITE_A=$VITE_A$VITE_A$VITE_A$VITE_A\n".into()));
    let nested = nest(100_000, "${A:-", "x", "}");
    cases.push(env("nested defaults".into(), format!("VITE_A={nested}\n")));
    cases.push(env("unclosed".into(), format!("VITE_A={}\n", "${".repeat(200_000))));
    cases.push(env("escapes".into(), format!("VITE_A=\"{}\n", "\\$".repeat(200_000))));
    cases.push(env("quotes".into(), "VITE_A=\"\n".repeat(20_000)));
    cases.push(env("lines".into(), "VITE_A=\n".repeat(200_000)));
    survives(".env", cases).await;
}
