// What happens between a change and its end: modules that cannot be had, morphs, reloads that wait.
import assert from 'node:assert/strict';
import test from 'node:test';

import { inSrcset, inStyle } from '../../client-snippet/reload/assets.js';
import { Page, settle } from './page.mjs';

const modified = (path) => ({ path, kind: 'modified' });
const own = modified('/index.html');
const applied = (p) => p.lines.flatMap((line) => line.sent.slice(1).map((text) => JSON.parse(text)));

/** Lets time pass, and what waits for it happen. */
const pass = async (p, ms) => {
  for (const end = p.now + ms; p.now < end;) {
    p.tick(50);
    await settle();
  }
};

/** A page that can be morphed, and how often it was. */
const morphing = (how, options = { query: '?b.17.c0ffee' }) => {
  const p = new Page(options);
  p.morphs = [];
  const apply = async (window, tag) => {
    p.morphs.push([window === p, tag]);
    return typeof how === 'function' ? how() : how;
  };
  p.modules['morph.js'] = { apply };
  return p;
};

test('one question, then one reload', async () => {
  const p = new Page().start().connected();
  p.updated(18, modified('/x.js'));
  await settle();
  assert.deepEqual([p.asked, p.reloads], [['HEAD http://localhost:3000/index.html'], 1]);
});

test('a reload waits until the document answers; later changes merge, and all are said', async () => {
  const p = new Page().start().connected();
  p.statuses = [502, 503, 504, 0, 404];
  p.updated(18, modified('/x.js'));
  await settle();
  p.updated(19, modified('/y.js'), modified('/a.css'));
  await settle();
  assert.deepEqual([p.asked.length, p.reloads], [1, 0]);
  await pass(p, 100);
  assert.deepEqual([p.asked.length, p.reloads], [2, 0]);
  await pass(p, 5000);
  assert.deepEqual([p.asked.length, p.reloads], [5, 1], 'any other status is an answer');
  assert.deepEqual(
    applied(p).map(({ version, how, why }) => [version, how, why]),
    [
      [18, 'reload', 'x.js changed'],
      [19, 'reload', 'x.js changed'],
    ],
  );
  assert.equal(p.lines[0].closed, true);
});

test('a page that may not ask is reloaded when the socket says that the server is there', async () => {
  const p = new Page().start().connected();
  p.statuses = [0];
  p.updated(18, modified('/x.js'));
  await pass(p, 600);
  assert.equal(p.reloads, 0);
  await pass(p, 2000);
  assert.equal(p.reloads, 1);
});

test('a server that is gone before the modules are there loses nothing', async () => {
  const p = new Page();
  const { modules } = p;
  p.modules = {};
  p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await pass(p, 500);
  assert.deepEqual([p.links.length, p.reloads], [1, 0]);
  p.modules = modules;
  await pass(p, 500);
  assert.equal(p.links.length, 2);
  p.links[1].load();
  await settle();
  assert.deepEqual([applied(p)[0].how, p.reloads], ['css', 0]);
});

test('modules that cannot be had from a server that is there: a reload', async () => {
  const p = new Page();
  p.modules = {};
  p.start().connected().updated(18, modified('/a.css'));
  await pass(p, 10_000);
  assert.equal(p.reloads, 1);
});

test('the page itself is morphed', async () => {
  const p = morphing({ how: 'morph' }).start().connected();
  p.updated(18, own);
  await settle();
  assert.deepEqual(p.morphs, [[true, 'c0ffee']]);
  assert.deepEqual([applied(p)[0].how, p.reloads, p.asked], ['morph', 0, []]);
});

test('the page itself and a sheet', async () => {
  const p = morphing({ how: 'morph' });
  p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'), own);
  await settle();
  p.links[1].load();
  await settle();
  assert.deepEqual([applied(p)[0].how, p.reloads], ['morph+css', 0]);
});

for (const [what, how, wanted] of [
  ['finds no difference', { how: 'none' }, ['none', undefined, 0]],
  ['cannot be sure', { how: 'reload', why: 'a script changed' }, ['reload', 'a script changed', 1]],
  [
    'fails',
    () => Promise.reject(new Error('no')),
    ['reload', 'the change could not be put in place', 1],
  ],
])
  test(`a morph that ${what}`, async () => {
    const p = morphing(how).start().connected();
    p.updated(18, own);
    await settle();
    const [{ how: done, why }] = applied(p);
    assert.deepEqual([done, why, p.reloads], wanted);
  });

test('one morph after the other', async () => {
  const ends = [];
  const p = morphing(() => new Promise((end) => ends.push(end)));
  p.start().connected().updated(18, own);
  await settle();
  p.updated(19, own);
  await settle();
  assert.equal(p.morphs.length, 1);
  ends[0]({ how: 'morph' });
  await settle();
  assert.equal(p.morphs.length, 2);
  ends[1]({ how: 'none' });
  await settle();
  assert.deepEqual(
    applied(p).map(({ version, how }) => [version, how]),
    [
      [18, 'morph'],
      [19, 'none'],
    ],
  );
});

