// The client that every page loads. No globals, no output, no exceptions. Types: types.d.ts.

/** @type {Start} */
export const start = (window, self, load = (url) => import(url)) => {
  const { document, location, navigator, performance, setTimeout, Date } = window;
  for (const injected of document.querySelectorAll('script[data-livers]')) injected.remove();
  if (document.__livers) return;
  document.__livers = true;

  const { origin, href: base } = new URL('.', self);
  const pathOf = (url = '') => (url.startsWith(origin + '/') ? new URL(url).pathname : '');

  const uses = new Set();
  const dropped = new Set(); // no sheet names them
  let reported = 0; // of `uses`
  let packed;

  /** @type {Links} */
  const links = (rel) => /** @type {any} */ ([...document.querySelectorAll(`link[rel~=${rel}]`)]);

  const record = (entries = performance.getEntriesByType('resource'), isNew = false) => {
    for (const { name, initiatorType } of entries) {
      const path = pathOf(name);
      if (name === base + 'graph.js') packed ??= load(name).then(({ watch }) => watch(uses, report));
      // A frame has its own client. A prefetched page is not part of this one.
      const other = /frame|object|embed/.test(initiatorType) || links('prefetch').some(({ href }) => href === name);
      if (other || !path || name.startsWith(base)) continue;
      if (isNew) dropped.delete(path);
      if (!dropped.has(path)) uses.add(path);
    }
    // A cached icon has no entry.
    for (const { href } of links('icon')) if (pathOf(href)) uses.add(pathOf(href));
  };

  const report = (drop = ['']) => {
    const add = [...uses].slice(reported);
    if (add[0] || drop[0]) send({ type: 'uses', add, drop: drop[0] && drop });
    reported = uses.size;
  };

  const [boot, version, since, tag] = new URL(self).search.slice(1).split('.');
  /** @type {Stamp} */
  let stamp = version ? { boot, version: +version } : {};
  // A service worker may serve a page of any age: ask for changes since the navigation.
  if (navigator.serviceWorker?.controller)
    stamp = { boot: '', version: 0, at: Date.now() - Math.ceil(performance.now()) };
  const first = stamp;
  /** @type {Connection} */
  let connection;
  let sse = false;
  let tries = 0;

  const isOpen = () => connection?.readyState === 1;

  const send = (message = {}) => isOpen() && connection?.send?.(JSON.stringify(message));

  const disconnect = () => {
    connection?.close();
    connection = undefined;
  };

  const connect = () => {
    const { boot, version, at } = stamp; // before this connection's `connected`
    const hello = () => {
      record();
      reported = uses.size;
      return {
        type: 'hello',
        page: location.pathname,
        uses: `${[...uses]}`.length > (sse ? 4e3 : 1.5e5) ? undefined : [...uses], // unknown
        boot,
        version,
        served: boot === first.boot ? first.version : undefined, // by this run?
        age: tag === 'failed' ? undefined : at && Date.now() - at,
        since: +since || undefined,
      };
    };
    let opened = NaN;
    const mine = (connection = sse
      ? new window.EventSource(base + 'events?hello=' + encodeURIComponent(JSON.stringify(hello())))
      : new window.WebSocket(base.replace('http', 'ws') + 'socket', 'livers'));
    connection.onmessage = receive;
    connection.onopen = async () => {
      opened = Date.now();
      send(hello());
      (await voice)?.opened();
    };
    const lost = () => {
      if (connection !== mine) return;
      disconnect();
      sse = !sse && !opened;
      if (sse) return connect(); // no delay: only sockets are retried
      // Too short to receive what was missed before?
      if (Date.now() - opened > 1000) tries = 0;
      else stamp = { boot, version, at };
      setTimeout(reconnect, Math.min(2e3, 100 * 2 ** tries++));
    };
    connection.onerror = lost;
    connection.addEventListener('close', lost);
  };

  const receive = async ({ data = '' }) => {
    const at = Date.now();
    try {
      const { type, boot, version, changes, faults } = JSON.parse(data);
      stamp = { ...stamp, at };
      if (type === 'connected') stamp = { boot, version, at };
      if (type === 'failed') (await voice)?.failed(faults);
      if (type !== 'updated' || !changes.every(({ path = '' }) => path.at)) return;
      stamp.version = version;
      (await (update ??= loadUpdate(0)))(version, changes, at);
    } catch {} // an unknown message
  };

  /** @type {Promise<Update> | undefined} */
  let update;

  /** @type {LoadUpdate} */
  const loadUpdate = async (tries) => {
    try {
      // Browsers may cache a failed import by its URL.
      const { updater } = await load(base + 'update.js' + (tries ? '?' + tries : ''));
      return updater(client);
    } catch {
      // The change waits for the server. If it is up, the page cannot load modules.
      if (tries > 4 && isOpen()) return async () => location.reload();
      await new Promise((done) => setTimeout(done, Math.min(2e3, 100 * 2 ** tries)));
      return loadUpdate(tries + 1);
    }
  };

  new window.PerformanceObserver((list) => {
    record(list.getEntries(), true);
    setTimeout(() => report([]), 20);
  }).observe({ type: 'resource', buffered: true });

  const client = { window, base, tag, load, send, isOpen, disconnect, used: { uses, dropped, report } };
  const voice = load(base + 'console.js').then(({ attach }) => attach(client)).catch(() => {});
  window.addEventListener('error', async (event) => (await voice)?.error(event));

  const reconnect = () => connection || document.hidden || connect();
  for (const type of ['visibilitychange', 'pageshow', 'online']) window.addEventListener(type, reconnect);
  window.addEventListener('pagehide', disconnect); // for the back-forward cache
  if (!document.prerendering) connect();
};

if (globalThis.document) start(window, import.meta.url);
