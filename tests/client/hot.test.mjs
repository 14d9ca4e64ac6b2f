// import.meta.hot, and updates of modules.
import assert from 'node:assert/strict';
import test from 'node:test';

import { joined, makeRegistry } from '../../client-snippet/hmr/hot.js';
import { plan } from '../../client-snippet/hmr/plan.js';
import { failed } from '../../client-snippet/hmr/renew.js';
import { Project } from './modules.mjs';
import { golden, settle } from './page.mjs';

const RELOAD = (why) => ({ how: 'reload', why });
const KEPT = (why) => ({ how: 'kept', why });
const HOT = { how: 'hot' };

/** A module that has imports, and calls `run` with its import.meta.hot. */
const file = (imports = [], run = () => {}) => ({ imports, run });
/** A module that accepts itself. */
const accepting = (...imports) => file(imports, (hot) => hot.accept());

// "a > b": a imports b. "a! > b": a accepts itself. "a >! b": a accepts b.
const modulesOf = (text) => {
  const modules = new Map();
  const add = (path) => {
    if (!modules.has(path)) modules.set(path, { path, imports: new Set(), self: [], deps: [] });
    return modules.get(path);
  };
  for (const edge of text.split(', ')) {
    const [, from, self, dep, to, toSelf] = /^(\w+)(!?)(?: >(!?) (\w+)(!?))?$/.exec(edge);
    if (self) add(from).self.push(() => {});
    if (toSelf) add(to).self.push(() => {});
    if (!to) continue;
    add(to);
    add(from).imports.add(to);
    if (dep) add(from).deps.push({ paths: [to] });
  }
  return modules;
};
for (const [what, edges, starts, wanted, entry = 'main'] of [
  ['a module that accepts itself', 'main > a!', 'a', 'a'],
  ['an importer that accepts itself', 'main > a!, a > b', 'b', 'a'],
  ['an importer that accepts the module', 'main >! a', 'a', 'main:a'],
  ['an importer that accepts a module in between', 'main >! a, a > b', 'b', 'main:a'],
  ['a change that no module accepts', 'main > a', 'a', 'a changed, and main does not accept updates'],
  ['the entry', 'main > a', 'main', 'main changed'],
  ['an entry that accepts itself', 'main! > a', 'a', 'main'],
  ['two importers accept', 'main > a!, main > b!, a > x, b > x', 'x', 'a b'],
  [
    'two importers, one of which does not accept',
    'main > a!, main > b, a > x, b > x',
    'x',
    'x changed, and main does not accept updates',
  ],
  ['a module and an importer that both accept', 'main >! a!', 'a', 'a'],
  ['two changes with one boundary', 'main > a!, a > x, a > y', 'x y', 'a'],
  [
    'two changes, one of which is not accepted',
    'main > a!, a > x, main > y',
    'x y',
    'y changed, and main does not accept updates',
  ],
  ['a cycle below a boundary', 'main > a!, a > x, x > y, y > x', 'y', 'a'],
  ['a cycle with the boundary', 'main > a!, a > x, x > a', 'x', 'a'],
  ['a cycle that nothing imports', 'x > y, y > x', 'x', 'x changed', 'none'],
  ['a cycle and an accepted change', 'x > y, y > x, main > a!', 'a x', 'x changed'],
  ['an import that is not a compiled module', 'main > a!, a > data', 'data', 'a'],
  ['an entry that is imported', 'main > a!, a > main', 'main', 'main changed'],
  ['a removed module that accepted itself', 'main! > a!', '-a', 'main'],
  ['a removed module that its importer accepts', 'main >! a!', '-a', 'main:a'],
  ['a module that is removed with its importer', 'main! > a!, a > b!', '-a -b', 'main'],
])
  test(`plans ${what}`, () => {
    const changed = starts.split(' ').map((start) => {
      const path = start.replace('-', '');
      return [path, { why: `${path} changed`, refused: start.startsWith('-') }];
    });
    const planned = plan(modulesOf(edges), new Map(changed), (path) => path === entry);
    const names = planned.boundaries?.map(({ at, accepted }) =>
      at === accepted ? at : `${at}:${accepted}`,
    );
    assert.equal(planned.why ?? names.join(' '), wanted);
  });

