// How the arguments of a console call are rendered.
import assert from 'node:assert/strict';
import test from 'node:test';

import { format } from '../../client-snippet/hmr/inspect.js';

class Point {
  constructor(x) {
    this.x = x;
  }
}
const cycle = { name: 'a' };
cycle.self = cycle;
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const withCause = new Error('outer', { cause: new RangeError('inner') });
withCause.cause.stack = 'RangeError: inner\n    at f (http://a.test/x.js:1:2)';

for (const [args, expected] of [
  [['a', 1, true, null, undefined, 10n, Symbol('s'), -0], 'a 1 true null undefined 10n Symbol(s) -0'],
  [['%s is %d%%, %i, %f', 'it', '42', 4.7, '1.5', 'more'], 'it is 42%, 4, 1.5 more'],
  [['%cred%c plain', 'color: red', ''], 'red plain'],
  [['%o and %O', { a: 1 }, [1, 'b']], "{a: 1} and [1, 'b']"],
  [['%d %d %i %d', Symbol('x'), {}, 5n, 'x'], 'NaN NaN 5n NaN'],
  [['%s %s', 'only'], 'only %s'],
  [['100%'], '100%'],
  [['%%'], '%%'],
  [['%s', { a: { b: 1 } }], '{a: Object {…}}'],
  [['%s', new TypeError('x')], 'TypeError: x'],
  [[{ 'a-b': 1, [Symbol('k')]: 2, c: 'it\'s "x"' }], "{'a-b': 1, c: `it's \"x\"`, Symbol(k): 2}"],
  [[new Point(1)], 'Point {x: 1}'],
  [[Object.create(null)], '[Object: null prototype] {}'],
  [[[1, , , 4]], '[1, 2 empty, 4]'],
  [[new Array(200).fill(0)], /^Array\(200\) \[\n {2}0,[^]*… 150 more\n\]$/],
  [[new Array(4e9)], /empty/],
  [[new Uint8Array([1, 2])], 'Uint8Array(2) [1, 2]'],
  [[new ArrayBuffer(8)], 'ArrayBuffer(8)'],
  [[new Map([['a', { b: 1 }]])], "Map(1) {'a' => {b: 1}}"],
  [[new Set([1, 'x'])], "Set(2) {1, 'x'}"],
  [[new Date(0), new Date(NaN)], '1970-01-01T00:00:00.000Z Invalid Date'],
  [[/a+/gi], '/a+/gi'],
  [[Object(1), Object('x')], "[Number: 1] [String: 'x']"],
  [[function named() {}, () => {}, Point], '[Function: named] [Function: (anonymous)] [class Point]'],
  [[cycle], "{name: 'a', self: [Circular]}"],
  [[{ a: { b: { c: { d: 1 } } } }], '{a: {b: {c: Object {…}}}}'],
  [
    [
      {
        get broken() {
          throw new Error();
        },
        set only(value) {},
      },
    ],
    '{broken: [Getter], only: [Setter]}',
  ],
  [[revoked.proxy], '[object that cannot be inspected]'],
  [[new Proxy({ a: 1 }, {})], '{a: 1}'],
  [[new Error('plain')], 'Error: plain'],
  [[Object.assign(new Error('x'), { code: 'E' })], "Error: x {code: 'E'}"],
  [[withCause], 'Error: outer\n  [cause]: RangeError: inner\n      at f (http://a.test/x.js:1:2)'],
  [[new AggregateError([1, 'two'], 'both')], "AggregateError: both\n  [errors]: 1\n  [errors]: 'two'"],
  [[Object.fromEntries(Array.from({ length: 99 }, (_, at) => [`k${at}`, at]))], /k49: 49,\n {2}… 49 more\n\}$/],
  [[], ''],
])
  test(`${String(expected).slice(0, 60)} is rendered`, () => {
    const text = format(args);
    if (expected instanceof RegExp) assert.match(text, expected);
    else assert.equal(text, expected);
  });

test('an object of any size is rendered in bounded time and text', () => {
  const wide = (depth) => Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`k${at}`, depth ? wide(depth - 1) : 'x'.repeat(5000)]));
  const text = format([wide(2), 'x'.repeat(1e6)]);
  assert.ok(text.length < 700_000, `${text.length}`);
  let deep = {};
  for (let at = 0; at < 1e5; at++) deep = { deep };
  assert.equal(format([deep]), '{deep: {deep: {deep: Object {…}}}}');
});
