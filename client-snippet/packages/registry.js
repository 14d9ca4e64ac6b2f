// Links and runs the files of packages, each once per page. Packs define them, see
// src/esm/packages. Types: registry-types.d.ts.
//
// CommonJS runs at its first `require`. ES modules are linked as a whole graph and then run, in the
// order of a browser: see `link` and `evaluate`. Nothing here is global.

import { runScript } from './elements.js';
import { defaultOf, namesOf, namespaceOf } from './namespace.js';
import { process, stub, unavailable } from './node.js';

export { process };

const base = new URL('./npm/', import.meta.url).href;

/** @type {Map<string, Definition>} */
const definitions = new Map();
/** @type {Map<string, ModuleRecord>} */
const records = new Map();

// The states of a record.
const NEW = 0;
const LINKED = 1;
const RUNNING = 2;
const DONE = 3;

/** @type {(message: string, key: string) => Error} */
const notFound = (message, key) =>
  Object.assign(new Error(message), { code: 'MODULE_NOT_FOUND', key });

/**
 * Adds definitions. The first definition of a file stays, as packs overlap.
 *
 * @param {Record<string, Definition>} more
 */
export const define = (more) => {
  for (const key of Object.keys(more)) if (!definitions.has(key)) definitions.set(key, more[key]);
};

/**
 * Adds definitions of files that have to be classic scripts, because modules are always in strict
 * mode.
 *
 * @param {string[]} keys
 * @returns {Promise<void[]>}
 */
export const scripts = (keys) => {
  const missing = keys.filter((key) => !definitions.has(key));
  return Promise.all(
    missing.map(async (key) => {
      const definition = await runScript(`${base}${key}?script`);
      define({ [key]: /** @type {any} */ (definition) });
    }),
  );
};

/**
 * Returns the record of a file or built-in module, and creates it if needed.
 *
 * @type {(key: string) => ModuleRecord}
 */
const recordOf = (key) => {
  const known = records.get(key);
  if (known) return known;
  if (key.startsWith('!')) throw notFound(key.slice(1), key);
  const builtin = key.startsWith('node:') && key.slice(5);
  const definition = definitions.get(key);
  if (!definition && builtin === false) throw notFound(`${key} is in no pack`, key);
  /** @type {ModuleRecord} */
  const record = { key, definition, state: NEW, stars: [] };
  if (Array.isArray(definition?.[0])) {
    record.exports = Object.create(null, {
      [Symbol.toStringTag]: { value: 'Module' },
      __esModule: { value: true },
    });
  } else {
    record.module = { exports: {}, id: key, filename: `/${key}`, loaded: false, children: [], paths: [] };
    if (!definition) {
      if (builtin) record.module.exports = stub(builtin);
      record.state = DONE;
    }
  }
  records.set(key, record);
  return record;
};

/**
 * Returns a module as an importer sees it. Kinds: `n` names, `d` default, `s` namespace. Capital
 * letters select Node's rules for CommonJS.
 *
 * @type {(record: ModuleRecord, kind: string) => any}
 */
const view = (record, kind) => {
  if (record.exports) return record.exports;
  const { module } = record;
  if (kind === 'n') return module.exports ?? {};
  const byNode = kind === 'D' || kind === 'S';
  if (kind === 's' || kind === 'S') {
    if (!module.loaded && record.state !== DONE) return namespaceOf(module, byNode);
    const field = byNode ? 'byNode' : 'namespace';
    return (record[field] ??= namespaceOf(module, byNode));
  }
  return {
    get default() {
      return defaultOf(module.exports, byNode);
    },
  };
};

// CommonJS

/**
 * Returns the `require` of a module.
 *
 * @type {(record: ModuleRecord, requires: Record<string, string>) => any}
 */
const requireOf = (record, requires) => {
  /** @type {(specifier: string) => string} */
  const find = (specifier) => {
    if (Object.hasOwn(requires, specifier)) return requires[specifier];
    throw notFound(`Cannot find module '${specifier}' from ${record.key}`, record.key);
  };
  /** @type {any} */
  const require = (/** @type {string} */ specifier) => requireRecord(recordOf(find(specifier)));
  require.resolve = (/** @type {string} */ specifier) => `/${find(specifier)}`;
  require.cache = {};
  require.import = (/** @type {string} */ specifier) => importFrom(record, specifier);
  return require;
};

/** Returns Node's globals for a module. @type {(record: ModuleRecord) => Record<string, any>} */
const globalsOf = ({ key }) => ({
  process,
  global: globalThis,
  __filename: `/${key}`,
  __dirname: `/${key}`.replace(/\/[^/]*$/, ''),
});

/**
 * Runs a module if it has not run, and returns what `require` returns.
 *
 * @type {(record: ModuleRecord) => any}
 */
const requireRecord = (record) => {
  if (record.exports) {
    if (run(record))
      throw new Error(`${record.key} has a top-level await and cannot be loaded with require()`);
    return 'module.exports' in record.exports ? record.exports['module.exports'] : record.exports;
  }
  const { module, definition } = record;
  if (record.state === NEW && definition) {
    record.state = RUNNING;
    const [requires, body, names = []] = definition;
    const globals = globalsOf(record);
    const more = names.map((/** @type {string} */ name) => globals[name]);
    try {
      body.call(module.exports, module, module.exports, requireOf(record, requires), ...more);
    } catch (error) {
      records.delete(record.key); // like Node, the next `require` runs it again
      throw error;
    }
    module.loaded = true;
    record.state = DONE;
  }
  return module.exports;
};

// ES modules

/**
 * Returns the names that `export *` adds.
 *
 * @type {(record: ModuleRecord, seen: Set<ModuleRecord>) => Set<string>}
 */