test('a module that accepts itself is disposed of, run and called, and its data is kept', async () => {
  const version = (n) =>
    file([], (hot) => {
      const before = hot.data.n;
      hot.data.n = n;
      hot.accept((fresh) => p.log.push(`${n} got ${fresh.n}`));
      hot.dispose((data) => p.log.push(`dispose ${n} ${data === hot.data}`));
      return { n, before };
    });
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': version(1) });
  await p.open('/main.js');
  p.takeLog();
  assert.deepEqual(await p.save({ '/a.js': version(2) }), HOT);
  assert.equal(p.takeLog(), 'dispose 1 true, run /a.js?t=18, 1 got 2');
  assert.deepEqual(await p.save({ '/a.js': version(3) }), HOT);
  assert.equal(p.takeLog(), 'dispose 2 true, run /a.js?t=19, 2 got 3');
  const { n, before } = await p.load('http://localhost:3000/a.js?t=19');
  assert.deepEqual([n, before], [3, 2]);
});

test('unchanged modules do not run again', async () => {
  const p = new Project({
    '/main.js': file(['/a.js', '/b.js']),
    '/a.js': accepting('/x.js', '/y.js'),
    '/b.js': accepting('/y.js', '/x.js'),
    '/x.js': file(),
    '/y.js': file(),
  });
  await p.open('/main.js');
  p.takeLog();
  assert.deepEqual(await p.save({ '/x.js': file() }), HOT);
  assert.equal(p.takeLog(), 'run /x.js?t=18, run /a.js?t=18, run /b.js?t=18');
  const [a, b] = await Promise.all(
    ['a', 'b'].map((name) => p.load(`http://localhost:3000/${name}.js?t=18`)),
  );
  assert.equal(a.found['/x.js'], b.found['/x.js']);
});

test('accept of one import and of several calls back with the new modules', async () => {
  const p = new Project({
    '/main.js': file(['/one.js', '/dir/index.ts', '/two.tsx', '/data.json'], (hot) => {
      hot.accept('./one.js', (one) => p.log.push(`one ${one?.v}`));
      hot.accept(['./dir', './two'], (all) => p.log.push(`several ${all.map((one) => one?.v)}`));
      hot.accept('./data.json', (data) => p.log.push(`data ${data.v}`));
    }),
    '/one.js': file(),
    '/dir/index.ts': file(),
    '/two.tsx': file(),
    '/data.json': file(),
  });
  await p.open('/main.js');
  p.takeLog();
  const saved = (v) => file([], () => ({ v }));
  assert.deepEqual(await p.save({ '/one.js': saved(1) }), HOT);
  assert.deepEqual(await p.save({ '/two.tsx': saved(2) }), HOT);
  assert.deepEqual(await p.save({ '/dir/index.ts': saved(3) }), HOT);
  assert.match(p.takeLog(), /^run \S+, one 1, run \S+, several ,2, run \S+, several 3,$/);
  await p.save({ '/one.js': saved(4), '/two.tsx': saved(5) });
  assert.match(p.takeLog(), /^run \S+, run \S+, one 4, several ,5$/);
});

test('a file that is not a script is imported with the query import', async () => {
  const p = new Project({
    '/main.js': file(['/a.txt', '/data.json'], (hot) => hot.accept('./data.json')),
  });
  p.registry
    .hot('/main.js', 'http://localhost:3000/main.js?import&t=3', ['/data.json'])
    .accept('./data.json');
  assert.deepEqual(await p.save({ '/data.json': file() }), HOT);
  assert.equal(p.takeLog(), 'run /data.json?import&t=18');
  p.registry.hot('/odd.js', 'http://localhost:3000/odd.js?import&t=3', []).accept();
  await p.save({ '/odd.js': file() });
  assert.equal(p.takeLog(), 'run /odd.js?import&t=19');
});

