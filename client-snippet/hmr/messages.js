// Describes what console.js hears, and sends it to the server in batches. In a worker, the pages
// that use its script send it. Types: messages-types.d.ts.

import { isBlank } from './blank.js';
import { isLinkError, isOfModule } from './failure.js';
import { cut, format, inspect, isError } from './inspect.js';

/** How often messages are sent, in milliseconds. The first one of a burst is sent at once. */
const INTERVAL = 50;

/** When the page is checked after an error, in milliseconds: it may be about to show something. */
const CHECK = 50;
const CHECK_LOADING = 150;

/** From when on the age of a message is sent, in milliseconds. */
const AGE = 5;

/** How long an error waits for the page to be loaded, in milliseconds. */
const HELD = 3000;

/** How many messages are kept: those that wait for the socket, and those that were sent. */
const KEPT = 100;

/** The largest number of characters of a text, of a message to the server, and of a second. */
const TEXT = 4000;
const BATCH = 30_000;
const PER_SECOND = 200_000;

/** A place in a stack. */
const PLACE = /((?:https?|blob|file):[^\s()]+?):(\d+):(\d+)/;

/** What React logs beside an error that it throws. */
const REACT_HINT = /^(The above|An) error occurred in (the <.*> component|one of your React components)/;

/** What elements load. @type {Record<string, string>} */
const NAMES = { img: 'image', image: 'image', link: 'style sheet', script: 'script', video: 'video', audio: 'audio', source: 'media file', track: 'track' };

/** What a page can do nothing about, and no browser shows. */
const HARMLESS = /^ResizeObserver loop/;

