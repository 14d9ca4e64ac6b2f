import assert from 'node:assert/strict';
import test from 'node:test';

import { decide } from '../../client-snippet/client.js';

const sheets = [
  { link: 'a', paths: ['/a.css', '/base.css'] },
  { link: 'b', paths: ['/b%20b.css', '/base.css'] },
  { link: 'plain', paths: ['/theme'] },
  { link: 'other origin', paths: [''] },
];
const table = [
  ['nothing changed', [], undefined],
  ['a sheet', ['modified /a.css'], 'css a'],
  ['a sheet that was not there', ['created /a.css'], 'css a'],
  ['two sheets', ['modified /a.css', 'modified /b%20b.css'], 'css a b'],
  ['one that two import', ['modified /base.css'], 'css a b'],
  ['a sheet and its import: one swap', ['modified /a.css', 'modified /base.css'], 'css a b'],
  ['a sheet removed', ['removed /a.css'], 'reload'],
  ['a sheet that no link shows', ['modified /shadow.css'], 'reload'],
  ['the same name in other words', ['modified /b b.css'], 'reload'],
  ['a script', ['modified /app.js'], 'reload'],
  ['the page', ['modified /index.html'], 'reload'],
  ['a sheet and a script', ['modified /a.css', 'modified /app.js'], 'reload'],
  ['a script and a sheet', ['modified /app.js', 'modified /a.css'], 'reload'],
  ['a link to what is no .css', ['modified /theme'], 'reload'],
  ['what is not served', ['modified src/main.rs'], 'reload'],
  ['what is not served, by no name', ['modified '], 'reload'],
];
for (const [what, changes, wanted] of table)
  test(`decide: ${what}`, () => {
    const verdict = decide(
      changes.map((change) => {
        const [, kind, path] = /^(\w+) (.*)$/.exec(change);
        return { kind, path };
      }),
      sheets,
    );
    assert.equal(verdict && [verdict.how, ...verdict.links].join(' '), wanted);
  });
