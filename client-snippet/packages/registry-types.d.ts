// The types that registry.js names in its comments.

/**
 * A file of a package, as a pack brings it.
 *
 * CommonJS: the keys of what it requires, by specifier; its function; the names of what it is given
 * besides; and the keys and packs of what it imports later. An ES module: its imports, each with the
 * ways it is looked at; its generator; the keys of what it requires; and the same as above.
 */
type Definition = [imports: any, body: any, more?: any, later?: Record<string, [string, string | 0]>];

/** A file that was asked for. */
interface ModuleRecord {
  key: string;
  /** Nothing for what is built into Node. */
  definition: Definition | undefined;
  /** New, linked (ES modules), running, done. */
  state: number;
  /** Of CommonJS. */
  module?: any;
  /** What an ES module exports. */
  exports?: any;
  /** Those of `export *`. */
  stars: ModuleRecord[];
  imports?: [ModuleRecord | undefined, string, string][];
  /** The ES module's code, stopped before its first line. */
  body?: any;
  /** Gives it what it imports. */
  set?: any;
  /** Settles when it has run, if it awaits. */
  promise?: Promise<void> | undefined;
  error?: { value: any };
  /** CommonJS as an object of `import * as`, by the rules of bundlers and of Node. */
  namespace?: any;
  byNode?: any;
}
