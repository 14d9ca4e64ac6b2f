// A guest in the page: no globals, no output, nothing thrown. See types.d.ts.
//
// This is what every page loads, so it is small: it says what the page uses, and listens. What a
// change needs (update.js and its modules) is loaded with the first one.

/** @type {Start} */
export const start = (window, self, load = (url) => import(url)) => {
  const { document, location, navigator, performance, setTimeout, Date } = window;
  if (document.__livers) return;
  document.__livers = true;

  const { origin, href: base } = new URL('.', self);
  const pathOf = (url = '') => (url.startsWith(origin + '/') ? new URL(url).pathname : '');

  const uses = new Set();
  const gone = new Set(); // what sheets no longer name
  let told = 0; // of them

  /** @type {Links} */
  const links = (rel) => /** @type {any} */ ([...document.querySelectorAll(`link[rel~=${rel}]`)]);

  const note = (entries = performance.getEntriesByType('resource'), fresh = false) => {
    for (const { name, initiatorType } of entries) {
      const path = pathOf(name);
      // Frames speak for themselves, and a page that may come next is no part of this one.
      const other = /frame|object|embed/.test(initiatorType) || links('prefetch').some(({ href }) => href === name);
      if (other || !path || name.startsWith(base)) continue;
      if (fresh) gone.delete(path);
      if (!gone.has(path)) uses.add(path);
    }
    // The browser may have the icon, or know that there is none, and not ask again.
    for (const { href } of links('icon')) if (pathOf(href)) uses.add(pathOf(href));
  };

  const tell = (drop = ['']) => {
    const add = [...uses].slice(told);
    if (add[0] || drop[0]) send({ type: 'uses', add, drop: drop[0] && drop });
    told = uses.size;
  };

  const [boot, version, tag] = new URL(self).search.slice(1).split('.');
  /** @type {Seen} */
  let seen = version ? { boot, version: +version } : {};
  // A service worker may serve old pages for ever: what changed while it loads is all that is known.
  if (navigator.serviceWorker?.controller)
    seen = { boot: '', version: 0, at: Date.now() - Math.ceil(performance.now()) };
  const first = seen;
  /** @type {Line} */
  let line;
  let sse = false;
  let tries = 0;

  const isOpen = () => line?.readyState === 1;

  const send = (message = {}) => isOpen() && line?.send?.(JSON.stringify(message));

  const hangUp = () => {
    line?.close();
    line = undefined;
  };

  const connect = () => {
    const { boot, version, at } = seen; // before this line's `connected`
    const hello = () => {
      note();
      told = uses.size;
      return {
        type: 'hello',
        page: location.pathname,
        uses: told > (sse ? 99 : 2000) ? undefined : [...uses], // too long: unknown
        boot,
        version,
        served: boot === first.boot ? first.version : undefined, // by this run?
        age: tag === 'failed' ? undefined : at && Date.now() - at,
      };
    };
    let opened = NaN;
    const mine = (line = sse
      ? new window.EventSource(base + 'events?hello=' + encodeURIComponent(JSON.stringify(hello())))
      : new window.WebSocket(base.replace('http', 'ws') + 'socket', 'livers'));
    line.onmessage = receive;
    line.onopen = () => {
      opened = Date.now();
      send(hello());
    };
    const lost = () => {
      if (line !== mine) return;
      hangUp();
      sse = !sse && !opened;
      if (sse) return connect(); // at once: sockets find restarted servers
      // Too short to tell what was missed?
      if (Date.now() - opened > 1000) tries = 0;
      else seen = { boot, version, at };
      setTimeout(wake, Math.min(2e3, 100 * 2 ** tries++));
    };
    line.onerror = lost;
    line.addEventListener('close', lost);
  };

  const receive = async ({ data = '' }) => {
    const at = Date.now();
    try {
      const { type, boot, version, changes, faults } = JSON.parse(data);
      seen = { ...seen, at };
      if (type === 'connected') seen = { boot, version, at };
      if (type === 'failed') (await load(base + 'renew.js')).failed(faults);
      if (type !== 'updated' || !changes.every(({ path = '' }) => path.at)) return;
      seen.version = version;
      (await (update ??= loaded(0)))(version, changes, at);
    } catch {} // not for us
  };

  /** @type {Promise<Update> | undefined} */
  let update;

  /** @type {Loaded} */
  const loaded = async (tries) => {
    try {
      // A browser may remember what failed, by its URL.
      const { updater } = await load(base + 'update.js' + (tries ? '?' + tries : ''));
      return updater({ window, base, tag, load, send, isOpen, hangUp, used: { uses, gone, tell } });
    } catch {
      // The server went away: what is to be done waits. If it is there, it is not for us to have.
      if (tries > 4 && isOpen()) return async () => location.reload();
      await new Promise((done) => setTimeout(done, Math.min(2e3, 100 * 2 ** tries)));
      return loaded(tries + 1);
    }
  };

  new window.PerformanceObserver((list) => {
    note(list.getEntries(), true);
    setTimeout(() => tell([]), 20);
  }).observe({ type: 'resource', buffered: true });

  const wake = () => line || document.hidden || connect();
  for (const type of ['visibilitychange', 'pageshow', 'online']) window.addEventListener(type, wake);
  window.addEventListener('pagehide', hangUp); // for the back-forward cache
  if (!document.prerendering) connect();
};

if (globalThis.document) start(window, import.meta.url);
