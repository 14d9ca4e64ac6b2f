// Links and runs the files of packages, each once per page. Packs define them, see
// src/esm/packages. Types: registry-types.d.ts.
//
// CommonJS runs at its first `require`. ES modules are linked as a whole graph and then run, in the
// order of a browser: see `link` and `evaluate`. Nothing here is global.

import { defaultOf, namespaceOf, process, stub, unavailable } from './commonjs.js';
import { DONE, evaluate, expandStars, findMissing, LINKED, moduleNamespace, NEW, RUNNING } from './records.js';

export { process };

const base = new URL('./npm/', import.meta.url).href;

/** @type {Map<string, Definition>} */
const definitions = new Map();
/** @type {Map<string, ModuleRecord>} */
const records = new Map();

/** @type {(message: string, key: string) => Error} */
const notFound = (message, key) =>
  Object.assign(new Error(message), { code: 'MODULE_NOT_FOUND', key });

/**
 * Adds definitions. The first definition of a file stays, as packs overlap.
 *
 * @param {Record<string, Definition>} more
 * @param {(record: ModuleRecord) => any} [host]
 */
export const define = (more, host = undefined) => {
  for (const key of Object.keys(more))
    if (!definitions.has(key)) definitions.set(key, Object.assign(more[key], { host }));
};

/** Adds modules that the browser has loaded. @param {Record<string, any>} more */
export const native = (more) => {
  for (const key of Object.keys(more))
    if (!records.has(key)) records.set(key, { key, definition: undefined, state: DONE, stars: [], exports: more[key] });
};

/** @type {(key: string) => boolean} */
export const isKnown = (key) => definitions.has(key) || records.has(key);

/** Returns the imports of a module, and of all that it imports, that are not defined. @type {(key: string, seen?: Set<string>) => string[]} */
export const missing = (key, seen = new Set()) => {
  /** @type {string[]} */
  const found = [];
  const open = [key];
  for (let next; (next = open.pop()) !== undefined; ) {
    if (seen.has(next) || /^(!|node:)/.test(next)) continue;
    seen.add(next);
    const definition = definitions.get(next);
    // A pack of package files is complete.
    if (definition?.host) open.push(...definition[0].map((/** @type {[string]} */ [each]) => each));
    else if (!definition && !records.has(next)) found.push(next);
  }
  return found;
};

/** @type {(key: string) => Promise<void> | undefined} */
export const runKey = (key) => run(recordOf(key));

/** @type {(key: string) => any} */
export const namespaceOfKey = (key) => view(recordOf(key), 's');

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
      const { runScript } = await import('./elements.js'); // few pages need it
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
      // A module may export this name itself.
      __esModule: { value: true, configurable: true },
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
  if (record.exports) return kind === 's' && record.definition?.host ? moduleNamespace(record) : record.exports;
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

/** @type {(record: ModuleRecord, requires: Record<string, string>) => any} */
const packageHost = (record, requires) => ({
  ...globalsOf(record),
  require: requireOf(record, requires),
  call: (/** @type {any} */ callee) => callee,
  import: (/** @type {string} */ specifier) => importFrom(record, specifier),
  meta: {
    url: base + record.key,
    env: { MODE: 'development', DEV: true, PROD: false, SSR: false, BASE_URL: '/' },
    resolve: (/** @type {string} */ specifier) => new URL(specifier, base + record.key).href,
  },
});

/** Returns what the generator of an ES module is called with. @type {HostOf} */
const hostOf = (record, requires, views) => ({
  ...(record.definition?.host?.(record) ?? packageHost(record, requires)),
  link(
    /** @type {Record<string, () => any>} */ getters,
    /** @type {(...views: any[]) => void} */ set,
    /** @type {number[]} */ stars,
    awaits = 0,
    /** @type {Record<string, [number, string]>} */ indirect = {},
    /** @type {[number, string][]} */ names = [],
  ) {
    for (const name of Object.keys(getters))
      Object.defineProperty(record.exports, name, { enumerable: true, get: getters[name] });
    record.own = new Set(Object.keys(getters));
    record.set = () => set(...views());
    const dependency = (/** @type {number} */ at) => record.imports?.[at][0];
    record.stars = stars.flatMap((star) => dependency(star) ?? []);
    record.awaits = !!awaits;
    record.indirect = new Map(
      Object.entries(indirect).map(([name, [at, imported]]) => [name, { from: dependency(at), name: imported }]),
    );
    record.wanted = names.map(([at, name]) => ({ from: dependency(at), name }));
  },
});

/** The modules that cannot run yet, as they would not start at once. @type {Promise<any>[]} */
const starting = [];

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
  // The names of a module are known when it is linked, those of CommonJS when it has run.
  /** @type {(dependency: ModuleRecord) => boolean} */
  const isReadable = ({ exports, state }) => state >= (exports ? LINKED : RUNNING);
  /** @type {() => any[]} */
  const views = () =>
    found.flatMap(([dependency, kinds]) =>
      [...kinds].map((kind) => dependency && isReadable(dependency) ? view(dependency, kind) : undefined),
    );
  record.body = body.call(undefined, hostOf(record, requires || {}, views));
  const started = record.body.next();
  // An async generator suspends some microtasks after it has reached its `yield`.
  if (typeof started.then === 'function') starting.push(started);
  record.dependencies = () => dependenciesOf(record);
  record.execute = () => execute(record);
  linked.push(record);
  for (const [dependency] of found) if (dependency?.exports) link(dependency, linked);
  return linked;
};

/**
 * Yields the ES modules that a module imports, and runs the other ones.
 *
 * @type {(record: ModuleRecord) => Generator<ModuleRecord>}
 */
const dependenciesOf = function* ({ imports, key }) {
  for (const [dependency, , missing] of imports ?? []) {
    if (!dependency) throw notFound(missing.slice(1), key);
    if (dependency.exports) yield dependency;
    else requireRecord(dependency);
  }
};

/** Runs the code of a module. Returns a promise if it awaits. @type {(record: ModuleRecord) => any} */
const execute = (record) => {
  record.set();
  if (record.stars.length) expandStars(record);
  const result = record.body.next();
  if (!record.awaits) return undefined;
  return typeof result.then === 'function' ? result : drive(record.body, result);
};

/**
 * Runs the code of a module that yields in place of each top-level await.
 *
 * @type {(body: any, result: IteratorResult<any>) => Promise<void>}
 */
const drive = async (body, result) => {
  while (!result.done) {
    /** @type {any} */
    let value;
    try {
      value = await result.value;
    } catch (error) {
      result = body.throw(error);
      continue;
    }
    result = body.next(value);
  }
};

/** Links and runs a module. @type {(record: ModuleRecord) => Promise<void> | undefined} */
const run = (record) => {
  if (!record.exports) return void requireRecord(record);
  const linked = link(record);
  for (const each of linked) if (each.stars.length) expandStars(each);
  const missing = linked.flatMap(findMissing)[0];
  if (missing) {
    for (const each of linked) each.state = NEW; // another import tries again
    throw Object.defineProperty(new SyntaxError(missing.message), 'importer', { value: missing.importer });
  }
  for (const each of linked) each.set();
  if (!starting.length) return evaluate(record);
  return Promise.all(starting).then(() => {
    starting.length = 0;
    return evaluate(record);
  });
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
