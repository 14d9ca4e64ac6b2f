// Types of the modules in this folder. This file is never served.

/**
 * A file of a package, as a pack defines it.
 *
 * - CommonJS: the keys of the files it requires, by specifier; its function; the names of the Node
 *   globals that it uses; the keys and packs of what it imports with `import()`.
 * - ES module: its imports, each with the kinds of views it needs (see `view`); its generator; the
 *   keys of the files it requires; and the last item as above.
 */
type Definition = [imports: any, body: any, more?: any, later?: any] & { host?: any };

/** The state of a file that was requested. */
interface ModuleRecord {
  key: string;
  /** Missing for a Node built-in. */
  definition: Definition | undefined;
  /** New, linked (ES modules only), running or done. */
  state: number;
  /** Node's `module` object, of CommonJS. */
  module?: any;
  /** The exports of an ES module. */
  exports?: any;
  /** The modules of its `export *`. */
  stars: ModuleRecord[];
  imports?: [ModuleRecord | undefined, string, string][];
  /** The generator of an ES module, suspended before the first statement. */
  body?: any;
  /** Assigns the imports of an ES module. */
  set?: any;
  /** The names that the module itself exports. */
  own?: Set<string>;
  /** Those of them that are exports of other modules. */
  indirect?: Map<string, Wanted>;
  /** What it imports by name. */
  wanted?: Wanted[];
  /** Whether the module has a top-level await. */
  awaits?: boolean;
  /** Yields the ES modules that it imports. */
  dependencies?: any;
  /** Runs its code. */
  execute?: any;
  /** The stack that the module is on while it runs, its position there and that of the first
      module of its cycle that is known. */
  stack?: Stack;
  ancestor?: any;
  /** The first module of its cycle. */
  root?: ModuleRecord;
  /** The number of imports that it waits for, the modules that wait for it, and its position among
      those that were suspended. */
  pending?: any;
  parents?: ModuleRecord[];
  order?: number | undefined;
  /** The promise of a module that somebody waits for. */
  promise?: Promise<void>;
  settle?: { resolve: () => void; reject: (error: any) => void };
  error?: { value: any };
  /** Namespace objects of CommonJS, by the rules of bundlers and of Node. */
  namespace?: any;
  byNode?: any;
}

type HostOf = (
  record: ModuleRecord,
  requires: Record<string, string>,
  views: () => any[],
) => Record<string, any>;

/** The modules that are being run, and the number of modules that were on it. */
interface Stack {
  list: ModuleRecord[];
  next: number;
}

/** An export of another module, unless that is missing. */
interface Wanted {
  from: ModuleRecord | undefined;
  name: string;
}
