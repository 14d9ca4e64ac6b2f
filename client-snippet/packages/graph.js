// Loads and runs the modules of the project from packs, see src/site/packs. A module has its URL
// as its key in the registry, so the registry is the module map of the page.

import { loader } from './hot.js';
import { define as add, isKnown, missing, namespaceOfKey, native, runKey } from './registry.js';

/** The version of the server at which the newest pack was made. @type {number | undefined} */
let version;

/** What the page uses, as client.js reports it. @type {{ uses: Set<string>, report: (drop: string[]) => unknown }} */
let used = { uses: new Set(), report: () => {} };

/** Adds the URL paths of all modules in the page to a set, and those of further ones. @type {(uses: Set<string>, report: (drop: string[]) => unknown) => void} */
export const watch = (uses, report) => {
  for (const path of used.uses) uses.add(path);
  used = { uses, report };
  report([]);
};

/** The modules that were loaded with all that they import, without stamps. @type {Set<string>} */
const entries = new Set();

/** @type {(name: string, values: string[]) => string} */
const parameters = (name, values) =>
  values.map((value) => `&${name}=${encodeURIComponent(value)}`).join('');

/** Loads the pack of a module. Its error is that of an import of the module. @type {(query: string, key: string) => Promise<any>} */
const loadPack = async (query, key) => {
  try {
    return await import(`/__livers/pack?${query}`);
  } catch (error) {
    if (error instanceof TypeError)
      error.message = error.message.replace(/\S+\/__livers\/pack\?\S+/, location.origin + key);
    throw error;
  }
};

/** Loads a module and what it imports. @type {(key: string, more: string) => Promise<void>} */
const load = async (key, more) => {
  let wanted = [key];
  for (let rest = more; wanted[0]; rest = '') {
    const query = parameters('entry', wanted).slice(1) + rest;
    define(await loadPack(query, key));
    const still = missing(key);
    const modules = still.filter((each) => each.startsWith('/'));
    if (still.length > modules.length) await loadPack(`packages&${query}`, key);
    if (modules[0] === wanted[0]) throw new Error(`${modules[0]} is in no pack`);
    wanted = modules;
  }
};

/** Imports a module by its key. @type {(key: string, more: string) => Promise<any>} */
const importKey = async (key, more) => {
  await undefined; // `import()` never runs a module at once
  if (!isKnown(key)) await load(key, more);
  await runKey(key);
  return namespaceOfKey(key);
};

/** Resolves a specifier as HTML does. @type {(base: Pick<ModuleRecord, 'key' | 'definition'>, specifier: any) => URL} */
const resolve = ({ key, definition }, specifier) => {
  const text = `${specifier}`; // throws for a symbol
  const known = definition?.[3] ?? {};
  const url = Object.hasOwn(known, text) ? known[text] : text;
  return new URL(/^\.{0,2}\//.test(url) ? url : import.meta.resolve(url), location.origin + key);
};

/** Returns the import attributes in the options of `import()`. @type {(options: any) => Record<string, string> | undefined} */
const attributesOf = (options) => {
  const isObject = (/** @type {any} */ value) => Object(value) === value;
  if (options === undefined) return undefined;
  if (!isObject(options)) throw new TypeError('The second argument of import() must be an object');
  const attributes = options.with;
  if (attributes === undefined) return undefined;
  if (!isObject(attributes)) throw new TypeError("The 'with' option of import() must be an object");
  return Object.keys(attributes)[0] === undefined ? undefined : attributes;
};

/** Implements `import()`. @type {(record: ModuleRecord, specifier: any, options: any) => Promise<any>} */
const importFrom = async (record, specifier, options) => {
  const text = `${specifier}`; // before the options are read
  const attributes = attributesOf(options);
  const url = resolve(record, text);
  const key = url.pathname + url.search;
  if (attributes) return import(url.href, { with: attributes });
  const isOurs = url.origin === location.origin && url.protocol !== 'blob:';
  if (!isOurs || key.startsWith('/__livers/')) return import(url.href);
  const more = parameters('after', [...entries]) + parameters('page', [location.pathname]);
  const result = await importKey(key, more);
  entries.add(key.replace(/[?&]t=.*/, ''));
  return result;
};

/** Returns what the generator of a module is called with. @type {(record: ModuleRecord) => any} */
const host = (record) => ({
  call: (/** @type {any} */ callee) => callee,
  import: (/** @type {string} */ specifier, /** @type {any} */ options) =>
    importFrom(record, specifier, options),
  meta: {
    __proto__: null,
    url: location.origin + record.key,
    resolve: (/** @type {any} */ specifier) => resolve({ key: record.key, definition: undefined }, specifier).href,
  },
});

/** Adds the modules of a pack. Its exports are its definitions and version, and the modules that the browser has loaded. @type {(pack: Record<string, any>) => void} */
export const define = ({ default: [more, at], ...natives }) => {
  native(natives);
  add(more, host);
  version ??= at;
  for (const key of Object.keys(more)) used.uses.add(new URL(key, location.href).pathname);
  used.report([]);
};

/** The entries that await something. @type {Set<Promise<void>>} */
const awaited = new Set();

/** Runs an entry. Returns a promise if it awaits. @type {(key: string) => Promise<void> | undefined} */
export const run = (key) => {
  entries.add(key);
  // Its pack lacks what the scripts before it have brought, unless they failed for a reason that the
  // server did not know, or the script is `async` and runs before them.
  const ran = missing(key)[0] === undefined ? runKey(key) : load(key, '').then(() => runKey(key));
  if (ran) awaited.add(ran);
  return ran;
};

/** Settles when all entries so far have run, or failed. */
export const finished = () => Promise.allSettled(awaited);

loader.load = async (url) => {
  const { pathname, search } = new URL(url);
  const now = Number(/[?&]t=(\d+)/.exec(search)?.[1]);
  const result = await importKey(pathname + search, `&since=${version}`);
  if (now) version = now;
  return result;
};