test('a change that no module accepts reloads with the reason', async () => {
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': file() });
  await p.open('/main.js');
  p.registry.refuse('/a.js', 'its export x is not a component');
  p.takeLog();
  const why = 'a.js changed (its export x is not a component), and main.js does not accept updates';
  assert.deepEqual(await p.save({ '/a.js': file() }), RELOAD(why));
  assert.equal(p.takeLog(), '');
});

test('a reload waits until the changed module has no error', async () => {
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': file() });
  await p.open('/main.js');
  assert.deepEqual(await p.save({ '/a.js': { fault: true } }), KEPT('a.js failed to load'));
  assert.deepEqual(
    await p.save({ '/a.js': file() }),
    RELOAD('a.js changed, and main.js does not accept updates'),
  );
});

test('a failed update keeps the old module and is retried with the next change', async () => {
  const got = (n) =>
    file(['/x.js'], (hot) => hot.accept((fresh) => p.log.push(`${n} got ${fresh?.n}`)) ?? { n });
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': got(1), '/x.js': file() });
  await p.open('/main.js');
  p.takeLog();
  assert.deepEqual(await p.save({ '/a.js': { fault: true } }), KEPT('a.js failed to load'));
  assert.equal(p.takeLog(), '1 got undefined');
  assert.deepEqual(await p.save({ '/x.js': file() }), KEPT('a.js failed to load'));
  p.takeLog();
  assert.deepEqual(await p.save({ '/a.js': got(2) }), HOT);
  assert.equal(p.takeLog(), 'run /x.js?t=19, run /a.js?t=20, 1 got 2');
  assert.deepEqual(p.errors, [], 'the server reports the error');
});

test('an update waits for a module that calls end after it has run', async (t) => {
  const late = (callsEnd) =>
    file([], (hot) => {
      p.registry.begin('/a.js');
      setTimeout(() => {
        p.log.push('late');
        hot.accept(() => p.log.push('accepted'));
        if (callsEnd) p.registry.end('/a.js');
      }, 5);
    });
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': late(true) });
  await p.open('/main.js');
  await new Promise((done) => setTimeout(done, 10));
  p.takeLog();
  await p.save({ '/a.js': late(true) });
  assert.equal(p.takeLog(), 'run /a.js?t=18, late, accepted');
  await t.test('at most for the timeout', async () => {
    assert.deepEqual(await p.save({ '/a.js': late(false) }), HOT);
    assert.equal(p.registry.unfinished.size, 0);
  });
});

test('an update with a missing import succeeds when the import is created', async () => {
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': accepting() });
  await p.open('/main.js');
  assert.equal(p.renewal.takes('/new.js'), false);
  await p.save({ '/a.js': accepting('/new.js') });
  assert.equal(p.renewal.takes('/new.js'), true, 'it may be the missing import');
  assert.equal(p.renewal.takes('/new.png'), false);
  assert.deepEqual(await p.save({ '/new.js': { fault: true } }), KEPT('a.js failed to load'));
  assert.deepEqual(p.renewal.kept(), ['/a.js', '/new.js']);
  assert.deepEqual(await p.save({ '/new.js': file() }), HOT);
  assert.deepEqual(p.renewal.kept(), []);
  assert.equal(p.renewal.takes('/other.js'), false);
  assert.deepEqual(await p.save({ '/a.js': accepting() }), HOT);
  assert.deepEqual(await p.save({ '/a.js': accepting() }), HOT, 'there is nothing left to retry');
});

