// The golden frames: the server's are fed to the client, the page's must come out byte for byte.
import assert from 'node:assert/strict';
import test from 'node:test';

import { golden, Page, settle } from './page.mjs';

const page = () => new Page({ query: '?k3f9x2.16', resources: ['/css/app.css', '/js/app.js'] });

test('hello', () => {
  const p = page().start();
  p.line.open();
  p.line.receive(golden('connected'));
  p.tick(1200);
  p.line.end();
  p.tick(50 + 200);
  const age = JSON.parse(golden('hello')).age;
  p.now += age - (p.now - 1_000_000);
  p.line.open();
  assert.deepEqual(p.line.sent, [golden('hello')]);
});

test('uses', () => {
  const p = page().start().connected();
  p.fetched('/data.json');
  p.tick(100);
  assert.equal(p.line.sent[1], golden('uses'));
});

test('updated, and applied', async () => {
  const p = page();
  const old = p.link('/css/app.css');
  p.start().connected();
  p.line.receive(golden('updated'));
  await settle();
  const [, fresh] = p.links;
  p.tick(7);
  fresh.load();
  await settle();
  assert.deepEqual(p.links, [fresh]);
  assert.equal(old.isConnected, false);
  assert.equal(p.line.sent[1], golden('applied'));
});

test('failed', async () => {
  const p = page();
  const heard = [];
  p.modules['renew.js'] = { failed: (faults) => heard.push(faults) };
  p.start().connected();
  for (const name of ['failed', 'failed-none']) {
    p.line.receive(golden(name));
    await settle();
  }
  assert.deepEqual(heard, [JSON.parse(golden('failed')).faults, []]);
  assert.equal(p.line.sent.length, 1, 'nothing is to be said');
});
