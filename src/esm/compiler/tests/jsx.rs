//! Effects of compiler options and pragmas: JSX, Fast Refresh, decorators and class fields.

use super::{
    super::{module_spec::ScriptContext, tsconfig::Options},
    FakeProject, compile_with, describe,
};

fn code(path: &str, text: &str, options: &Options, context: ScriptContext) -> String {
    describe(compile_with(path, text, options, context, &FakeProject::default()))
}

/// Returns the generated line before the code.
fn first_line(code: &str) -> &str {
    code.lines().next().unwrap_or_default()
}

#[test]
fn jsx_is_compiled_to_calls_of_the_runtime() {
    let none = Options::default();
    let h = Options { jsx_factory: Some(("h".into(), "Fragment".into())), ..Options::default() };
    let preact = Options { jsx_import_source: Some("preact".into()), ..Options::default() };
    let dev = "import { jsxDEV as _jsxDEV } from \"/__livers/npm/react@19/jsx-dev-runtime.js?names=jsxDEV\";";
    let preact_dev = "import { jsxDEV as _jsxDEV } from \"/__livers/npm/preact@19/jsx-dev-runtime.js?names=jsxDEV\";";
    let table = [
        ("a(<p/>)", &none, dev, "a(_jsxDEV(\"p\", {}, void 0, false, {"),
        ("a(<p/>)", &preact, preact_dev, "a(_jsxDEV("),
        ("a(<><p/></>)", &h, "a(h(Fragment, null, h(\"p\", null)));", ""),
        ("/** @jsx m */ a(<p/>)", &none, "a(m(\"p\", null));", ""),
        ("/** @jsxImportSource preact */ a(<p/>)", &h, preact_dev, ""),
        (
            "/* @jsxRuntime classic */ a(<><p/></>)",
            &none,
            "a(React.createElement(React.Fragment, null,",
            "",
        ),
        ("a(<a:b c:d='1'/>)", &h, "a(h(\"a:b\", { \"c:d\": \"1\" }));", ""),
    ];
    for (text, options, one, other) in table {
        let code = code("/src/x.jsx", text, options, ScriptContext::Page);
        assert!(code.contains(one) && code.contains(other), "{text}: {code}");
    }
}

#[test]
fn missing_runtime_is_reported_at_the_first_element() {
    let options = Options { jsx_import_source: Some("solid-js/h".into()), ..Options::default() };
    let found = code("/src/x.jsx", "\nlet a;\na = <p/>;", &options, ScriptContext::Page);
    let expected = "cannot resolve \"solid-js/h/jsx-runtime\" Some((3, 5)) Some(\"npm install solid-js/h/jsx-runtime\")";
    assert_eq!(found, expected);
}

#[test]
fn react_modules_register_with_fast_refresh() {
    let (both, reg, sig) = (
        "const { reg: $RefreshReg$, sig: $RefreshSig$ } = $refresh(",
        "const { reg: $RefreshReg$ } = $refresh(",
        "const { sig: $RefreshSig$ } = $refresh(",
    );
    let import = "import { refresh as $refresh } from \"/__livers/refresh.js\"; ";
    let done = "import(import.meta.url).then((self) => $refresh.done(\"/src/x.jsx\", import.meta.hot, self));";
    let component = "export default function App() { return <p/> }";
    let table = [
        (component, ScriptContext::Page, &[import, reg][..], true),
        (
            "import { useState } from 'react'; export const A = () => { useState(1); return <p/> }",
            ScriptContext::Page,
            &[import, both],
            true,
        ),
        // A hook is not a component, so its importers accept the update.
        (
            "import { useState } from 'react'; export function useA() { useState(1) }",
            ScriptContext::Page,
            &[import, sig],
            false,
        ),
        // React needs the hook of Fast Refresh before it is evaluated.
        (
            "import { createRoot } from 'react-dom/client'; createRoot(a)",
            ScriptContext::Page,
            &[import],
            false,
        ),
        (
            "/* @jsxImportSource preact */ export function A() { return <p/> }",
            ScriptContext::Page,
            &[
                "import { prefresh as $prefresh } from \"/__livers/prefresh.js\"; const $refresh = $prefresh($options);",
                reg,
            ],
            true,
        ),
        (
            "import React from 'react'; export default class extends React.Component {}",
            ScriptContext::Page,
            &[import, "$refresh.begin(\"/src/x.jsx\");"],
            true,
        ),
        ("export default () => <p/>", ScriptContext::Page, &["$refresh.begin("], true),
        ("import 'react'; export default () => 1", ScriptContext::Page, &[import], false),
        (component, ScriptContext::Worker, &[], false),
        // Already instrumented.
        (
            "import 'react'; export function A() { return $RefreshSig$() }",
            ScriptContext::Page,
            &[import],
            false,
        ),
    ];
    for (text, context, expected, accepts) in table {
        let code = code("/src/x.jsx", text, &Options::default(), context);
        for part in expected {
            assert!(first_line(&code).contains(part), "{text}: {code}");
        }
        assert_eq!(
            first_line(&code).contains("refresh.js"),
            !expected.is_empty(),
            "{text}: {code}"
        );
        assert_eq!(code.trim_end().ends_with(done), accepts, "{text}: {code}");
    }
}