test('a new file that was not the missing import reloads the page in the end', async () => {
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': accepting() });
  await p.open('/main.js');
  await p.save({ '/a.js': { fault: true } });
  assert.deepEqual(await p.save({ '/classic.js': file() }), KEPT('a.js failed to load'));
  assert.deepEqual(await p.save({ '/a.js': accepting() }), RELOAD('classic.js was created'));
});

test('a module that throws is reported and accepts the fixed version', async () => {
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': accepting() });
  await p.open('/main.js');
  const throws = file([], () => {
    throw new Error('oh');
  });
  assert.deepEqual(await p.save({ '/a.js': throws }), KEPT('a.js threw: oh'));
  assert.deepEqual(p.errors, ['oh']);
  assert.deepEqual(await p.save({ '/a.js': accepting() }), HOT);
});

test('an import that is accepted with a query is requested with it', async () => {
  const p = new Project({
    '/main.js': file(['/a.css'], (hot) => hot.accept('/a.css?import&inline')),
    '/a.css': file(),
  });
  await p.open('/main.js');
  p.takeLog();
  assert.deepEqual(await p.save({ '/a.css': file() }), HOT);
  assert.equal(p.takeLog(), 'run /a.css?import&inline&t=18');
});

test('nothing is disposed of if new code fails to load', async () => {
  const disposing = file(['/x.js'], (hot) => {
    hot.accept();
    hot.dispose(() => p.log.push('disposed'));
  });
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': disposing, '/x.js': file() });
  await p.open('/main.js');
  p.takeLog();
  await p.save({ '/a.js': { fault: true } });
  assert.equal(p.takeLog(), '');
  assert.deepEqual(p.requests, ['/a.js?t=18&livers=0']);
  await p.save({ '/a.js': disposing });
  assert.equal(p.takeLog(), 'disposed, run /a.js?t=19');
});

test('every module that runs again is disposed of first', async () => {
  const disposing = (name, ...imports) =>
    file(imports, (hot) => hot.dispose(() => p.log.push(`dispose ${name}`)));
  const p = new Project({
    '/main.js': accepting('/a.js', '/other.js'),
    '/a.js': disposing('a', '/b.js'),
    '/b.js': disposing('b'),
    '/other.js': disposing('other'),
  });
  await p.open('/main.js');
  p.takeLog();
  await p.save({ '/b.js': disposing('b') });
  assert.equal(p.takeLog(), 'dispose b, dispose a, run /b.js?t=18, run /a.js?t=18, run /main.js?t=18');
});

test('a module that rejects its update', async (t) => {
  const rejecting = (n) =>
    file([], (hot) =>
      hot.accept(() => {
        p.log.push(`${n} rejects`);
        hot.invalidate('for no reason');
      }),
    );
  let p;
  await t.test('is updated by its importers', async () => {
    p = new Project({ '/main.js': accepting('/a.js'), '/a.js': rejecting(1) });
    await p.open('/main.js');
    p.takeLog();
    assert.deepEqual(await p.save({ '/a.js': rejecting(2) }), HOT);
    assert.equal(p.takeLog(), 'run /a.js?t=18, 1 rejects, run /main.js?t=18');
  });
  await t.test('reloads the page if no importer accepts it', async () => {
    p = new Project({ '/main.js': file(['/a.js']), '/a.js': rejecting(1) });
    await p.open('/main.js');
    assert.deepEqual(
      await p.save({ '/a.js': rejecting(2) }),
      RELOAD('for no reason, and main.js does not accept updates'),
    );
  });
  await t.test('can do so while it runs', async () => {
    const early = file([], (hot) => {
      hot.accept();
      hot.invalidate();
    });
    p = new Project({ '/main.js': accepting('/a.js'), '/a.js': early });
    await p.open('/main.js');
    assert.equal(p.reloads, 0, 'a page that is loading has the newest modules');
    p.takeLog();
    assert.deepEqual(await p.save({ '/a.js': early }), HOT);
    assert.equal(p.takeLog(), 'run /a.js?t=18, run /main.js?t=18');
  });
  await t.test('can do so between two updates', async () => {
    let hot;
    const later = file([], (its) => {
      hot = its;
      hot.accept();
    });
    p = new Project({ '/main.js': accepting('/a.js'), '/a.js': later });
    await p.open('/main.js');
    await p.save({ '/a.js': later });
    p.takeLog();
    hot.invalidate();
    await settle();
    assert.equal(p.takeLog(), 'run /main.js?t=18&again=1');
    assert.equal(p.reloads, 0);
    await p.save({ '/main.js': file(['/a.js']) });
    hot.invalidate();
    await settle();
    assert.equal(p.reloads, 1);
  });
});

