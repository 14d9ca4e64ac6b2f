// Definitions as packs contain them (src/esm/packages), linked and run.
import assert from 'node:assert/strict';
import test from 'node:test';

// Each test imports its own registry.
let number = 0;
const fresh = () => import(`../../client-snippet/packages/registry.js?${number++}`);
const started = async (definitions) => {
  const registry = await fresh();
  registry.define(definitions);
  return registry;
};

test('CommonJS runs once, at its first require', async () => {
  const runs = [];
  const { load } = await started({
    a: [{ './b': 'b' }, (module, exports, require) => {
      runs.push('a');
      exports.get = () => require('./b');
    }],
    b: [{}, (module) => {
      runs.push('b');
      module.exports = { name: 'b' };
    }],
  });
  const [{ get }] = load('a');
  assert.deepEqual(runs, ['a']);
  assert.equal(get(), get());
  assert.deepEqual(runs, ['a', 'b']);
});

test('the first definition of a file stays', async () => {
  const { define, load } = await started({ a: [{}, (module) => (module.exports = 1)] });
  define({ a: [{}, (module) => (module.exports = 2)] });
  assert.equal(load('a')[1].default, 1);
});

test('CommonJS in a cycle sees the exports so far', async () => {
  const { load } = await started({
    a: [{ b: 'b' }, (module, exports, require) => {
      exports.early = 1;
      exports.seen = require('b').seen;
      exports.late = 2;
    }],
    b: [{ a: 'a' }, (module, exports, require) => (exports.seen = { ...require('a') })],
  });
  assert.deepEqual(load('a')[0], { early: 1, seen: { early: 1 }, late: 2 });
});

test('CommonJS that throws runs again', async () => {
  let tries = 0;
  const { load } = await started({
    a: [{}, (module) => {
      if (!tries++) throw new Error('first');
      module.exports = tries;
    }],
  });
  assert.throws(() => load('a'), /first/);
  assert.equal(load('a')[1].default, 2);
});

test('a missing module throws when it is required', async () => {
  const { load } = await started({
    a: [{ gone: "!Cannot find module 'gone'" }, (module, exports, require) => {
      for (const name of ['gone', 'computed'])
        try {
          require(name);
        } catch (error) {
          exports[name] = [error.code, error.message];
        }
    }],
  });
  const [{ gone, computed }] = load('a');
  assert.deepEqual(gone, ['MODULE_NOT_FOUND', "Cannot find module 'gone'"]);
  assert.deepEqual(computed, ['MODULE_NOT_FOUND', "Cannot find module 'computed' from a"]);
});

test('CommonJS gets the Node globals that it uses', async () => {
  const { load } = await started({
    'p@1~x/lib/a.js': [
      {},
      function (module, exports, require, process, global, __filename, __dirname) {
        Object.assign(exports, { self: this, mode: process.env.NODE_ENV, global, __filename, __dirname });
      },
      ['process', 'global', '__filename', '__dirname'],
    ],
  });
  const [exports] = load('p@1~x/lib/a.js');
  assert.equal(exports.self, exports);
  assert.equal(exports.global, globalThis);
  assert.equal(exports.mode, 'development');
  assert.equal(exports.__filename, '/p@1~x/lib/a.js');
  assert.equal(exports.__dirname, '/p@1~x/lib');
});

const compiled = [{}, (module, exports) => {
  Object.defineProperty(exports, '__esModule', { value: true });
  exports.default = 'default';
  exports.name = 'name';
}];
const written = [{}, (module) => {
  module.exports = () => 'function';
  module.exports.name2 = 'name2';
}];

test('the project imports the default of CommonJS by the rules of bundlers', async () => {
  const { load } = await started({ compiled, written, bare: [{}, (module, exports) => {
    Object.defineProperty(exports, '__esModule', { value: true });
    exports.name = 'only';
  }] });
  assert.equal(load('compiled')[1].default, 'default');
  assert.equal(load('written')[1].default(), 'function');
  assert.equal(load('written')[0].name2, 'name2');
  assert.equal(load('bare')[1].default.name, 'only');
});

