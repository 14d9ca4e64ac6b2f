// How a change is applied: loading the modules for it, morphs, and delayed reloads.
import assert from 'node:assert/strict';
import test from 'node:test';

import { replaceInSrcset, replaceInStyle } from '../../client-snippet/reload/assets.js';
import { Page, settle } from './page.mjs';

const modified = (path) => ({ path, kind: 'modified' });
const own = modified('/index.html');
const applied = (p) => 
  p.connections.flatMap(({ sent }) => sent.slice(1).map((text) => JSON.parse(text)));

/** Advances the clock and lets promises settle. */
const pass = async (p, ms) => {
  for (const end = p.now + ms; p.now < end;) {
    p.tick(50);
    await settle();
  }
};

/** A page that can be morphed, with a fake morph.js. */
const morphing = (how, options = { query: '?b.17.99.c0ffee' }) => {
  const p = new Page(options);
  p.morphs = [];
  const apply = async (window, tag) => {
    p.morphs.push([window === p, tag]);
    return typeof how === 'function' ? how() : how;
  };
  p.modules['morph.js'] = { apply };
  return p;
};

test('a reload is preceded by one HEAD request', async () => {
  const p = new Page().start().connected();
  p.updated(18, modified('/x.js'));
  await settle();
  assert.deepEqual([p.requests, p.reloads], [['HEAD http://localhost:3000/index.html'], 1]);
});

test('a reload waits until the document is available and acknowledges all changes until then', async () => {
  const p = new Page().start().connected();
  p.statuses = [502, 503, 504, 0, 404];
  p.updated(18, modified('/x.js'));
  await settle();
  p.updated(19, modified('/y.js'), modified('/a.css'));
  await settle();
  assert.deepEqual([p.requests.length, p.reloads], [1, 0]);
  await pass(p, 100);
  assert.deepEqual([p.requests.length, p.reloads], [2, 0]);
  await pass(p, 5000);
  assert.deepEqual([p.requests.length, p.reloads], [5, 1], 'any other status means that the document is available');
  assert.deepEqual(
    applied(p).map(({ version, how, why }) => [version, how, why]),
    [
      [18, 'reload', 'x.js changed'],
      [19, 'reload', 'x.js changed'],
    ],
  );
  assert.equal(p.connections[0].closed, true);
});

test('a page that may not send requests reloads while its socket is open', async () => {
  const p = new Page().start().connected();
  p.statuses = [0];
  p.updated(18, modified('/x.js'));
  await pass(p, 600);
  assert.equal(p.reloads, 0);
  await pass(p, 2000);
  assert.equal(p.reloads, 1);
});

