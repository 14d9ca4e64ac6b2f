// ES modules as ECMA-262 specifies them: what their exports are (section 16.2.1.7), their namespace
// objects (section 10.4.6), and the order in which they run (section 16.2.1.6), so that a top-level
// await delays exactly the modules that it delays in a browser.

import { namesOf } from './commonjs.js';

export const NEW = 0;
export const LINKED = 1;
export const RUNNING = 2;
export const SUSPENDED = 3;
export const DONE = 4;

// Exports

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

// Evaluation
//
// While a record is RUNNING it is on a stack; modules that import each other leave the stack together,
// and the first of them is their `root`. A module that awaits, or that imports one that does, is
// SUSPENDED until it has run.

/** The number of modules that were suspended: they run in this order. */
let suspended = 0;

/** @type {(record: ModuleRecord) => boolean} */
const isPending = ({ order, state }) => order !== undefined && state !== DONE;

/** Ends a module, and those that wait for it, with an error. @type {(record: ModuleRecord, value: any) => void} */
const fail = (record, value) => {
  if (record.state === DONE) return;
  record.state = DONE;
  record.error = { value };
  record.settle?.reject(value);
  for (const parent of record.parents ?? []) fail(parent, value);
};

/** Ends a module that has run, and runs those that waited for it alone. @type {(record: ModuleRecord) => void} */
const finish = (record) => {
  if (record.state === DONE) return; // another module of its cycle has failed
  record.state = DONE;
  record.settle?.resolve();
  /** @type {ModuleRecord[]} */
  const ready = [];
  gather(record, ready);
  ready.sort((one, other) => /** @type {number} */ (one.order) - /** @type {number} */ (other.order));
  for (const parent of ready) {
    if (parent.state === DONE) continue;
    if (parent.awaits) runAsync(parent);
    else {
      try {
        parent.execute();
      } catch (error) {
        fail(parent, error);
        continue;
      }
      parent.state = DONE;
      parent.settle?.resolve();
    }
  }
};

/** Collects the modules that wait for nothing else. @type {(record: ModuleRecord, ready: ModuleRecord[]) => void} */
const gather = (record, ready) => {
  for (const parent of record.parents ?? []) {
    if (ready.includes(parent) || parent.root?.error) continue;
    parent.pending -= 1;
    if (parent.pending) continue;
    ready.push(parent);
    if (!parent.awaits) gather(parent, ready);
  }
};

/** Runs a module that awaits. @type {(record: ModuleRecord) => void} */
const runAsync = (record) => {
  record.execute().then(
    () => finish(record),
    (/** @type {any} */ error) => fail(record, error),
  );
};

/** Runs what a module imports. @type {(record: ModuleRecord, stack: Stack) => void} */
const runImports = (record, stack) => {
  for (const dependency of record.dependencies()) {
    if (!dependency.execute) continue; // not an ES module: it has run
    visit(dependency, stack);
    let required = dependency;
    if (dependency.state === RUNNING) {
      // Of another stack if CommonJS required an ES module meanwhile.
      if (dependency.stack !== stack) continue;
      record.ancestor = Math.min(record.ancestor, dependency.ancestor);
    } else {
      required = dependency.root ?? dependency;
      if (required.error) throw required.error.value;
    }
    if (isPending(required)) {
      record.pending += 1;
      required.parents?.push(record);
    }
  }
};

/** Runs a module after its imports, or suspends it. @type {(record: ModuleRecord, stack: Stack) => void} */
const visit = (record, stack) => {
  if (record.error) throw record.error.value;
  if (record.state !== LINKED) return;
  const index = stack.next++;
  Object.assign(record, { state: RUNNING, stack, ancestor: index, pending: 0, parents: [] });
  stack.list.push(record);
  runImports(record, stack);
  if (record.pending || record.awaits) {
    record.order = suspended++;
    if (!record.pending) runAsync(record);
  } else record.execute();
  if (record.ancestor !== index) return;
  for (let member; member !== record; ) {
    member = /** @type {ModuleRecord} */ (stack.list.pop());
    member.root = record;
    if (member.state === RUNNING) member.state = member.order === undefined ? DONE : SUSPENDED;
  }
};

/**
 * Runs a linked module and all that it imports. Returns a promise if it, or one of them, awaits.
 *
 * @type {(record: ModuleRecord) => Promise<void> | undefined}
 */
export const evaluate = (record) => {
  if (record.state === LINKED) {
    /** @type {Stack} */
    const stack = { list: [], next: 0 };
    try {
      visit(record, stack);
    } catch (value) {
      for (const member of stack.list) {
        member.state = DONE;
        member.root ??= member;
        member.error = { value };
      }
      throw value;
    }
  }
  const root = record.root ?? record;
  if (root.error) throw root.error.value;
  if (root.state !== SUSPENDED) return undefined;
  root.promise ??= new Promise((resolve, reject) => (root.settle = { resolve, reject }));
  return root.promise;
};
