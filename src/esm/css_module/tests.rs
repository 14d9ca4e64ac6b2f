//! Style sheets with scoped names.

use std::path::Path;

use proptest::prelude::*;

use super::{
    composes::Part,
    names::suffix,
    scope::{Sheet, scope},
};

fn scoped(text: &str) -> Sheet {
    scope(Path::new("/web/a.module.css"), "/a.module.css", text).unwrap()
}

#[test]
fn local_names_get_a_suffix() {
    // `$` stands for the suffix and the underscore before it.
    let table = [
        (".a{}", "._a$ {}"),
        (".a.b > .c:hover, #d::before{}", "._a$._b$ > ._c$:hover, #_d$::before{}"),
        ("a:not(.b, [class='.c']){}", "a:not(._b$, [class='.c']){}"),
        (".a{ .b & {} &.c{} }", "._a${ ._b$ & {} &._c${} }"),
        (
            "@media (min-width: 1.5em){ .a{ width: .5em } }",
            "@media (min-width: 1.5em){ ._a${ width: .5em } }",
        ),
        ("@scope (.a) to (.b) { .c{} }", "@scope (._a$) to (._b$) { ._c${} }"),
        (":global(.a) .b{}", ".a ._b${}"),
        (":global .a .b, .c{}", ".a .b, ._c${}"),
        (":global .a :local .b{}", ".a ._b${}"),
        (".a :global(.b:is(.c)):hover{}", "._a$ .b:is(.c):hover{}"),
        (":global { .a{} }", "& { .a{} }"),
        (".a\\:b{}", "._a\\:b${}"),
        (
            "/* .a */ b[x='.a']{ background: url(a.b.png) }",
            "/* .a */ b[x='.a']{ background: url(a.b.png) }",
        ),
        (
            ".a{ animation: 1s spin ease, ease } @keyframes spin { 50.5% {} }",
            "._a${ animation: 1s _spin$ ease, ease } @keyframes _spin$ { 50.5% {} }",
        ),
        (
            "@keyframes :global(x) {} .a{animation-name: x}",
            "@keyframes x {} ._a${animation-name: x}",
        ),
        (".a{ --x: { .b {} }; color: red }", "._a${ --x: { .b {} }; color: red }"),
        ("#fff{} .a{ color: #abc }", "#_fff${} ._a${ color: #abc }"),
        ("@import './b.css'; .a{}", "@import './b.css'; ._a${}"),
        (".a{", "._a${"),
    ];
    let suffix = format!("_{}", suffix("/a.module.css"));
    for (text, expected) in table {
        let expected = expected.replace("$ {}", "${}").replace('$', &suffix);
        assert_eq!(scoped(text).text, expected, "{text}");
    }
}

#[test]
fn composed_classes_are_part_of_the_value() {
    let text = ".a{ composes: b c from './x.module.css';\ncolor: red }\n\
        .b { composes: a d from global }\n.e, .f{ composes: b; composes: e }";
    let Sheet { text, names } = scoped(text);
    assert!(!text.contains("composes") && text.contains("\ncolor: red }\n"), "{text}");
    let suffix = suffix("/a.module.css");
    let shown = |name: &str| {
        let parts = names[name].iter().map(|part| match part {
            Part::Class(class) => class.replace(&suffix, "$"),
            Part::Imported { specifier, name } => format!("{specifier}#{name}"),
        });
        parts.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown("a"), "_a_$ ./x.module.css#b ./x.module.css#c");
    assert_eq!(shown("b"), "_b_$ a d");
    assert_eq!(shown("e"), "_e_$ _b_$ a d");
    assert_eq!(shown("f"), "_f_$ _b_$ a d _e_$");
    let path = Path::new("/web/a.module.css");
    let error = scope(path, "/a.module.css", ".a .b {\n  composes: c;\n}").unwrap_err();
    assert_eq!(error.position, Some((2, 3)));
}

#[test]
fn expansions_of_composes_are_limited() {
    let scoped = |text: &str| scope(Path::new("/web/a.module.css"), "/a.module.css", text);
    let rule = |class: usize, composed: &str| format!(".c{class}{{composes:{composed}}}\n");
    let chain =
        |length| (0..length).map(|at| rule(at, &format!("c{}", at + 1))).collect::<String>();
    assert_eq!(scoped(&chain(300)).unwrap().names["c0"].len(), 301);
    for length in [2_000, 8_000, 100_000] {
        let error = scoped(&chain(length)).unwrap_err();
        assert_eq!(error.message, "composes adds up to more than 200000 classes");
    }
    // A diamond of 40 levels has 2^40 paths.
    let two = |at: usize| rule(at, &format!("c{} c{}", at + 2 - at % 2, at + 3 - at % 2));
    let diamond: String = (0..80).map(two).collect();
    assert_eq!(scoped(&diamond).unwrap().names["c0"].len(), 1 + 2 * 39 + 2);
    let list = |length: usize, letter: &str| {
        (0..length).map(|at| format!("{letter}{at}")).collect::<Vec<_>>()
    };
    let classes = list(3_000, ".c").join(",");
    let lists = format!("{classes}{{ composes: {} from global }}", list(3_000, "d").join(" "));
    assert!(scoped(&lists).unwrap_err().position.is_some());
}

proptest! {
    #[test]
    fn no_sheet_gains_lines(text in "(?s)([{}()\\[\\].#:;,@\"'/*\\\\ \na-c]|:global|:local|composes:|@keyframes |from |é){0,60}") {
        if let Ok(sheet) = scope(Path::new("/a.module.css"), "/a.module.css", &text) {
            prop_assert!(sheet.text.matches('\n').count() <= text.matches('\n').count());
        }
    }
}
