// What runs before a driver in the engine: the globals that compilers expect, `require` for
// CommonJS modules, and the host that drivers get. The functions with `__` are those of engine.rs.
(() => {
  const { __ask, __resolve, __read, __isModule, __evaluate, __now, __base } = globalThis;
  for (const name of ['__ask', '__resolve', '__read', '__isModule', '__evaluate', '__now', '__base'])
    delete globalThis[name];

  const ignore = () => {};
  globalThis.console = new Proxy({}, { get: () => ignore });
  globalThis.global = globalThis.self = globalThis;
  globalThis.performance ??= { now: __now };
  globalThis.queueMicrotask ??= (call) => void Promise.resolve().then(call);
  // Compilers use timers only to go on later.
  globalThis.setTimeout = globalThis.setImmediate = (call, _, ...rest) => void Promise.resolve().then(() => call(...rest));
  globalThis.clearTimeout = globalThis.clearImmediate = ignore;
  const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  globalThis.btoa ??= (bytes) => {
    const digits = [];
    for (let at = 0; at < bytes.length; at += 3) {
      const [a, b, c] = [0, 1, 2].map((offset) => bytes.charCodeAt(at + offset));
      digits.push(DIGITS[a >> 2], DIGITS[((a & 3) << 4) | (b >> 4)]);
      digits.push(at + 1 < bytes.length ? DIGITS[((b & 15) << 2) | (c >> 6)] : '=', at + 2 < bytes.length ? DIGITS[c & 63] : '=');
    }
    return digits.join('');
  };
  globalThis.structuredClone ??= (value) => JSON.parse(JSON.stringify(value));
  globalThis.process = {
    env: { NODE_ENV: 'development' },
    argv: [],
    platform: 'linux',
    version: '',
    versions: {},
    stdout: { fd: 1, write: ignore },
    stderr: { fd: 2, write: ignore },
    cwd: () => __base,
    emitWarning: ignore,
    on: ignore,
    nextTick: (call, ...rest) => void Promise.resolve().then(() => call(...rest)),
    hrtime: Object.assign(() => [0, 0], { bigint: () => 0n }),
  };

  globalThis.atob ??= (coded) => {
    let [text, bits, count] = ['', 0, 0];
    for (const digit of coded.replace(/[=\s]/g, '')) {
      [bits, count] = [((bits << 6) | DIGITS.indexOf(digit)) & 0xffffff, count + 6];
      if (count >= 8) text += String.fromCharCode((bits >> (count -= 8)) & 255);
    }
    return text;
  };

  const normalize = (path) => {
    const parts = [];
    for (const part of path.split('/'))
      if (part === '..' && parts.length && parts.at(-1) !== '..') parts.pop();
      else if (part && part !== '.' && !(part === '..' && path[0] === '/')) parts.push(part);
    return (path[0] === '/' ? '/' : '') + parts.join('/') || '.';
  };
  const path = {
    sep: '/',
    delimiter: ':',
    normalize,
    join: (...parts) => normalize(parts.filter(Boolean).join('/')),
    resolve: (...parts) => normalize(parts.reduce((to, part) => (part[0] === '/' ? part : `${to}/${part}`), __base)),
    isAbsolute: (path) => path[0] === '/',
    dirname: (path) => path.slice(0, path.lastIndexOf('/')) || (path[0] === '/' ? '/' : '.'),
    basename: (path, end = '') => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      return end && name.endsWith(end) ? name.slice(0, -end.length) : name;
    },
    extname: (path) => /[^/](\.[^./]*)$/.exec(path)?.[1] ?? '',
    relative: (from, to) => {
      const [a, b] = [path.resolve(from), path.resolve(to)].map((each) => each.split('/').filter(Boolean));
      let at = 0;
      while (at < a.length && a[at] === b[at]) at++;
      return [...a.slice(at).fill('..'), ...b.slice(at)].join('/');
    },
    parse: (name) => {
      const ext = path.extname(name);
      return { root: name[0] === '/' ? '/' : '', dir: path.dirname(name), base: path.basename(name), ext, name: path.basename(name, ext) };
    },
  };
  path.posix = path;

  globalThis.URL ??= class URL {
    constructor(url, base) {
      const given = String(url);
      const [, scheme = '', rest] = /^([a-z][a-z0-9+.-]*:)?(.*)$/is.exec(given);
      if (scheme) this.href = given;
      else {
        if (base === undefined) throw new TypeError(`Invalid URL: ${given}`);
        const [, from, folder] = /^([a-z][a-z0-9+.-]*:(?:\/\/[^/]*)?)(.*)$/is.exec(String(base));
        this.href = from + normalize(rest[0] === '/' ? rest : folder.slice(0, folder.lastIndexOf('/') + 1) + rest);
      }
      [, this.protocol, this.host = '', this.pathname, this.search = '', this.hash = ''] =
        /^([^:]*:)(?:\/\/([^/]*))?([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(this.href);
    }
    toString() {
      return this.href;
    }
    toJSON() {
      return this.href;
    }
    static canParse(url, base) {
      return base !== undefined || /^[a-z][a-z0-9+.-]*:/i.test(url);
    }
  };

  const url = {
    URL,
    fileURLToPath: (url) => decodeURIComponent(String(url).replace(/^file:\/\//, '')),
    pathToFileURL: (path) => new URL('file://' + encodeURI(path)),
    parse: (url) => {
      const [, protocol, host, pathname, search, hash] =
        /^([a-z][a-z0-9+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(url);
      const path = pathname + (search ?? '') || null;
      return { href: url, protocol: protocol ?? null, host: host ?? null, pathname, search, path, hash: hash ?? null };
    },
  };
  const util = {
    inspect: (value) => String(value),
    inherits: (to, from) => void Object.setPrototypeOf(to.prototype, from.prototype),
    deprecate: (call) => call,
    promisify: (call) => (...rest) => new Promise((done, fail) => call(...rest, (error, value) => (error ? fail(error) : done(value)))),
    types: {},
  };
  /** Compilers look for configurations of their own; there are none. */
  const missing = (path) => {
    throw Object.assign(new Error(`ENOENT: no such file or directory, ${path}`), { code: 'ENOENT' });
  };
  const fs = { existsSync: () => false, statSync: missing, readFileSync: missing };
  const os = { EOL: '\n', homedir: () => '/', platform: () => 'linux' };
  const tty = { isatty: () => false };
  // A package names what a browser need not load by `false`.
  const node = { os, path, 'path/posix': path, url, util, process, fs, 'fs/promises': {}, tty, '#ignored': {} };

  /** Modules of Node that compilers import without using what they do. */
  const absent = (name) =>
    new Proxy(function () {}, {
      get: (_, key) => {
        if (key === '__esModule' || typeof key === 'symbol') return undefined;
        if (key === 'default') return absent(name);
        return () => {
          throw new Error(`node:${name} is not available here: ${String(key)}`);
        };
      },
    });

  const loaded = new Map();
  const load = (path) => {
    const known = loaded.get(path);
    if (known) return known.exports;
    const module = { exports: {}, id: path, filename: path, loaded: false };
    loaded.set(path, module);
    if (path.startsWith('node:')) return (module.exports = node[path.slice(5)] ?? absent(path.slice(5)));
    const text = __read(path);
    if (text == null) throw new Error(`cannot read ${path}`);
    if (path.endsWith('.json')) return (module.exports = JSON.parse(text));
    try {
      const run = __evaluate(`(function (exports, require, module, __filename, __dirname) {${text.replace(/^#!.*/, '')}\n})`, path);
      run.call(module.exports, module.exports, requireFrom(path), module, path, path.slice(0, path.lastIndexOf('/')));
    } catch (error) {
      loaded.delete(path);
      throw error instanceof SyntaxError && __isModule(path) ? new Error(`${path} is an ES module`) : error;
    }
    return module.exports;
  };
  const requireFrom = (from) => {
    const resolve = (specifier) => {
      const path = Object.hasOwn(node, specifier) ? `node:${specifier}` : __resolve(specifier, from, false);
      if (path == null) throw Object.assign(new Error(`Cannot find module '${specifier}'`), { code: 'MODULE_NOT_FOUND' });
      return path;
    };
    return Object.assign((specifier) => load(resolve(specifier)), { resolve, cache: {} });
  };
  node.module = { createRequire: (from) => requireFrom(url.fileURLToPath(from)) };

  /** Returns an ES module with the exports of a CommonJS module. */
  globalThis.__facade = (path) => {
    const exports = load(path);
    const own = exports && (typeof exports === 'object' || typeof exports === 'function') ? Object.keys(exports) : [];
    const names = own.filter((name) => name !== 'default' && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name));
    const list = names.map((name, at) => `const $${at} = $m[${JSON.stringify(name)}]; export { $${at} as ${name} };`);
    return `const $m = globalThis.__required(${JSON.stringify(path)}); export default $m; ${list.join(' ')}`;
  };
  globalThis.__required = load;

  const askSync = (question) => JSON.parse(__ask(JSON.stringify(question)));
  const ask = async (question) => askSync(question);
  const host = {
    base: __base,
    isNode: false,
    /** Returns the namespace of an ES module, or what a CommonJS module exports. */
    load: async (specifier, from = `${__base}/_.js`) => {
      const path = __resolve(specifier, from, true);
      if (path == null) throw new Error(`Cannot find module '${specifier}'`);
      return path.startsWith('node:') || !__isModule(path) ? load(path) : import(path);
    },
    require: (from = `${__base}/_.js`) => requireFrom(from),
    resolve: (specifier, from, kind = 'import') => ask({ ask: 'resolve', specifier, from, kind }),
    alias: (specifier, from) => ask({ ask: 'alias', specifier, from }),
    read: (path, kind = '') => ask({ ask: 'read', path, kind }),
    /** Has the request repeated in Node. */
    needNode: (why) => {
      throw Object.assign(new Error(why), { needsNode: true });
    },
    depend: (paths) => ask({ ask: 'depend', paths }),
    stamps: (paths) => ask({ ask: 'stamps', paths }),
    // At once, which only the engine can do:
    resolveSync: (specifier, from, kind = 'import') => askSync({ ask: 'resolve', specifier, from, kind }),
    readSync: (path) => askSync({ ask: 'read', path }),
  };

  let functions;
  globalThis.__run = async (name, input) => {
    try {
      functions ??= await globalThis.__driver(host);
      return JSON.stringify({ output: (await functions[name](JSON.parse(input))) ?? null });
    } catch (error) {
      functions ??= undefined;
      return JSON.stringify({ error: globalThis.__report(error) });
    }
  };
})();
