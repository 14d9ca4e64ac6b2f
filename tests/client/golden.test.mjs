// The golden messages of tests/protocol: the client accepts the server's, and sends its own byte
// for byte.
import assert from 'node:assert/strict';
import test from 'node:test';

import { golden, Page, settle } from './page.mjs';

const page = () => new Page({ query: '?k3f9x2.16', resources: ['/css/app.css', '/js/app.js'] });

test('hello equals the golden message', () => {
  const p = page().start();
  p.connection.open();
  p.connection.receive(golden('connected'));
  p.tick(1200);
  p.connection.end();
  p.tick(50 + 200);
  const age = JSON.parse(golden('hello')).age;
  p.now += age - (p.now - 1_000_000);
  p.connection.open();
  assert.deepEqual(p.connection.sent, [golden('hello')]);
});

test('the first hello equals the golden message', () => {
  const p = page();
  p.self += '.1790000000000.0af1';
  p.start().connection.open();
  assert.deepEqual(p.connection.sent, [golden('hello-first')]);
});

test('uses equals the golden message', () => {
  const p = page().start().connected();
  p.fetched('/data.json');
  p.tick(100);
  assert.equal(p.connection.sent[1], golden('uses'));
});

test('a golden update is applied, and applied equals the golden message', async () => {
  const p = page();
  const old = p.link('/css/app.css');
  p.start().connected();
  p.connection.receive(golden('updated'));
  await settle();
  const [, fresh] = p.links;
  p.tick(7);
  fresh.load();
  await settle();
  assert.deepEqual(p.links, [fresh]);
  assert.equal(old.isConnected, false);
  assert.equal(p.connection.sent[1], golden('applied'));
});

test('kept files equal the golden message', async () => {
  const p = new Page({ query: '?k3f9x2.16', resources: ['/__livers/hot.js', '/src/App.tsx'] });
  p.modules['renew.js'] = {
    takes: () => true,
    apply: async () => {
      p.tick(9);
      return { how: 'kept', why: 'src/App.tsx failed to load' };
    },
    kept: () => ['/src/App.tsx'],
  };
  p.start().connected();
  p.updated(18, { path: '/src/App.tsx', kind: 'modified' });
  await settle();
  assert.equal(p.connection.sent.at(-1), golden('applied-kept'));
});

test('golden errors are passed to renew.js', async () => {
  const p = page();
  const passed = [];
  p.modules['renew.js'] = { failed: (faults) => passed.push(faults) };
  p.start().connected();
  for (const name of ['failed', 'failed-none']) {
    p.connection.receive(golden(name));
    await settle();
  }
  assert.deepEqual(passed, [JSON.parse(golden('failed')).faults, []]);
  assert.equal(p.connection.sent.length, 1, 'errors are not acknowledged');
});
