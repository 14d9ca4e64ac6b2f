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
  test(`${href} is replaced by ${wanted}`, async () => {
    const p = new Page();
    p.link(href);
    p.start().connected().updated(version, modified('/a.css'));
    await settle();
    assert.equal(hrefs(p)[1], wanted);
  });

test('the old sheet stays until the new one has loaded', async () => {
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

test('a sheet that has the new rules already stays the same object', async () => {
  const p = new Page();
  const rules = (color) => [{ cssText: `a { color: ${color}; }` }];
  const old = p.link('/a.css', { rules: rules('red') });
  const { sheet } = old;
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  sheet.cssRules = rules('blue'); // by developer tools, which save it
  p.links[1].load(rules('blue'));
  await settle();
  assert.deepEqual([p.links.length, p.links[0] === old, old.sheet === sheet], [1, true, true]);
  assert.deepEqual([p.sent[1].how, p.sent[1].version], ['css', 18]);
  p.updated(19, modified('/a.css'));
  await settle();
  p.links[1].load(rules('green'));
  await settle();
  assert.deepEqual(hrefs(p), ['/a.css?livers=19']);
});

/** The versions that the page has acknowledged. */
const versions = (p) =>
  p.sent
    .slice(1)
    .map(({ version }) => version)
    .sort();

test('a sheet that fails to load leaves the old one and is not acknowledged', async () => {
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
  assert.deepEqual(versions(p), [18, 19], 'the newer version replaces both');
});

test('a sheet is replaced even if one of its imports fails', async () => {
  const p = new Page();
  p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  p.links[1].fail([importing('gone.css')]);
  await settle();
  assert.deepEqual(hrefs(p), ['/a.css?livers=18']);
  assert.equal(p.sent[1].how, 'css');
});

test('a nested import is replaced through its importing sheet', async () => {
  const p = new Page();
  p.link('/css/app.css', { imports: [importing('sub/one.css', importing('../two.css'))] });
  p.link('/other.css');
  p.start().connected().updated(18, modified('/css/two.css'));
  await settle();
  assert.deepEqual(hrefs(p), ['/css/app.css', '/css/app.css?livers=18', '/other.css']);
  assert.equal(p.reloads, 0);
});

test('unreadable and missing imports are skipped', async () => {
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

test('a sheet of another origin with the same path is not replaced', async () => {
  const p = new Page();
  p.link('http://other.test/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  assert.deepEqual([p.links.length, p.reloads], [1, 1]);
});

// Before the load event, Chromium fetches an import only once.
test('a changed import reloads a page that is loading, a changed sheet does not', async () => {
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

test('a save during a replacement shows the newest version, fetched twice for its imports', async () => {
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
  assert.deepEqual(versions(p), [18, 19]);
});

test('a link that is removed during its replacement stays removed', async () => {
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

test('a replaced link keeps disabled, media, title and rel', async () => {
  const p = new Page();
  p.link('/d.css', { disabled: true });
  p.link('/s.css', { rel: 'alternate stylesheet', title: 'T', media: 'print' }).sheet.disabled = true;
  p.start().connected().updated(18, modified('/d.css'), modified('/s.css'));
  await settle();
  // A disabled link does not load, so it is replaced at once.
  assert.deepEqual(hrefs(p), ['/d.css?livers=18', '/s.css', '/s.css?livers=18']);
  p.links[2].load();
  await settle();
  const [d, s] = p.links;
  assert.equal(d.disabled, true);
  assert.deepEqual([s.disabled, s.sheet.disabled], [false, true]);
  assert.deepEqual([s.rel, s.title, s.media], ['alternate stylesheet', 'T', 'print']);
  assert.equal(p.sent[1].version, 18);
});

test('a link that is disabled during its replacement stays disabled', async () => {
  const p = new Page();
  const old = p.link('/a.css');
  p.start().connected().updated(18, modified('/a.css'));
  await settle();
  old.disabled = true;
  p.links[1].load();
  assert.equal(p.links[0].disabled, true);
});

test('files that no sheet names any more are dropped from uses until one names them again', async () => {
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
  p.connection.end();
  p.tick(5000);
  p.connection.open();
  assert.deepEqual(p.sent[0].uses.sort(), resources.filter((path) => !path.includes('base')).sort());
});