for (const [kinds, fromCompiled, fromWritten] of [
  ['ds', ['default', 'default', 'name'], ['function', 'function', undefined]],
  ['DS', [{ name: 'name' }, { name: 'name' }, 'name'], ['function', 'function', undefined]],
])
  test(`packages import the default of CommonJS by kind: ${kinds}`, async () => {
    const importer = (key) => [
      [[key, kinds]],
      function* ($, d, s) {
        $.link({ seen: () => seen }, (d_, s_) => ((d = d_), (s = s_)), []);
        yield;
        const seen = [d.default, s.default, s.name];
      },
    ];
    const { load } = await started({ compiled, written, a: importer('compiled'), b: importer('written') });
    const plain = (value) =>
      typeof value === 'function' ? value() : value?.name && { name: value.name } || value;
    assert.deepEqual(load('a')[0].seen.map(plain), fromCompiled);
    assert.deepEqual(load('b')[0].seen.slice(0, 2).map(plain), fromWritten.slice(0, 2));
  });

test('ES modules are linked before they run, with live bindings and functions across a cycle', async () => {
  const order = [];
  const { load } = await started({
    a: [[['b', 'n']], function* ($, n) {
      $.link({ count: () => count, inc: () => inc, seen: () => seen }, (n_) => (n = n_), []);
      yield;
      order.push('a');
      let count = 0;
      function inc() {
        return ++count;
      }
      const seen = n.early;
    }],
    b: [[['c', 'n']], function* ($, n) {
      $.link({ early: () => early }, (n_) => (n = n_), []);
      yield;
      order.push('b');
      var early = n.call();
    }],
    // Called before it has run, through a module that has not run either.
    c: [[['b', ''], ['d', 'n']], function* ($, n) {
      $.link({ call: () => n.call }, (n_) => (n = n_), []);
      yield;
      order.push('c');
    }],
    d: [[['a', 'n']], function* ($, n) {
      $.link({ call: () => call }, (n_) => (n = n_), []);
      yield;
      order.push('d');
      function call() {
        return typeof n.inc;
      }
    }],
  });
  const [a] = load('a');
  assert.deepEqual(order, ['d', 'c', 'b', 'a']);
  assert.equal(a.seen, 'function');
  assert.equal(a.count, 0);
  a.inc();
  assert.equal(a.count, 1);
  assert.throws(() => {
    'use strict';
    a.count = 5;
  }, TypeError);
  assert.equal(Object.prototype.toString.call(a), '[object Module]');
});

test('an export that is not initialized throws', async () => {
  const { load } = await started({
    a: [[['b', '']], function* ($) {
      $.link({ late: () => late }, () => {}, []);
      yield;
      const late = 1;
    }],
    b: [[['a', 'n']], function* ($, n) {
      $.link({}, (n_) => (n = n_), []);
      yield;
      n.late;
    }],
  });
  assert.throws(() => load('a'), ReferenceError);
  assert.throws(() => load('a'), ReferenceError, 'it does not run again');
});

test('export * adds the first of each name, without default, from CommonJS too', async () => {
  const exporting = (fields) => [[], function* ($) {
    $.link(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, () => value])), () => {}, []);
    yield;
  }];
  const { load } = await started({
    all: [[['one', ''], ['two', ''], ['old', '']], function* ($) {
      $.link({ own: () => 'own' }, () => {}, [0, 1, 2]);
      yield;
    }],
    outer: [[['all', '']], function* ($) {
      $.link({}, () => {}, [0]);
      yield;
    }],
    one: exporting({ own: 'one', both: 'one', default: 'one' }),
    two: exporting({ both: 'two', two: 'two' }),
    old: [{}, (module) => (module.exports = { old: 'old', default: 'x' })],
  });
  assert.deepEqual({ ...load('outer')[0] }, { own: 'own', both: 'one', two: 'two', old: 'old' });
});

