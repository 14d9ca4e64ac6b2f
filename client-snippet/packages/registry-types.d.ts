// Types of the modules in this folder. This file is never served.

/**
 * A file of a package, as a pack defines it.
 *
 * - CommonJS: the keys of the files it requires, by specifier; its function; the names of the Node
 *   globals that it uses; the keys and packs of what it imports with `import()`.
 * - ES module: its imports, each with the kinds of views it needs (see `view`); its generator; the
 *   keys of the files it requires; and the last item as above.
 */
type Definition = [imports: any, body: any, more?: any, later?: Record<string, [string, string | 0]>];

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
  /** Settles when the module has run, if it or an import has a top-level await. */
  promise?: Promise<void> | undefined;
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