test('a change waits until its modules can be loaded', async () => {
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

test('a page that cannot load the modules reloads', async () => {
  const p = new Page();
  p.modules = {};
  p.start().connected().updated(18, modified('/a.css'));
  await pass(p, 10_000);
  assert.equal(p.reloads, 1);
});

test('a change of the page is morphed', async () => {
  const p = morphing({ how: 'morph' }).start().connected();
  p.updated(18, own);
  await settle();
  assert.deepEqual(p.morphs, [[true, 'c0ffee']]);
  assert.deepEqual([applied(p)[0].how, p.reloads, p.requests], ['morph', 0, []]);
});

test('a change of the page and a sheet is morphed and replaced', async () => {
  const p = morphing({ how: 'morph' });
  p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'), own);
  await settle();
  p.links[1].load();
  await settle();
  assert.deepEqual([applied(p)[0].how, p.reloads], ['morph+css', 0]);
});

test('a morph that is uncertain reloads although a sheet of the same change never loads', async () => {
  let end;
  const p = morphing(() => new Promise((resolve) => (end = resolve)));
  p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'), own);
  await settle();
  p.updated(19, modified('/a.css')); // replaces the sheet that is loading
  await settle();
  end({ how: 'reload', why: 'a script changed' });
  await settle();
  const [{ version, how, why }] = applied(p);
  assert.deepEqual([version, how, why, p.reloads], [18, 'reload', 'a script changed', 1]);
});

for (const [what, how, wanted] of [
  ['finds no difference is acknowledged', { how: 'none' }, ['none', undefined, 0]],
  ['is uncertain reloads', { how: 'reload', why: 'a script changed' }, ['reload', 'a script changed', 1]],
  [
    'fails reloads',
    () => Promise.reject(new Error('no')),
    ['reload', 'the change could not be applied', 1],
  ],
])
  test(`a morph that ${what}`, async () => {
    const p = morphing(how).start().connected();
    p.updated(18, own);
    await settle();
    const [{ how: done, why }] = applied(p);
    assert.deepEqual([done, why, p.reloads], wanted);
  });

test('morphs run one at a time', async () => {
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

/** A page with compiled modules and a fake renew.js, whose calls are logged. */
const compiled = (answer, options = {}) => {
  const p = new Page({ resources: ['/__livers/hot.js', '/src/App.jsx'], ...options });
  p.calls = [];
  p.modules['renew.js'] = {
    kept: () => [],
    takes: (path) => path.startsWith('/src/'),
    emit: (event) => p.calls.push(event),
    apply: async (changes, version) => {
      p.calls.push(`${version}: ${changes.map(({ path }) => path).join(' ')}`);
      return typeof answer === 'function' ? answer() : answer;
    },
  };
  return p;
};

for (const [what, answer, wanted] of [
  ['were updated are acknowledged', { how: 'hot' }, ['hot', undefined, 0]],
  ['failed to load are acknowledged', { how: 'kept', why: 'a failed to load' }, ['kept', 'a failed to load', 0]],
  ['do not accept the change reload', { how: 'reload', why: 'a changed' }, ['reload', 'a changed', 1]],
  ['throw reload', () => Promise.reject(new Error('no')), ['reload', 'the change could not be applied', 1]],
])
  test(`modules that ${what}`, async () => {
    const p = compiled(answer).start().connected();
    p.updated(18, modified('/src/App.jsx'));
    await settle();
    const [{ how, why }] = applied(p);
    assert.deepEqual([how, why, p.reloads], wanted);
    const leaving = p.reloads ? ['vite:beforeFullReload'] : [];
    assert.deepEqual(p.calls, ['18: /src/App.jsx', ...leaving]);
  });

test('modules that do not accept the change reload although a sheet never loads', async () => {
  const p = compiled({ how: 'reload', why: 'a changed' });
  p.link('/src/a.css');
  p.start().connected().updated(18, modified('/src/App.jsx'), modified('/src/a.css'));
  await settle();
  p.links[1]?.fail();
  await settle();
  assert.deepEqual([applied(p)[0].why, p.reloads], ['a changed', 1]);
});

test('modules and a sheet are updated together', async () => {
  const p = compiled({ how: 'hot' });
  p.link('/src/a.css');
  p.start().connected().updated(18, modified('/src/App.jsx'), modified('/src/a.css'));
  await settle();
  p.links[1].load();
  await settle();
  assert.deepEqual(p.calls, ['18: /src/App.jsx']);
  assert.deepEqual([applied(p)[0].how, p.reloads], ['css+hot', 0]);
});

for (const [what, resources, wanted] of [
  ['a page without compiled modules does not load renew.js', ['/src/App.jsx'], 'reload'],
  ['a page without resource entries may have compiled modules', [], 'hot'],
  ['a page with a full list of resource entries may have compiled modules', Array.from({ length: 250 }, (_, n) => `/${n}.js`), 'hot'],
])
  test(what, async () => {
    const p = compiled({ how: 'hot' }, { resources }).start().connected();
    p.updated(18, modified('/src/App.jsx'));
    await settle();
    assert.equal(applied(p)[0].how, wanted);
  });

for (const [what, options, change] of [
  ['has no tag', { query: '?b.17.99' }],
  ['is an error page of a backend', { query: '?b.17..failed' }],
  ['has a service worker', { query: '?b.17.99.c0ffee', worker: {} }],
  ['forbids it', { query: '?b.17.99.c0ffee' }, (p) => (p.meta = {})],
  ['is loading', { query: '?b.17.99.c0ffee' }, (p) => (p.document.readyState = 'loading')],
  ['cannot load morph.js', { query: '?b.17.99.c0ffee' }, (p) => delete p.modules['morph.js']],
])
  test(`a page that ${what} reloads`, async () => {
    const p = morphing({ how: 'morph' }, options);
    change?.(p);
    p.start().connected().updated(18, own);
    await settle();
    assert.deepEqual([p.morphs, p.reloads], [[], 1]);
  });

const BASE = 'http://h/css/app.css';
const replace = (url) => (url === 'http://h/css/a.png' ? 'NEW' : '');
for (const [within, text, wanted] of [
  [replaceInSrcset, 'a.png', 'NEW'],
  [replaceInSrcset, 'a.png 1x, b.png 2x', 'NEW 1x, b.png 2x'],
  [replaceInSrcset, 'b.png 2x,a.png', 'b.png 2x,NEW'],
  [replaceInSrcset, ' b.png,\n a.png 100w ', ' b.png,\n NEW 100w '],
  [replaceInSrcset, 'a.png,b.png 2x', 'a.png,b.png 2x'], // one address
  [replaceInSrcset, 'data:,a.png 1x, /css/a.png 2x', 'data:,a.png 1x, NEW 2x'],
  [replaceInStyle, 'x: url("a.png"), url(b.png)', 'x: url("NEW"), url(b.png)'],
  [replaceInStyle, "url( 'a.png' ) url(a.png)", 'url("NEW") url("NEW")'],
  [replaceInStyle, 'url("a.png)") url("http://[")', 'url("a.png)") url("http://[")'],
  [replaceInStyle, 'url(/css/a.png)', 'url("NEW")'],
])
  test(`replaces the URLs in ${text}`, () => assert.equal(within(text, BASE, replace), wanted));
