// import.meta.hot, as Vite documents it. See hot-types.d.ts.
//
// Every compiled module registers here with what it imports, before its own code runs. So the page
// itself knows who imports whom and who accepts what. What is done with that is renew.js, loaded
// with the first change.

/** What is asked for as it is; any other import has the query `import`. */
export const SCRIPT = /\.([cm]?[jt]s|[jt]sx)$/;

/** All spell a path like this: decoded. @type {Spelled} */
export const spelled = (path) => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** What a module means, among what it imports. @type {Find} */
const find = ({ url, imports, asked }, specifier) => {
  const { href, pathname, search } = new URL(specifier, url);
  const path = spelled(pathname);
  if (search) asked.set(path, href);
  const bare = path.replace(SCRIPT, '');
  const like = (/** @type {string} */ other) =>
    [bare, bare + '/index'].includes(other.replace(SCRIPT, ''));
  return imports.has(path) ? path : ([...imports].find(like) ?? path);
};

/** @type {Later} */
const later = () => {
  let end = () => {};
  const promise = /** @type {Promise<void>} */ (new Promise((done) => (end = done)));
  return { promise, end };
};

/** @type {MakeRegistry} */
export const makeRegistry = ({ document, location, channel, reportError, load }) => {
  /** @type {Registry['modules']} */
  const modules = new Map();
  /** @type {Registry['gone']} */
  const gone = new Map();
  /** @type {Registry['unlinked']} */
  const unlinked = new Map();
  /** @type {Registry['elsewhere']} */
  const elsewhere = new Set();
  /** @type {Registry['invalid']} */
  const invalid = new Map();
  /** @type {Registry['ends']} */
  const ends = new Map();

  /** @type {Registry['guarded']} */
  const guarded = (call) => {
    try {
      return call();
    } catch (error) {
      reportError(error);
    }
  };

  /** @type {Registry['tell']} */
  const tell = (event, payload) => {
    for (const { listeners } of [...modules.values()])
      for (const [name, call] of [...listeners]) if (name === event) guarded(() => call(payload));
  };

  /** @type {Registry['sheets']} */
  const sheets = () => [...document.querySelectorAll('link[data-livers]')];

  /** @type {Registry['style']} */
  const style = async (path) => {
    const name = spelled(path.split('?')[0]);
    if (!document || sheets().some(({ dataset }) => dataset.livers === name)) return;
    const link = document.createElement('link');
    Object.assign(link, { rel: 'stylesheet', href: path });
    link.dataset.livers = name; // which stays when the sheet is renewed
    await new Promise((done) => {
      link.onload = link.onerror = done;
      (document.head ?? document.documentElement).append(link);
    });
  };

  /** What is imported once more, which browsers do not run again. @type {(path: string) => void} */
  const revive = (path) => {
    const href = unlinked.get(path);
    if (href && unlinked.delete(path)) void style(href);
    const module = gone.get(path);
    if (!module || !gone.delete(path) || modules.has(path)) return;
    modules.set(path, module);
    for (const each of module.imports) revive(each);
  };

  /** @type {Invalidate} */
  const invalidate = async ({ path }, message) => {
    // A page that is loading is as new as can be.
    if (!registry.running && !modules.get(path)?.renewed) return;
    tell('vite:invalidate', { path, message, firstInvalidatedBy: path });
    invalid.set(path, message);
    if (registry.running) return; // which looks for it
    const { apply } = await load('./renew.js');
    const { how } = await apply([], registry.version);
    if (how !== 'reload') return;
    tell('vite:beforeFullReload', { type: 'full-reload' });
    location.reload();
  };

  /** @type {Context} */
  const context = (module) => ({
    get data() {
      return module.data;
    },
    accept: (what, call) => {
      if (!what || typeof what === 'function') module.self.push((fresh) => what?.(fresh));
      else if (typeof what === 'string')
        module.deps.push({ paths: [find(module, what)], call: ([only]) => call?.(only) });
      else {
        const paths = [...what].map((each) => find(module, each));
        module.deps.push({ paths, call: (all) => call?.(all) });
      }
    },
    dispose: (call) => void module.disposers.push(call),
    prune: (call) => void module.pruners.push(call),
    decline() {},
    send() {},
    invalidate: (message) => void invalidate(module, message).catch(() => {}),
    on: (event, call) => void module.listeners.push([event, call]),
    off: (event, call) => {
      module.listeners = module.listeners.filter(([name, each]) => name !== event || each !== call);
    },
  });

  /** @type {Registry['hot']} */
  const hot = (path, url, imports) => {
    path = spelled(path);
    const before = modules.get(path);
    const module = {
      path,
      url,
      imports: new Set(imports.map(spelled)),
      asked: new Map(),
      data: (before ?? gone.get(path))?.data ?? {},
      self: [],
      deps: [],
      disposers: [],
      pruners: [],
      listeners: [],
      why: '',
      renewed: !!before,
    };
    if (!document) {
      // A worker cannot be changed in place: pages that have the same module are to know.
      channel?.postMessage(path);
      return context(module);
    }
    modules.set(path, module);
    gone.delete(path);
    for (const each of module.imports) revive(each);
    return context(module);
  };

  if (document && channel) channel.onmessage = ({ data }) => void elsewhere.add(data);

  /** @type {Registry} */
  const registry = {
    modules,
    gone,
    unlinked,
    elsewhere,
    invalid,
    ends,
    running: false,
    version: 0,
    guarded,
    tell,
    sheets,
    style,
    hot,
    begin: (path) => {
      if (!ends.has(path)) ends.set(path, later());
    },
    end: (path) => {
      ends.get(path)?.end();
      ends.delete(path);
    },
    refuse: (path, why) => {
      const module = modules.get(spelled(path));
      if (module) module.why = why;
    },
  };
  return registry;
};

const { document, location } = globalThis;
const isPageOrWorker = document || 'WorkerGlobalScope' in globalThis;

/** This page's. */
export const registry = makeRegistry({
  document,
  location,
  channel: isPageOrWorker ? new BroadcastChannel('livers') : undefined,
  reportError: (error) => reportError(error),
  load: (url) => import(url),
});

export const { hot, style } = registry;
