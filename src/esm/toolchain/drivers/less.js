// Less: compiles a style sheet.
export default async (host) => {
  const path = await host.load('node:path');
  const { less, makesMaps } = host.isNode ? await loadInNode(host) : await loadInEngine(host);

  /** Finds and reads imported sheets. */
  const makePlugin = (files, file, loaded, loadPaths) => {
    class Manager extends less.AbstractFileManager {
      supports = () => true;
      supportsSync = () => false;

      async loadFile(name, folder) {
        const from = path.resolve(path.dirname(file), folder || '.');
        const direct = path.resolve(from, name);
        const find = () => files.at(direct) ?? (files.read(direct) != null ? direct : files.find(name, from, loadPaths));
        const found = find() ?? ((await files.learn()) ? find() : undefined);
        if (!found) throw { type: 'File', message: `'${name}' wasn't found` };
        loaded.add(found);
        const text = files.read(found);
        const isScript = /\.[cm]?js$/.test(found);
        const contents = isScript ? text : rebaseUrls(text, path.dirname(found), path.dirname(file), path);
        return { filename: found, contents };
      }
    }
    return { install: (_, manager) => manager.addFileManager(new Manager()), minVersion: [3, 0, 0] };
  };

  return {
    compile: async ({ root, file, text: source, options }) => {
      const { additionalData, paths, ...others } = options ?? {};
      const { text, moved } = withAdded(source, additionalData);
      const files = sheetFiles(host, path, { root, extensions: ['.less', '.css'], conditions: ['less', 'style'], prefix: '' });
      const loaded = new Set();
      try {
        const { css, map } = await less.render(text, {
          ...others,
          paths: [],
          filename: file,
          plugins: [makePlugin(files, file, loaded, [paths ?? []].flat())],
          sourceMap: makesMaps && { outputSourceFiles: true, sourceMapFileInline: false, disableSourcemapAnnotation: true },
        });
        await host.depend([...loaded]);
        // Versions before 4 do not know that option.
        const plain = css.replace(/\n?\/\*# sourceMappingURL=\S+ \*\/\s*$/, '\n');
        return { css: plain, map: map ? JSON.parse(map) : undefined };
      } catch (error) {
        await host.depend([...loaded, ...files.probed()]);
        const { message, filename, line, column } = error;
        const own = !filename || filename === file;
        throw { message, filename, line: line && Math.max(line - (own ? moved : 0), 1), column };
      }
    },
  };
};

const loadInNode = async (host) => {
  const less = await host.load('less');
  return { less: less.default ?? less, makesMaps: true };
};

/** Returns Less without what needs Node. */
const loadInEngine = async (host) => {
  const core = await host.load('less/lib/less/index.js');
  const create = core.default ?? core;
  const Generator = await loadMapGenerator(host);
  const environment = {
    encodeBase64: () => '',
    mimeLookup: () => 'application/octet-stream',
    charsetLookup: () => 'UTF-8',
    getSourceMapGenerator: () => Generator,
  };
  const less = create(environment, []);
  less.PluginLoader = class extends less.AbstractPluginLoader {
    async loadPlugin(name) {
      throw new Error(`the plug-in ${name} needs Node`);
    }
  };
  return { less, makesMaps: !!Generator };
};

/** Returns the generator of source maps that Less uses, if it is installed: it is optional. */
const loadMapGenerator = async (host) => {
  try {
    const { SourceMapGenerator } = await host.load('source-map', `${host.base}/node_modules/less/package.json`);
    new SourceMapGenerator();
    return SourceMapGenerator;
  } catch {
    return undefined;
  }
};
