//! JSX, React and decorators: what the project's options and a file's comments make of them.

use super::{
    super::{ask::Place, options::Options},
    Fake, compile_with, shown,
};

fn code(path: &str, text: &str, options: &Options, place: Place) -> String {
    shown(compile_with(path, text, options, place, &Fake::default()))
}

/// What a module begins with that is told to Fast Refresh, or not.
fn before(code: &str) -> &str {
    code.lines().next().unwrap_or_default()
}

#[test]
fn jsx_becomes_calls() {
    let none = Options::default();
    let h = Options { factory: Some(("h".into(), "Fragment".into())), ..Options::default() };
    let preact = Options { source: Some("preact".into()), ..Options::default() };
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
        let code = code("/src/x.jsx", text, options, Place::Page);
        assert!(code.contains(one) && code.contains(other), "{text}: {code}");
    }
}

#[test]
fn a_missing_runtime_is_said_at_the_first_element() {
    let options = Options { source: Some("solid-js/h".into()), ..Options::default() };
    let said = code("/src/x.jsx", "\nlet a;\na = <p/>;", &options, Place::Page);
    let wanted = "\"solid-js/h/jsx-runtime\" is not found Some((3, 5)) Some(\"npm install solid-js/h/jsx-runtime\")";
    assert_eq!(said, wanted);
}

#[test]
fn modules_of_react_are_refreshed() {
    let (both, reg, sig) = (
        "const { reg: $RefreshReg$, sig: $RefreshSig$ } = $refresh(",
        "const { reg: $RefreshReg$ } = $refresh(",
        "const { sig: $RefreshSig$ } = $refresh(",
    );
    let import = "import { refresh as $refresh } from \"/__livers/refresh.js\"; ";
    let done = "import(import.meta.url).then((self) => $refresh.done(\"/src/x.jsx\", import.meta.hot, self));";
    let component = "export default function App() { return <p/> }";
    let table = [
        (component, Place::Page, &[import, reg][..], true),
        (
            "import { useState } from 'react'; export const A = () => { useState(1); return <p/> }",
            Place::Page,
            &[import, both],
            true,
        ),
        // A hook is no component: who uses it is.
        (
            "import { useState } from 'react'; export function useA() { useState(1) }",
            Place::Page,
            &[import, sig],
            false,
        ),
        // React must find the hook before it begins.
        (
            "import { createRoot } from 'react-dom/client'; createRoot(a)",
            Place::Page,
            &[import],
            false,
        ),
        (
            "/* @jsxImportSource preact */ export function A() { return <p/> }",
            Place::Page,
            &[],
            false,
        ),
        (component, Place::Worker, &[], false),
        // It brings its own.
        (
            "import 'react'; export function A() { return $RefreshSig$() }",
            Place::Page,
            &[import],
            false,
        ),
    ];
    for (text, place, wanted, accepts) in table {
        let code = code("/src/x.jsx", text, &Options::default(), place);
        for part in wanted {
            assert!(before(&code).contains(part), "{text}: {code}");
        }
        assert_eq!(before(&code).contains("refresh.js"), !wanted.is_empty(), "{text}: {code}");
        assert_eq!(code.trim_end().ends_with(done), accepts, "{text}: {code}");
    }
}

#[test]
fn a_worker_and_a_classic_script_register_nothing() {
    let worker =
        code("/src/x.ts", "export let a: A = import.meta.env", &Options::default(), Place::Worker);
    assert_eq!(worker, "import.meta.env = {\"DEV\":true};\nexport let a = import.meta.env;\n");
    let classic = code("/src/x.ts", "let a: A = 1", &Options::default(), Place::Classic);
    assert_eq!(classic, "let a = 1;\n");
    let module = code("/src/x.jsx", "a(<p/>)", &Options::default(), Place::Classic);
    let wanted = "this script is a module, and the page takes it for none None Some(\"<script type=\\\"module\\\" src=\\\"/src/x.jsx\\\">\")";
    assert_eq!(module, wanted);
}

#[test]
fn decorators_and_fields_are_as_the_project_wants_them() {
    let none = Options::default();
    let legacy = Options { decorators: true, metadata: true, ..Options::default() };
    let assign = Options { assign: true, ..Options::default() };
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
            &Options { verbatim: true, ..Options::default() },
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
        let code = code("/src/x.ts", text, options, Place::Page);
        assert!(code.contains(one) && code.contains(other), "{text}: {code}");
    }
}

#[test]
fn names_do_not_clash_with_ours() {
    let code = code("/src/x.ts", "export let $hot: A = 1", &Options::default(), Place::Page);
    assert!(code.starts_with("import { hot as $hot$ } from"), "{code}");
}

#[test]
fn all_modules_of_a_compiled_project_register() {
    let project = Fake { compiled: true };
    let text = "import './plain.js'";
    let made = compile_with("/src/x.js", text, &Options::default(), Place::Page, &project);
    assert!(shown(made).contains("$hot(\"/src/x.js\", import.meta.url, [\"/src/plain.js\"])"));
}
