// The files of packages, each once in a page: packs define them, and modules run them. See
// src/compile/packages and registry-types.d.ts.
//
// CommonJS runs at its first `require`. ES modules are linked, all of a graph, and then run, as a
// browser does: see `link` and `evaluate`. Nothing here is global.

const base = new URL('./npm/', import.meta.url).href;

/** @type {Map<string, Definition>} */
const definitions = new Map();
/** @type {Map<string, ModuleRecord>} */
const records = new Map();

const NEW = 0;
const LINKED = 1;
const RUNNING = 2;
const DONE = 3;

/** @type {(value: unknown) => any} */
const nothing = () => {};

// What code for Node looks for before it asks whether it is in Node.
/** @type {Record<string, any>} */
export const process = {
  env: { NODE_ENV: 'development' },
  title: 'browser',
  browser: true,
  platform: 'browser',
  version: '',
  versions: {},
  argv: [],
  execArgv: [],
  release: {},
  config: {},
  pid: 1,
  exitCode: 0,
  stdout: {},
  stderr: {},
  cwd: () => '/',
  umask: () => 0,
  uptime: () => performance.now() / 1000,
  nextTick: (/** @type {Function} */ call, /** @type {any[]} */ ...args) =>
    queueMicrotask(() => call(...args)),
  hrtime: (/** @type {[number, number] | undefined} */ since) => {
    const now = performance.now() / 1000;
    const [seconds, nanos] = since ?? [0, 0];
    const past = now - seconds - nanos / 1e9;
    return [Math.floor(past), Math.floor((past % 1) * 1e9)];
  },
  binding: () => {
    throw new Error('process.binding is not there in browsers');
  },
};
for (const name of ['on', 'once', 'off', 'addListener', 'removeListener', 'emit', 'emitWarning'])
  process[name] = nothing;
process.listeners = () => [];

/**
 * Adds definitions. A file that is there stays: packs overlap.
 *
 * @param {Record<string, Definition>} more
 */
export const define = (more) => {
  for (const key of Object.keys(more)) if (!definitions.has(key)) definitions.set(key, more[key]);
};

/**
 * Adds definitions that are classic scripts, as not all code can be in a module. Each leaves its own
 * with its element; a worker has none, and has the text evaluated.
 *
 * @param {string[]} keys
 * @returns {Promise<void[]>}
 */
export const scripts = (keys) =>
  Promise.all(
    keys
      .filter((key) => !definitions.has(key))
      .map(async (key) => {
        const url = `${base}${key}?script`;
        if (typeof document === 'undefined') {
          const text = await (await fetch(url)).text();
          const evaluate = new Function('document', text);
          const holder = { currentScript: { definition: undefined } };
          evaluate(holder);
          define({ [key]: /** @type {any} */ (holder.currentScript.definition) });
          return;
        }
        await new Promise((resolve, reject) => {
          /** @type {any} */
          const element = document.createElement('script');
          element.src = url;
          element.onload = () => {
            define({ [key]: element.definition });
            resolve(undefined);
          };
          element.onerror = () => reject(missing(`${url} cannot be loaded`, key));
          document.head.append(element);
          element.remove();
        });
      }),
  );

// Whatever is read of it is undefined, and the console says why, once for each name.
/** @type {(name: string) => any} */
const stub = (name) => {
  const said = new Set();
  const silent = ['__esModule', '__proto__', 'constructor', 'then', 'default'];
  /** @type {ProxyHandler<any>} */
  const handler = {
    get(_, property) {
      if (typeof property === 'symbol' || silent.includes(property) || said.has(property)) return;
      said.add(property);
      console.warn(`${name} is built into Node, and not there in browsers: ${name}.${property}`);
    },
  };
  return new Proxy({}, handler);
};

/** @type {(message: string, key: string) => Error} */
const missing = (message, key) => Object.assign(new Error(message), { code: 'MODULE_NOT_FOUND', key });

/** @type {(key: string) => ModuleRecord} */
const record = (key) => {
  const known = records.get(key);
  if (known) return known;
  if (key.startsWith('!')) throw missing(key.slice(1), key);
  const node = key.startsWith('node:') && key.slice(5);
  const definition = definitions.get(key);
  if (!definition && node === false) throw missing(`${key} is in no pack`, key);
  const isModule = Array.isArray(definition?.[0]);
  /** @type {ModuleRecord} */
  const made = { key, definition, state: NEW, stars: [] };
  if (isModule) {
    made.exports = Object.create(null, {
      [Symbol.toStringTag]: { value: 'Module' },
      __esModule: { value: true },
    });
  } else {
    made.module = { exports: {}, id: key, filename: `/${key}`, loaded: false, children: [], paths: [] };
    if (!definition) {
      if (node) made.module.exports = stub(node);
      made.state = DONE;
    }
  }
  records.set(key, made);
  return made;
};

