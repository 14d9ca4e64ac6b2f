// A fake page: the browser APIs that the client uses, with a clock that only tests advance.
import { readFileSync } from 'node:fs';

import { start } from '../../client-snippet/reload/client.js';
import * as update from '../../client-snippet/reload/update.js';

export const ORIGIN = 'http://localhost:3000';

/** Returns a golden message, without the final newline of its file. */
export const golden = (name) => {
  const text = readFileSync(new URL(`../protocol/${name}.json`, import.meta.url), 'utf8');
  return text.replace(/\n$/, '');
};

/** Lets promises settle, without advancing the clock. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A console.js that hears nothing. */
const silent = {
  flush: async () => {},
  forget() {},
  attach: ({ load, base }) => ({
    error() {},
    failed: async (faults) => (await load(`${base}renew.js`)).failed(faults),
    opened() {},
  }),
};

class Connection extends EventTarget {
  readyState = 0;
  sent = [];
  #closed;

  constructor(url, protocol) {
    super();
    this.url = url;
    this.protocol = protocol;
  }
  emit(type, fields = {}) {
    const event = Object.assign(new Event(type), fields);
    this[`on${type}`]?.(event);
    this.dispatchEvent(event);
  }
  open() {
    this.readyState = 1;
    this.emit('open');
  }
  receive(data) {
    this.emit('message', { data: typeof data === 'string' ? data : JSON.stringify(data) });
  }
  /** The other side closes it, or the connection fails. */
  end(code = 1006) {
    this.readyState = 3;
    this.emit('error');
    if (this.isSocket) this.emit('close', { code });
  }
  /** A socket reports its end asynchronously, as in browsers. */
  close() {
    if (this.isSocket && this.readyState < 2) this.later(() => this.emit('close', { code: 1005 }));
    this.#closed = true;
    this.readyState = 3;
  }
  get closed() {
    return this.#closed ?? false;
  }
}

let loads = 0;

export class Link {
  nonce = '';
  disabled = false;
  isConnected = true;
  sheet = null;

  constructor(page, href, { imports = [], rules = imports, ...rest } = {}) {
    this.page = page;
    this.href = new URL(href, `${ORIGIN}/index.html`).href;
    Object.assign(this, { rel: 'stylesheet', media: '', title: '' }, rest);
    this.sheet = { disabled: false, href: this.href, cssRules: rules };
  }
  cloneNode() {
    const { rel, media, title, disabled } = this;
    const clone = new Link(this.page, this.href, { rel, media, title, disabled });
    clone.sheet = null;
    clone.isConnected = false;
    return clone;
  }
  after(other) {
    this.page.links.splice(this.page.links.indexOf(this) + 1, 0, other);
    other.isConnected = true;
  }
  remove() {
    this.page.links = this.page.links.filter((link) => link !== this);
    this.isConnected = false;
  }
  /** The browser has loaded the sheet, by default with rules that no other sheet has. */
  load(rules = [{ cssText: `i { order: ${++loads} }` }]) {
    this.sheet = { disabled: false, href: this.href, cssRules: rules };
    this.onload?.(new Event('load'));
  }
  fail(rules = []) {
    this.sheet = { disabled: false, href: this.href, cssRules: rules };
    this.onerror?.(new Event('error'));
  }
}

/** Returns an `@import` rule. */
export const importing = (href, ...rules) => ({
  href,
  cssText: `@import url("${href}");`,
  styleSheet: { href: new URL(href, `${ORIGIN}/css/`).href, cssRules: rules },
});

export class Page extends EventTarget {
  now = 1_000_000;
  connections = [];
  links = [];
  meta = null;
  reloads = 0;
  /** The status codes of the server's answers. The last one is repeated. */
  statuses = [200];
  requests = [];
  /** The modules that the page can load. */
  modules = { 'console.js': silent, 'update.js': update };
  location = {
    origin: ORIGIN,
    href: `${ORIGIN}/index.html`,
    pathname: '/index.html',
    reload: () => this.reloads++,
  };
  #entries = [];
  #observers = [];
  #timers = [];