test('CommonJS may require an ES module', async () => {
  const { load } = await started({
    a: [{ b: 'b' }, (module, exports, require) => (module.exports = require('b'))],
    b: [[], function* ($) {
      $.link({ default: () => 'd', n: () => 'n' }, () => {}, []);
      yield;
    }],
  });
  const [names, all] = load('a');
  assert.equal(names.n, 'n');
  assert.equal(names.__esModule, true);
  assert.equal(all.default, 'd');
});

test('a module with a top-level await can be imported but not required', async () => {
  const { load } = await started({
    a: [[['b', 'n'], ['c', '']], function* ($, n) {
      $.link({ seen: () => seen }, (n_) => (n = n_), []);
      yield;
      const seen = n.value;
    }],
    b: [[['a', '']], function* ($) {
      $.link({ value: () => value }, () => {}, [], 1);
      yield;
      yield null; // stands for an await
      const value = 'awaited';
    }],
    c: [[['b', '']], function* ($) {
      $.link({}, () => {}, []);
      yield;
    }],
    lone: [[], async function* ($) {
      $.link({}, () => {}, [], 1);
      yield;
      for await (const _ of []);
    }],
    old: [{ a: 'lone' }, (module, exports, require) => require('a')],
    bad: [[], function* ($) {
      $.link({}, () => {}, [], 1);
      yield;
      yield null;
      throw new Error('rejected');
    }],
  });
  assert.throws(() => load('old'), /cannot be loaded with require\(\)/);
  const [a] = await load('a');
  assert.equal(a.seen, 'awaited');
  assert.equal(load('a')[0].seen, 'awaited', 'it has already run');
  await assert.rejects(load('bad'), /rejected/);
  assert.throws(() => load('bad'), /rejected/);
});

test('import() loads packs, defined modules and other URLs', async () => {
  const { load } = await started({
    a: [[], function* ($) {
      $.link({ get: () => (name) => $.import(name) }, () => {}, []);
      yield;
    }, {}, { b: ['written', 'data:text/javascript,'], fs: ['node:fs', 0] }],
    written,
  });
  const [{ get }] = load('a');
  const found = await get('b');
  assert.equal(found.default(), 'function');
  assert.equal(found.name2, 'name2');
  assert.equal((await get('data:text/javascript,export default 3')).default, 3);
  assert.ok(await get('fs'));
});

test('a Node built-in warns once for each property and throws when called', async (t) => {
  const warned = [];
  t.mock.method(console, 'warn', (text) => warned.push(text));
  const { load, builtin } = await started({
    a: [{ fs: 'node:fs', nothing: 'node:' }, (module, exports, require) => {
      exports.fs = require('fs');
      exports.nothing = require('nothing');
    }],
  });
  const [{ fs, nothing }] = load('a');
  assert.deepEqual(nothing, {});
  assert.deepEqual(warned, []);
  assert.equal(fs.readFile, undefined);
  assert.equal(fs.readFile, undefined);
  assert.deepEqual(warned, ['fs is a Node built-in and is not available in browsers: fs.readFile']);
  const [missing] = builtin('path');
  assert.throws(missing('join'), /path is a Node built-in and is not available in browsers: path.join/);
});

test('a file that no pack defines throws', async () => {
  const { load } = await started({});
  assert.throws(() => load('p@1~x/a.js'), /p@1~x\/a.js is in no pack/);
});

test('a classic script defines its file', async (t) => {
  const requests = [];
  const head = {
    append(element) {
      requests.push(element.src.replace(/.*\/npm\//, ''));
      if (element.src.includes('gone')) return queueMicrotask(() => element.onerror());
      element.definition = [{}, (module) => (module.exports = 'old')];
      queueMicrotask(() => element.onload());
    },
  };
  globalThis.document = { head, createElement: () => ({ remove() {} }) };
  t.after(() => delete globalThis.document);
  const { load, scripts } = await started({ b: [{}, () => {}] });
  await scripts(['a', 'b']);
  assert.deepEqual(requests, ['a?script']);
  assert.equal(load('a')[1].default, 'old');
  await assert.rejects(scripts(['gone']), /failed to load/);
});