/** A page with compiled modules, and what they are told. */
const compiled = (answer, options = {}) => {
  const p = new Page({ resources: ['/__livers/hot.js', '/src/App.jsx'], ...options });
  p.told = [];
  p.modules['renew.js'] = {
    takes: (path) => path.startsWith('/src/'),
    tell: (event) => p.told.push(event),
    apply: async (changes, version) => {
      p.told.push(`${version}: ${changes.map(({ path }) => path).join(' ')}`);
      return typeof answer === 'function' ? answer() : answer;
    },
  };
  return p;
};

for (const [what, answer, wanted] of [
  ['are put in place', { how: 'hot' }, ['hot', undefined, 0]],
  ['cannot be had', { how: 'kept', why: 'a cannot be had' }, ['kept', 'a cannot be had', 0]],
  ['are accepted by nobody', { how: 'reload', why: 'a changed' }, ['reload', 'a changed', 1]],
  ['fail', () => Promise.reject(new Error('no')), ['reload', 'the change could not be put in place', 1]],
])
  test(`modules that ${what}`, async () => {
    const p = compiled(answer).start().connected();
    p.updated(18, modified('/src/App.jsx'));
    await settle();
    const [{ how, why }] = applied(p);
    assert.deepEqual([how, why, p.reloads], wanted);
    const leaving = p.reloads ? ['vite:beforeFullReload'] : [];
    assert.deepEqual(p.told, ['18: /src/App.jsx', ...leaving]);
  });

test('modules, and a sheet', async () => {
  const p = compiled({ how: 'hot' });
  p.link('/src/a.css');
  p.start().connected().updated(18, modified('/src/App.jsx'), modified('/src/a.css'));
  await settle();
  p.links[1].load();
  await settle();
  assert.deepEqual(p.told, ['18: /src/App.jsx']);
  assert.deepEqual([applied(p)[0].how, p.reloads], ['css+hot', 0]);
});

for (const [what, resources, wanted] of [
  ['a page without compiled modules does not load what they need', ['/src/App.jsx'], 'reload'],
  ['a page that cleared its list of resources may have some', [], 'hot'],
  ['so may one with a full list', Array.from({ length: 250 }, (_, n) => `/${n}.js`), 'hot'],
])
  test(what, async () => {
    const p = compiled({ how: 'hot' }, { resources }).start().connected();
    p.updated(18, modified('/src/App.jsx'));
    await settle();
    assert.equal(applied(p)[0].how, wanted);
  });

for (const [what, options, change] of [
  ['no tag', { query: '?b.17' }],
  ['a page of a backend that is down', { query: '?b.17.failed' }],
  ['a service worker', { query: '?b.17.c0ffee', worker: {} }],
  ['the page forbids it', { query: '?b.17.c0ffee' }, (p) => (p.meta = {})],
  ['it is loading', { query: '?b.17.c0ffee' }, (p) => (p.document.readyState = 'loading')],
  ['there is no such module', { query: '?b.17.c0ffee' }, (p) => delete p.modules['morph.js']],
])
  test(`no morph: ${what}`, async () => {
    const p = morphing({ how: 'morph' }, options);
    change?.(p);
    p.start().connected().updated(18, own);
    await settle();
    assert.deepEqual([p.morphs, p.reloads], [[], 1]);
  });

const BASE = 'http://h/css/app.css';
const renew = (url) => (url === 'http://h/css/a.png' ? 'NEW' : '');
for (const [within, text, wanted] of [
  [inSrcset, 'a.png', 'NEW'],
  [inSrcset, 'a.png 1x, b.png 2x', 'NEW 1x, b.png 2x'],
  [inSrcset, 'b.png 2x,a.png', 'b.png 2x,NEW'],
  [inSrcset, ' b.png,\n a.png 100w ', ' b.png,\n NEW 100w '],
  [inSrcset, 'a.png,b.png 2x', 'a.png,b.png 2x'], // one address
  [inSrcset, 'data:,a.png 1x, /css/a.png 2x', 'data:,a.png 1x, NEW 2x'],
  [inStyle, 'x: url("a.png"), url(b.png)', 'x: url("NEW"), url(b.png)'],
  [inStyle, "url( 'a.png' ) url(a.png)", 'url("NEW") url("NEW")'],
  [inStyle, 'url("a.png)") url("http://[")', 'url("a.png)") url("http://[")'],
  [inStyle, 'url(/css/a.png)', 'url("NEW")'],
])
  test(`addresses in ${text}`, () => assert.equal(within(text, BASE, renew), wanted));
