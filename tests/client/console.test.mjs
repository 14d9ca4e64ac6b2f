// What console.js hears of a page, and what messages.js sends of it.
import assert from 'node:assert/strict';
import test from 'node:test';

import { makeListener } from '../../client-snippet/hmr/console.js';
import { makeMessages } from '../../client-snippet/hmr/messages.js';
import { golden, ORIGIN, settle } from './page.mjs';

/** The URL of the folder of livers' own modules, for the modules under test. */
const BASE = new URL('../../client-snippet/hmr/', import.meta.url).href;

/** A page or worker with a clock that only tests advance, and a client. */
class Scope extends EventTarget {
  sent = [];
  load = async () => ({});
  called = [];
  open = true;
  #now = 1e6;
  #timers = [];

  constructor({ isWorker = false, path = '/index.html' } = {}) {
    super();
    const scope = this;
    this.location = { origin: ORIGIN, href: ORIGIN + path, pathname: path };
    this.performance = { now: () => scope.#now, getEntriesByType: () => [] };
    this.Date = { now: () => scope.#now };
    this.Error = Error;
    this.setTimeout = (run, ms = 0) => scope.#timers.push({ run, at: scope.#now + ms });
    this.body = { innerText: 'text', getClientRects: () => [{}], querySelectorAll: () => [] };
    if (!isWorker) this.document = { readyState: 'complete', body: this.body };
    this.console = {};
    for (const name of ['error', 'warn', 'log', 'assert'])
      this.console[name] = { [name]: (...args) => void scope.called.push([name, ...args]) }[name];
    this.listener = makeListener(this, async () => ({ makeMessages }));
  }
  listen(...levels) {
    this.listener.listen(levels.length ? levels : ['error', 'warn']);
    return this;
  }
  attach() {
    const { load, sent } = this;
    const send = (message) => this.open && sent.push(JSON.stringify(message));
    this.client = { window: this, base: BASE, load, send, isOpen: () => this.open, used: { uses: new Set() } };
    this.voice = this.listener.attach(this.client);
    return this;
  }
  /** Lets the clock run, in steps, with what promises do in between. */
  async tick(ms = 1000) {
    for (const end = this.#now + ms; this.#now < end; this.#now += 10) {
      await settle();
      const due = this.#timers.filter(({ at }) => at <= this.#now);
      this.#timers = this.#timers.filter(({ at }) => at > this.#now);
      for (const { run } of due) run();
    }
    await settle();
  }
  event(type, fields) {
    const event = new Event(type, { cancelable: true });
    for (const name of Object.keys(fields)) Object.defineProperty(event, name, { value: fields[name] });
    this.dispatchEvent(event);
  }
  /** Reports an error, as the browser does. */
  throws(error, fields = {}) {
    const message = `Uncaught ${error}`;
    this.event('error', { error, message, filename: `${ORIGIN}/src/App.tsx`, lineno: 3, colno: 4, ...fields });
  }
  get entries() {
    return this.sent.flatMap((text) => JSON.parse(text).entries ?? []);
  }
  /** What was sent, without places. */
  get messages() {
    return this.entries.map(({ kind, level, message, count }) => `${kind} ${level} ${message}${count ? ` x${count}` : ''}`);
  }
}

const page = () => new Scope().listen().attach();

test('the page keeps its console: the methods, their names, and what they return', async () => {
  const scope = page();
  assert.equal(scope.console.error.name, 'error');
  scope.console.error('one', { two: 2 });
  scope.console.log('three');
  assert.deepEqual(scope.called, [
    ['error', 'one', { two: 2 }],
    ['log', 'three'],
  ]);
  await scope.tick();
  assert.deepEqual(scope.messages, ['console error one {two: 2}']);
});

test('only the levels that are asked for are heard', async () => {
  const scope = new Scope().listen('error', 'warn', 'log').attach();
  for (const name of ['error', 'warn', 'log']) scope.console[name](name);
  scope.console.assert(true, 'holds');
  scope.console.assert(false, 'does not', 1);
  await scope.tick();
  assert.deepEqual(scope.messages, [
    'console error error',
    'console warn warn',
    'console log log',
    'console error Assertion failed: does not 1',
  ]);
});

test('errors have their message, place and stack', async () => {
  const scope = page();
  const error = new TypeError('size is not a function');
  error.stack = `TypeError: size is not a function\n    at quiet (${BASE}registry.js:1:2)\n    at App (${ORIGIN}/src/App.tsx?t=18:12:5)`;
  scope.throws(error);
  scope.throws('text', { message: 'Uncaught text' });
  scope.throws(null, { message: 'Script error.', filename: '' });
  await scope.tick();
  const [first, second, third] = scope.entries;
  assert.deepEqual(first, {
    kind: 'exception',
    level: 'error',
    message: 'TypeError: size is not a function',
    url: '/src/App.tsx?t=18',
    line: 12,
    column: 5,
    stack: `TypeError: size is not a function\n    at App (${ORIGIN}/src/App.tsx?t=18:12:5)`,
  });
  assert.deepEqual([second.message, second.url, second.line], ['Uncaught text', '/src/App.tsx', 3]);
  assert.deepEqual([third.message, third.url], ['Script error.', undefined]);
});

test('an error is heard once, and not if the page handles it', async () => {
  const scope = page();
  const error = new Error('once');
  scope.throws(error);
  scope.throws(error);
  scope.event('unhandledrejection', { reason: error });
  scope.throws(new Error('handled before'), { defaultPrevented: true });
  scope.addEventListener('error', (event) => /later/.test(event.message) && event.preventDefault());
  scope.throws(new Error('later'));
  await scope.tick();
  assert.deepEqual(scope.messages, ['exception error Error: once']);
});

test('rejections, failed loads and violations are heard', async () => {
  const scope = page();
  scope.event('unhandledrejection', { reason: new RangeError('late') });
  scope.event('unhandledrejection', { reason: { code: 4 } });
  const link = Object.assign(new SyntaxError('no export'), { stack: 'SyntaxError: no export' });
  scope.event('unhandledrejection', { reason: link });
  scope.event('securitypolicyviolation', {
    effectiveDirective: 'img-src',
    blockedURI: 'https://a.test/x.png',
    sourceFile: `${ORIGIN}/index.html`,
    lineNumber: 7,
    disposition: 'enforce',
  });
  await scope.tick();
  assert.deepEqual(scope.messages.slice(0, 3), [
    'rejection error RangeError: late',
    'rejection error Uncaught {code: 4}',
    'link error SyntaxError: no export',
  ]);
  const last = scope.entries.at(-1);
  assert.equal(last.message, "The page's Content Security Policy blocks https://a.test/x.png (img-src)");
  assert.deepEqual([last.kind, last.url, last.line], ['csp', '/index.html', 7]);
});

test('a module that does not link is reported by failure.js alone', async () => {
  const scope = page();
  globalThis.location = { origin: ORIGIN };
  scope.throws(Object.assign(new SyntaxError('x'), { stack: 'SyntaxError: x' }));
  await scope.tick();
  delete globalThis.location;
  assert.deepEqual(scope.messages, []);
});

test('what early.js has kept is taken over, also by failure.js', async () => {
  const scope = new Scope();
  const make = (type, fields) => {
    const event = new Event(type);
    for (const name of Object.keys(fields)) Object.defineProperty(event, name, { value: fields[name] });
    return event;
  };
  globalThis.location = { origin: ORIGIN };
  const filename = `${ORIGIN}/src/App.tsx`;
  const link = Object.assign(new SyntaxError('x'), { stack: 'SyntaxError: x' });
  const kept = [
    make('error', { error: new Error('early'), message: 'Uncaught Error: early', filename, timeStamp: 1e6 - 700.25 }),
    make('error', { target: { localName: 'img', src: `${ORIGIN}/gone.png` } }),
    make('error', { error: link, message: 'Uncaught SyntaxError: x', filename, lineno: 1, colno: 2 }),
    make('unhandledrejection', { reason: 'why' }),
  ];
  scope.addEventListener('livers:early', ({ detail }) => detail(kept));
  const reported = [];
  scope.load = async () => ({ report: (event) => reported.push(event) });
  scope.listen().attach();
  await scope.tick();
  delete globalThis.location;
  assert.deepEqual(scope.messages, [
    'exception error Error: early',
    'load error Failed to load the image /gone.png',
    'rejection error Uncaught why',
  ]);
  assert.ok(scope.entries[0].age >= 700 && Number.isInteger(scope.entries[0].age));
  assert.deepEqual(reported, [kept[0], kept[2]]);
});

test('what React logs about an error is joined with the error', async () => {
  const scope = page();
  scope.throws(new Error('broken'));
  scope.console.error('The above error occurred in the <App> component:\n\n    at App (a.js:1:2)\n    at Root\n\nConsider');
  await scope.tick();
  assert.deepEqual(scope.messages, ['exception error Error: broken']);
  assert.equal(scope.entries[0].components, '    at App (a.js:1:2)\n    at Root');
});

test("React's component stack is that of the moment", async () => {
  const scope = page();
  let stack = '\n    at App (a.js:1:2)';
  const internals = { currentDispatcherRef: { getCurrentStack: () => stack } };
  scope.__REACT_DEVTOOLS_GLOBAL_HOOK__ = { renderers: new Map([[1, internals]]) };
  scope.throws(new Error('broken'));
  stack = '';
  scope.console.warn('outside');
  await scope.tick();
  assert.deepEqual(
    scope.entries.map(({ components }) => components),
    ['    at App (a.js:1:2)', undefined],
  );
});

test('an error of a blank page is sent again, once the page has had time to show something', async () => {
  for (const [text, later, isBlank] of [
    ['text', 'text', false],
    ['', '', true],
    ['', 'text', false],
  ]) {
    const scope = page();
    scope.body.innerText = text;
    scope.throws(new Error('broken'));
    await scope.tick(20);
    assert.deepEqual(scope.entries.map(({ blank, again }) => [blank, again]), [[undefined, undefined]]);
    scope.body.innerText = later;
    await scope.tick();
    const more = scope.entries.slice(1).map(({ message, blank, again }) => [message, blank, again]);
    assert.deepEqual(more, isBlank ? [['Error: broken', true, true]] : []);
  }
});

test('equal messages are counted, and those beyond the limit are counted apart', async () => {
  const scope = page();
  await scope.tick(0);
  for (let at = 0; at < 1000; at++) scope.console.warn('again', 1);
  await scope.tick();
  assert.deepEqual(scope.messages, ['console warn again 1 x1000']);
  for (let at = 0; at < 1000; at++) scope.console.warn('number', at);
  await scope.tick();
  const last = scope.sent.map((text) => JSON.parse(text)).reduce((sum, { dropped }) => sum + dropped, 0);
  assert.deepEqual([scope.entries.length, last], [101, 900]);
  // The next second has room again.
  scope.console.warn('later');
  await scope.tick();
  assert.equal(scope.entries.at(-1).message, 'later');
});

test('texts and messages to the server are bounded and valid', async () => {
  const scope = page();
  for (let at = 0; at < 30; at++) scope.console.warn(`${at}${'x'.repeat(20_000)}\ud800`);
  await scope.tick();
  assert.ok(scope.entries.every(({ message }) => message.length < 5000 && !/\\ud800/.test(message)));
  assert.ok(scope.sent.every((text) => text.length < 200_000));
});

test('what is said before the socket opens is kept, and said again after a reconnect', async () => {
  const scope = new Scope().listen();
  scope.open = false;
  scope.console.error('early');
  await scope.tick();
  scope.attach();
  await scope.tick();
  assert.deepEqual(scope.sent, []);
  scope.open = true;
  await scope.voice.opened();
  const messages = () => scope.sent.splice(0).map((text) => JSON.parse(text));
  const [first, loaded] = messages();
  assert.deepEqual([first.entries[0].message, first.entries[0].again], ['early', undefined]);
  assert.ok(first.entries[0].age >= 1000);
  assert.deepEqual(loaded, JSON.parse(golden('loaded')));
  await scope.voice.opened();
  const [second, again] = messages();
  assert.deepEqual([second.entries[0].message, second.entries[0].again], ['early', true]);
  assert.equal(again.type, 'loaded');
});

test('a page that has loaded sends the golden messages', async () => {
  const scope = page();
  const [error] = JSON.parse(golden('console')).entries;
  scope.open = false;
  scope.body.innerText = '';
  const internals = { currentDispatcherRef: { getCurrentStack: () => error.components } };
  scope.__REACT_DEVTOOLS_GLOBAL_HOOK__ = { renderers: new Map([[1, internals]]) };
  scope.throws(Object.assign(new TypeError('size is not a function'), { stack: error.stack }));
  await scope.tick(error.age);
  scope.open = true;
  await scope.voice.opened();
  assert.equal(JSON.stringify(JSON.parse(scope.sent[0]).entries[0]), JSON.stringify(error));
  assert.equal(scope.sent[1], golden('loaded'));
});

test('a worker is heard by the pages that use its script', async () => {
  const scope = page();
  const channels = [];
  scope.BroadcastChannel = class {
    constructor() {
      channels.push(this);
      this.posted = [];
    }
    postMessage(message) {
      this.posted.push(message);
    }
    close() {}
  };
  scope.attach();
  scope.client.used.uses.add('/src/worker.ts');
  const [channel] = channels;
  const entries = [{ kind: 'console', level: 'warn', message: 'no size', count: 3 }];
  await channel.onmessage({ data: { worker: '/src/other.ts', entries, dropped: 0 } });
  const data = { worker: '/src/worker.ts', from: 0.5, number: 0, entries, dropped: 2 };
  await channel.onmessage({ data });
  await channel.onmessage({ data }); // for another page
  assert.deepEqual(channel.posted, [{ isListening: true }]);
  await scope.tick();
  const expected = JSON.parse(golden('console'));
  assert.deepEqual(scope.sent, [JSON.stringify({ ...expected, entries: [expected.entries[1]] })]);
});

test('a worker sends what it hears over the channel', async () => {
  const posted = [];
  let channel;
  globalThis.BroadcastChannel = class {
    constructor() {
      channel = this;
    }
    postMessage(message) {
      posted.push(JSON.parse(JSON.stringify(message)));
    }
  };
  const scope = new Scope({ isWorker: true, path: '/src/worker.ts' }).listen();
  scope.console.error('said');
  await scope.tick();
  const [{ worker, entries }] = posted;
  assert.deepEqual([worker, entries[0].message], ['/src/worker.ts', 'said']);
  channel.onmessage({ data: { isListening: true } });
  assert.deepEqual(posted[1], posted[0], 'again for a page that begins to listen later');
});

test('what was heard is sent at once before a change is acknowledged', async () => {
  const scope = page();
  await scope.tick();
  scope.throws(new Error('in new code'));
  await scope.listener.flush();
  assert.deepEqual(scope.messages, ['exception error Error: in new code']);
});

test('what new code has replaced is not said again', async () => {
  const scope = page();
  scope.console.error('of the old code');
  await scope.tick();
  const began = scope.Date.now();
  scope.console.error('of the new code');
  await scope.tick();
  scope.listener.forget(began);
  scope.sent.length = 0;
  await scope.voice.opened();
  assert.deepEqual(scope.messages, ['console error of the new code']);
});

test('a worklet and a page with a frozen console run', async () => {
  const worklet = { console: { error() {} } };
  makeListener(worklet, async () => {}).listen(['error']);
  const scope = new Scope();
  Object.freeze(scope.console);
  scope.listen().attach();
  scope.console.error('unheard');
  scope.throws(new Error('heard'));
  await scope.tick();
  assert.deepEqual(scope.messages, ['exception error Error: heard']);
});

test('neither hostile values nor a console in a getter break a page', async () => {
  const scope = page();
  await scope.tick(0);
  const hostile = new Proxy({}, { ownKeys: () => scope.console.error('inside') ?? [], getPrototypeOf: () => null });
  scope.console.error(hostile);
  scope.console.error({ toString: () => scope.console.error('nested') });
  await scope.tick();
  assert.ok(scope.messages.length > 0 && !scope.messages.join().includes('inside'));
});
