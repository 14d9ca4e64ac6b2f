// Types of the modules in this folder, and what they do. This file is never served.
//
// `import.meta.hot` is Vite's. Where Vite's documentation leaves a case open, livers behaves like
// this:
// - `dispose` is called for every module that runs again, not only for the one that accepts. If any
//   of them has a `dispose` callback, all new code is requested first: if some fails to load,
//   nothing is disposed of.
// - A module that fails leaves the old one registered. Callbacks get `undefined`, or an empty
//   array. The update is retried with the next change of any file.
// - A module in a script element is run by the page, whichever module imports it: unless it accepts
//   itself, its change reloads the page.
// - A change that needs a reload waits while a changed module has an error.
// - `prune` is called for every module that is no longer imported, directly or not. Browsers run a
//   URL only once: when such a module is imported again, the server gives it a new URL, and it runs
//   again.
// - `decline` and `send` do nothing. Events are those that livers emits.

type HotCallback = (payload: any) => unknown;

/** The newest version of a module. */
interface Module {
  path: string;
  /** Its URL, with the query that it was imported by. */
  url: string;
  imports: Set<string>;
  /** The URLs of imports that it accepts by a URL with a query, such as `?raw`. */
  urls: Map<string, string>;
  /** Kept between versions. */
  data: Record<string, any>;
  self: HotCallback[];
  deps: { paths: string[]; call: (all: any[]) => unknown }[];
  disposers: HotCallback[];
  pruners: HotCallback[];
  listeners: [event: string, call: HotCallback][];
  /** Why it does not accept updates, if known. */
  why: string;
  /** Whether another version ran before. */
  updated: boolean;
}

interface HotContext {
  readonly data: any;
  /** Accepts the module itself, or one or several imports. Loosely typed, as the page's code calls it. */
  accept(what?: any, call?: HotCallback): void;
  dispose(call: HotCallback): void;
  prune(call: HotCallback): void;
  decline(): void;
  invalidate(message?: string): void;
  on(event: string, call: HotCallback): void;
  off(event: string, call: HotCallback): void;
  send(event: string, data?: any): void;
}

/** The browser's globals that are used here. Workers have no document. */
interface HotEnvironment {
  document: Document;
  location: Location;
  fetch: typeof fetch;
  reportError(error: unknown): void;
  load(url: string): Promise<any>;
}
type RegistryEnvironment = Omit<HotEnvironment, 'fetch'> & {
  /** Reaches all pages and workers of this origin. */
  channel: Pick<BroadcastChannel, 'postMessage' | 'onmessage'> | undefined;
};

/** All modules that the page has loaded. */
interface Registry {
  modules: Map<string, Module>;
  /** Pruned modules and sheets, which may be imported again. */
  pruned: Map<string, Module>;
  removedSheets: Set<string>;
  /** Modules that a worker runs, of this page or another. Their change reloads the page. */
  workerModules: Set<string>;
  /** Modules that rejected their update, and why. */
  invalidated: Map<string, string | undefined>;
  /** The modules that run again in the current update. */
  outdated: Set<string>;
  /** Whether a module runs again with other versions of its imports. */
  hasNewImports(path: string): boolean;
  /** Modules that have called `begin` and not yet `end`. */
  unfinished: Map<string, Deferred>;
  /** Announces that a module will register more after it has run. */
  begin(path: string): void;
  end(path: string): void;
  /** Whether an update is running, and the version of the last one. */
  running: boolean;
  version: number;
  /** Calls a callback of the page and reports its error. */
  callSafely<T>(call: () => T): T | undefined;
  emit(event: string, payload: object): void;
  sheets(): any[];
  /** Inserts a style sheet, or replaces the one of the same path. */
  style(sheet: Sheet): void;
  /** Removes a style sheet. */
  unstyle(path: string): void;
  /** Removes the sheets of a component from a number on. */
  trimStyles(path: string, count: number): void;
  /** Registers a module and returns its `import.meta.hot`. */
  hot(path: string, url: string, imports: string[]): HotContext;
  /** Sets why a module does not accept updates. */
  refuse(path: string, why: string): void;
}
type RegistryState = Omit<Registry, 'hot'>;
type Deferred = { promise: Promise<void>; resolve: () => void };
type Defer = () => Deferred;
type MakeRegistry = (environment: RegistryEnvironment) => Registry;
type MakeSheets = (document: Document) => Pick<Registry, 'sheets' | 'style' | 'unstyle' | 'trimStyles'>;
/** A style sheet that a module imports, with the sheets that it imports. */
interface Sheet {
  path: string;
  /** The paths of the sheets whose rules are among its own. */
  parts: string[];
  /** Layer statements, and imports that the browser loads. */
  head: string;
  rules: string;
  /** Whether the browser loads imports. */
  loads: boolean;
}
type Piece =
  | string
  | { layers: string }
  | { url: string; conditions: string }
  | { part: Sheet | undefined; open?: string; close?: string; conditions?: string };
