import assert from 'node:assert/strict';
import test from 'node:test';

import { Page, settle } from './page.mjs';

const helloOf = (line) =>
  JSON.parse(line.isSocket ? line.sent[0] : new URL(line.url).searchParams.get('hello'));

test('a socket beside the module, with the subprotocol', () => {
  const p = new Page().start();
  assert.equal(p.line.url, 'ws://localhost:3000/__livers/socket');
  assert.equal(p.line.protocol, 'livers');
});

test('wss where the module came by https', () => {
  const p = new Page();
  p.self = 'https://dev.test/__livers/client.js?a.1';
  p.start();
  assert.equal(p.line.url, 'wss://dev.test/__livers/socket');
});

for (const [query, boot, version] of [
  ['?k3f9x2.17', 'k3f9x2', 17],
  ['', undefined, undefined],
  ['?', undefined, undefined],
  ['?odd', undefined, undefined],
])
  test(`the first hello knows what the query "${query}" says`, () => {
    const p = new Page({ query }).start();
    p.line.open();
    const hello = helloOf(p.line);
    assert.deepEqual([hello.boot, hello.version, hello.served], [boot, version, version]);
    assert.equal('age' in hello, false);
  });

test('hello says what was known before this connection', async (t) => {
  for (const early of [false, true])
    await t.test(early ? '`connected` came first' : '`connected` comes later', () => {
      const p = new Page({ query: '?old.3' }).start();
      if (early) p.line.receive({ type: 'connected', boot: 'new', version: 9 });
      p.line.open();
      if (!early) p.line.receive({ type: 'connected', boot: 'new', version: 9 });
      assert.deepEqual([helloOf(p.line).boot, helloOf(p.line).version], ['old', 3]);
    });
});

test('the next hello knows what this connection said, and its age', () => {
  const p = new Page({ query: '?old.3' }).start().connected('new', 9);
  p.tick(5000);
  p.updated(12);
  p.tick(60_000);
  p.line.end();
  p.tick(200);
  p.line.open();
  const { boot, version, age, served } = helloOf(p.line);
  assert.deepEqual([boot, version, age], ['new', 12, 60_200]);
  assert.equal(served, undefined, 'by another run of the server');
});

test('a page that comes back says when it was served', () => {
  const p = new Page({ query: '?same.3' }).start().connected('same', 9);
  p.tick(5000);
  p.updated(12);
  p.line.end();
  p.tick(200);
  p.line.open();
  const { version, served } = helloOf(p.line);
  assert.deepEqual([version, served], [12, 3]);
});

test('a connection too short to tell what was missed counts for nothing', () => {
  const p = new Page({ query: '?old.3' }).start().connected('new', 9);
  p.tick(300);
  p.line.end();
  p.tick(200);
  p.line.open();
  const hello = helloOf(p.line);
  assert.deepEqual([hello.boot, hello.version, 'age' in hello], ['old', 3, false]);
});

test('uses: our own origin, paths as sent, once, in order, without /__livers/', () => {
  const p = new Page({
    resources: [
      '/a%20b.css?v=1',
      '/__livers/client.js',
      'http://other.test/x.js',
      'blob:http://localhost:3000/6f1c',
      'http://localhost:30001/y.js',
      '/z.js',
      '/a%20b.css?v=2#f',
      'data:text/css,',
    ],
  }).start();
  p.line.open();
  assert.deepEqual(helloOf(p.line).uses, ['/a%20b.css', '/z.js']);
});

test('too many uses are left out of hello: unknown', () => {
  const p = new Page({ resources: Array.from({ length: 3000 }, (_, i) => `/${i}.js`) }).start();
  p.line.open();
  assert.equal('uses' in helloOf(p.line), false);
});

test('new uses: in one message, each once, none that hello told', () => {
  const p = new Page({ resources: ['/a.css'] }).start().connected();
  p.fetched('/a.css', '/b.js');
  p.tick(5);
  p.fetched('/c.js?1');
  p.tick(100);
  p.fetched('/b.js');
  p.tick(100);
  assert.deepEqual(p.sent.slice(1), [{ type: 'uses', add: ['/b.js', '/c.js'] }]);
});

