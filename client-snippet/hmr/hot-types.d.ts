// What hot.js, renew.js, refresh.js and overlay.js do, and the types that they name: beside them,
// because this file is never served.
//
// `import.meta.hot` is Vite's, with what its documentation leaves open decided thus:
// - `dispose` is called for all modules that are run again, not only for the one that accepted. If
//   any of them disposes of something, all new code is asked for first: if some cannot be had,
//   nothing is disposed of.
// - A module that fails leaves the old one registered; callbacks get `undefined`, or an empty array.
//   It is tried again with the next change, whatever that is.
// - A module in a script element of the page is run by the page, whoever imports it too: unless it
//   accepts itself, it needs a reload.
// - A change that needs a reload waits while there is a fault in it.
// - `prune` is for all that is no longer imported, however deep. What is imported again after that
//   runs again: browsers run an address once, and the server gives it another one.
// - `decline` and `send` do nothing; events are those that livers knows of.

type HotCallback = (payload: any) => unknown;

/** One module, as it was run last. */
interface Module {
  path: string;
  /** With the query that it was asked for by. */
  url: string;
  imports: Set<string>;
  /** The URLs of what it accepts by another one than the plain path, such as `?raw`. */
  asked: Map<string, string>;
  /** Kept between versions. */
  data: Record<string, any>;
  self: HotCallback[];
  deps: { paths: string[]; call: (all: any[]) => unknown }[];
  disposers: HotCallback[];
  pruners: HotCallback[];
  listeners: [event: string, call: HotCallback][];
  /** Why it accepts nothing, if that was said. */
  why: string;
  /** Whether it was run before. */
  renewed: boolean;
}

interface HotContext {
  readonly data: any;
  /** Itself, one or some that it imports: loosely typed, as what comes is what somebody wrote. */
  accept(what?: any, call?: HotCallback): void;
  dispose(call: HotCallback): void;
  prune(call: HotCallback): void;
  decline(): void;
  invalidate(message?: string): void;
  on(event: string, call: HotCallback): void;
  off(event: string, call: HotCallback): void;
  send(event: string, data?: any): void;
}

/** As much of the environment as is used. The document is missing in workers. */
interface HotEnvironment {
  document: Document;
  location: Location;
  fetch: typeof fetch;
  reportError(error: unknown): void;
  load(url: string): Promise<any>;
}

/** All that the page has loaded. */
interface Registry {
  modules: Map<string, Module>;
  /** Pruned modules, and the addresses of pruned sheets: they may come back. */
  gone: Map<string, Module>;
  unlinked: Map<string, string>;
  /** Modules that a worker runs, of this page or another: they need a reload. */
  elsewhere: Set<string>;
  /** Modules that refused their update, and why. */
  invalid: Map<string, string | undefined>;
  /** Modules that say more of themselves after they have run, and when they did. */
  ends: Map<string, ReturnType<Later>>;
  begin(path: string): void;
  end(path: string): void;
  /** Whether an update is under way, and the version of the last. */
  running: boolean;
  version: number;
  /** Calls what the page gave; its errors are the page's own. */
  guarded<T>(call: () => T): T | undefined;
  tell(event: string, payload: object): void;
  sheets(): any[];
  /** Adds a style sheet, and settles when it has loaded or failed. */
  style(path: string): Promise<void>;
  hot(path: string, url: string, imports: string[]): HotContext;
  refuse(path: string, why: string): void;
}
type Later = () => { promise: Promise<void>; end: () => void };
type MakeRegistry = (
  environment: Omit<HotEnvironment, 'fetch'> & {
    /** To all pages and workers of this origin. */
    channel: Pick<BroadcastChannel, 'postMessage' | 'onmessage'> | undefined;
  },
) => Registry;
type Find = (module: Module, specifier: string) => string;
type Context = (module: Module) => HotContext;
type Invalidate = (module: Module, message: string | undefined) => Promise<void>;

// renew.js

/** A module that accepts a change, and what it accepts: itself, or something that it imports. */
interface Boundary {
  at: string;
  accepted: string;
}
/** What changed: why that is to be said, and whether the module itself may not accept it. */
type Starts = Map<string, { why: string; refused: boolean }>;
type Planned = { boundaries: Boundary[]; outdated: Set<string> };
type Plan = (
  modules: Map<string, Module>,
  starts: Starts,
  isEntry: (path: string) => boolean,
) => Planned | { why: string };
/** `kept`: the old code runs on, as the new cannot be had. */
type Renewed = { how: 'hot' | 'kept' | 'reload'; why?: string };
type Faulty = (paths: string[], stamp: string) => Promise<string[]>;
type Fetched = (
  paths: string[],
  outdated: Set<string>,
  stamp: string,
) => Promise<{ fresh: Map<string, any>; failures: string[] }>;
type Renew = (planned: Planned, version: number, stamp: string) => Promise<string[]>;
type Rounds = (starts: Starts, version: number, stamp: string) => Promise<Renewed>;
interface Renewal {
  /** Whether a change of this is one for `apply`. */
  takes(path: string): boolean;
  apply(changes: Change[], version: number): Promise<Renewed>;
}
type MakeRenewal = (registry: Registry, environment: HotEnvironment) => Renewal;

/** What is wrong with a source, as the server says it. */
interface Fault {
  path: string;
  file: string;
  line?: number | null;
  column?: number | null;
  message: string;
  frame?: string | null;
  help?: string | null;
}
type Failed = (
  faults: Fault[],
  load?: (url: string) => Promise<any>,
  registry?: Pick<Registry, 'tell'>,
) => Promise<void>;

// refresh.js

/** All versions of one component. */
interface Family {
  current: any;
}
interface Signature {
  /** What hooks it calls, in its own words. */
  key: string;
  /** Whether its state is never to be kept. */
  reset: boolean;
  /** Its custom hooks. */
  hooks: () => any[];
  /** With those. */
  full?: SignatureKey;
}
type SignatureKey = { key: string; reset: boolean };
type IsComponent = (type: any) => boolean;
type Inner = (type: any) => [name: string, type: any] | undefined;
type KeyOf = (type: any, within?: any[]) => SignatureKey;
type Custom = (signature: Signature, own: SignatureKey, within: any[]) => SignatureKey;
/** What a compiled module calls: first with a component and the key of its hooks, then as it renders. */
type Sig = () => (type?: any, key?: string, reset?: boolean, hooks?: () => any[]) => any;
type Refresh = (path: string) => { reg: (type: any, id: string) => void; sig: Sig };
/** With the exports of the version before, if there was one: what is no object may be as it was. */
type Unfit = (exports: Record<string, any>, before?: Record<string, any>) => string;
/** A module has run to its end, with these exports. */
type RefreshDone = (path: string, hot: HotContext | undefined, exports: Record<string, any>) => void;
type MakeRefresh = (
  global: { __REACT_DEVTOOLS_GLOBAL_HOOK__?: any; reportError(error: unknown): void },
  registry: Pick<Registry, 'begin' | 'end' | 'refuse'>,
) => Refresh & { done: RefreshDone };

// overlay.js

type PlaceOf = (fault: Pick<Fault, 'file' | 'line' | 'column'>) => string;
type Make = (name: string, text?: string, kind?: string) => HTMLElement;
/** All that is wrong now; an empty list takes it away. What was closed stays closed until that changes. */
type Show = (faults: Fault[]) => void;
type MakeOverlay = (document: Document) => Show;