// The default of CommonJS. What a compiler made of an ES module says so; by Node's rules that does
// not count.
/** @type {(exports: any, byNode: boolean) => any} */
const defaultOf = (exports, byNode) =>
  !byNode && exports?.__esModule && 'default' in exports ? exports.default : exports;

/** @type {(exports: any) => Set<string>} */
const namesOf = (exports) => {
  /** @type {Set<string>} */
  const names = new Set();
  const isObject = exports && (typeof exports === 'object' || typeof exports === 'function');
  for (
    let at = isObject ? exports : undefined;
    at && at !== Object.prototype && at !== Function.prototype;
    at = Object.getPrototypeOf(at)
  )
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  return names;
};

// CommonJS as the object that `import * as` gives.
/** @type {(module: any, byNode: boolean) => any} */
const namespaceOf = (module, byNode) => {
  const { exports } = module;
  const namespace = Object.create(null, { [Symbol.toStringTag]: { value: 'Module' } });
  for (const name of namesOf(exports))
    if (name !== 'default')
      Object.defineProperty(namespace, name, {
        enumerable: Object.prototype.propertyIsEnumerable.call(exports, name),
        get: () => exports[name],
      });
  const get = () => defaultOf(module.exports, byNode);
  return Object.defineProperty(namespace, 'default', { enumerable: true, get });
};

// A module as an importer looks at it: `n` for names, `d` for its default, `s` for all of it; in
// capitals, by Node's rules.
/** @type {(of: ModuleRecord, kind: string) => any} */
const view = (of, kind) => {
  if (of.exports) return of.exports;
  const { module } = of;
  if (kind === 'n') return module.exports ?? {};
  const byNode = kind === 'D' || kind === 'S';
  if (kind === 's' || kind === 'S') {
    if (!module.loaded && of.state !== DONE) return namespaceOf(module, byNode);
    const field = byNode ? 'byNode' : 'namespace';
    return (of[field] ??= namespaceOf(module, byNode));
  }
  return {
    get default() {
      return defaultOf(module.exports, byNode);
    },
  };
};

/** @type {(of: ModuleRecord, requires: Record<string, string>) => any} */
const requireOf = (of, requires) => {
  /** @type {(specifier: string) => string} */
  const find = (specifier) => {
    if (Object.hasOwn(requires, specifier)) return requires[specifier];
    throw missing(`Cannot find module '${specifier}' from ${of.key}`, of.key);
  };
  /** @type {any} */
  const require = (/** @type {string} */ specifier) => required(record(find(specifier)));
  require.resolve = (/** @type {string} */ specifier) => `/${find(specifier)}`;
  require.cache = {};
  require.import = (/** @type {string} */ specifier) => imported(of, specifier);
  require.style = (/** @type {string} */ url) => void style(url).catch(nothing);
  return require;
};

/** @type {(of: ModuleRecord) => Record<string, any>} */
const given = (of) => ({
  process,
  global: globalThis,
  __filename: `/${of.key}`,
  __dirname: `/${of.key}`.replace(/\/[^/]*$/, ''),
});

/** @type {(of: ModuleRecord) => any} */
const required = (of) => {
  if (of.exports) {
    if (run(of)) throw new Error(`${of.key} awaits something while it loads: it cannot be required`);
    return 'module.exports' in of.exports ? of.exports['module.exports'] : of.exports;
  }
  const { module, definition } = of;
  if (of.state === NEW && definition) {
    of.state = RUNNING;
    const [requires, body, names = []] = definition;
    const things = given(of);
    const more = names.map((/** @type {string} */ name) => things[name]);
    try {
      body.call(module.exports, module, module.exports, requireOf(of, requires), ...more);
    } catch (error) {
      records.delete(of.key); // Node tries again, too
      throw error;
    }
    module.loaded = true;
    of.state = DONE;
  }
  return module.exports;
};

// The names that come from `export *`, the first of each.
/** @type {(of: ModuleRecord, seen: Set<ModuleRecord>) => Set<string>} */
const allNames = (of, seen) => {
  if (seen.has(of)) return new Set();
  seen.add(of);
  if (!of.exports) return namesOf(of.module.exports);
  const names = new Set(Object.keys(of.exports));
  for (const star of of.stars) for (const name of allNames(star, seen)) names.add(name);
  return names;
};
/** @type {(of: ModuleRecord) => void} */
const expand = (of) => {
  for (const star of of.stars)
    for (const name of allNames(star, new Set()))
      if (name !== 'default' && !Object.hasOwn(of.exports, name))
        Object.defineProperty(of.exports, name, {
          enumerable: true,
          get: star.exports ? () => star.exports[name] : () => star.module.exports[name],
        });
};

