import assert from 'node:assert/strict';
import test from 'node:test';

import { Page, settle } from './page.mjs';

/** The hello of a connection: the first message of a socket, or in the URL of an event stream. */
const helloOf = ({ isSocket, sent, url }) =>
  JSON.parse(isSocket ? sent[0] : new URL(url).searchParams.get('hello'));

test('the socket is in the folder of the client and has the subprotocol livers', () => {
  const p = new Page().start();
  assert.equal(p.connection.url, 'ws://localhost:3000/__livers/socket');
  assert.equal(p.connection.protocol, 'livers');
});

test('the socket uses wss if the client was loaded by https', () => {
  const p = new Page();
  p.self = 'https://dev.test/__livers/client.js?a.1';
  p.start();
  assert.equal(p.connection.url, 'wss://dev.test/__livers/socket');
});

for (const [query, boot, version, since] of [
  ['?k3f9x2.17', 'k3f9x2', 17],
  ['?k3f9x2.17.1790000000000', 'k3f9x2', 17, 1_790_000_000_000],
  ['?k3f9x2.17.1790000000000.0af1', 'k3f9x2', 17, 1_790_000_000_000],
  ['?k3f9x2.17..failed', 'k3f9x2', 17],
  ['', undefined, undefined],
  ['?', undefined, undefined],
  ['?odd', undefined, undefined],
])
  test(`the first hello has the stamp of the query "${query}"`, () => {
    const p = new Page({ query }).start();
    p.connection.open();
    const hello = helloOf(p.connection);
    assert.deepEqual([hello.boot, hello.version, hello.served], [boot, version, version]);
    assert.equal(hello.since, since);
    assert.equal('age' in hello, false);
  });

test('hello has the stamp from before its connection', async (t) => {
  for (const early of [false, true])
    await t.test(early ? '`connected` came first' : '`connected` comes later', () => {
      const p = new Page({ query: '?old.3' }).start();
      if (early) p.connection.receive({ type: 'connected', boot: 'new', version: 9 });
      p.connection.open();
      if (!early) p.connection.receive({ type: 'connected', boot: 'new', version: 9 });
      assert.deepEqual([helloOf(p.connection).boot, helloOf(p.connection).version], ['old', 3]);
    });
});

test('the next hello has the version of the last message, and its age', () => {
  const p = new Page({ query: '?old.3.77' }).start().connected('new', 9);
  p.tick(5000);
  p.updated(12);
  p.tick(60_000);
  p.connection.end();
  p.tick(200);
  p.connection.open();
  const { boot, version, age, served } = helloOf(p.connection);
  assert.deepEqual([boot, version, age], ['new', 12, 60_200]);
  assert.equal(served, undefined, 'the page was served by another run of the server');
});

test('hello has the version that the page was served with', () => {
  const p = new Page({ query: '?same.3' }).start().connected('same', 9);
  p.tick(5000);
  p.updated(12);
  p.connection.end();
  p.tick(200);
  p.connection.open();
  const { version, served } = helloOf(p.connection);
  assert.deepEqual([version, served], [12, 3]);
});

test('a connection that was too short does not change the stamp', () => {
  const p = new Page({ query: '?old.3.77' }).start().connected('new', 9);
  p.tick(300);
  p.connection.end();
  p.tick(200);
  p.connection.open();
  const hello = helloOf(p.connection);
  assert.deepEqual([hello.boot, hello.version, hello.since, 'age' in hello], ['old', 3, 77, false]);
});

test('uses has the paths of this origin, as requested, once, in order, without /__livers/', () => {
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
  p.connection.open();
  assert.deepEqual(helloOf(p.connection).uses, ['/a%20b.css', '/z.js']);
});

