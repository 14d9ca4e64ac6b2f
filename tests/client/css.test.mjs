import assert from 'node:assert/strict';
import test from 'node:test';

import { importing, Page, settle } from './page.mjs';

const modified = (path) => ({ path, kind: 'modified' });
const hrefs = (p) => p.links.map((link) => link.href.replace('http://localhost:3000', ''));

for (const [href, version, wanted] of [
  ['/a.css', 18, '/a.css?livers=18'],
  ['a.css?v=1', 18, '/a.css?v=1&livers=18'],
  ['a.css?livers=17&v=1', 18, '/a.css?livers=18&v=1'],
  ['a.css?v=a%26b#f', 18, '/a.css?v=a%26b&livers=18#f'],
])
  test(`${href} becomes ${wanted}`, async () => {
    const p = new Page();
    p.link(href);
    p.start().connected().updated(version, modified('/a.css'));
    await settle();
    assert.equal(hrefs(p)[1], wanted);
  });

test('only the changed sheet; the old one stays until the new one has loaded', async () => {
  const p = new Page();
  const [before, old, after] = ['/before.css', '/a.css', '/after.css'].map((href) => p.link(href));
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  const fresh = p.links[2];
  assert.deepEqual(p.links, [before, old, fresh, after]);
  await settle();
  assert.equal(p.sent.length, 1);
  fresh.load();
  await settle();
  assert.deepEqual(p.links, [before, fresh, after]);
  assert.equal(p.sent[1].how, 'css');
  assert.equal(p.reloads, 0);
});

test('a sheet that fails leaves the old one, and nothing was applied', async () => {
  const p = new Page();
  const old = p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  p.links[1].fail();
  await settle();
  assert.deepEqual([p.links.length, p.links[0], p.sent.length], [1, old, 1]);
  p.updated(19, modified('/a.css'));
  await settle();
  p.links[1].load();
  await settle();
  p.links[1]?.load();
  await settle();
  assert.deepEqual(hrefs(p), ['/a.css?livers=19']);
  assert.equal(p.sent[1].version, 19);
});

test('an import that fails does not hold back its importer', async () => {
  const p = new Page();
  p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  p.links[1].fail([importing('gone.css')]);
  await settle();
  assert.deepEqual(hrefs(p), ['/a.css?livers=18']);
  assert.equal(p.sent[1].how, 'css');
});

test('imports at any depth, relative to their importer', async () => {
  const p = new Page();
  p.link('/css/app.css', { imports: [importing('sub/one.css', importing('../two.css'))] });
  p.link('/other.css');
  p.start().connected().updated(18, modified('/css/two.css'));
  await settle();
  assert.deepEqual(hrefs(p), ['/css/app.css', '/css/app.css?livers=18', '/other.css']);
  assert.equal(p.reloads, 0);
});

test('an import of another origin, or one that never loaded, is not in the way', async () => {
  const p = new Page();
  const closed = {
    get cssRules() {
      throw new DOMException('closed', 'SecurityError');
    },
  };
  p.link('/a.css', {
    imports: [
      { href: 'http://other.test/x.css', styleSheet: closed },
      { href: '/gone.css', styleSheet: null },
    ],
  });
  p.start().connected().updated(18, { path: '/gone.css', kind: 'created' });
  await settle();
  assert.equal(p.links.length, 2);
  p.updated(19, modified('/x.css'));
  await settle();
  assert.equal(p.reloads, 1);
});

test("another origin's sheet of the same path is not ours", async () => {
  const p = new Page();
  p.link('http://other.test/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  assert.deepEqual([p.links.length, p.reloads], [1, 1]);
});

// Chromium fetches no import twice before the load event.
test('while the document loads, an import takes a reload, a sheet does not', async () => {
  const p = new Page();
  p.link('/css/app.css', { imports: [importing('two.css')] });
  p.document.readyState = 'interactive';
  p.start().connected().updated(18, modified('/css/app.css'));
  await settle();
  assert.equal(p.links.length, 2);
  p.updated(19, modified('/css/two.css'));
  await settle();
  assert.equal(p.reloads, 1);
});

test('a save during a swap: one link, the newest, fetched once more for its imports', async () => {
  const p = new Page();
  p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  const first = p.links[1];
  p.updated(19, modified('/a.css'));
  await settle();
  assert.deepEqual(hrefs(p), ['/a.css', '/a.css?livers=19']);
  first.load(); // too late
  assert.deepEqual(hrefs(p), ['/a.css', '/a.css?livers=19']);
  p.links[1].load();
  await settle();
  assert.equal(p.links.length, 2);
  assert.equal(p.sent.length, 1);
  p.links[1].load();
  await settle();
  assert.deepEqual(hrefs(p), ['/a.css?livers=19']);
  assert.deepEqual(
    p.sent.slice(1).map(({ version }) => version),
    [19],
  );
});

test('a link that the page removes meanwhile stays removed', async () => {
  const p = new Page();
  const old = p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  const fresh = p.links[1];
  old.remove();
  fresh.load();
  await settle();
  assert.deepEqual(p.links, []);
});

test('disabled in either way, media, title, alternate', async () => {
  const p = new Page();
  p.link('/d.css', { disabled: true });
  p.link('/s.css', { rel: 'alternate stylesheet', title: 'T', media: 'print' }).sheet.disabled = true;
  p.start().connected().updated(18, modified('/d.css'), modified('/s.css'));
  await settle();
  // The disabled one loads nothing, and is not waited for.
  assert.deepEqual(hrefs(p), ['/d.css?livers=18', '/s.css', '/s.css?livers=18']);
  p.links[2].load();
  await settle();
  const [d, s] = p.links;
  assert.equal(d.disabled, true);
  assert.deepEqual([s.disabled, s.sheet.disabled], [false, true]);
  assert.deepEqual([s.rel, s.title, s.media], ['alternate stylesheet', 'T', 'print']);
  assert.equal(p.sent[1].version, 18);
});

test('disabled while its successor loads', async () => {
  const p = new Page();
  const old = p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  old.disabled = true;
  p.links[1].load();
  assert.equal(p.links[0].disabled, true);
});

test('what the new sheet no longer names is used no more, until one names it again', async () => {
  const resources = ['/css/app.css', '/css/base.css', '/css/kept.css', '/a.png', '/data.json'];
  const p = new Page({ resources });
  const names = (...paths) => paths.map((path) => ({ cssText: `url("${path}")` }));
  p.link('/css/app.css', { rules: names('base.css', 'kept.css', '../a.png') });
  p.link('/css/other.css', { rules: names('kept.css') });
  p.start().connected();
  const save = async (version, ...paths) => {
    const from = p.sent.length;
    p.updated(version, { path: '/css/app.css', kind: 'modified' });
    await settle();
    p.links.find((link) => link.href.includes(`livers=${version}`)).load(names(...paths));
    await settle();
    return p.sent.slice(from).filter(({ type }) => type === 'uses');
  };
  assert.deepEqual(await save(18), [{ type: 'uses', add: [], drop: ['/css/base.css', '/a.png'] }]);
  assert.deepEqual(await save(19), []);
  assert.deepEqual(await save(20, '../a.png'), [{ type: 'uses', add: ['/a.png'] }]);
  p.document.documentElement.outerHTML = '<html><img src="a.png">';
  assert.deepEqual(await save(21), []);
  p.line.end();
  p.tick(5000);
  p.line.open();
  assert.deepEqual(p.sent[0].uses.sort(), resources.filter((path) => !path.includes('base')).sort());
});
