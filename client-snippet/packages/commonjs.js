// What files written for Node find and are in a browser: CommonJS modules as ES modules import them,
// `process`, and stubs of Node's built-in modules.
//
// Bundlers and Node disagree on the default export of CommonJS that was compiled from an ES module
// (`__esModule`): bundlers use its `default`, Node uses all of `module.exports`. `byNode` selects
// Node's rule.

/** @type {(exports: any, byNode: boolean) => any} */
export const defaultOf = (exports, byNode) =>
  !byNode && exports?.__esModule && 'default' in exports ? exports.default : exports;

/**
 * Returns the names that can be imported, inherited ones included.
 *
 * @type {(exports: any) => Set<string>}
 */
export const namesOf = (exports) => {
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

/** Returns the object of `import * as`. @type {(module: any, byNode: boolean) => any} */
export const namespaceOf = (module, byNode) => {
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

/**
 * Enough of Node's `process` for code that uses it before it checks where it runs.
 *
 * @type {Record<string, any>}
 */
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
    throw new Error('process.binding is not available in browsers');
  },
};
for (const name of ['on', 'once', 'off', 'addListener', 'removeListener', 'emit', 'emitWarning'])
  process[name] = () => {};
process.listeners = () => [];

/** @type {(name: string, property: string) => string} */
export const unavailable = (name, property) =>
  `${name} is a Node built-in and is not available in browsers: ${name}.${property}`;

/**
 * Returns a stub of a built-in module. All its properties are undefined, and the console warns once
 * for each that is read.
 *
 * @param {string} name
 * @returns {any}
 */
export const stub = (name) => {
  const warned = new Set();
  const silent = ['__esModule', '__proto__', 'constructor', 'then', 'default'];
  /** @type {ProxyHandler<any>} */
  const handler = {
    get(_, property) {
      if (typeof property === 'symbol' || silent.includes(property) || warned.has(property)) return;
      warned.add(property);
      console.warn(unavailable(name, property));
    },
  };
  return new Proxy({}, handler);
};