/** @type {(text: string) => string} */
const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** @type {MakeMessages} */
export const makeMessages = (scope, takeDropped) => {
  const { location, document, Date, setTimeout } = scope;
  const { origin } = location;
  const base = new URL('.', import.meta.url).href;
  const reported = new WeakSet(); // errors
  const blocked = new Set(); // URLs, by the page's policy
  /** @type {Pending[]} */
  const pending = [];
  /** @type {Pending[]} */
  const unchecked = []; // errors
  /** @type {Pending[]} */
  let sent = [];
  /** @type {SpeakingClient | undefined} */
  let client;
  let timer = false;
  let flushed = 0;
  let dropped = 0;
  let began = 0;
  let characters = 0; // since then

  /** Whether a URL or a line of a stack is of livers itself. Packs have the modules of the page. */
  const isOurs = (text = '') => {
    const at = text.indexOf(base);
    return at >= 0 && !/^(pack\b|npm\/)/.test(text.slice(at + base.length));
  };

  const relative = (url = '') => (url.startsWith(origin + '/') ? url.slice(origin.length) : url);

  /** @type {(stack: unknown) => Pick<Entry, 'url' | 'line' | 'column' | 'stack'>} */
  const placed = (stack) => {
    if (typeof stack !== 'string') return {};
    const lines = stack.split('\n').filter((line) => !isOurs(line));
    const [, url, line, column] = PLACE.exec(lines.find((each) => PLACE.test(each)) ?? '') ?? [];
    const text = wellFormed(cut(lines.join('\n'), TEXT));
    return url ? { url: relative(url), line: +line, column: +column, stack: text } : { stack: text };
  };

  /** @type {(error: unknown) => unknown} */
  const stackOf = (error) => {
    try {
      return isError(error) ? error.stack : undefined;
    } catch {}
  };

  /** @type {(error: unknown) => string} */
  const messageOf = (error) => (isError(error) ? format([error]) : `Uncaught ${inspect(error)}`);

  /** @type {Record<Kind, (item: Item) => Partial<Entry> | undefined>} */
  const describe = {
    console: ({ args = [], stack }) => {
      const error = args.find(isError);
      const place = placed(stackOf(error) ?? stack?.replace(/^Error\n/, ''));
      return { message: format(args), ...place };
    },
    exception: ({ event }) => {
      const { error, message, filename, lineno, colno, defaultPrevented } = event;
      if (defaultPrevented || isOfModule(event)) return; // failure.js reports a module
      if (HARMLESS.test(message)) return { kind: 'console', level: 'warn', message };
      if (Object(error) === error && (reported.has(error) || !reported.add(error))) return;
      const place = placed(stackOf(error));
      if (!place.url && filename) Object.assign(place, { url: relative(filename), line: lineno, column: colno });
      return { message: error == null ? message : messageOf(error), ...place };
    },
    rejection: ({ event: { reason, defaultPrevented } }) => {
      if (defaultPrevented || (Object(reason) === reason && (reported.has(reason) || !reported.add(reason)))) return;
      const kind = isLinkError(reason) ? 'link' : 'rejection';
      return { kind, message: messageOf(reason), ...placed(stackOf(reason)) };
    },
    load: ({ url = '', by = '', status }) => {
      const { pathname, searchParams } = new URL(url, location.href);
      // Requests of livers itself, and files that it reports another way.
      if (isOurs(url) || searchParams.has('livers') || url === location.href || blocked.has(url)) return;
      const what = NAMES[by] ? `the ${NAMES[by]} ` : '';
      const name = relative(url) || pathname;
      return { message: `Failed to load ${what}${name}${status ? `: ${status}` : ''}`, url: name };
    },
    csp: ({ event }) => {
      const { effectiveDirective, blockedURI, sourceFile, lineNumber, columnNumber, disposition, sample } = event;
      if (isOurs(sourceFile)) return;
      if (blocked.size < KEPT) blocked.add(blockedURI);
      const at = pending.findIndex(({ entry, target }) => target && entry.kind === 'load' && entry.url === relative(blockedURI));
      if (at >= 0) pending.splice(at, 1);
      const place = lineNumber ? { url: relative(sourceFile), line: lineNumber, column: columnNumber || undefined } : {};
      const what = /^(inline|eval|wasm-eval)$/.test(blockedURI) ? `${blockedURI} code` : relative(blockedURI);
      const text = `The page's Content Security Policy blocks ${what || 'this'} (${effectiveDirective})`;
      const level = disposition === 'report' ? /** @type {const} */ ('warn') : undefined;
      return { message: text + (sample ? `: ${sample}` : ''), ...(level && { level }), ...place };
    },
    link: () => undefined,
  };

  /** Moves the component stack out of a message of React 18, which ends with it. @type {(entry: Entry, components?: string) => void} */
  const addComponents = (entry, components) => {
    const [tail] = /(\n +(at|in) .+)+\s*$/.exec(entry.message) ?? [];
    if (tail && (components || /^Warning: /.test(entry.message))) {
      entry.message = entry.message.slice(0, -tail.length);
      components ??= tail;
    }
    if (components) entry.components = wellFormed(cut(components.replace(/^\n+/, ''), TEXT));
  };

  /** Joins what React logs about an error with the error. @type {(entry: Entry) => boolean} */
  const isHint = ({ message, components }) => {
    const held = [...pending].reverse().find(({ entry }) => entry.kind === 'exception' && !entry.worker);
    if (!held || !REACT_HINT.test(message)) return false;
    const [frames] = /(^ +(at|in) .+\n?)+/m.exec(message) ?? [];
    held.entry.components ??= frames ? cut(frames.trimEnd(), TEXT) : components;
    return true;
  };

  /** Whether there is room for one more entry in this second. @type {(entry: Entry) => boolean} */
  const admit = ({ message, stack = '', components = '' }) => {
    const now = Date.now();
    if (now - began >= 1000 || now < began) [began, characters] = [now, 0];
    characters += message.length + stack.length + components.length;
    return characters <= PER_SECOND && pending.length < KEPT;
  };

  /** @type {(a: Entry, b: Entry) => boolean} */
  const isEqual = (a, b) =>
    a.message === b.message && a.level === b.level && a.kind === b.kind && a.url === b.url && a.line === b.line &&
    a.column === b.column && a.worker === b.worker;

  /**
   * Whether an error was heard in a worker and in its page: without the error itself. Removes that of
   * the page.
   *
   * @type {(added: Pending) => boolean}
   */
  const isOfWorker = ({ entry, item }) => {
    const isSame = (/** @type {Pending} */ { entry: { url, line } }) => url === entry.url && line === entry.line;
    if (entry.kind !== 'exception' || !entry.line) return false;
    if (item.event && !item.event.error) return [...sent, ...pending].some((each) => each.entry.worker && isSame(each));
    const at = entry.worker ? pending.findIndex((each) => each.item.event && !each.item.event.error && isSame(each)) : -1;
    if (at >= 0) pending.splice(at, 1);
    return false;
  };

  /** @type {(added: Pending) => void} */
  const add = (added) => {
    const { entry, item, target } = added;
    const before = pending[pending.length - 1];
    if (before && isEqual(before.entry, entry)) {
      before.more += item.count;
      // Calls with the same arguments are counted there.
      item.taken = true;
      return;
    }
    if (isOfWorker(added)) return;
    if (!admit(entry)) {
      item.taken = true;
      return void dropped++;
    }
    pending.push(added);
    schedule();
    if (!document || entry.worker) return;
    if (entry.kind === 'exception' || entry.kind === 'rejection') void checkBlank(added);
    const isModule = target?.type === 'module' && entry.url?.startsWith('/');
    // Others report the errors of modules that are compiled, and of workers, and better.
    if (isModule) void hold(added, async () => !(await import('./renew.js')).hasFaults());
    else if (item.event && entry.kind === 'exception' && !item.event.error) void hold(added, async () => true);
  };

  /** Settles when the page has loaded, and had time to show something or to be reported on. */
  const untilShown = async () => {
    const wasLoading = document.readyState !== 'complete';
    await Promise.race([attached.then(({ loaded }) => loaded), wait(HELD)]);
    await wait(wasLoading ? CHECK_LOADING : CHECK);
  };

  /** Sends errors again if they left the page blank. Looks at the page once for all of a while. @type {(added: Pending) => Promise<void>} */
  const checkBlank = async (added) => {
    if (unchecked.push(added) > 1) return;
    await untilShown();
    const list = unchecked.splice(0);
    if (!isBlank(document)) return;
    for (const { entry } of list) entry.blank = true;
    if (client?.isOpen()) send(list.filter((each) => sent.includes(each)), true);
  };

  /** Holds a message until it is known whether it is wanted. @type {(held: Pending, isWanted: () => Promise<boolean>) => Promise<void>} */
  const hold = async (held, isWanted) => {
    held.isHeld = true;
    await untilShown();
    await wait(CHECK);
    const wanted = await isWanted().catch(() => true);
    held.isHeld = false;
    const at = pending.indexOf(held);
    if (!wanted && at >= 0) pending.splice(at, 1);
    schedule(0);
  };

  /** @type {(ms: number) => Promise<unknown>} */
  const wait = (ms) => new Promise((done) => setTimeout.call(scope, done, ms));

  /** @type {Messages['schedule']} */
  const schedule = (delay = Date.now() - flushed < INTERVAL ? INTERVAL : 0) => {
    if (timer) return;
    timer = true;
    setTimeout.call(
      scope,
      () => {
        timer = false;
        flush();
      },
      delay,
    );
  };

  const flush = () => {
    if (!client?.isOpen()) return; // until it is open
    flushed = Date.now();
    const ready = pending.filter(({ isHeld }) => !isHeld);
    pending.splice(0, pending.length, ...pending.filter(({ isHeld }) => isHeld));
    sent = [...sent, ...ready].slice(-KEPT);
    send(ready, false);
  };

  /** @type {(list: Pending[], again: boolean) => void} */
  const send = (list, again) => {
    dropped += takeDropped();
    /** @type {Entry[]} */
    let entries = [];
    let size = 0;
    const now = Date.now();
    const push = () => {
      if (entries[0] || dropped) client?.send({ type: 'console', entries, dropped });
      [entries, size, dropped] = [[], 0, 0];
    };
    for (const each of list) {
      const { entry, item } = each;
      item.taken = true;
      const count = item.count + each.more;
      const age = Math.round(now - item.at); // the times of events have fractions
      const { kind, level, message, url, line, column, stack, components, blank, worker } = entry;
      entries.push({
        kind, level, message, url, line, column, stack, components, blank,
        count: count > 1 ? count : undefined,
        age: age > AGE ? age : undefined,
        worker,
        again: again || undefined,
      });
      size += message.length + (stack?.length ?? 0) + (components?.length ?? 0);
      if (size > BATCH) push();
    }
    push();
  };

  /** @type {(client: SpeakingClient) => void} */
  let resolveAttached = () => {};
  /** @type {Promise<SpeakingClient>} */
  const attached = new Promise((done) => (resolveAttached = done));

  /** @type {Messages['take']} */
  const take = (item) => {
    const { kind, level, target, args } = item;
    const described = describe[kind](item);
    if (!described) return;
    const message = wellFormed(cut(described.message ?? '', TEXT));
    /** @type {Entry} */
    const entry = { kind, level, ...described, message };
    addComponents(entry, item.components);
    if (args && isHint(entry)) return;
    add({ entry, item, target, more: 0 });
  };

  /** Takes what a worker of this page has sent. @type {Messages['relay']} */
  const relay = ({ worker, entries, dropped: more }) => {
    dropped += more;
    for (const entry of entries) {
      const item = { kind: entry.kind, level: entry.level, at: Date.now() - (entry.age ?? 0), count: entry.count ?? 1 };
      add({ entry: { ...entry, worker }, item, more: 0 });
    }
  };

  /** @type {Messages['settled']} */
  const settled = async () => {
    while (pending.some(({ isHeld }) => isHeld)) await wait(INTERVAL);
    flush();
  };

  /** @type {Messages['attach']} */
  const attach = (speaking) => {
    client = speaking;
    resolveAttached(client);
    // Before the client closes the socket.
    speaking.window?.addEventListener(
      'pagehide',
      () => {
        for (const each of pending) each.isHeld = false;
        flush();
      },
      true,
    );
    schedule(0);
  };

  return {
    take,
    relay,
    schedule,
    settled,
    attach,
    forget: (before) => {
      sent = sent.filter(({ item }) => item.at >= before);
    },
    opened: () => {
      // The server forgets a page when its socket closes.
      send(sent, true);
      flush();
    },
  };
};
