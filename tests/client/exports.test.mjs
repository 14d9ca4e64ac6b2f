// Exports of linked modules and their namespace objects (ECMA-262, sections 16.2.1.7 and 10.4.6).
import assert from 'node:assert/strict';
import test from 'node:test';

import { expandStars, findMissing, moduleNamespace } from '../../client-snippet/packages/records.js';

// Creates the records of modules. Each has values of its own, exports from others as
// [module, name], and the modules of its `export *`.
const link = (modules) => {
  const records = {};
  for (const key of Object.keys(modules)) {
    const exports = Object.create(null);
    records[key] = { key, exports, definition: { host: () => ({}) }, stars: [], wanted: [] };
  }
  for (const [key, { own = {}, from = {}, stars = [], wants = [] }] of Object.entries(modules)) {
    const record = records[key];
    const define = (name, get) => Object.defineProperty(record.exports, name, { enumerable: true, get });
    for (const name of Object.keys(own)) define(name, () => own[name]);
    const target = ([other, name]) => ({ from: records[other], name });
    for (const [name, [other, imported]] of Object.entries(from))
      define(name, () => (imported === '*' ? moduleNamespace(records[other]) : records[other].exports[imported]));
    record.own = new Set([...Object.keys(own), ...Object.keys(from)]);
    record.indirect = new Map(Object.entries(from).map(([name, to]) => [name, target(to)]));
    record.stars = stars.map((other) => records[other]);
    record.wanted = wants.map(target);
  }
  for (const record of Object.values(records)) expandStars(record);
  const missing = (key) => findMissing(records[key]).map(({ message }) => message.replace(/^.* '/, ''));
  return { records, missing, ns: (key) => moduleNamespace(records[key]) };
};

const dep = { own: { a: 1, b: 2, default: 3 } };
for (const [what, modules, names, missing] of [
  ['export star leaves default out', { dep, main: { stars: ['dep'] } }, 'a,b', ''],
  ['own names win', { dep, main: { own: { a: 5 }, stars: ['dep'] } }, 'a,b', ''],
  ['two variables are ambiguous', { dep, other: dep, main: { stars: ['dep', 'other'], wants: [['main', 'a']] } }, '', "a'"],
  ['one variable is not', { dep, other: { from: { a: ['dep', 'a'] } }, main: { stars: ['dep', 'other'] } }, 'a,b', ''],
  [
    'one namespace is not',
    { dep, x: { from: { ns: ['dep', '*'] } }, y: { from: { ns: ['dep', '*'] } }, main: { stars: ['x', 'y'] } },
    'ns',
    '',
  ],
  ['an ambiguous name can be exported again', { dep, other: dep, main: { from: { a: ['dep', 'a'] }, stars: ['dep', 'other'] } }, 'a', ''],
  ['a cycle of stars', { x: { own: { x: 1 }, stars: ['main'] }, main: { own: { m: 1 }, stars: ['x'] } }, 'm,x', ''],
  ['a missing name', { dep, main: { wants: [['dep', 'c'], ['dep', 'a'], ['dep', 'default']] } }, '', "c'"],
  ['a missing default', { x: { stars: ['dep'] }, dep, main: { wants: [['x', 'default']] } }, '', "default'"],
  ['names of objects are missing', { dep, main: { wants: [['dep', 'toString'], ['dep', '__proto__']] } }, '', "toString',__proto__'"],
  ['a name through two modules', { dep, x: { from: { y: ['dep', 'c'] } }, main: { wants: [['x', 'y']] } }, '', "y'"],
  ['a circle', { x: { from: { a: ['main', 'a'] } }, main: { from: { a: ['x', 'a'] } } }, '', "a'"],
])
  test(what, () => {
    const linked = link(modules);
    assert.equal(linked.missing('main').join(), missing);
    assert.equal(Object.keys(linked.ns('main')).join(), names);
  });

test('bindings are live', () => {
  const own = { a: 1 };
  const { ns, records } = link({ dep: { own }, x: { stars: ['dep'] }, main: { stars: ['x'] } });
  own.a = 2;
  assert.equal(ns('main').a, 2);
  assert.equal(records.main.exports.a, 2);
});

test('__esModule and __proto__ are names like others', () => {
  const own = { __esModule: 1, ['__proto__']: 2 };
  const { ns } = link({ dep: { own }, main: { stars: ['dep'] } });
  assert.deepEqual(Object.entries(ns('main')), [['__esModule', 1], ['__proto__', 2]]);
});

test('a namespace is exotic', () => {
  const own = { b: 1, a: 2 };
  Object.defineProperty(own, 'late', {
    enumerable: true,
    get() {
      throw new ReferenceError();
    },
  });
  const { ns } = link({ dep: { own } });
  const it = ns('dep');
  assert.equal(it, ns('dep'));
  assert.deepEqual(Reflect.ownKeys(it), ['a', 'b', 'late', Symbol.toStringTag]);
  assert.equal(Object.prototype.toString.call(it), '[object Module]');
  assert.deepEqual(Object.getOwnPropertyDescriptor(it, 'a'), { value: 2, writable: true, enumerable: true, configurable: false });
  assert.equal(Object.getPrototypeOf(it), null);
  assert.equal(Object.isExtensible(it), false);
  assert.equal('late' in it, true);
  for (const read of [() => it.late, () => Object.keys(it), () => Object.getOwnPropertyDescriptor(it, 'late')])
    assert.throws(read, ReferenceError);
  for (const write of [() => (it.a = 2), () => (it.none = 2), () => delete it.a, () => Object.defineProperty(it, 'a', { value: 5 })])
    assert.throws(write, TypeError);
  assert.equal(delete it.none, true);
  assert.equal(Reflect.defineProperty(it, 'a', { value: 2 }), true);
  assert.equal(Reflect.defineProperty(it, 'a', { writable: false }), false);
  assert.equal(Reflect.defineProperty(it, Symbol.toStringTag, { value: 'Module' }), true);
});
