// Renders the arguments of a console call as text, as a console would. Never calls a getter, and
// survives whatever a page logs: cycles, proxies that throw, objects of any size. Types:
// messages-types.d.ts.

/** How deep objects are rendered, and how many entries and characters of each. */
const DEPTH = 3;
const ENTRIES = 50;
const TEXT = 1000;

/** How many values are rendered in one call of `format`. */
const VALUES = 500;

/** How many characters the entries of an object may have to be on one line. */
const LINE = 76;

/** The frames of a nested error. */
const FRAMES = 3;

/** What is shown of objects whose attributes are accessors of the browser. */
const ATTRIBUTES = ['href', 'type', 'name', 'message', 'code', 'reason', 'method', 'status', 'url', 'size', 'x', 'y', 'width', 'height'];

/** @type {(text: string, most?: number) => string} */
export const cut = (text, most = TEXT) =>
  text.length > most ? `${text.slice(0, most)}… ${text.length - most} more characters` : text;

/** @type {(call: () => any) => any} */
const attempt = (call) => {
  try {
    return call();
  } catch {}
};

/** @type {(prototype: any, name: string | symbol) => (value: any) => any} */
const accessor = (prototype, name) => {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  return (value) => attempt(() => get && Reflect.apply(get, value, []));
};

// These tell what an object is, whatever it claims to be, and do not run its code.
const mapSize = accessor(Map.prototype, 'size');
const setSize = accessor(Set.prototype, 'size');
const bufferSize = accessor(ArrayBuffer.prototype, 'byteLength');
const typedArray = accessor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);
const dateOf = (/** @type {any} */ value) => attempt(() => Date.prototype.getTime.call(value));
/** @type {[string, any][]} */
const BOXES = [
  ['Number', Number.prototype],
  ['String', String.prototype],
  ['Boolean', Boolean.prototype],
  ['BigInt', BigInt.prototype],
  ['Symbol', Symbol.prototype],
];

/** @type {(value: unknown) => value is Error} */
export const isError = (value) =>
  Object(value) === value &&
  (value instanceof Error || attempt(() => Object.prototype.toString.call(value)) === '[object Error]');

/** Returns the name and message of an error. @type {(error: any) => string} */
export const titleOf = (error) => {
  const text = attempt(() => `${error}`);
  if (text && !text.startsWith('[object ')) return cut(text, 4 * TEXT);
  return `${attempt(() => `${error.name ?? 'Error'}: ${error.message}`) ?? 'Error'}`;
};

/** @type {(text: string) => string} */
const quoted = (text) => {
  const short = cut(text);
  const quote = ["'", '"', '`'].find((each) => !short.includes(each)) ?? "'";
  const escapes = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
  const escaped = short.replace(/[\n\r\t\\]/g, (char) => escapes[/** @type {'\n'} */ (char)]);
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
};

/** @type {(value: any) => string} */
const primitive = (value) => {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'bigint') return `${value}n`;
  return Object.is(value, -0) ? '-0' : String(value);
};

/** @type {(key: string | symbol) => string} */
const keyText = (key) => {
  if (typeof key === 'symbol') return String(key);
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? key : quoted(key);
};

/** Returns an element's start tag. @type {(node: any) => string | undefined} */
const nodeText = (node) =>
  attempt(() => {
    // Accessors of the prototype, which run no code of the page.
    if (typeof Node !== 'function' || !(node instanceof Node)) return;
    const { nodeType, nodeName, data } = /** @type {any} */ (node);
    if (nodeType !== 1) return data === undefined ? nodeName : `${nodeName} ${quoted(data.trim())}`;
    const { localName, attributes, firstChild } = /** @type {Element} */ (node);
    const all = [...attributes].slice(0, ENTRIES);
    const text = all.map(({ name, value }) => ` ${name}=${JSON.stringify(cut(value, 100))}`).join('');
    return `<${localName}${text}>${firstChild ? `…</${localName}>` : ''}`;
  });

/** Joins the entries of an object: on one line if they fit. @type {(open: string, entries: string[], close: string) => string} */
const joined = (open, entries, close) => {
  const line = entries.join(', ');
  if (line.length <= LINE && !line.includes('\n')) return `${open}${line}${close}`;
  return `${open}\n  ${entries.join(',\n').replaceAll('\n', '\n  ')}\n${close}`;
};