// Links a module and all that it imports: what they export can be read, and their functions called.
/** @type {(of: ModuleRecord, linked?: ModuleRecord[]) => ModuleRecord[]} */
const link = (of, linked = []) => {
  if (of.state !== NEW || !of.definition) return linked;
  of.state = LINKED;
  const [imports, body, requires] = of.definition;
  /** @type {[ModuleRecord | undefined, string, string][]} */
  const found = imports.map((/** @type {[string, string]} */ [key, kinds]) => {
    // What is missing is missed when the module runs.
    return [key.startsWith('!') ? undefined : record(key), kinds, key];
  });
  of.imports = found;
  /** @type {() => any[]} */
  const views = () =>
    found.flatMap(([dependency, kinds]) =>
      [...kinds].map((kind) => {
        if (!dependency) return undefined;
        return dependency.exports || dependency.state >= RUNNING ? view(dependency, kind) : undefined;
      }),
    );
  const { exports } = of;
  const hand = {
    ...given(of),
    require: requireOf(of, requires ?? {}),
    call: (/** @type {any} */ callee) => callee,
    import: (/** @type {string} */ specifier) => imported(of, specifier),
    meta: {
      url: base + of.key,
      env: { MODE: 'development', DEV: true, PROD: false, SSR: false, BASE_URL: '/' },
      resolve: (/** @type {string} */ specifier) => new URL(specifier, base + of.key).href,
    },
    link(
      /** @type {Record<string, () => any>} */ getters,
      /** @type {(...views: any[]) => void} */ set,
      /** @type {number[]} */ stars,
    ) {
      for (const name of Object.keys(getters))
        Object.defineProperty(exports, name, { enumerable: true, get: getters[name] });
      of.set = () => set(...views());
      of.stars = stars.flatMap((star) => found[star][0] ?? []);
    },
  };
  of.body = body.call(undefined, hand, ...views());
  of.body.next();
  linked.push(of);
  for (const [dependency] of found) if (dependency?.exports) link(dependency, linked);
  return linked;
};

// Runs a module after what it imports. With an `await` somewhere below, it is done with the promise.
/** @type {(of: ModuleRecord) => Promise<void> | undefined} */
const evaluate = (of) => {
  if (of.error) throw of.error.value;
  if (of.state !== LINKED) return of.promise;
  of.state = RUNNING;
  const finish = () => {
    of.set();
    if (of.stars.length) expand(of);
    const result = of.body.next();
    return typeof result.then === 'function' ? result : undefined;
  };
  /** @type {(value: any) => void} */
  const failed = (value) => {
    of.error = { value };
    of.state = DONE;
    of.promise = undefined;
  };
  try {
    const waits = [];
    for (const [dependency, , key] of of.imports ?? []) {
      if (!dependency) throw missing(key.slice(1), of.key);
      if (dependency.exports) {
        const wait = evaluate(dependency);
        if (wait) waits.push(wait);
      } else required(dependency);
    }
    const promise = waits.length ? Promise.all(waits).then(finish) : finish();
    if (!promise) {
      of.state = DONE;
      return;
    }
    of.promise = promise.then(
      () => {
        of.state = DONE;
        of.promise = undefined;
      },
      (/** @type {any} */ error) => {
        failed(error);
        throw error;
      },
    );
    return of.promise;
  } catch (error) {
    failed(error);
    throw error;
  }
};

/** @type {(of: ModuleRecord) => Promise<void> | undefined} */
const run = (of) => {
  if (!of.exports) return void required(of);
  for (const linked of link(of)) if (linked.stars.length) expand(linked);
  return evaluate(of);
};

/** @type {(of: ModuleRecord, specifier: string) => Promise<any>} */
const imported = async (of, specifier) => {
  const [key, url] = of.definition?.[3]?.[specifier] ?? [];
  if (!key) return import(specifier);
  if (url) await import(url);
  const found = record(key);
  await run(found);
  return view(found, 's');
};

/**
 * Runs a file, and gives what has its names and what has its default.
 *
 * @param {string} key
 * @returns {any}
 */
export const load = (key) => {
  const found = record(key);
  const both = () => [view(found, 'n'), view(found, 'd')];
  return run(found)?.then(both) ?? both();
};

/**
 * What the project imports of a module that is built into Node: functions that say so.
 *
 * @param {string} name
 * @returns {[(property: string) => () => never, any]}
 */
export const builtin = (name) => [
  (property) => () => {
    throw new Error(`${name} is built into Node, and not there in browsers: ${name}.${property}`);
  },
  required(record(`node:${name}`)),
];

/**
 * Adds a style sheet to the page, once. A worker has none.
 *
 * @param {string} url
 * @returns {Promise<void>}
 */
export const style = (url) =>
  new Promise((resolve) => {
    if (typeof document === 'undefined') return resolve();
    const { href } = new URL(url, base);
    const links = [...document.querySelectorAll('link')];
    if (links.some((link) => link.rel === 'stylesheet' && link.href === href)) return resolve();
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = href;
    link.onload = link.onerror = () => resolve();
    document.head.append(link);
  });
