// Implements import.meta.hot as Vite documents it (vite.dev/guide/api-hmr). Types: hot-types.d.ts.
//
// Every compiled module registers here with its imports before its own code runs, so the page knows
// which module imports which, and which accepts what. renew.js, loaded with the first change, uses
// that to update modules.

// Hears the errors of the first module, too.
import {} from './console.js';

/** Paths that are imported as they are. The import of any other path has the query `import`. */
export const SCRIPT = /\.([cm]?[jt]s|[jt]sx)$/;

/** Decodes a path, as servers and browsers escape the same path differently. @type {DecodePath} */
export const decodePath = (path) => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** @type {DecodePath} */
const encodePath = (path) => encodeURI(path).replace(/[?#]/g, encodeURIComponent);

/** Resolves a specifier to one of the module's imports. @type {Resolve} */
const resolve = ({ url, imports, urls }, specifier) => {
  const { href, pathname, search } = new URL(specifier, url);
  const path = decodePath(pathname);
  if (search) urls.set(path, href);
  const bare = path.replace(SCRIPT, '');
  const matches = (/** @type {string} */ other) =>
    [bare, bare + '/index'].includes(other.replace(SCRIPT, ''));
  return imports.has(path) ? path : ([...imports].find(matches) ?? path);
};

/** @type {Defer} */
const defer = () => {
  let resolve = () => {};
  const promise = /** @type {Promise<void>} */ (new Promise((done) => (resolve = done)));
  return { promise, resolve };
};

const SOURCE_MAP = /\/\*# sourceMappingURL=.*?\*\//g;

/** Joins a style sheet with those that it imports. @type {Joined} */
export const joined = (path, ...pieces) => {
  /** @type {Sheet} */
  const sheet = { path, parts: [], head: '', rules: '', loads: false };
  for (const piece of pieces) {
    if (typeof piece === 'string') sheet.rules += piece;
    else if ('layers' in piece) {
      // The first statement decides the order of layers. Only such statements may precede imports.
      sheet.head += piece.layers;
      sheet.rules += piece.layers;
    } else if ('url' in piece) {
      sheet.head += importOf(new URL(piece.url, globalThis.location?.href).href, piece.conditions);
      sheet.loads = true;
    } else if (piece.part) {
      const { part, open = '', close = '', conditions } = piece;
      sheet.parts.push(part.path, ...part.parts);
      sheet.rules += open + part.rules + close;
      if (!part.loads) continue;
      const url = `data:text/css,${encodeURIComponent(part.head)}`;
      sheet.head += conditions ? importOf(url, conditions) : part.head;
      sheet.loads = true;
    } // A sheet that imports this one has not run.
  }
  return sheet;
};

/** @type {(url: string, conditions?: string) => string} */
const importOf = (url, conditions = '') => `@import url(${JSON.stringify(url)}) ${conditions};`;

/** Returns the nonce that the page's elements have. @type {(document: Document) => string} */
const nonceOf = (document) => {
  /** @type {any} */
  const holder = document.querySelector('script[nonce],style[nonce],link[nonce]');
  return holder?.nonce ?? '';
};

/** The style sheets that modules import. @type {MakeSheets} */
const makeSheets = (document) => {
  const inserted = new Set();
  const adopted = new Map(); // path -> sheet, if the page's policy forbids style elements
  let isForbidden = false;
  /** @type {string | undefined} */
  let nonce;

  /** @type {Registry['sheets']} */
  const sheets = () => [...document.querySelectorAll('style[data-livers]')];

  const byName = (name = '') =>
    inserted.has(name) ? sheets().filter(({ dataset }) => dataset.livers === name) : [];

  /** @type {(name: string, text: string) => void} */
  const adopt = (name, text) => {
    const sheet = adopted.get(name) ?? new CSSStyleSheet();
    sheet.replaceSync(text);
    if (!adopted.has(name)) document.adoptedStyleSheets.push(sheet);
    adopted.set(name, sheet);
  };

  /** @type {Registry['style']} */
  const style = ({ path, parts, head, rules, loads }) => {
    if (!document) return;
    const name = decodePath(path);
    const old = byName(name);
    inserted.add(name);
    const element = document.createElement('style');
    element.nonce = nonce ??= nonceOf(document);
    element.dataset.livers = name;
    if (parts[0]) element.dataset.parts = JSON.stringify(parts.map(decodePath));
    if (isForbidden) element.type = 'none'; // only marks that the sheet is used
    else {
      // The lines of the parts are not those of the sheet.
      const text = parts[0] ? rules.replace(SOURCE_MAP, '') : rules;
      element.textContent = `${loads ? head : ''}${text}\n/*# sourceURL=${encodePath(name)} */`;
    }
    const removeOld = () => {
      for (const each of old) each.remove();
    };
    if (loads && old[0]) element.onload = element.onerror = removeOld;
    if (old[0]) old[old.length - 1].after(element);
    else (document.head ?? document.documentElement).append(element);
    if (!element.sheet) {
      isForbidden = true;
      adopt(name, rules);
    } else if (old[0]?.sheet?.disabled) element.sheet.disabled = true;
    if (!element.onload) removeOld();
  };

  /** @type {Registry['unstyle']} */
  const unstyle = (name) => {
    for (const element of byName(name)) element.remove();
    const sheet = adopted.get(name);
    if (!sheet || !adopted.delete(name)) return;
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
  };

  /** @type {Registry['trimStyles']} */
  const trimStyles = (path, count) => {
    const base = `${decodePath(path)}?style=`;
    for (let at = count; inserted.has(base + at); at++) unstyle(base + at);
  };

  return { sheets, style, unstyle, trimStyles };
};

/** Creates the `import.meta.hot` of modules. @type {MakeContext} */
const makeContext = (registry, { location, load }) => {
  /** @type {Invalidate} */
  const invalidate = async ({ path }, message) => {
    // A page that is loading has the newest modules.
    if (!registry.running && !registry.modules.get(path)?.updated) return;
    registry.emit('vite:invalidate', { path, message, firstInvalidatedBy: path });
    registry.invalidated.set(path, message);
    if (registry.running) return; // the running update handles it
    const { apply } = await load('./renew.js');
    const { how } = await apply([], registry.version);
    if (how !== 'reload') return;
    registry.emit('vite:beforeFullReload', { type: 'full-reload' });
    location.reload();
  };

  return (module) => ({
    get data() {
      return module.data;
    },
    accept: (what, call) => {
      if (!what || typeof what === 'function') module.self.push((fresh) => what?.(fresh));
      else if (typeof what === 'string')
        module.deps.push({ paths: [resolve(module, what)], call: ([only]) => call?.(only) });
      else {
        const paths = [...what].map((each) => resolve(module, each));
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
};

/** Registers modules as they run. @type {MakeHot} */
const makeHot = (registry, environment) => {
  const { modules, pruned, removedSheets } = registry;
  const { document, channel, load } = environment;
  const context = makeContext(registry, environment);

  /**
   * Restores pruned modules that are imported again, as browsers run a URL only once.
   *
   * @type {(path: string) => void}
   */
  const restore = (path) => {
    if (removedSheets.delete(path)) void load(`${encodePath(path)}?import&t=${registry.version}`).catch(() => {});
    const module = pruned.get(path);
    if (!module || !pruned.delete(path) || modules.has(path)) return;
    modules.set(path, module);
    for (const each of module.imports) restore(each);
  };

  return (path, url, imports) => {
    path = decodePath(path);
    const before = modules.get(path);
    const module = {
      path,
      url,
      imports: new Set(imports.map(decodePath)),
      urls: new Map(),
      data: (before ?? pruned.get(path))?.data ?? {},
      self: [],
      deps: [],
      disposers: [],
      pruners: [],
      listeners: [],
      why: '',
      updated: !!before,
    };
    if (!document) {
      // A worker's modules cannot be updated: pages must know which they are.
      channel?.postMessage(path);
      return context(module);
    }
    modules.set(path, module);
    pruned.delete(path);
    for (const each of module.imports) restore(each);
    return context(module);
  };
};

/** @type {MakeRegistry} */
export const makeRegistry = (environment) => {
  const { document, channel, reportError } = environment;
  /** @type {RegistryState} */
  const registry = {
    modules: new Map(),
    pruned: new Map(),
    removedSheets: new Set(),
    workerModules: new Set(),
    invalidated: new Map(),
    outdated: new Set(),
    unfinished: new Map(),
    running: false,
    version: 0,
    ...makeSheets(document),
    callSafely: (call) => {
      try {
        return call();
      } catch (error) {
        reportError(error);
      }
    },
    emit: (event, payload) => {
      for (const { listeners } of [...registry.modules.values()])
        for (const [name, call] of [...listeners])
          if (name === event) registry.callSafely(() => call(payload));
    },
    begin: (path) => {
      if (!registry.unfinished.has(path)) registry.unfinished.set(path, defer());
    },
    end: (path) => {
      registry.unfinished.get(path)?.resolve();
      registry.unfinished.delete(path);
    },
    hasNewImports: (path) => {
      const { imports = [] } = registry.modules.get(decodePath(path)) ?? {};
      return [...imports].some((each) => registry.outdated.has(each));
    },
    refuse: (path, why) => {
      const module = registry.modules.get(decodePath(path));
      if (module) module.why = why;
    },
  };
  if (document && channel) channel.onmessage = ({ data }) => void registry.workerModules.add(data);
  return Object.assign(registry, { hot: makeHot(registry, environment) });
};

const { document, location } = globalThis;
const isPageOrWorker = document || 'WorkerGlobalScope' in globalThis;

/** How new versions of modules are loaded. @type {{ load: (url: string) => Promise<any> }} */
export const loader = { load: (url) => import(url) };

/** The registry of this page or worker. */
export const registry = makeRegistry({
  document,
  location,
  channel: isPageOrWorker ? new BroadcastChannel('livers') : undefined,
  reportError: (error) => reportError(error),
  load: (url) => import(url),
});

export const { hot, style, unstyle, trimStyles, hasNewImports } = registry;
