// Resolves the exports of ES modules as ECMA-262 specifies it (section 16.2.1.7), and creates their
// namespace objects (section 10.4.6).

import { namesOf } from './namespace.js';

/** What is exported under a name by two `export *`. */
const AMBIGUOUS = Symbol();

/**
 * Finds the module that declares an export.
 *
 * @type {(record: ModuleRecord, name: string, seen?: Map<ModuleRecord, Set<string>>) => any}
 */
const resolve = (record, name, seen = new Map()) => {
  if (!record.exports) return { record, name }; // CommonJS: known when it has run
  if (!record.definition) return name in record.exports ? { record, name } : undefined;
  const names = seen.get(record) ?? new Set();
  if (names.has(name)) return undefined;
  seen.set(record, names.add(name));
  const indirect = record.indirect?.get(name);
  if (indirect?.name === '*') return { record: indirect.from, name: '*', via: record, as: name };
  if (indirect) return indirect.from && resolve(indirect.from, indirect.name, seen);
  if (record.own?.has(name)) return { record, name };
  if (name === 'default') return undefined;
  /** @type {any} */
  let found;
  for (const star of record.stars) {
    if (!star.exports && !namesOf(star.module.exports).has(name)) continue;
    const next = resolve(star, name, seen);
    if (next === AMBIGUOUS) return next;
    // Bundlers take the first, and packages rely on it.
    const isStrict = !!record.definition.host;
    if (isStrict && found && next && (found.record !== next.record || found.name !== next.name)) return AMBIGUOUS;
    found ??= next;
  }
  return found;
};

/**
 * Returns the names that a module may export.
 *
 * @type {(record: ModuleRecord, seen?: Set<ModuleRecord>) => Set<string>}
 */
const allNames = (record, seen = new Set()) => {
  if (seen.has(record)) return new Set();
  seen.add(record);
  if (!record.exports) return namesOf(record.module.exports);
  const names = new Set(record.own ?? Object.keys(record.exports));
  for (const star of record.stars)
    for (const name of allNames(star, seen)) if (name !== 'default') names.add(name);
  return names;
};

/** Defines the names that come from `export *`. @type {(record: ModuleRecord) => void} */
export const expandStars = (record) => {
  for (const name of allNames(record)) {
    if (record.own?.has(name)) continue;
    const found = resolve(record, name);
    if (!found || found === AMBIGUOUS) continue;
    Object.defineProperty(record.exports, name, {
      configurable: true, // the names of CommonJS are known when it has run
      enumerable: true,
      get: () => {
        const { record: owner, name: own, via, as } = found;
        return via ? via.exports[as] : (owner.exports ?? owner.module.exports)[own];
      },
    });
  }
};

/**
 * Returns an error for each name that a linked module imports or exports from another one, which
 * does not have it.
 *
 * @type {(record: ModuleRecord) => { message: string, importer: string }[]}
 */
export const findMissing = ({ key, wanted = [], indirect }) =>
  [...wanted, ...(indirect?.values() ?? [])].flatMap(({ from, name }) => {
    if (!from || name === '*') return [];
    const found = resolve(from, name);
    if (found && found !== AMBIGUOUS) return [];
    const what = found ? 'contains conflicting star exports for name' : 'does not provide an export named';
    return { message: `The requested module '${from.key}' ${what} '${name}'`, importer: key };
  });

/** Returns the namespace object of a linked module. @type {(record: ModuleRecord) => any} */
export const moduleNamespace = (record) => {
  if (record.namespace) return record.namespace;
  const { exports } = record;
  const found = [...allNames(record)].filter((name) => {
    const target = resolve(record, name);
    return target && target !== AMBIGUOUS;
  });
  const target = Object.create(null);
  for (const name of found.sort())
    Object.defineProperty(target, name, { value: undefined, writable: true, enumerable: true });
  Object.defineProperty(target, Symbol.toStringTag, { value: 'Module' });
  /** @type {(key: string | symbol) => boolean} */
  const isExport = (key) => typeof key === 'string' && Object.hasOwn(target, key);
  record.namespace = new Proxy(Object.preventExtensions(target), {
    get: (_, key) => (isExport(key) ? exports[key] : target[key]),
    set: () => false,
    getOwnPropertyDescriptor: (_, key) => {
      const descriptor = Reflect.getOwnPropertyDescriptor(target, key);
      return descriptor && isExport(key) ? { ...descriptor, value: exports[key] } : descriptor;
    },
    defineProperty: (_, key, wanted) => {
      const now = Reflect.getOwnPropertyDescriptor(record.namespace, key);
      return (
        !!now &&
        !wanted.configurable &&
        (wanted.enumerable ?? now.enumerable) === now.enumerable &&
        !('get' in wanted || 'set' in wanted) &&
        (wanted.writable ?? now.writable) === now.writable &&
        (!('value' in wanted) || Object.is(wanted.value, now.value))
      );
    },
  });
  return record.namespace;
};
