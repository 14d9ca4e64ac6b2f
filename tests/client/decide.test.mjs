import assert from 'node:assert/strict';
import test from 'node:test';

import { spelled } from '../../client-snippet/reload/address.js';
import { decide } from '../../client-snippet/reload/update.js';

// What the page shows, and by what.
const users = {
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
  morphs: true,
  users: (path) => users[path] ?? [],
  hot: (path) => path.startsWith('/src/') || path === '/hot.css',
  left: (path) => path.startsWith('/left'),
  fetched: (path) => path === '/drawn.png' || path === '/src/fetched.js',
};
const table = [
  ['nothing changed', [], ''],
  ['a sheet', ['modified /a.css'], 'a'],
  ['a sheet that was not there', ['created /a.css'], 'a'],
  ['two sheets', ['modified /a.css', 'modified /b%20b.css'], 'a b'],
  ['one that two import', ['modified /base.css'], 'a b'],
  ['a sheet and its import: one swap', ['modified /a.css', 'modified /base.css'], 'a b'],
  ['the same name in other words', ['modified /b b.css'], 'b'],
  ['a sheet removed', ['removed /a.css'], 'reload: a.css was removed'],
  ['a sheet that no link shows', ['modified /x.css'], 'reload: x.css changed, and no sheet shows it'],
  ['a sheet that no sheet imports any more', ['modified /left.css'], ''],
  ['that one is removed', ['removed /left.css'], ''],
  ['a picture of a sheet that is gone', ['modified /left.png', 'modified /a.css'], 'a'],
  ['a picture', ['modified /back.png'], 'back'],
  ['a picture that a script has too', ['modified /drawn.png'], 'reload: drawn.png changed'],
  ['a script', ['modified /js/app.js'], 'reload: js/app.js changed'],
  ['a script that was not there', ['created /app.js'], 'reload: app.js was created'],
  ['the page', ['modified /index.html'], 'morph'],
  ['the page and a sheet', ['modified /a.css', 'modified /index.html'], 'morph a'],
  ['the page removed', ['removed /index.html'], 'reload: index.html was removed'],
  ['a sheet and a script', ['modified /a.css', 'modified /app.js'], 'reload: app.js changed'],
  ['a script and a sheet', ['modified /app.js', 'modified /a.css'], 'reload: app.js changed'],
  ['a module', ['modified /src/App.jsx'], 'hot:/src/App.jsx'],
  [
    'two, and a sheet',
    ['modified /src/a.js', 'removed /src/b.js', 'modified /a.css'],
    'hot:/src/a.js hot:/src/b.js a',
  ],
  ['a module and a script', ['modified /src/a.js', 'modified /app.js'], 'reload: app.js changed'],
  ['a module that a script fetches too', ['modified /src/fetched.js'], 'reload: src/fetched.js changed'],
  ['a sheet that a module imports', ['modified /hot.css'], 'a'],
  ['that one removed: its importers know', ['removed /hot.css'], 'hot:/hot.css'],
  ['what is not served', ['modified src/main.rs'], 'reload: src/main.rs changed'],
  ['what is not served, by no name', ['modified '], 'reload:  changed'],
];

const verdictOf = (changes, page) => {
  const verdict = decide(
    changes.map((change) => {
      const [, kind, path] = /^(\w+) (.*)$/.exec(change);
      return { kind, path };
    }),
    page,
  );
  if (verdict.why !== undefined) return `reload: ${verdict.why}`;
  const hot = verdict.hot.map(({ path }) => `hot:${path}`);
  return [...(verdict.morph ? ['morph'] : []), ...hot, ...verdict.users].join(' ');
};

for (const [what, changes, wanted] of table)
  test(`decide: ${what}`, () => assert.equal(verdictOf(changes, page), wanted));

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
  test(`decide: ${path} and ${change}`, () =>
    assert.equal(verdictOf([`modified ${change}`], { ...page, path: spelled(path) }), wanted));

test('decide: a page that cannot be morphed', () =>
  assert.equal(
    verdictOf(['modified /index.html'], { ...page, morphs: false }),
    'reload: index.html changed',
  ));
