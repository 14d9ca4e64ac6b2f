//! JSON: imported files, `tsconfig.json`, and import maps.

use super::{Case, nest, survives};

#[tokio::test]
async fn imported_files() {
    let shapes =
        [("arrays", "[", "1", "]"), ("objects", "{\"a\":", "1", "}"), ("strings", "\"", "", "")];
    let cases = shapes.iter().flat_map(|(name, open, inner, close)| {
        [100, 1_000, 300_000].map(|depth| {
            let text = nest(depth, open, inner, close);
            Case::new(format!("{name} {depth}"), "/a.json?import").with("a.json", text)
        })
    });
    let names: String = (0..50_000).map(|at| format!("\"a{at}\":1,")).collect();
    let names = Case::new("names", "/a.json?import").with("a.json", format!("{{{names}\"b\":1}}"));
    survives("JSON", cases.chain([names])).await;
}

#[tokio::test]
async fn compiler_options() {
    let case = |name: String| Case::of_file(name, "a.ts", "export const a: number = 1;");
    let extends = |target: &str| format!("{{\"extends\":{target}}}");
    let mut cases = Vec::new();
    for depth in [100, 100_000] {
        let nested = |name: &str, open: &str, close: &str| {
            let text =
                format!("{{\"compilerOptions\":{{\"x\":{}}}}}", nest(depth, open, "1", close));
            case(format!("{name} {depth}")).with("tsconfig.json", text)
        };
        cases.push(nested("arrays", "[", "]"));
        cases.push(nested("objects", "{\"a\":", "}"));
        cases.push(nested("comments", "/*", "*/"));
        let many = extends(&format!("[{}\"./b.json\"]", "\"./b.json\",".repeat(depth)));
        cases.push(
            case(format!("extends {depth} times")).with("tsconfig.json", many).with("b.json", "{}"),
        );
    }
    for length in [10, 2_000] {
        let chain = (0..length).fold(case(format!("extends {length}")), |case, at| {
            case.with(&format!("t{at}.json"), extends(&format!("\"./t{}.json\"", at + 1)))
        });
        cases.push(
            chain
                .with("tsconfig.json", extends("\"./t0.json\""))
                .with(&format!("t{length}.json"), "{}"),
        );
    }
    let diamond = (0..40).fold(case("extends diamond".into()), |case, at| {
        let two = format!("[\"./l{0}.json\",\"./r{0}.json\"]", at + 1);
        case.with(&format!("l{at}.json"), extends(&two)).with(&format!("r{at}.json"), extends(&two))
    });
    let diamond = diamond.with("l40.json", "{}").with("r40.json", "{}");
    cases.push(diamond.with("tsconfig.json", extends("[\"./l0.json\",\"./r0.json\"]")));
    cases.push(case("extends itself".into()).with("tsconfig.json", extends("\"./tsconfig.json\"")));
    cases.push(
        case("extends in a circle".into())
            .with("tsconfig.json", extends("\"./b.json\""))
            .with("b.json", extends("\"./tsconfig.json\"")),
    );
    let references = "{\"path\":\"./tsconfig.json\"},".repeat(1_000);
    let references = format!("{{\"files\":[],\"references\":[{references}{{\"path\":\".\"}}]}}");
    cases.push(case("references".into()).with("tsconfig.json", references));
    let include = nest(20_000, "{a,", "b", "}");
    cases.push(
        case("include".into()).with("tsconfig.json", format!("{{\"include\":[\"{include}\"]}}")),
    );
    let stars = "**/*".repeat(200);
    cases.push(
        case("stars".into()).with("tsconfig.json", format!("{{\"include\":[\"{stars}x\"]}}")),
    );
    survives("tsconfig.json", cases).await;
}