test('hello omits uses if there are too many', () => {
  // The server accepts messages of 256 KiB.
  for (const [name, most] of [['/a', 15_000], [`/${'long'.repeat(30)}`, 1_150]])
    for (const length of [most, 2 * most]) {
      const p = new Page({ resources: Array.from({ length }, (_, i) => `${name}${i}`) }).start();
      p.connection.open();
      assert.ok(p.connection.sent[0].length < 256 * 1024);
      assert.equal('uses' in helloOf(p.connection), length === most, `${length} of ${name}`);
    }
});

test('new uses are sent in one message, without those of hello', () => {
  const p = new Page({ resources: ['/a.css'] }).start().connected();
  p.fetched('/a.css', '/b.js');
  p.tick(5);
  p.fetched('/c.js?1');
  p.tick(100);
  p.fetched('/b.js');
  p.tick(100);
  assert.deepEqual(p.sent.slice(1), [{ type: 'uses', add: ['/b.js', '/c.js'] }]);
});

test('uses recorded without a connection are only in the next hello', () => {
  const p = new Page().start();
  p.fetched('/b.js');
  p.tick(100);
  p.connection.open();
  p.tick(100);
  assert.equal(p.sent.length, 1);
  assert.deepEqual(helloOf(p.connection).uses, ['/b.js']);
});

