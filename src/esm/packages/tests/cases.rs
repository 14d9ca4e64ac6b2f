//! Small packages, and what a script that imports them sees.

/// Title; files; query with names; script; its expected result.
pub(super) type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    &'static str,
);

const ESM: &str = r#"{"version":"1.0.0","type":"module","main":"index.js"}"#;

pub(super) const CASES: &[Case] = &[
    (
        "a development and a production file, as in React",
        &[
            (
                "node_modules/a/index.js",
                "'use strict';\nif (process.env.NODE_ENV === 'production') {\n  module.exports = require('./gone.js');\n} else {\n  module.exports = require('./dev.js');\n}",
            ),
            (
                "node_modules/a/dev.js",
                "'production' !== process.env.NODE_ENV && (function () { exports.x = 1; exports.y = 2 })()",
            ),
        ],
        "",
        "m => [m.x, m.y, Object.keys(m)]",
        r#"[1,2,["default","x","y"]]"#,
    ),
    (
        "computed names are exported if the URL lists them",
        &[("node_modules/a/index.js", "var e = {}; e['fo' + 'o'] = 1; module.exports = e")],
        "?names=class,foo",
        "m => [m.foo, m.class, Object.keys(m)]",
        r#"[1,null,["class","default","foo"]]"#,
    ),
    (
        "an ES module exports no further names",
        &[("node_modules/a/package.json", ESM), ("node_modules/a/index.js", "export const x = 1")],
        "?names=y",
        "m => Object.keys(m)",
        r#"["x"]"#,
    ),
    (
        "every form of import and export",
        &[
            ("node_modules/a/package.json", ESM),
            (
                "node_modules/a/index.js",
                "import d, { x, y as z, 'odd name' as odd } from './b.js'\nimport * as all from './b.js'\nimport './side.js'\nexport { x, z as default, odd as 'odd too' }\nexport * from './c.js'\nexport * as c from './c.js'\nexport { default as cd, c1 as renamed } from './c.js'\nexport const { p, q: [r] } = { p: 1, q: [2] }, s = () => z()\nexport function f(x) { return { x, y: z } }\nexport class K extends all.Base {}\nexport const o = { x, d }\nexport const called = [d(), all.default(), z?.(), d`t`, new K().base, new all.Base().base, typeof x]",
            ),
            (
                "node_modules/a/b.js",
                "export default function () { return this === undefined ? 'no this' : 'this' }\nexport let x = 'x'\nexport const y = function () { return this === undefined }\nexport class Base { base = 'base' }\nexport { x as 'odd name' }",
            ),
            ("node_modules/a/c.js", "export const c1 = 'c1', x = 'hidden'; export default 'cd'"),
            ("node_modules/a/side.js", "globalThis.side = 1"),
        ],
        "",
        "m => [m.x, m['odd too'], m.c1, m.c.c1, m.cd, m.renamed, m.p, m.r, m.s(), m.f(3).x, typeof m.f(3).y, m.o.x, m.o.d(), m.called, m.default(), side]",
        r#"["x","x","c1","c1","cd","c1",1,2,true,3,"function","x","this",["no this","this",true,"no this","base","base","string"],false,1]"#,
    ),
    (
        "anonymous default exports are named default",
        &[
            ("node_modules/a/package.json", ESM),
            (
                "node_modules/a/index.js",
                "import f from './f.js'; import k from './k.js'; import n from './n.js'; import e from './e.js'; export default [f.name, k.name, n.name, e]",
            ),
            ("node_modules/a/f.js", "export default () => 1"),
            (
                "node_modules/a/k.js",
                "export default class { static x = 1 }\n(globalThis.after = 1)",
            ),
            ("node_modules/a/n.js", "export default function named() {}"),
            ("node_modules/a/e.js", "export default (1, 2)"),
        ],
        "",
        "m => m.default",
        r#"["default","default","named",2]"#,
    ),
    (
        "lines without semicolons are not joined",
        &[
            ("node_modules/a/package.json", ESM),
            (
                "node_modules/a/index.js",
                "import { f } from './f.js'\nconst seen = []\nlet x = seen\nf(seen, 1)\nf`2`\nlet y = x\nexport { y }\n;[3].forEach((n) => f(seen, n))\nif (y) f(seen, 4)\nelse f(seen, 5)\nx = y\nimport './f.js'\n(0, f)(seen, 6)\nexport default seen",
            ),
            (
                "node_modules/a/f.js",
                "let last; export const f = (seen, n) => { if (seen.raw) last.push(seen[0]); else { last = seen; seen.push(n) } }",
            ),
        ],
        "",
        "m => m.default",
        r#"[1,"2",3,4,6]"#,
    ),
    (
        "local names shadow imported names",
        &[
            ("node_modules/a/package.json", ESM),
            (
                "node_modules/a/index.js",
                "import { x } from './b.js'\nexport const seen = [((x) => x)(1), x, (() => { const x = 3; return { x } })().x, { x }.x, $l]\nvar $l = 4, $l_ = 5",
            ),
            ("node_modules/a/b.js", "export const x = 2"),
        ],
        "",
        "m => m.seen",
        "[1,2,3,2,null]",
    ),
    (
        "CommonJS imported by an ES module, by the rules of Node and of bundlers",
        &[
            ("node_modules/a/package.json", r#"{"main":"index.mjs"}"#),
            (
                "node_modules/a/index.mjs",
                "import d, { x } from './old.js'; import * as s from './old.js'; import other from './other.js'; export const seen = [typeof d, d.default, x, s.x, s.default === d, other]",
            ),
            (
                "node_modules/a/other.js",
                "import d, { x } from './old.js'; import * as s from './old.js'; export default [d, x, s.default]",
            ),
            (
                "node_modules/a/old.js",
                "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'd'; exports.x = 'x'",
            ),
        ],
        "",
        "m => m.seen",
        r#"["object","d","x","x",true,["d","x","d"]]"#,
    ),
    (
        "import() and import.meta",
        &[
            ("node_modules/a/package.json", ESM),
            (
                "node_modules/a/index.js",
                "export const get = () => import('./later.js'); export const url = import.meta.url; export const mode = import.meta.env.MODE",
            ),
            ("node_modules/a/later.js", "import './more.js'; export default globalThis.more"),
            ("node_modules/a/more.js", "globalThis.more = 'later'"),
        ],
        "",
        "async m => [(await m.get()).default, m.url.endsWith('/index.js'), m.mode]",
        r#"["later",true,"development"]"#,
    ),
    (
        "requests in templates, as minifiers write them",
        &[
            ("node_modules/a/package.json", ESM),
            (
                "node_modules/a/index.js",
                "import old from './old.cjs'; export const get = () => import(`./later.js`); export { old }",
            ),
            ("node_modules/a/later.js", "export default 'later'"),
            ("node_modules/a/old.cjs", "module.exports = require(`./older.cjs`)"),
            ("node_modules/a/older.cjs", "module.exports = 'older'"),
        ],
        "",
        "async m => [(await m.get()).default, m.old]",
        r#"["later","older"]"#,
    ),
    (
        "top-level await, and a module that imports it",
        &[
            ("node_modules/a/package.json", ESM),
            ("node_modules/a/index.js", "import { x } from './b.js'; export const y = x + 1"),
            (
                "node_modules/a/b.js",
                "export const x = await Promise.resolve(1); for await (const y of []) ;",
            ),
        ],
        "",
        "m => m.y",
        "2",
    ),
    (
        "optional, ignored, built-in and JSON dependencies",
        &[
            (
                "node_modules/a/package.json",
                r#"{"browser":{"./node.js":"./browser.js","ignored":false,"fs":false}}"#,
            ),
            (
                "node_modules/a/index.js",
                "try { require('optional') } catch (e) { exports.code = e.code }\nexports.node = require('./node'); exports.ignored = require('ignored'); exports.fs = require('fs'); exports.os = typeof require('os'); exports.json = require('./x.json').n; exports.self = require('a/x.json').n; exports.name = __filename.slice(-8) + __dirname.slice(0, 3)",
            ),
            ("node_modules/a/browser.js", "module.exports = 'browser'"),
            ("node_modules/a/node.js", "throw 1"),
            ("node_modules/a/x.json", r#"{"n":7}"#),
            ("node_modules/ignored/index.js", "throw 2"),
        ],
        "",
        "m => [m.code, m.node, m.ignored, m.fs, m.os, m.json, m.self, m.name]",
        r#"["MODULE_NOT_FOUND","browser",{},{},"object",7,7,"index.js/a@"]"#,
    ),
    (
        "packages that import each other",
        &[
            ("node_modules/a/index.js", "exports.early = 1; exports.b = require('b').seen"),
            ("node_modules/b/package.json", ESM),
            ("node_modules/b/index.js", "import { early } from 'a'; export const seen = early"),
        ],
        "",
        "m => m.b",
        "1",
    ),
    (
        "TypeScript and JSX, as in workspaces",
        &[
            ("node_modules/a/package.json", r#"{"main":"index.tsx"}"#),
            (
                "node_modules/a/index.tsx",
                "import type { T } from './t'; import { n } from './n'; enum E { A = 2 } const x: number = n as number; export const seen = [x, E.A, <b>{x}</b>]; export type { T }",
            ),
            ("node_modules/a/n.ts", "export const n: number = 1"),
            (
                "node_modules/react/jsx-runtime.js",
                "exports.jsx = (type, props) => ({ type, ...props })",
            ),
        ],
        "",
        "m => m.seen",
        r#"[1,2,{"type":"b","children":1}]"#,
    ),
    (
        "comments, a hashbang, a source map, JSX in a .js file",
        &[
            (
                "node_modules/a/index.js",
                "#!/usr/bin/env node\nexports.x = 1 // <!-- `${}` */\nexports.jsx = require('./jsx.js')\n//# sourceMappingURL=index.js.map",
            ),
            ("node_modules/a/jsx.js", "exports.b = () => <b/>"),
            ("node_modules/react/jsx-runtime.js", "exports.jsx = () => 1"),
        ],
        "",
        "m => [m.x, typeof m.jsx.b]",
        r#"[1,"function"]"#,
    ),
];
