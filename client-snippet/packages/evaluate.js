// Evaluates ES modules as ECMA-262 specifies it for cyclic module records (section 16.2.1.6), so
// that a top-level await delays exactly the modules that it delays in a browser.
//
// A record has the states below. While it is RUNNING it is on a stack; modules that import each
// other leave the stack together, and the first of them is their `root`. A module that awaits, or
// that imports one that does, is SUSPENDED until it has run.

export const NEW = 0;
export const LINKED = 1;
export const RUNNING = 2;
export const SUSPENDED = 3;
export const DONE = 4;

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
