// How the overlay formats an error. Its behaviour in a page is tested in Chromium.
import assert from 'node:assert/strict';
import test from 'node:test';

import { kindOf, placeOf, titleOf, visible } from '../../client-snippet/hmr/overlay.js';

for (const [line, number, wanted] of [
  ['2 | import React', 2, 'row'],
  ['> 2 | import React', 2, 'row'],
  [' 2 │ import React', 2, 'row'],
  ['12 | x', 2, ''],
  ['2', 2, 'row'],
  ['22 things', 22, ''],
  ['  |    ^^^', 2, 'mark'],
  ['  │    ─┬─', 2, 'mark'],
  ['  ·    ~~~', 2, 'mark'],
  ['  | ', 2, ''],
  ['', 2, ''],
  ['2 | x ^ y', 3, ''],
  ['2 | x', undefined, ''],
])
  test(`the frame line "${line}" is of the kind "${wanted}"`, () => assert.equal(kindOf(line, number), wanted));

for (const [fault, wanted] of [
  [{ file: 'src/a.js', line: 3, column: 7 }, 'src/a.js:3:7'],
  [{ file: 'src/a.js', line: 3, column: null }, 'src/a.js:3'],
  [{ file: 'src/a.js', line: null, column: null }, 'src/a.js'],
  [{ file: 'src/a.js', column: 7 }, 'src/a.js'],
])
  test(`the position of an error is ${wanted}`, () => assert.equal(placeOf(fault), wanted));

for (const [text, wanted] of [
  ['a\u202egpj.exe', 'a\\u{202e}gpj.exe'],
  ['\u200b\u2066\u2028\u0007\u{e0041}', '\\u{200b}\\u{2066}\\u{2028}\\u{7}\\u{e0041}'],
  ['\tlet é = "日本 👍";\n', '\tlet é = "日本 👍";\n'],
])
  test(`the text ${JSON.stringify(wanted)} has no character that misleads`, () => assert.equal(visible(text), wanted));

for (const [kinds, wanted] of [
  [[undefined], 'Failed to compile'],
  [['link'], 'Failed to compile'],
  [['exception'], 'Uncaught error'],
  [['rejection'], 'Unhandled rejection'],
  [['exception', undefined], '2 errors'],
])
  test(`the title of errors of the kinds ${kinds} is "${wanted}"`, () =>
    assert.equal(titleOf(kinds.map((kind) => ({ kind }))), wanted));