/** @type {(budget?: number) => Render} */
const makeRender = (left = VALUES) => {
  /** @type {object[]} */
  const open = [];

  /** @type {Render} */
  const render = (value, depth = 0) => {
    if (left-- <= 0) return '…';
    if (Object(value) !== value) return primitive(value);
    if (open.includes(value)) return '[Circular]';
    open.push(value);
    try {
      return object(value, depth);
    } catch {
      return '[object that cannot be inspected]'; // a proxy, or of a window of another site
    } finally {
      open.pop();
    }
  };

  /** @type {Render} */
  const object = (value, depth = 0) => {
    if (typeof value === 'function') return functionText(value);
    if (isError(value)) return error(value, depth);
    const node = nodeText(value);
    if (node) return node;
    const prototype = Object.getPrototypeOf(value);
    const time = dateOf(value);
    if (time !== undefined) return isNaN(time) ? 'Invalid Date' : new Date(time).toISOString();
    if (value instanceof RegExp) return attempt(() => RegExp.prototype.toString.call(value)) ?? 'RegExp';
    for (const [name, box] of BOXES) {
      const inner = attempt(() => box.valueOf.call(value));
      if (inner !== undefined) return `[${name}: ${primitive(inner)}]`;
    }
    const name = className(prototype);
    if (depth >= DEPTH) return Array.isArray(value) ? `Array(${value.length})` : `${name} {…}`;
    return list(value, name, depth) ?? collection(value, name, depth) ?? plain(value, name, depth);
  };

  /** @type {(value: any, name: string, depth: number) => string | undefined} */
  const list = (value, name, depth) => {
    const kind = typedArray(value);
    if (!kind && !Array.isArray(value)) return;
    const length = value.length;
    const entries = [];
    for (let at = 0; at < length && entries.length < ENTRIES; at++) {
      let empty = 0;
      while (empty < 1e6 && at < length && !Object.hasOwn(value, at)) at++, empty++;
      if (empty) entries.push(`${empty} empty`);
      if (at < length) entries.push(property(value, `${at}`, depth));
      if (at + 1 < length && entries.length >= ENTRIES) entries.push(`… ${length - at - 1} more`);
    }
    const isPlain = name === 'Array' && value.length < 100;
    return joined(isPlain ? '[' : `${kind ?? name}(${length}) [`, entries, ']');
  };

  /** @type {(value: any, name: string, depth: number) => string | undefined} */
  const collection = (value, name, depth) => {
    const size = mapSize(value) ?? setSize(value);
    const bytes = bufferSize(value);
    if (bytes !== undefined) return `ArrayBuffer(${bytes})`;
    if (size === undefined) return;
    /** @type {string[]} */
    const entries = [];
    const iterator = mapSize(value) === undefined ? Set.prototype.values.call(value) : Map.prototype.entries.call(value);
    for (const entry of iterator) {
      if (entries.length === ENTRIES) {
        entries.push(`… ${size - ENTRIES} more`);
        break;
      }
      const isPair = mapSize(value) !== undefined;
      entries.push(isPair ? `${render(entry[0], depth + 1)} => ${render(entry[1], depth + 1)}` : render(entry, depth + 1));
    }
    return joined(`${name}(${size}) {`, entries, '}');
  };

  /** The properties of an object. Accessors are not called. @type {(value: any, depth: number, skip?: string[]) => string[]} */
  const properties = (value, depth, skip = []) => {
    const keys = Reflect.ownKeys(value).filter((key) => !skip.includes(`${String(key)}`));
    const shown = keys.filter((key) => Object.getOwnPropertyDescriptor(value, key)?.enumerable);
    const entries = shown.slice(0, ENTRIES).map((key) => `${keyText(key)}: ${property(value, key, depth)}`);
    if (shown.length > ENTRIES) entries.push(`… ${shown.length - ENTRIES} more`);
    return entries;
  };

  /** @type {(value: any, key: string | symbol, depth: number) => string} */
  const property = (value, key, depth) => {
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    if (!descriptor) return 'undefined';
    if ('value' in descriptor) return render(descriptor.value, depth + 1);
    return descriptor.get ? '[Getter]' : '[Setter]';
  };

  /** @type {(value: any, name: string, depth: number) => string} */
  const plain = (value, name, depth) => {
    const entries = properties(value, depth);
    if (!entries[0] && name !== 'Object')
      for (const key of ATTRIBUTES) {
        const text = attribute(value, key);
        if (text !== undefined) entries.push(`${key}: ${text}`);
      }
    return joined(name === 'Object' ? '{' : `${name} {`, entries, '}');
  };

  /** An error, with its cause and the errors in it. @type {(value: any, depth: number) => string} */
  const error = (value, depth) => {
    const stack = depth ? framesOf(value) : []; // that of the outermost one is sent apart
    const inner = causes(value, depth);
    const entries = attempt(() => properties(value, depth, ['name', 'message', 'stack', 'cause', 'errors'])) ?? [];
    const more = entries[0] ? ' ' + joined('{', entries, '}') : '';
    return [titleOf(value) + more, ...stack, ...inner].join('\n');
  };

  /** @type {(value: any, depth: number) => string[]} */
  const causes = (value, depth) => {
    if (depth >= DEPTH) return [];
    const lines = [];
    for (const [name, label] of [['cause', 'cause'], ['errors', 'errors']]) {
      const found = attempt(() => Object.getOwnPropertyDescriptor(value, name)?.value);
      const inner = name === 'errors' && !Array.isArray(found) ? [] : [found].flat();
      for (const each of inner.slice(0, ENTRIES))
        if (each !== undefined) lines.push(`  [${label}]: ${render(each, depth + 1)}`.replaceAll('\n', '\n  '));
    }
    return lines;
  };

  return render;
};