  constructor({
    query = '',
    resources = [],
    prerendering = false,
    hidden = prerendering,
    worker = null,
  } = {}) {
    super();
    this.navigator = { serviceWorker: { controller: worker } };
    const page = this;
    this.self = `${ORIGIN}/__livers/client.js${query}`;
    this.#entries = resources.map((url) => ({ name: new URL(url, ORIGIN).href }));
    this.document = Object.assign(new EventTarget(), {
      hidden,
      prerendering,
      readyState: 'complete',
      baseURI: page.location.href,
      documentElement: { outerHTML: '<html>' },
      querySelectorAll: (selector) => {
        const rel = /^link\[rel~=(\w+)\]/.exec(selector)?.[1];
        return page.links.filter((link) => rel && link.rel.split(' ').includes(rel));
      },
      querySelector: (selector) => (selector.startsWith('meta') ? page.meta : {}),
    });
    Object.defineProperty(this.document, 'styleSheets', {
      get: () => page.links.map((link) => link.sheet).filter(Boolean),
    });
    this.performance = { now: () => page.now, getEntriesByType: () => [...page.#entries] };
    this.Date = { now: () => 1e12 + Math.floor(page.now) };
    this.fetch = async (url, { method }) => {
      page.requests.push(`${method} ${url}`);
      const status = page.statuses.length > 1 ? page.statuses.shift() : page.statuses[0];
      if (!status) throw new TypeError('no answer');
      return { status };
    };
    this.setTimeout = (run, ms) => page.#timers.push({ run, at: page.now + ms });
    this.WebSocket = class extends Connection {
      isSocket = true;
      later = (run) => page.setTimeout(run, 1);
      constructor(...args) {
        super(...args);
        page.connections.push(this);
      }
      send(text) {
        if (this.readyState !== 1) throw new Error('not open');
        this.sent.push(text);
      }
    };
    this.EventSource = class extends Connection {
      constructor(...args) {
        super(...args);
        page.connections.push(this);
      }
    };
    this.PerformanceObserver = class {
      constructor(call) {
        this.call = call;
      }
      observe({ type }) {
        if (type === 'resource') page.#observers.push(this.call);
      }
    };
  }

  start() {
    start(this, this.self, async (url) => {
      const module = this.modules[new URL(url).pathname.split('/').at(-1)];
      if (!module) throw new TypeError('no module');
      return module;
    });
    return this;
  }
  /** The newest connection. */
  get connection() {
    return this.connections.at(-1);
  }
  /** The messages that the page sent over its newest connection. */
  get sent() {
    return this.connection.sent.map((text) => JSON.parse(text));
  }
  link(href, options) {
    const link = new Link(this, href, options);
    this.links.push(link);
    return link;
  }
  tick(ms) {
    const end = this.now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.now = Math.max(this.now, due.at);
      due.run();
    }
    this.now = end;
  }
  /** The browser reports that the page requested these. */
  fetched(...urls) {
    this.fetchedBy('other', ...urls);
  }
  fetchedBy(initiatorType, ...urls) {
    const entries = urls.map((url) => ({ name: new URL(url, ORIGIN).href, initiatorType }));
    this.#entries.push(...entries);
    for (const call of this.#observers) call({ getEntries: () => entries });
  }
  event(type, fields = {}) {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
  show(visible) {
    this.document.hidden = !visible;
    this.event('visibilitychange');
  }
  /** Opens the newest connection and sends `connected`, as the server does. */
  connected(boot = 'k3f9x2', version = 17) {
    this.connection.open();
    this.connection.receive({ type: 'connected', boot, version });
    return this;
  }
  updated(version, ...changes) {
    this.connection.receive({ type: 'updated', version, changes });
  }
}
