// Sends what console.js hears to the server, in batches. In a worker, the pages that use its script
// send it. Types: messages-types.d.ts.

import { isBlank } from './blank.js';
import { bounded, makeDescribe } from './describe.js';

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

/** The largest number of characters of a message to the server, and of a second. */
const BATCH = 30_000;
const PER_SECOND = 200_000;

/** What React logs beside an error that it throws. */
const REACT_HINT = /^(The above|An) error occurred in (the <.*> component|one of your React components)/;

/** @type {MakeMessages} */
export const makeMessages = (scope, takeDropped) => {
  const { document, Date, setTimeout } = scope;
  const { describe, relative } = makeDescribe(scope);
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

  /** Joins what React logs about an error with the error. @type {(entry: Entry) => boolean} */
  const isHint = ({ message, components }) => {
    const held = [...pending].reverse().find(({ entry }) => entry.kind === 'exception' && !entry.worker);
    if (!held || !REACT_HINT.test(message)) return false;
    const [frames] = /(^ +(at|in) .+\n?)+/m.exec(message) ?? [];
    held.entry.components ??= frames ? bounded(frames.trimEnd()) : components;
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
    // The listeners of the page have run, and may have handled an error.
    const ready = pending.filter(({ isHeld, item }) => !isHeld && !item.event?.defaultPrevented);
    pending.splice(0, pending.length, ...pending.filter(({ isHeld }) => isHeld));
    sent = [...sent, ...ready].slice(-KEPT);
    send(ready, false);
    // The objects of the page are not kept.
    for (const each of ready) each.target = each.item.args = each.item.event = each.item.target = undefined;
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
    const entry = describe(item);
    if (!entry) return;
    const { target, event, args } = item;
    if (event?.blockedURI) {
      // What the policy blocks fails to load, too.
      const isBlocked = (/** @type {Pending} */ { entry: { kind, url } }) => kind === 'load' && url === relative(event.blockedURI);
      const at = pending.findIndex(isBlocked);
      if (at >= 0) pending.splice(at, 1);
    }
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
    flush,
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