const allNames = (record, seen) => {
  if (seen.has(record)) return new Set();
  seen.add(record);
  if (!record.exports) return namesOf(record.module.exports);
  const names = new Set(Object.keys(record.exports));
  for (const star of record.stars) for (const name of allNames(star, seen)) names.add(name);
  return names;
};

/**
 * Defines the names that come from `export *`: the first of each.
 *
 * @type {(record: ModuleRecord) => void}
 */
const expandStars = (record) => {
  for (const star of record.stars)
    for (const name of allNames(star, new Set()))
      if (name !== 'default' && !Object.hasOwn(record.exports, name))
        Object.defineProperty(record.exports, name, {
          enumerable: true,
          get: star.exports ? () => star.exports[name] : () => star.module.exports[name],
        });
};

/** Returns what the generator of an ES module is called with. @type {HostOf} */
const hostOf = (record, requires, views) => ({
  ...globalsOf(record),
  require: requireOf(record, requires),
  call: (/** @type {any} */ callee) => callee,
  import: (/** @type {string} */ specifier) => importFrom(record, specifier),
  meta: {
    url: base + record.key,
    env: { MODE: 'development', DEV: true, PROD: false, SSR: false, BASE_URL: '/' },
    resolve: (/** @type {string} */ specifier) => new URL(specifier, base + record.key).href,
  },
  link(
    /** @type {Record<string, () => any>} */ getters,
    /** @type {(...views: any[]) => void} */ set,
    /** @type {number[]} */ stars,
  ) {
    for (const name of Object.keys(getters))
      Object.defineProperty(record.exports, name, { enumerable: true, get: getters[name] });
    record.set = () => set(...views());
    record.stars = stars.flatMap((star) => record.imports?.[star][0] ?? []);
  },
});

/**
 * Links a module and everything that it imports. After this, exports can be read and exported
 * functions called.
 *
 * @type {(record: ModuleRecord, linked?: ModuleRecord[]) => ModuleRecord[]}
 */
const link = (record, linked = []) => {
  if (record.state !== NEW || !record.definition) return linked;
  record.state = LINKED;
  const [imports, body, requires] = record.definition;
  /** @type {[ModuleRecord | undefined, string, string][]} */
  const found = imports.map((/** @type {[string, string]} */ [key, kinds]) => {
    // A missing module is an error when this one runs.
    return [key.startsWith('!') ? undefined : recordOf(key), kinds, key];
  });
  record.imports = found;
  /** @type {() => any[]} */
  const views = () =>
    found.flatMap(([dependency, kinds]) =>
      [...kinds].map((kind) => {
        if (!dependency) return undefined;
        return dependency.exports || dependency.state >= RUNNING ? view(dependency, kind) : undefined;
      }),
    );
  record.body = body.call(undefined, hostOf(record, requires ?? {}, views), ...views());
  record.body.next();
  linked.push(record);
  for (const [dependency] of found) if (dependency?.exports) link(dependency, linked);
  return linked;
};

/**
 * Runs what a module imports. Returns a promise for each import that awaits.
 *
 * @type {(record: ModuleRecord) => Promise<void>[]}
 */
const evaluateImports = (record) => {
  const waits = [];
  for (const [dependency, , key] of record.imports ?? []) {
    if (!dependency) throw notFound(key.slice(1), record.key);
    if (dependency.exports) {
      const wait = evaluate(dependency);
      if (wait) waits.push(wait);
    } else requireRecord(dependency);
  }
  return waits;
};

/**
 * Runs a module after its imports. Returns a promise if it or one of them has a top-level await.
 *
 * @type {(record: ModuleRecord) => Promise<void> | undefined}
 */
const evaluate = (record) => {
  if (record.error) throw record.error.value;
  if (record.state !== LINKED) return record.promise;
  record.state = RUNNING;
  const runBody = () => {
    record.set();
    if (record.stars.length) expandStars(record);
    const result = record.body.next();
    return typeof result.then === 'function' ? result : undefined;
  };
  const finish = () => {
    record.state = DONE;
    record.promise = undefined;
  };
  /** @type {(value: any) => never} */
  const fail = (value) => {
    record.error = { value };
    finish();
    throw value;
  };
  try {
    const waits = evaluateImports(record);
    record.promise = waits.length ? Promise.all(waits).then(runBody) : runBody();
  } catch (error) {
    fail(error);
  }
  if (!record.promise) return void finish();
  return (record.promise = record.promise.then(finish, fail));
};

/** Links and runs a module. @type {(record: ModuleRecord) => Promise<void> | undefined} */
const run = (record) => {
  if (!record.exports) return void requireRecord(record);
  for (const linked of link(record)) if (linked.stars.length) expandStars(linked);
  return evaluate(record);
};

/** Implements `import()`. @type {(record: ModuleRecord, specifier: string) => Promise<any>} */
const importFrom = async (record, specifier) => {
  const [key, url] = record.definition?.[3]?.[specifier] ?? [];
  if (!key) return import(specifier);
  if (url) await import(url);
  const found = recordOf(key);
  await run(found);
  return view(found, 's');
};

// For the modules that the server generates

/**
 * Runs a file. Returns an object with its names and one with its default, or a promise of these.
 *
 * @param {string} key
 * @returns {any}
 */
export const load = (key) => {
  const record = recordOf(key);
  const both = () => [view(record, 'n'), view(record, 'd')];
  return run(record)?.then(both) ?? both();
};

/**
 * Returns what the project imports of a Node built-in: functions that throw, and a stub.
 *
 * @param {string} name
 * @returns {[(property: string) => () => never, any]}
 */
export const builtin = (name) => [
  (property) => () => {
    throw new Error(unavailable(name, property));
  },
  requireRecord(recordOf(`node:${name}`)),
];