test('Server-Sent Events replace a socket that fails to open', () => {
  const p = new Page({ query: '?b.1', resources: ['/ä.css'] }).start();
  p.connection.end();
  p.tick(150);
  const events = p.connection;
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

test('a socket replaces Server-Sent Events that fail', () => {
  const p = new Page().start();
  p.connection.end();
  const events = p.connection;
  p.connected();
  p.fetched('/b.js'); // cannot be sent
  p.tick(5000);
  events.end();
  assert.ok(events.closed);
  assert.equal(p.connections.length, 2);
  p.tick(150);
  assert.ok(p.connection.isSocket);
  assert.equal(p.connections.length, 3);
});

test('a socket replaces a socket that was open', () => {
  const p = new Page().start().connected();
  p.tick(5000);
  p.connection.end(1001);
  p.tick(150);
  assert.equal(p.connections.length, 2);
  assert.ok(p.connection.isSocket);
});

test('hello omits uses if they do not fit in a URL', () => {
  const p = new Page({ resources: Array.from({ length: 1000 }, (_, i) => `/${i}.js`) }).start();
  p.connection.end();
  assert.equal('uses' in helloOf(p.connection), false);
  assert.equal(helloOf(p.connection).page, '/index.html');
});

test('retries are delayed by 100 ms, doubled up to 2 s', () => {
  const p = new Page().start();
  const waits = [];
  for (let i = 0; i < 8; i++) {
    p.connection.end(); // the socket
    p.connection.end(); // the events
    const count = p.connections.length;
    const from = p.now;
    while (p.connections.length === count) p.tick(5);
    waits.push(p.now - from);
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 2000, 2000, 2000]);
});

test('frames are not in the uses of their page', () => {
  const p = new Page().start();
  p.connection.open();
  for (const by of ['iframe', 'frame', 'object', 'embed']) p.fetchedBy(by, '/frame.html');
  p.fetchedBy('img', '/a.png');
  p.tick(50);
  assert.deepEqual(p.sent.slice(1), [{ type: 'uses', add: ['/a.png'] }]);
});

test('the icon is in the uses, a prefetched page is not', () => {
  const p = new Page();
  p.link('/next.html', { rel: 'prefetch' });
  p.link('/icon.svg', { rel: 'shortcut icon' });
  p.start().connection.open();
  p.fetchedBy('link', '/next.html', '/app.css');
  p.tick(50);
  assert.deepEqual(helloOf(p.connection).uses, ['/icon.svg']);
  assert.deepEqual(p.sent.slice(1), [{ type: 'uses', add: ['/app.css'] }]);
});

test('a page with a service worker ignores the stamp in the query', () => {
  const p = new Page({ query: '?old.3', worker: {} });
  p.now = 69.5;
  p.start();
  p.connection.open();
  const { boot, version, age } = helloOf(p.connection);
  assert.deepEqual({ boot, version, age }, { boot: '', version: 0, age: 70 }, 'the changes since the navigation');
});

test('the delay of retries is reset only by a connection that lasts', () => {
  const p = new Page().start();
  const wait = () => {
    const count = p.connections.length;
    const from = p.now;
    while (p.connections.length === count) p.tick(5);
    return p.now - from;
  };
  for (let i = 0; i < 6; i++) {
    p.connected();
    p.connection.end(1001);
    if (i < 5) wait();
  }
  assert.ok(wait() > 1400);
  p.connected();
  p.tick(1500);
  p.connection.end(1001);
  assert.ok(wait() < 150);
});

test('a hidden tab reconnects when it becomes visible', () => {
  const p = new Page().start().connected();
  p.tick(5000);
  p.show(false);
  p.connection.end();
  p.tick(3_600_000);
  assert.equal(p.connections.length, 1);
  p.show(true);
  assert.equal(p.connections.length, 2);
});

test('the online event reconnects at once, and only once', () => {
  const p = new Page().start().connected();
  p.tick(5000);
  p.connection.end();
  p.event('online');
  assert.equal(p.connections.length, 2);
  p.tick(60_000);
  p.event('online');
  assert.equal(p.connections.length, 2);
});

for (const order of [['pageshow'], ['visibilitychange', 'pageshow']])
  test(`a page closes its socket for the back-forward cache and reconnects (${order})`, () => {
    const p = new Page().start().connected('b', 4);
    p.tick(2000);
    p.event('pagehide', { persisted: true });
    assert.ok(p.connection.closed);
    p.document.hidden = true;
    p.tick(60_000);
    assert.equal(p.connections.length, 1);
    p.document.hidden = false;
    for (const type of order) p.event(type, { persisted: true });
    assert.equal(p.connections.length, 2);
    assert.equal(p.connection.closed, false);
    p.connection.open();
    assert.equal(helloOf(p.connection).version, 4);
    assert.equal(helloOf(p.connection).age, 62_000);
  });

test('a prerendered page connects when it is shown', () => {
  const p = new Page({ prerendering: true }).start();
  p.event('pageshow', { persisted: false });
  p.tick(10_000);
  assert.equal(p.connections.length, 0);
  p.document.prerendering = false;
  p.show(true);
  assert.equal(p.connections.length, 1);
});

test('a second client in a page does nothing', () => {
  const p = new Page({ query: '?a.1' }).start();
  p.self += '9';
  p.start();
  assert.equal(p.connections.length, 1);
});

test('unknown and malformed messages are ignored', async () => {
  const p = new Page().start().connected('b', 1);
  for (const message of [
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
    p.connection.receive(message);
  await settle();
  assert.equal(p.reloads, 0);
  assert.equal(p.sent.length, 1);
  p.updated(4, { path: '/x.js', kind: 'modified', more: 1 });
  await settle();
  assert.equal(p.reloads, 1);
  assert.deepEqual(p.connections[0].sent.at(-1), '{"type":"applied","version":4,"how":"reload","ms":0,"why":"x.js changed"}');
});

test('an unknown message does not change the stamp', () => {
  const p = new Page().start().connected('b', 1);
  p.connection.receive({ type: 'later', boot: 'x', version: 99 });
  p.tick(2000);
  p.connection.end();
  p.tick(200);
  p.connection.open();
  assert.deepEqual([helloOf(p.connection).boot, helloOf(p.connection).version], ['b', 1]);
});

test('a page that reloads disconnects and does not reconnect', async () => {
  const p = new Page().start().connected();
  p.updated(18, { path: '/x.js', kind: 'modified' });
  await settle();
  assert.ok(p.connection.closed);
  p.tick(60_000);
  assert.deepEqual([p.reloads, p.connections.length], [1, 1]);
});