test('uses seen while there was no connection are in the next hello, and only there', () => {
  const p = new Page().start();
  p.fetched('/b.js');
  p.tick(100);
  p.line.open();
  p.tick(100);
  assert.equal(p.sent.length, 1);
  assert.deepEqual(helloOf(p.line).uses, ['/b.js']);
});

test('no socket: Server-Sent Events, its hello in the URL, then a socket again', () => {
  const p = new Page({ query: '?b.1', resources: ['/ä.css'] }).start();
  p.line.end();
  p.tick(150);
  const events = p.line;
  assert.equal(events.isSocket, undefined);
  assert.ok(events.url.startsWith('http://localhost:3000/__livers/events?hello=%7B%22type'));
  assert.deepEqual(helloOf(events), {
    type: 'hello',
    page: '/index.html',
    uses: ['/%C3%A4.css'],
    boot: 'b',
    version: 1,
    served: 1,
  });
  p.connected();
  p.updated(18, { path: '/app.js', kind: 'modified' });
  return settle().then(() => {
    assert.equal(p.reloads, 1);
  });
});

test('events that fail are closed, and a socket is next', () => {
  const p = new Page().start();
  p.line.end();
  const events = p.line;
  p.connected();
  p.fetched('/b.js'); // has no way out
  p.tick(5000);
  events.end();
  assert.ok(events.closed);
  assert.equal(p.lines.length, 2);
  p.tick(150);
  assert.ok(p.line.isSocket);
  assert.equal(p.lines.length, 3);
});

test('a socket that was open is followed by a socket', () => {
  const p = new Page().start().connected();
  p.tick(5000);
  p.line.end(1001);
  p.tick(150);
  assert.equal(p.lines.length, 2);
  assert.ok(p.line.isSocket);
});

test('a hello that would not fit in a URL leaves its uses unknown', () => {
  const p = new Page({ resources: Array.from({ length: 100 }, (_, i) => `/${i}.js`) }).start();
  p.line.end();
  assert.equal('uses' in helloOf(p.line), false);
  assert.equal(helloOf(p.line).page, '/index.html');
});

test('retries: soon, then further apart, up to 2 s', () => {
  const p = new Page().start();
  const waits = [];
  for (let i = 0; i < 8; i++) {
    p.line.end(); // the socket
    p.line.end(); // the events
    const lines = p.lines.length;
    const from = p.now;
    while (p.lines.length === lines) p.tick(5);
    waits.push(p.now - from);
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 2000, 2000, 2000]);
});

test('a frame is no part of its page: it has a client of its own', () => {
  const p = new Page().start();
  p.line.open();
  for (const by of ['iframe', 'frame', 'object', 'embed']) p.fetchedBy(by, '/frame.html');
  p.fetchedBy('img', '/a.png');
  p.tick(50);
  assert.deepEqual(p.sent.slice(1), [{ type: 'uses', add: ['/a.png'] }]);
});

test('what is fetched in case somebody goes there is no part of the page, its icon is one', () => {
  const p = new Page();
  p.link('/next.html', { rel: 'prefetch' });
  p.link('/icon.svg', { rel: 'shortcut icon' });
  p.start().line.open();
  p.fetchedBy('link', '/next.html', '/app.css');
  p.tick(50);
  assert.deepEqual(helloOf(p.line).uses, ['/icon.svg']);
  assert.deepEqual(p.sent.slice(1), [{ type: 'uses', add: ['/app.css'] }]);
});

test('behind a service worker, what the query says counts for nothing', () => {
  const p = new Page({ query: '?old.3', worker: {} });
  p.now = 69.5;
  p.start();
  p.line.open();
  const { boot, version, age } = helloOf(p.line);
  assert.deepEqual({ boot, version, age }, { boot: '', version: 0, age: 70 }, 'what changed while it loaded');
});

