import assert from 'node:assert/strict';
import test from 'node:test';

import { decodePath } from '../../client-snippet/reload/address.js';
import { decide } from '../../client-snippet/reload/update.js';

/** Files, and what shows them. */
const targets = {
  '/a.css': ['a'],
  '/b b.css': ['b'],
  '/base.css': ['a', 'b'],
  '/left.css': [],
  '/hot.css': ['a'],
  '/back.png': ['back'],
  '/drawn.png': ['drawn'],
};
const page = {
  path: '/index.html',
  canMorph: true,
  targets: (path) => targets[path] ?? [],
  isHot: (path) => path.startsWith('/src/') || path === '/hot.css',
  isUnused: (path) => path.startsWith('/left'),
  isFetched: (path) => path === '/drawn.png' || path === '/src/fetched.js',
};
const table = [
  ['no change', [], ''],
  ['a sheet', ['modified /a.css'], 'a'],
  ['a new sheet', ['created /a.css'], 'a'],
  ['two sheets', ['modified /a.css', 'modified /b%20b.css'], 'a b'],
  ['an import of two sheets', ['modified /base.css'], 'a b'],
  ['a sheet and its import', ['modified /a.css', 'modified /base.css'], 'a b'],
  ['an unescaped path', ['modified /b b.css'], 'b'],
  ['a removed sheet', ['removed /a.css'], '-/a.css a'],
  ['a removed import and its sheet', ['removed /base.css', 'modified /a.css'], '-/base.css a b'],
  ['a removed sheet that the page does not show', ['removed /x.css'], 'reload: x.css was removed'],
  ['a removed image', ['removed /back.png'], '-/back.png back'],
  ['a removed image that a script fetched', ['removed /drawn.png'], 'reload: drawn.png was removed'],
  ['a removed script', ['removed /app.js'], 'reload: app.js was removed'],
  ['a sheet that the page does not show', ['modified /x.css'], 'reload: x.css changed, and no sheet shows it'],
  ['a sheet that is no longer imported', ['modified /left.css'], ''],
  ['a removed sheet that was no longer imported', ['removed /left.css'], ''],
  ['an image of a replaced sheet', ['modified /left.png', 'modified /a.css'], 'a'],
  ['an image', ['modified /back.png'], 'back'],
  ['an image that a script fetched', ['modified /drawn.png'], 'reload: drawn.png changed'],
  ['a script', ['modified /js/app.js'], 'reload: js/app.js changed'],
  ['a new script', ['created /app.js'], 'reload: app.js was created'],
  ['the page', ['modified /index.html'], 'morph'],
  ['the page and a sheet', ['modified /a.css', 'modified /index.html'], 'morph a'],
  ['the removed page', ['removed /index.html'], 'reload: index.html was removed'],
  ['a sheet and a script', ['modified /a.css', 'modified /app.js'], 'reload: app.js changed'],
  ['a script and a sheet', ['modified /app.js', 'modified /a.css'], 'reload: app.js changed'],
  ['a module', ['modified /src/App.jsx'], 'hot:/src/App.jsx'],
  [
    'two modules and a sheet',
    ['modified /src/a.js', 'removed /src/b.js', 'modified /a.css'],
    'hot:/src/a.js hot:/src/b.js a',
  ],
  ['a module and a script', ['modified /src/a.js', 'modified /app.js'], 'reload: app.js changed'],
  ['a module that a script fetched', ['modified /src/fetched.js'], 'reload: src/fetched.js changed'],
  ['a sheet that a module imports', ['modified /hot.css'], 'a'],
  ['a removed sheet that a module imports', ['removed /hot.css'], 'hot:/hot.css'],
  ['a file outside the served folder', ['modified src/main.rs'], 'reload: src/main.rs changed'],
  ['a file without a name', ['modified '], 'reload:  changed'],
];

const decisionOf = (changes, page) => {
  const decision = decide(
    changes.map((change) => {
      const [, kind, path] = /^(\w+) (.*)$/.exec(change);
      return { kind, path };
    }),
    page,
  );
  if (decision.why !== undefined) return `reload: ${decision.why}`;
  const hot = decision.hot.map(({ path }) => `hot:${path}`);
  const removed = [...decision.removed].map((path) => `-${path}`);
  return [...(decision.morph ? ['morph'] : []), ...hot, ...removed, ...decision.targets].join(' ');
};

for (const [what, changes, wanted] of table)
  test(`decides on ${what}`, () => assert.equal(decisionOf(changes, page), wanted));

for (const [path, change, wanted] of [
  ['/', '/index.html', 'morph'],
  ['/docs/', '/docs/index.html', 'morph'],
  ['/docs/', '/index.html', 'reload: index.html changed'],
  ['/docs', '/docs/index.html', 'reload: docs/index.html changed'],
  ['/docs', '/docs.html', 'morph'],
  ['/docs/', '/docs/.html', 'reload: docs/.html changed'],
  ['/docs.html', '/docs', 'reload: docs changed'],
  ['/a%20b', '/a%20b.html', 'morph'],
  ['/a%20b.html', '/a%20b.html', 'morph'],
  ['/', '/', 'morph'],
])
  test(`decides on the change of ${change} for the page ${path}`, () =>
    assert.equal(decisionOf([`modified ${change}`], { ...page, path: decodePath(path) }), wanted));

test('a changed page that cannot be morphed reloads', () =>
  assert.equal(
    decisionOf(['modified /index.html'], { ...page, canMorph: false }),
    'reload: index.html changed',
  ));