/** @type {(prototype: any) => string} */
const className = (prototype) => {
  if (!prototype) return '[Object: null prototype]';
  const constructor = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const name = attempt(() => Object.getOwnPropertyDescriptor(constructor, 'name')?.value);
  return typeof name === 'string' && name ? cut(name, 100) : className(Object.getPrototypeOf(prototype));
};

/** @type {(value: any) => string} */
const functionText = (value) => {
  const name = attempt(() => Object.getOwnPropertyDescriptor(value, 'name')?.value);
  const text = attempt(() => Function.prototype.toString.call(value)) ?? '';
  const kind = /^class\b/.test(text) ? 'class' : 'Function:';
  return `[${kind} ${typeof name === 'string' && name ? cut(name, 100) : '(anonymous)'}]`;
};

/** Returns an attribute that is an accessor of the browser. @type {(value: any, key: string) => string | undefined} */
const attribute = (value, key) =>
  attempt(() => {
    for (let holder = value; (holder = Object.getPrototypeOf(holder)); ) {
      const get = Object.getOwnPropertyDescriptor(holder, key)?.get;
      if (!get) continue;
      if (!/\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(get))) return;
      const found = Reflect.apply(get, value, []);
      return Object(found) === found || found === '' ? undefined : primitive(found);
    }
  });

/** @type {(error: any) => string[]} */
const framesOf = (error) => {
  const stack = attempt(() => error.stack);
  const lines = typeof stack === 'string' ? stack.split('\n') : [];
  return lines.filter((line) => /^\s+at |@\S+:\d+:\d+$/.test(line)).slice(0, FRAMES);
};

/** @type {(value: any) => string} */
const asString = (value) => {
  if (typeof value === 'string') return value;
  if (isError(value)) return titleOf(value);
  return makeRender()(value, DEPTH - 1);
};

/** @type {(value: any) => any} */
const asNumber = (value) => (typeof value === 'symbol' || Object(value) === value ? NaN : value);

/** @type {Record<string, (value: any) => string>} */
const DIRECTIVES = {
  s: asString,
  d: (value) => (typeof value === 'bigint' ? `${value}n` : primitive(Number(asNumber(value)))),
  i: (value) => (typeof value === 'bigint' ? `${value}n` : primitive(parseInt(asNumber(value)))),
  f: (value) => primitive(parseFloat(asNumber(value))),
  o: (value) => makeRender()(value),
  O: (value) => makeRender()(value),
  c: () => '',
};

/** @type {Format} */
export const format = (args) => {
  const [first, ...rest] = args;
  const parts = [];
  if (typeof first === 'string') {
    const text = cut(first, 10 * TEXT);
    parts.push(
      text.replace(/%([sdifoOc%])/g, (all, kind) => {
        if (kind === '%') return args.length > 1 ? '%' : all;
        return rest.length ? DIRECTIVES[kind](rest.shift()) : all;
      }),
    );
  } else if (args.length) rest.unshift(first);
  const render = makeRender();
  for (const each of rest.slice(0, ENTRIES)) parts.push(typeof each === 'string' ? cut(each, 10 * TEXT) : render(each));
  if (rest.length > ENTRIES) parts.push(`… ${rest.length - ENTRIES} more`);
  return parts.join(' ');
};

/** Renders one value: a string as itself. @type {(value: unknown) => string} */
export const inspect = (value) => (typeof value === 'string' ? cut(value, 10 * TEXT) : makeRender()(value));