type Joined = (path: string, ...pieces: Piece[]) => Sheet;
type MakeContext = (
  registry: RegistryState,
  environment: RegistryEnvironment,
) => (module: Module) => HotContext;
type MakeHot = (registry: RegistryState, environment: RegistryEnvironment) => Registry['hot'];
type Resolve = (module: Module, specifier: string) => string;
type Invalidate = (module: Module, message: string | undefined) => Promise<void>;

// plan.js

/** A module that accepts a change, and what it accepts: itself or one of its imports. */
interface Boundary {
  at: string;
  accepted: string;
}
/** Changed modules: the reason to report, and whether the module must not accept the change itself. */
type Starts = Map<string, { why: string; refused: boolean }>;
type Planned = { boundaries: Boundary[]; outdated: Set<string> };
type Plan = (
  modules: Map<string, Module>,
  starts: Starts,
  isEntry: (path: string) => boolean,
) => Planned | { why: string };
type WalkUp = (
  modules: Map<string, Module>,
  start: string,
  starts: Starts,
  isEntry: (path: string) => boolean,
) => { unaccepted: string; boundaries: Boundary[]; seen: Set<string> };

// renew.js

/** `kept`: the old code keeps running, as the new code failed to load. */
type Renewed = { how: 'hot' | 'kept' | 'reload'; why?: string };
type MakePrune = (
  registry: Registry,
  isEntry: (path: string) => boolean,
) => (before: Iterable<Module>) => Promise<void>;
interface Importer {
  /** Requests new code without running it, and returns the paths whose code fails to load. */
  failing(paths: string[], stamp: string): Promise<string[]>;
  /** Imports new versions, and returns these and what failed. */
  importAll(
    paths: string[],
    outdated: Set<string>,
    stamp: string,
  ): Promise<{ fresh: Map<string, any>; failures: string[] }>;
}
type MakeImporter = (registry: Registry, environment: HotEnvironment) => Importer;
/** Returns what failed. */
type UpdateModules = (planned: Planned, version: number, stamp: string) => Promise<string[]>;
type Retries = Map<string, Boundary>;
type MakeUpdate = (
  registry: Registry,
  retries: Retries,
  importer: Importer,
  prune: ReturnType<MakePrune>,
) => UpdateModules;
type Rounds = (starts: Starts, version: number, stamp: string) => Promise<Renewed>;
type MakeRounds = (
  registry: Registry,
  retries: Retries,
  update: UpdateModules,
  isEntry: (path: string) => boolean,
) => Rounds;
interface Renewal {
  /** Returns the paths of the files whose current content does not run, as it failed to load. */
  kept(): string[];
  /** Whether `apply` handles a change of this file. */
  takes(path: string): boolean;
  apply(changes: Change[], version: number): Promise<Renewed>;
}
type MakeRenewal = (registry: Registry, environment: HotEnvironment) => Renewal;

/** An error in a source, as the server reports it. */
interface Fault {
  path: string;
  file: string;
  line?: number | null;
  column?: number | null;
  message: string;
  frame?: string | null;
  help?: string | null;
  /** What failed, unless it is an error of compiling. */
  kind?: Kind;
  stack?: StackFrame[];
  components?: StackFrame[];
}
/** A place in a file. It has a path if the file is one of the folder. */
interface SourcePlace {
  path?: string | null;
  file: string;
  line?: number | null;
  column?: number | null;
}
interface StackFrame extends SourcePlace {
  function?: string;
}
/** Shows the current errors, and emits `vite:error` for the first. */
type Failed = (
  faults: Fault[],
  load?: (url: string) => Promise<any>,
  registry?: Pick<Registry, 'emit'>,
) => Promise<void>;

// refresh.js

