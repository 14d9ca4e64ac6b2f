// The runtime helpers of compiled TypeScript, called as the compiler calls them.
import assert from 'node:assert/strict';
import test from 'node:test';

import * as helpers from '../../client-snippet/hmr/helpers.js';

test('decorators run from the last to the first', () => {
  const calls = [];
  const record =
    (name) =>
    (...args) =>
      void calls.push([name, ...args.slice(1)]);
  class A {
    m() {
      return 1;
    }
  }
  helpers.decorate(
    [record('m'), helpers.decorateParam(0, record('p')), helpers.decorateMetadata('design:type', Function)],
    A.prototype,
    'm',
    null,
  );
  helpers.decorate([record('f')], A.prototype, 'f', undefined);
  class B {}
  const decorated = helpers.decorate([() => B, record('c')], A);
  assert.equal(decorated, B);
  const described = Object.getOwnPropertyDescriptor(A.prototype, 'm');
  assert.deepEqual(calls, [['p', 'm', 0], ['m', 'm', described], ['f', 'f'], ['c']]);
});

test('a decorator replaces the descriptor of a method or field', () => {
  class A {
    m() {
      return 1;
    }
  }
  const twice = (_target, _key, described) => ({ ...described, value: () => described.value() * 2 });
  helpers.decorate([twice, twice], A.prototype, 'm', null);
  const getter = () => ({ get: () => 7 });
  helpers.decorate([getter], A.prototype, 'f', undefined);
  assert.deepEqual([new A().m(), new A().f], [4, 7]);
});

test('metadata is recorded if a reflection library is loaded', (t) => {
  const kept = [];
  Reflect.metadata = (key, value) => () => void kept.push([key, value]);
  t.after(() => delete Reflect.metadata);
  class A {}
  helpers.decorate([helpers.decorateMetadata('design:type', String)], A.prototype, 'x', undefined);
  assert.deepEqual(kept, [['design:type', String]]);
});

test('private members throw for objects without them', () => {
  const fields = new WeakMap();
  const methods = new WeakSet();
  const object = {};
  helpers.classPrivateFieldInitSpec(object, fields, 1);
  helpers.classPrivateMethodInitSpec(object, methods);
  assert.equal(helpers.classPrivateFieldSet2(fields, object, 2), 2);
  assert.equal(helpers.classPrivateFieldGet2(fields, object), 2);
  assert.equal(helpers.assertClassBrand(methods, object), object);
  assert.equal(helpers.assertClassBrand(methods, object, undefined), undefined);
  assert.equal(helpers.assertClassBrand(Object, Object, 3), 3);
  assert.throws(() => helpers.classPrivateFieldGet2(fields, {}), TypeError);
  assert.throws(() => helpers.assertClassBrand(Object, {}, 3), TypeError);
  assert.throws(() => helpers.classPrivateFieldInitSpec(object, fields, 1), TypeError);
  assert.throws(() => helpers.checkInRHS(1), TypeError);
  assert.equal(helpers.checkInRHS(object), object);
});

test('toSetter calls its setter, and super resolves to the parent class', () => {
  const set = [];
  function setter(...args) {
    set.push([this, ...args]);
  }
  helpers.toSetter(setter, ['a'], 'self')._ = 1;
  assert.deepEqual(set, [['self', 'a', 1]]);
  class A {
    static s = 1;
    get x() {
      return this.y;
    }
    m(n) {
      return this.y + n;
    }
  }
  class B extends A {
    y = 2;
  }
  const b = new B();
  assert.equal(helpers.superPropGet(B, 's', B), 1);
  assert.equal(helpers.superPropGet(B, 'x', b, 1), 2);
  assert.equal(helpers.superPropGet(B, 'm', b, 3)([3]), 5);
  helpers.superPropSet(B, 'z', 4, b, 1, 1);
  assert.equal(b.z, 4);
  assert.deepEqual([helpers.toPropertyKey(1), helpers.toPropertyKey('a')], ['1', 'a']);
});
