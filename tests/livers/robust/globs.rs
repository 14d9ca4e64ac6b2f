//! Patterns of `import.meta.glob`.

use super::{Case, nest, survives};

fn glob(name: String, pattern: &str) -> Case {
    Case::of_file(name, "a.ts", format!("export default import.meta.glob('./{pattern}');"))
}

#[tokio::test]
async fn patterns() {
    let mut cases = Vec::new();
    for depth in [5, 100, 20_000] {
        cases.push(glob(format!("braces {depth}"), &nest(depth, "\\x7ba,", "b", "}")));
        cases.push(glob(format!("plain braces {depth}"), &nest(depth, "{a,", "b", "}")));
        cases.push(glob(format!("classes in braces {depth}"), &nest(depth, "{[}]", "b", "}")));
        cases.push(glob(format!("pairs {depth}"), &"{a,b}".repeat(depth)));
        cases.push(glob(format!("stars {depth}"), &format!("{}b", "*a".repeat(depth))));
        cases.push(glob(format!("folders {depth}"), &format!("{}b", "**/".repeat(depth))));
        cases.push(glob(format!("parents {depth}"), &format!("{}*", "../".repeat(depth))));
        cases.push(glob(format!("classes {depth}"), &"[a-z]".repeat(depth)));
        let calls = "import.meta.glob('./**/*.ts');".repeat(depth);
        cases.push(Case::of_file(format!("calls {depth}"), "a.ts", calls));
        let patterns = "'./**/*.ts',".repeat(depth);
        let patterns = format!("import.meta.glob([{patterns}]);");
        cases.push(Case::of_file(format!("patterns {depth}"), "a.ts", patterns));
    }
    survives("import.meta.glob", cases).await;
}