test('a server that drops us at once is not hammered; a good connection forgets', () => {
  const p = new Page().start();
  const wait = () => {
    const lines = p.lines.length;
    const from = p.now;
    while (p.lines.length === lines) p.tick(5);
    return p.now - from;
  };
  for (let i = 0; i < 6; i++) {
    p.connected();
    p.line.end(1001);
    if (i < 5) wait();
  }
  assert.ok(wait() > 1400);
  p.connected();
  p.tick(1500);
  p.line.end(1001);
  assert.ok(wait() < 150);
});

test('a hidden tab waits until it is seen', () => {
  const p = new Page().start().connected();
  p.tick(5000);
  p.show(false);
  p.line.end();
  p.tick(3_600_000);
  assert.equal(p.lines.length, 1);
  p.show(true);
  assert.equal(p.lines.length, 2);
});

test('online: at once, and no second line when the timer ends', () => {
  const p = new Page().start().connected();
  p.tick(5000);
  p.line.end();
  p.event('online');
  assert.equal(p.lines.length, 2);
  p.tick(60_000);
  p.event('online');
  assert.equal(p.lines.length, 2);
});

for (const order of [['pageshow'], ['visibilitychange', 'pageshow']])
  test(`back-forward cache: closed on the way in, hello on the way out (${order})`, () => {
    const p = new Page().start().connected('b', 4);
    p.tick(2000);
    p.event('pagehide', { persisted: true });
    assert.ok(p.line.closed);
    p.document.hidden = true;
    p.tick(60_000);
    assert.equal(p.lines.length, 1);
    p.document.hidden = false;
    for (const type of order) p.event(type, { persisted: true });
    assert.equal(p.lines.length, 2);
    assert.equal(p.line.closed, false);
    p.line.open();
    assert.equal(helloOf(p.line).version, 4);
    assert.equal(helloOf(p.line).age, 62_000);
  });

test('a prerendered page is silent until it is shown', () => {
  const p = new Page({ prerendering: true }).start();
  p.event('pageshow', { persisted: false });
  p.tick(10_000);
  assert.equal(p.lines.length, 0);
  p.document.prerendering = false;
  p.show(true);
  assert.equal(p.lines.length, 1);
});

test('a second copy in the page rests', () => {
  const p = new Page({ query: '?a.1' }).start();
  p.self += '9';
  p.start();
  assert.equal(p.lines.length, 1);
});

test('what is not understood is ignored, and the rest goes on', async () => {
  const p = new Page().start().connected('b', 1);
  for (const odd of [
    'not JSON',
    'null',
    '[]',
    '7',
    '{"type":"toString"}',
    '{"type":"later","version":99,"boot":"x"}',
    '{"type":"updated","version":2}',
    '{"type":"updated","version":2,"changes":[null]}',
    '{"type":"updated","version":3,"changes":[],"more":{}}',
  ])
    p.line.receive(odd);
  await settle();
  assert.equal(p.reloads, 0);
  assert.equal(p.sent.length, 1);
  p.updated(4, { path: '/x.js', kind: 'modified', more: 1 });
  await settle();
  assert.equal(p.reloads, 1);
  assert.deepEqual(p.lines[0].sent.at(-1), '{"type":"applied","version":4,"how":"reload","ms":0,"why":"x.js changed"}');
});

test('an unknown message changes nothing that the page knows', () => {
  const p = new Page().start().connected('b', 1);
  p.line.receive({ type: 'later', boot: 'x', version: 99 });
  p.tick(2000);
  p.line.end();
  p.tick(200);
  p.line.open();
  assert.deepEqual([helloOf(p.line).boot, helloOf(p.line).version], ['b', 1]);
});

test('one reload, and deaf after it', async () => {
  const p = new Page().start().connected();
  p.updated(18, { path: '/x.js', kind: 'modified' });
  await settle();
  assert.ok(p.line.closed);
  p.tick(60_000);
  assert.deepEqual([p.reloads, p.lines.length], [1, 1]);
});
