//! Pages.

use super::{Case, nest, survives};

#[tokio::test]
async fn nested_pages() {
    let shapes = [
        ("elements", "<div>", "", "</div>"),
        ("templates", "<template>", "", "</template>"),
        ("comments", "<!--", "", "-->"),
        ("tables", "<table><tr><td>", "", "</table>"),
        ("SVG", "<svg>", "", "</svg>"),
        ("attributes", "<a b", "", ""),
        ("scripts", "<script type=module>import 'a'", "", "</script>"),
        ("import maps", "<script type=importmap>{\"imports\":{\"a\":\"/a\"}}", "", "</script>"),
        ("policies", "<meta http-equiv=Content-Security-Policy content=\"a 'b';\">", "", ""),
    ];
    let cases = shapes.iter().flat_map(|(name, open, inner, close)| {
        [100, 5_000, 40_000].map(|depth| {
            let text = nest(depth, open, inner, close);
            Case::of_file(format!("{name} {depth}"), "a.html", format!("<!doctype html>{text}"))
        })
    });
    let inline = |code: String| format!("<script type=module>import 'a';{code}</script>");
    let inline = [
        ("brackets in a script", nest(50_000, "[", "1", "]")),
        ("a sum in a script", "1+".repeat(50_000)),
        ("imports in a script", (0..20_000).map(|at| format!("import './{at}';")).collect()),
    ]
    .map(|(name, code)| Case::of_file(name, "a.html", inline(code)));
    let map = nest(50_000, "{\"imports\":", "1", "}");
    let map = format!("<script type=importmap>{map}</script>");
    survives("pages", cases.chain(inline).chain([Case::of_file("an import map", "a.html", map)]))
        .await;
}