#[test]
fn workers_and_classic_scripts_do_not_register() {
    let worker = code(
        "/src/x.ts",
        "export let a: A = import.meta.env",
        &Options::default(),
        ScriptContext::Worker,
    );
    let listen = "import \"/__livers/console.js\";";
    let expected =
        format!("{listen} import.meta.env = {{\"DEV\":true}};\nexport let a = import.meta.env;\n");
    assert_eq!(worker, expected);
    // It may be loaded as a classic script.
    let worker =
        code("/src/x.ts", "'use strict'; let a: A = 1", &Options::default(), ScriptContext::Worker);
    let listen = "import(\"/__livers/console.js\").catch(() => {});\n";
    assert_eq!(worker, format!("\"use strict\";\nlet a = 1;\n{listen}"));
    let classic = code("/src/x.ts", "let a: A = 1", &Options::default(), ScriptContext::Classic);
    assert_eq!(classic, "let a = 1;\n");
    let module = code("/src/x.jsx", "a(<p/>)", &Options::default(), ScriptContext::Classic);
    let expected = "this script has imports, but the page loads it as a classic script None Some(\"<script type=\\\"module\\\" src=\\\"/src/x.jsx\\\">\")";
    assert_eq!(module, expected);
}

#[test]
fn decorators_and_class_fields_follow_the_options() {
    let none = Options::default();
    let legacy =
        Options { legacy_decorators: true, decorator_metadata: true, ..Options::default() };
    let assign = Options { assign_fields: true, ..Options::default() };
    let import = "import * as babelHelpers from \"/__livers/helpers.js\";";
    let table = [
        ("class A { x; y = 1 }", &none, "\tx;\n\ty = 1;", ""),
        ("class A { x; y = 1 }", &assign, "constructor() {\n\t\tthis.y = 1;\n\t}", ""),
        ("class A { accessor x = 1 }", &none, "get x() {", "set x(value) {"),
        ("class A { #x = 1 }", &assign, import, "babelHelpers.classPrivateFieldInitSpec("),
        (
            "@a class B { @c d: string; @e f(@g h: Date) {} }",
            &legacy,
            import,
            "babelHelpers.decorateParam(0, g)",
        ),
        ("class A { constructor(private x = 1) {} }", &none, "this.x = x;", ""),
        (
            "import A from './a'; let b: A;",
            &Options { keep_unused_imports: true, ..Options::default() },
            "import A from",
            "",
        ),
        (
            "export = 1",
            &none,
            "Export assignment cannot be used",
            "Consider using 'export default'",
        ),
    ];
    for (text, options, one, other) in table {
        let code = code("/src/x.ts", text, options, ScriptContext::Page);
        assert!(code.contains(one) && code.contains(other), "{text}: {code}");
    }
}

#[test]
fn generated_names_do_not_clash_with_the_source() {
    let code =
        code("/src/x.ts", "export let $hot: A = 1", &Options::default(), ScriptContext::Page);
    assert!(code.starts_with("import { hot as $hot$ } from"), "{code}");
}

#[test]
fn plain_modules_register_in_a_compiled_project() {
    let project = FakeProject { registers: true };
    let text = "import './plain.js'";
    let result =
        compile_with("/src/x.js", text, &Options::default(), ScriptContext::Page, &project);
    assert!(describe(result).contains("$hot(\"/src/x.js\", import.meta.url, [\"/src/plain.js\"])"));
}