test('updates run one at a time', async () => {
  const slow = file([], (hot) => {
    hot.accept();
    hot.dispose(async () => {
      await new Promise((done) => setTimeout(done, 5));
      p.log.push('disposed');
    });
  });
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': slow });
  await p.open('/main.js');
  p.takeLog();
  const saves = [slow, slow].map((each) => p.save({ '/a.js': each }));
  assert.deepEqual(await Promise.all(saves), [HOT, HOT]);
  assert.equal(p.takeLog(), 'disposed, run /a.js?t=18, disposed, run /a.js?t=19');
});

test('listeners are called with the events of Vite until their module is replaced', async () => {
  const listening = file([], (hot) => {
    hot.accept();
    const once = (payload) => {
      p.log.push(`once ${payload.type}`);
      hot.off('vite:afterUpdate', once);
    };
    hot.on('vite:beforeUpdate', ({ updates: [{ type, path, acceptedPath, timestamp }] }) =>
      p.log.push(`before ${type} ${path} ${acceptedPath} ${timestamp}`),
    );
    hot.on('vite:afterUpdate', once);
    hot.on('vite:error', ({ err }) => p.log.push(`${err.message} ${err.loc.line}`));
    hot.on('vite:beforeUpdate', () => {
      throw new Error('page error');
    });
  });
  const p = new Project({ '/main.js': listening, '/b.js': accepting() });
  await p.open('/main.js');
  await p.open('/b.js');
  p.takeLog();
  await p.save({ '/b.js': accepting() });
  await p.save({ '/b.js': accepting() });
  assert.equal(
    p.takeLog(),
    'before js-update /b.js /b.js 18, run /b.js?t=18, once update, before js-update /b.js /b.js 19, run /b.js?t=19',
  );
  assert.deepEqual(p.errors, ['page error', 'page error']);
  await p.save({ '/main.js': accepting() });
  p.takeLog();
  await p.save({ '/b.js': accepting() });
  assert.equal(p.takeLog(), 'run /b.js?t=21', 'the listeners of the old version are removed');
});

test('errors are emitted and shown', async () => {
  const p = new Project({
    '/main.js': file([], (hot) => hot.on('vite:error', ({ err }) => p.log.push(err.message))),
  });
  await p.open('/main.js');
  p.takeLog();
  const shown = [];
  const load = async (url) => (
    assert.equal(url, './overlay.js'),
    { show: (faults) => shown.push(faults.length) }
  );
  for (const name of ['failed', 'failed-none'])
    await failed(JSON.parse(golden(name)).faults, load, p.registry);
  assert.deepEqual([p.takeLog(), shown], ['react is not installed', [1, 0]]);
});

