// Hears the errors of a page or worker, and its console. Every compiled module imports this, so it
// is in place before their code runs. The server appends a call of `listen`, except with
// `--console off`. What is heard is described and sent by messages.js, loaded with the first message, so a
// silent page loads only this module. Types: messages-types.d.ts.

/** How many messages are taken per second. Others are counted. */
const PER_SECOND = 100;

/** How deep the stacks of console calls are. Frameworks call the console far from the page's code. */
const FRAMES = 40;

/** How many of its last messages a worker says again. */
const SAID = 20;

/** What workers send to pages. */
const CHANNEL = 'livers-console';

/** How long modules that await something may delay `loaded`, in milliseconds. */
const RUN_TIMEOUT = 5000;

/**
 * Copies the outermost properties of an object, which may have changed when it is rendered.
 *
 * @type {(value: any) => any}
 */
const snapshot = (value) => {
  if (Array.isArray(value)) return value.slice(0, 100);
  if (typeof value !== 'object' || !value || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.defineProperties({}, Object.getOwnPropertyDescriptors(value));
};

/** Returns whether two calls have the same arguments, which cannot have changed since. @type {(a: any[], b: any[]) => boolean} */
const isSame = (a, b) => {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at] || Object(a[at]) === a[at]) return false;
  return true;
};

