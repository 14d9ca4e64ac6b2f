// Says what the page uses, hears what changed, decides what that means here. A guest: no globals,
// no output, nothing thrown. Types: types.d.ts.

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
  const { document, location, performance, setTimeout, Date } = window;
  if (document.__livers) return; // another fragment is another module
  document.__livers = true;

  const { origin, href: base } = new URL('.', self);
  const pathOf = (url = '') => (url.startsWith(origin + '/') ? new URL(url).pathname : '');

  const uses = new Set();
  let told = 0; // of them
  const note = (entries = performance.getEntriesByType('resource')) => {
    for (const { name } of entries)
      if (pathOf(name) && !name.startsWith(base) && uses.size < 2000) uses.add(pathOf(name));
  };

  const [, boot, version] = /#([^.]+)\.(\d+)$/.exec(self) ?? [];
  /** @type {Seen} */
  let seen = boot ? { boot, version: +version } : {};
  /** @type {Line | undefined} */
  let line;
  let sse = false;
  let tries = 0;
  let timer = 0;

  const send = (message = {}) => {
    if (line?.readyState === 1) line.send?.(JSON.stringify(message));
  };

  const hangUp = () => {
    window.clearTimeout(timer);
    line?.close(); // or events resume, their hello stale
    line = undefined;
  };

  const connect = () => {
    hangUp();
    const { boot, version, at } = seen; // before this line's `connected`
    const hello = () => {
      note();
      told = uses.size;
      return {
        type: 'hello',
        page: location.pathname,
        uses: sse && told > 99 ? undefined : [...uses], // too long for a URL: unknown
        boot,
        version,
        age: at && Date.now() - at,
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
      if (sse) return connect(); // at once: a restarted server is for sockets to find
      // A short one may not have told what was missed.
      if (Date.now() - opened > 1000) tries = 0;
      else seen = { boot, version, at };
      const ms = Math.min(document.hidden ? 3e4 : 2e3, 100 * 2 ** tries++);
      timer = setTimeout(connect, ms * (0.75 + Math.random() / 2));
    };
    line.addEventListener('error', lost);
    line.addEventListener('close', lost);
  };

  const receive = async ({ data = '' }) => {
    const at = Date.now();
    try {
      const { type, boot, version, changes } = JSON.parse(data);
      seen = { ...seen, at };
      switch (type) {
        case 'connected':
          seen = { boot, version, at };
          break;
        case 'updated':
          seen.version = version;
          await update(version, changes, at);
      }
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

  const pending = new Map(); // link -> its successor, loading

  const sheets = () =>
    [...document.querySelectorAll('link[rel~=stylesheet]')]
      .filter((link) => ![...pending.values()].includes(link))
      .map((link) => ({ link, paths: shown(link.href, link.sheet).map(pathOf) }));

  /** @type {Swap} Never settles if it fails or is overtaken. */
  const swap = (link, version) =>
    new Promise((resolve) => {
      const fresh = link.cloneNode();
      const url = new URL(link.href);
      url.searchParams.set('livers', version);
      fresh.href = url.href;
      pending.get(link)?.remove();
      pending.set(link, fresh);
      const done = () => {
        if (pending.get(link) !== fresh) return;
        pending.delete(link);
        // An error may be only an import's.
        if (!link.isConnected || !(fresh.sheet || link.disabled)) return fresh.remove();
        fresh.disabled = link.disabled;
        if (fresh.sheet && link.sheet) fresh.sheet.disabled = link.sheet.disabled;
        link.remove();
        resolve();
      };
      fresh.addEventListener('load', done);
      fresh.addEventListener('error', done);
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

  const wake = () => {
    if (!line && !document.hidden) connect();
  };
  window.addEventListener('online', wake);
  window.addEventListener('visibilitychange', wake); // or no longer prerendering
  window.addEventListener('pagehide', hangUp); // or no back-forward cache
  window.addEventListener('pageshow', ({ persisted }) => persisted && connect());
  if (!document.prerendering) connect();
};

if (globalThis.document) start(window, import.meta.url);