/** All versions of one component. */
interface Family {
  current: any;
  /** Whether a component of it was rendered when it changed. */
  isRendered?: boolean;
}
interface Signature {
  /** The hooks that it calls, as source text. */
  key: string;
  /** Whether its state must never be kept. */
  reset: boolean;
  /** Returns its custom hooks. */
  hooks: () => any[];
  /** Computed on first use, with the custom hooks included. */
  full?: SignatureKey;
}
type SignatureKey = { key: string; reset: boolean };
type IsComponent = (type: any) => boolean;
type IsExport = (name: string, type: any) => boolean;
type Unwrap = (type: any) => [name: string, type: any] | undefined;
/** Called by a compiled module with a component and its hooks, and by the component as it renders. */
type Sig = () => (type?: any, key?: string, reset?: boolean, hooks?: () => any[]) => any;
type MakeSignatures = () => {
  sig: Sig;
  /** Whether the state of a component can be kept. */
  isCompatible(before: any, after: any): boolean;
};
interface RefreshGlobal {
  __REACT_DEVTOOLS_GLOBAL_HOOK__?: any;
  reportError(error: unknown): void;
}
/** Applies the new versions of components. */
interface Renderer {
  /** Returns why it cannot, or ''. */
  unready(): string;
  refresh(
    update: { staleFamilies: Set<Family>; updatedFamilies: Set<Family> },
    familyOf: (type: any) => Family | undefined,
  ): void;
}
type MakeRoots = () => Renderer & {
  addRenderer(id: number, renderer: any): void;
  scheduled(root: any, element: any): void;
  committed(root: any, id: number, threw: boolean): void;
};
type Refresh = (path: string) => { reg: (type: any, id: string) => void; sig: Sig };
/** Returns why a module is not only components. A constant may stay as it was in the version before. */
type Unfit = (exports: Record<string, any>, before?: Record<string, any>) => string;
/** Called when a module has run to its end, with its exports. */
type RefreshDone = (path: string, hot: HotContext | undefined, exports: Record<string, any>) => void;
type MakeFamilies = (
  renderer: Renderer,
  registry: Pick<Registry, 'begin' | 'end' | 'refuse'>,
) => Refresh & { done: RefreshDone; begin(path: string): void };
type ResetHooks = (component: any, all: boolean) => void;
type MakePreact = (options: any) => Renderer;
type Prefresh = (
  options: any,
  registry?: Pick<Registry, 'begin' | 'end' | 'refuse'>,
) => ReturnType<MakeFamilies>;
type MakeRefresh = (
  global: RefreshGlobal,
  registry: Pick<Registry, 'begin' | 'end' | 'refuse'>,
) => Refresh & { done: RefreshDone; begin(path: string): void };

// overlay.js

type PlaceOf = (fault: Pick<Fault, 'file' | 'line' | 'column'>) => string;
type Make = (name: string, text?: string, kind?: string) => HTMLElement;
type MakeElements = (document: Document, open: (place: SourcePlace, event: MouseEvent) => void) => { make: Make; article: (fault: Fault) => HTMLElement };
/** Shows all current errors. An empty list removes the overlay. Once closed, it stays closed until they change. */
type Show = (faults: Fault[]) => void;
type MakeOverlay = (document: Document, load?: (url: string) => Promise<any>) => Show;

// vue.js

/** What a component was made from, as hashes. The template is empty if there is none. */
type VueParts = { script: string; template: string };
/** @param hot missing in a worker */
type Component = (
  hot: HotContext | undefined,
  path: string,
  id: string,
  options: any,
  properties: Record<string, unknown>,
  parts: VueParts,
) => any;
type Components = (
  hot: HotContext | undefined,
  entries: [id: string, name: string, component: any][],
) => void;
declare var __VUE_OPTIONS_API__: boolean | undefined;
declare var __VUE_PROD_DEVTOOLS__: boolean | undefined;
declare var __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: boolean | undefined;
declare var __VUE_HMR_RUNTIME__:
  | undefined
  | {
      createRecord(id: string, component: any): boolean;
      rerender(id: string, render: unknown): void;
      reload(id: string, component: any): void;
    };

// editor.js

/**
 * Opens a place of a file, by its URL path, because of a click. Works once for each copy of the
 * module. Resolves to what to tell the person, and never rejects.
 */
type OpenPlace = (
  place: { path: string; line?: number | null; column?: number | null },
  event: Event,
) => Promise<{ ok: boolean; text: string }>;
