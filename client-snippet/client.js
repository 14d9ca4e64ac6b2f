// A guest in the page: no globals, no output, nothing thrown. See types.d.ts.

/** @type {Decide} */
export const decide = (changes, sheets) => {
  const links = new Set();
  for (const { path, kind } of changes) {
    const users = sheets.filter(({ paths }) => paths.includes(path));
    if (!users[0] || kind === 'removed' || !path.endsWith('.css')) return { how: 'reload', links: [] };
    for (const { link } of users) links.add(link);
  }
  return changes[0] && { how: 'css', links: [...links] };
};

/** @type {Shown} */
const shown = (href, sheet) => {
  try {
    const imports = [...sheet.cssRules].filter((rule) => rule.href);
    return [href, ...imports.flatMap((rule) => shown(new URL(rule.href, href).href, rule.styleSheet))];
  } catch {
    return [href]; // of another origin
  }
};

/** @type {Start} */
export const start = (window, self) => {
  const { document, location, navigator, performance, setTimeout, Date } = window;
  if (document.__livers) return;
  document.__livers = true;

  const { origin, href: base } = new URL('.', self);
  const pathOf = (url = '') => (url.startsWith(origin + '/') ? new URL(url).pathname : '');

  const uses = new Set();
  let told = 0; // of them
  const note = (entries = performance.getEntriesByType('resource')) => {
    for (const { name, initiatorType } of entries)
      if (initiatorType != 'iframe' && pathOf(name) && !name.startsWith(base)) uses.add(pathOf(name));
  };

  const [boot, version, failed] = new URL(self).search.slice(1).split('.');
  /** @type {Seen} */
  // A service worker may serve old pages for ever.
  let seen = version && !navigator.serviceWorker?.controller ? { boot, version: +version } : {};
  /** @type {Line} */
  let line;
  let sse = false;
  let tries = 0;

  const send = (message = {}) => line?.readyState === 1 && line.send?.(JSON.stringify(message));

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
        age: failed ? undefined : at && Date.now() - at,
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
      const { type, boot, version, changes } = JSON.parse(data);
      seen = { ...seen, at };
      if (type === 'connected') seen = { boot, version, at };
      if (type === 'updated') await update((seen.version = version), changes, at);
    } catch {} // not for us
  };

  /** @type {Update} */
  const update = async (version, changes, began) => {
    const verdict = decide(changes, sheets());
    if (!verdict) return;
    const { how, links } = verdict;
    await Promise.all(links.map((link) => swap(link, version)));
    send({ type: 'applied', version, how, ms: Date.now() - began });
    if (how === 'css') return;
    hangUp();
    location.reload();
  };

  const pending = new Map(); // link -> successor, loading

  const sheets = () => {
    const loaded = document.readyState === 'complete'; // before, imports are fetched once
    return [...document.querySelectorAll('link[rel~=stylesheet]')]
      .filter((link) => ![...pending.values()].includes(link))
      .map((link) => ({ link, paths: shown(link.href, loaded && link.sheet).map(pathOf) }));
  };

  /** @type {Swap} */
  const swap = (link, version) =>
    new Promise((resolve) => {
      const fresh = link.cloneNode();
      const url = new URL(link.href);
      url.searchParams.set('livers', version);
      fresh.href = url.href;
      const older = pending.get(link);
      older?.remove();
      pending.set(link, fresh);
      const done = () => {
        if (pending.get(link) !== fresh) return;
        pending.delete(link);
        if (!link.isConnected) return fresh.remove();
        fresh.disabled = link.disabled;
        if (fresh.sheet && link.sheet) fresh.sheet.disabled = link.sheet.disabled;
        link.remove();
        resolve(older && swap(fresh, version)); // they may share an import
      };
      fresh.onload = done;
      // With rules, only an import failed.
      fresh.onerror = () => (fresh.sheet?.cssRules[0] ? done() : fresh.remove());
      link.after(fresh);
      if (link.disabled) done();
    });

  new window.PerformanceObserver((list) => {
    note(list.getEntries());
    setTimeout(() => {
      if (told < uses.size) send({ type: 'uses', add: [...uses].slice(told) });
      told = uses.size;
    }, 20);
  }).observe({ type: 'resource', buffered: true });

  const wake = () => line || document.hidden || connect();
  for (const type of ['visibilitychange', 'pageshow', 'online']) window.addEventListener(type, wake);
  window.addEventListener('pagehide', hangUp); // for the back-forward cache
  if (!document.prerendering) connect();
};

if (globalThis.document) start(window, import.meta.url);