test('modules that are no longer imported are pruned, and restored when imported again', async () => {
  const leaving = (name, ...imports) =>
    file(imports, (hot) => {
      hot.dispose(() => p.log.push(`dispose ${name}`));
      hot.prune(() => p.log.push(`prune ${name}`));
      hot.on('vite:beforePrune', ({ paths }) => p.log.push(`before ${paths}`));
    });
  const p = new Project({
    '/main.js': accepting('/a.js', '/x.css', '/shared.js'),
    '/a.js': leaving('a', '/b.js', '/shared.js'),
    '/b.js': leaving('b'),
    '/shared.js': leaving('shared'),
    '/x.css': file(),
  });
  const sheets = () => p.styles.map(({ dataset }) => dataset.livers).join();
  await p.open('/main.js');
  assert.equal(sheets(), '/x.css');
  p.takeLog();
  await p.save({ '/main.js': accepting('/shared.js') });
  assert.match(
    p.takeLog(),
    /^run \/main.js\?t=18, (before \/a.js,\/x.css, )+dispose a, prune a, (before \/b.js, )+dispose b, prune b$/,
  );
  assert.equal(sheets(), '');
  assert.equal(p.renewal.takes('/b.js'), false);
  await p.save({ '/main.js': accepting('/a.js', '/x.css', '/shared.js') });
  await settle();
  assert.equal(sheets(), '/x.css');
  assert.equal(p.renewal.takes('/b.js'), true);
});

test('a style sheet is replaced where it is', () => {
  const p = new Project({});
  const texts = () => p.styles.map(({ textContent }) => textContent.split('\n')[0]);
  p.registry.style(joined('/a%20b.css', 'one'));
  p.registry.style(joined('/c.css', 'two'));
  p.registry.style(joined('/a b.css', 'three'));
  assert.deepEqual(texts(), ['three', 'two']);
  // The old rules stay until imports have loaded.
  p.registry.style(joined('/c.css', { url: 'http://h/', conditions: 'print' }, 'four'));
  assert.deepEqual(texts(), ['three', 'two', '@import url("http://h/") print;four']);
  p.styles[2].onload();
  assert.deepEqual(texts(), ['three', '@import url("http://h/") print;four']);
  p.registry.unstyle('/a b.css');
  assert.equal(p.styles.length, 1);
});

test('a style sheet contains the sheets that it imports', () => {
  const inner = joined('/c.css', { layers: '@layer a;' }, { url: 'http://h/', conditions: 'print' }, 'c{}');
  const part = joined('/b.css', { part: inner, open: '@media x {', close: '}', conditions: 'x' }, 'b{}');
  const sheet = joined('/a.css', { part: undefined }, { part }, 'a{}');
  assert.deepEqual(sheet.parts, ['/b.css', '/c.css']);
  assert.equal(sheet.rules, '@media x {@layer a;c{}}b{}a{}');
  const head = encodeURIComponent('@layer a;@import url("http://h/") print;');
  assert.equal(sheet.head, `@import url("data:text/css,${head}") x;`);
});

test('escaped and unescaped paths are equal', async () => {
  const p = new Project({
    '/main.js': file(['/%C3%A9%20a.js'], (hot) => hot.accept('./é a.js')),
    '/%C3%A9%20a.js': file(),
  });
  await p.open('/main.js');
  assert.equal(p.renewal.takes('/é a.js'), true);
  assert.deepEqual(await p.renewal.apply([{ path: '/%C3%A9%20a.js', kind: 'modified' }], 18), HOT);
});

test('a worker announces its modules and registers none', async () => {
  const posted = [];
  const registry = makeRegistry({ channel: { postMessage: (path) => posted.push(path) } });
  const hot = registry.hot('/a.js', 'http://h/a.js', ['/b.js']);
  hot.accept();
  hot.accept('./b.js', () => {});
  hot.dispose(() => {});
  hot.invalidate('why');
  registry.style(joined('/a.css'));
  assert.equal(registry.modules.size, 0);
  assert.deepEqual(posted, ['/a.js']);
});

test('a change of a module that a worker runs reloads the page', async () => {
  const p = new Project({ '/main.js': file(['/a.js']), '/a.js': accepting() });
  await p.open('/main.js');
  p.channel.onmessage({ data: '/a.js' });
  assert.deepEqual(await p.save({ '/a.js': { fault: true } }), KEPT('a.js failed to load'));
  assert.deepEqual(await p.save({ '/a.js': accepting() }), RELOAD('a.js changed, and a worker runs it'));
});
