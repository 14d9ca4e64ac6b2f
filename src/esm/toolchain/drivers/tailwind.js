// Tailwind 4: compiles a style sheet for the class names that the project uses.
//
// A compiler of Tailwind remembers the class names that it was asked for, so that a further one is
// added in a fraction of the time. It is kept for each sheet, with all sheets that it imports.
export default async (host) => {
  const { compile } = await host.load('tailwindcss');

  /** The compilers, by the paths of sheets. */
  const compilers = new Map();

  const folderOf = (path) => path.slice(0, path.lastIndexOf('/')) || '/';

  const kindOf = (path) => (path.endsWith('.css') ? 'sheet' : '');

  const create = async (path, text) => {
    const read = new Set();
    const loadStylesheet = async (specifier, base) => {
      const from = `${base}/_.css`;
      const found = (await host.resolve(specifier, from, 'sheet')) ?? (await host.resolve(specifier, from, 'source'));
      if (!found) throw new Error(`cannot resolve ${JSON.stringify(specifier)}`);
      const content = await host.read(found, kindOf(found));
      if (content === null) throw new Error(`cannot read ${found}`);
      read.add(found);
      return { path: found, base: folderOf(found), content };
    };
    const loadModule = async (specifier, base, kind) => {
      const from = `${base}/_.js`;
      if (!host.isNode && (kind === 'config' || /^[./]/.test(specifier)))
        host.needNode(`@${kind} ${JSON.stringify(specifier)} is a script of the project`);
      try {
        const path = host.isNode ? host.path(specifier, from) : base;
        if (!path.includes('/node_modules/') && host.isNode) {
          host.forget(path);
          read.add(path);
        }
        const found = await host.load(specifier, from);
        return { path, base: folderOf(path), module: found?.default ?? found };
      } catch (error) {
        if (!host.isNode) host.needNode(`@${kind} ${JSON.stringify(specifier)}: ${error.message}`);
        throw error;
      }
    };
    const compiler = await compile(text, { base: folderOf(path), from: path, loadStylesheet, loadModule });
    const paths = [...read];
    return { text, paths, stamps: String(await host.stamps(paths)), compiler };
  };

  /** Returns the compiler of a sheet, a new one if a file that it was made from has changed. */
  const compilerOf = async (path, text) => {
    const known = compilers.get(path);
    if (known?.text === text && String(await host.stamps(known.paths)) === known.stamps) return known.compiler;
    const created = await create(path, text);
    compilers.set(path, created);
    return created.compiler;
  };

  return {
    /** Returns what a sheet uses of Tailwind, and where its class names come from. */
    describe: async ({ path, text }) => {
      // Before Tailwind 4.1, `sources` was called `globs`, and 4.0 does not tell the features.
      const { features = 255, root, sources, globs } = await compilerOf(path, text);
      return { features, root: root ?? null, sources: sources ?? globs ?? [] };
    },
    build: async ({ path, text, candidates }) => (await compilerOf(path, text)).build(candidates),
  };
};