/** @type {MakeListener} */
export const makeListener = (scope, load) => {
  const { performance, Date, document, location } = scope;
  const listened = new WeakSet(); // events
  /** @type {Item[]} */
  const early = []; // before messages.js has loaded
  /** @type {Messages | undefined} */
  let messages;
  /** @type {Promise<unknown> | undefined} */
  let loading;
  /** @type {SpeakingClient | undefined} */
  let client;
  /** @type {Item | undefined} */
  let last;
  let began = -1000;
  let taken = 0; // since then
  let dropped = 0;
  let isBusy = false;
  let isListening = false;
  /** Errors of before the client is there. Those of modules are reported by another message. @type {ErrorEvent[]} */
  const unattached = [];

  const takeDropped = () => {
    const count = dropped;
    dropped = 0;
    return count;
  };

  /**
   * A worker has no socket: the pages that use its script pass on what it says. It says it again to a
   * page that begins to listen later.
   *
   * @type {() => SpeakingClient}
   */
  const workerClient = () => {
    const channel = new BroadcastChannel(CHANNEL);
    const from = Math.random();
    const said = new Map(); // number -> message
    let next = 0;
    const post = (/** @type {any} */ message, number = 0) =>
      channel.postMessage({ worker: location.pathname, from, number, ...message });
    channel.onmessage = ({ data }) => data.isListening && said.forEach(post);
    const send = (/** @type {any} */ message) => {
      said.set(next, message);
      said.delete(next - SAID);
      post(message, next++);
    };
    return { send, isOpen: () => true };
  };

  /** Hears the workers of a page, while it is open. @type {(client: PageClient) => void} */
  const hearWorkers = ({ window, used: { uses } }) => {
    /** @type {BroadcastChannel | undefined} */
    let channel;
    const heard = new Set(); // worker and number
    const isOurs = (/** @type {string} */ worker) =>
      uses.has(worker) ||
      window.performance.getEntriesByType('resource').some(({ name }) => new URL(name).pathname === worker);
    const open = () => {
      if (channel) return;
      channel = new window.BroadcastChannel(CHANNEL);
      channel.onmessage = async ({ data }) => {
        const { worker, from, number } = data;
        if (!worker || heard.has(`${from} ${number}`) || !isOurs(worker)) return;
        if (heard.size > 1000) heard.clear();
        heard.add(`${from} ${number}`);
        await (loading ??= loadMessages());
        messages?.relay(data);
      };
      channel.postMessage({ isListening: true });
    };
    // An open channel keeps a page out of the back-forward cache.
    window.addEventListener('pagehide', () => {
      channel?.close();
      channel = undefined;
    });
    window.addEventListener('pageshow', open);
    open();
  };

  const loadMessages = async () => {
    try {
      const { makeMessages } = await load('./messages.js');
      messages = /** @type {Messages} */ (makeMessages(scope, takeDropped));
      if (!document) client = workerClient();
      if (client) messages.attach(client);
      for (const item of early.splice(0)) quietly(() => messages?.take(item));
    } catch {
      loading = undefined; // again with the next message
    }
  };

  /** Whether there is room for one more message in this second. */
  const admit = () => {
    const now = performance.now();
    if (now - began >= 1000) [began, taken] = [now, 0];
    return ++taken <= PER_SECOND;
  };

  /** The component that React is at. @type {() => string | undefined} */
  const componentStack = () => {
    const { renderers } = /** @type {any} */ (scope).__REACT_DEVTOOLS_GLOBAL_HOOK__ ?? {};
    for (const { currentDispatcherRef: internals } of renderers?.values() ?? []) {
      const stack = internals?.getCurrentStack?.();
      if (stack) return `${stack}`;
    }
  };

  /** @type {() => string | undefined} */
  const stackOfCall = () => {
    const { Error } = /** @type {any} */ (scope);
    const limit = Error.stackTraceLimit; // of Chromium and Safari
    if (limit === undefined) return new Error().stack;
    Error.stackTraceLimit = FRAMES;
    const { stack } = new Error();
    Error.stackTraceLimit = limit;
    return stack;
  };

  /** Never throws, and ignores what it causes itself. @type {(call: () => void) => void} */
  const quietly = (call) => {
    if (isBusy) return;
    isBusy = true;
    try {
      call();
    } catch {
      dropped++;
    }
    isBusy = false;
  };

  const drop = () => {
    dropped++;
    messages?.schedule();
  };

  /** @type {(item: Omit<Item, 'at' | 'count'> & { at?: number | undefined }) => void} */
  const hear = ({ at = Date.now(), ...item }) => {
    last = { ...item, at, count: 1, components: componentStack() };
    if (messages) return messages.take(last);
    if (early.length < PER_SECOND) early.push(last);
    else drop();
    loading ??= loadMessages();
  };

  /** @type {(level: Level, args: any[]) => void} */
  const called = (level, args) => {
    if (last?.level === level && last.args && !last.taken && isSame(last.args, args)) return void last.count++;
    if (!admit()) return drop();
    hear({ kind: 'console', level, stack: stackOfCall(), args: messages ? args : args.map(snapshot) });
  };

  /** @type {(level: Level, name: string, isHeard?: (args: any[]) => boolean) => void} */
  const wrap = (level, name, isHeard) => {
    const console = /** @type {any} */ (scope).console;
    const method = console[name];
    if (typeof method !== 'function') return;
    // A proxy has the name, the length and the properties of the method.
    console[name] = new Proxy(method, {
      apply: (target, self, args) => {
        const result = Reflect.apply(target, self, args);
        if (!isHeard || isHeard(args)) quietly(() => called(level, isHeard ? ['Assertion failed:', ...args.slice(1)] : args));
        return result;
      },
    });
  };

  /** @type {(event: any, at?: number) => void} */
  const heardEvent = (event, at) => {
    if (listened.has(event)) return;
    listened.add(event);
    if (!admit()) return drop();
    const { type, target } = event;
    if (type !== 'error') return hear({ kind: type === 'unhandledrejection' ? 'rejection' : 'csp', level: 'error', event, at });
    if (!target?.localName) {
      if (!client && document && unattached.length < PER_SECOND) unattached.push(event);
      return hear({ kind: 'exception', level: 'error', event, at });
    }
    // The page may replace it at once.
    const url = target.currentSrc || target.src || target.data || target.href?.baseVal || target.href;
    hear({ kind: 'load', level: 'error', target, by: target.localName, url, at });
  };

  /** Takes the events of before this module was loaded: early.js keeps them. */
  const hearEarly = () => {
    const take = (/** @type {Event[]} */ events) => {
      const start = Date.now() - performance.now();
      for (const event of events) quietly(() => heardEvent(event, start + event.timeStamp));
    };
    scope.dispatchEvent(new CustomEvent('livers:early', { detail: take }));
  };

  /** Hears failed requests that no event reports. @type {(list: PerformanceObserverEntryList) => void} */
  const observed = (list) => {
    for (const entry of list.getEntries()) {
      const { name: url, initiatorType: by, responseStatus: status = 200 } = /** @type {any} */ (entry);
      if (status < 400 || !/^(fetch|xmlhttprequest|css|beacon)$/.test(by)) continue; // elements have events
      if (!admit()) drop();
      else hear({ kind: 'load', level: 'error', url, by, status });
    }
  };

  /** @type {Listener['listen']} */
  const listen = (levels) => {
    // A worklet has no events.
    if (isListening || !scope.addEventListener) return;
    isListening = true;
    // A page may have frozen its console.
    for (const level of levels) quietly(() => wrap(level, level));
    quietly(() => wrap('error', 'assert', ([holds]) => !holds));
    for (const type of ['error', 'unhandledrejection', 'securitypolicyviolation'])
      scope.addEventListener(type, (event) => quietly(() => heardEvent(event)), true); // also of elements
    hearEarly();
    if (scope.PerformanceObserver)
      new scope.PerformanceObserver((list) => quietly(() => observed(list))).observe({ type: 'resource', buffered: true });
  };

  /** Waits until the page has loaded and its modules have run. @type {(client: PageClient) => Promise<void>} */
  const untilLoaded = async ({ window, base, load }) => {
    const { document, performance, setTimeout } = window;
    if (document.readyState !== 'complete') await new Promise((done) => window.addEventListener('load', done));
    if (!performance.getEntriesByType('resource').some(({ name }) => name === base + 'graph.js')) return;
    const timeout = new Promise((done) => setTimeout(done, RUN_TIMEOUT));
    await Promise.race([load(base + 'graph.js').then(({ finished }) => finished()), timeout]).catch(() => {});
  };

  /** @type {Listener['attach']} */
  const attach = (speaking) => {
    const { window, load, base, send, isOpen } = speaking;
    const loaded = untilLoaded(speaking);
    /** The last ones, as modules may load out of order. @type {Fault[]} */
    let failures;
    client = { ...speaking, loaded };
    messages?.attach(client);
    if (isListening && window.BroadcastChannel) hearWorkers(speaking);
    let connections = 0;
    /** @type {(event: ErrorEvent) => Promise<void>} */
    const error = async (event) => {
      if (isListening) quietly(() => heardEvent(event));
      if (event.error) (await load(base + 'failure.js')).report(event, isOpen, send);
    };
    for (const event of unattached.splice(0)) void error(event);
    return {
      error,
      failed: async (faults) => {
        failures = faults;
        (await load(base + 'renew.js')).failed(failures);
      },
      opened: async () => {
        const mine = ++connections;
        messages?.opened();
        await loaded;
        await loading;
        await messages?.settled();
        if (mine === connections) send({ type: 'loaded' });
      },
    };
  };

  /** @type {Listener['flush']} */
  const flush = async () => {
    if (loading) await loading;
    messages?.flush();
  };

  return { listen, attach, flush, forget: (before) => messages?.forget(before) };
};

export const { listen, attach, flush, forget } = makeListener(/** @type {any} */ (globalThis), (url) => import(url));
