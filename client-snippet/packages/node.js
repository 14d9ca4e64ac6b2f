// What packages written for Node find in the browser: `process`, and stubs of Node's built-in
// modules.

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
