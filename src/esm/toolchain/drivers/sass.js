// Sass: compiles a style sheet. Without promises, because that is several times faster.

const loadSass = async (host) => {
  try {
    return await host.load('sass-embedded');
  } catch {
    // It is not installed, or its program is not there for this platform.
    return host.load('sass');
  }
};

export default async (host) => {
  // In the engine, Sass takes its environment for a browser.
  if (!host.isNode) globalThis.location ??= { href: 'file:///' };
  const sass = await loadSass(host);
  const compiler = sass.initCompiler?.() ?? sass;
  const path = await host.load('node:path');
  const { fileURLToPath, pathToFileURL } = await host.load('node:url');
  const syntaxes = { '.sass': 'indented', '.css': 'css' };

  const compile = ({ file, text, language, options }, files, loaded) => {
    const loadPaths = [options?.loadPaths ?? options?.includePaths ?? []].flat();
    const importer = {
      nonCanonicalScheme: 'pkg',
      canonicalize: (url, { containingUrl, fromImport }) => {
        const folder = path.dirname(containingUrl?.protocol === 'file:' ? fileURLToPath(containingUrl) : file);
        const relative = url.startsWith('file:') ? fileURLToPath(url) : undefined;
        const find = () => (relative ? files.at(relative) : files.find(decodeURI(url), folder, loadPaths));
        const found = (fromImport && relative && files.at(relative, '.import')) || find();
        return found ? pathToFileURL(found) : null;
      },
      load: (url) => {
        const from = fileURLToPath(url);
        loaded.add(from);
        const contents = rebaseUrls(files.read(from), path.dirname(from), path.dirname(file), path);
        return { contents, syntax: syntaxes[path.extname(from)] ?? 'scss', sourceMapUrl: url };
      },
    };
    const { css, sourceMap } = compiler.compileString(text, {
      syntax: syntaxes[`.${language}`] ?? 'scss',
      // The importer, rather than Sass itself, finds the sheets beside the file.
      url: pathToFileURL(file),
      importer,
      importers: [importer],
      quietDeps: true,
      logger: { warn: () => {}, debug: () => {} },
      alertColor: false,
      charset: false,
      sourceMap: true,
      sourceMapIncludeSources: true,
    });
    return { css, map: sourceMap };
  };

  const located = (error, file, moved) => {
    const { span, sassMessage } = error;
    if (!span) return error;
    const at = span.url?.protocol === 'file:' ? fileURLToPath(span.url) : file;
    const line = span.start.line + 1 - (at === file ? moved : 0);
    return { message: sassMessage, loc: { file: at, line: Math.max(line, 1), column: span.start.column } };
  };

  return {
    compile: async ({ root, ...input }) => {
      const { text, moved } = withAdded(input.text, input.options?.additionalData);
      const files = sheetFiles(host, path, {
        root,
        extensions: ['.scss', '.sass', '.css'],
        conditions: ['sass', 'style'],
        prefix: '_',
      });
      const loaded = new Set();
      for (;;) {
        try {
          const result = compile({ ...input, text }, files, loaded);
          await host.depend([...loaded]);
          return result;
        } catch (error) {
          if (error.sassMessage && (await files.learn())) continue;
          // One of those that are missing may be created.
          await host.depend([...loaded, ...files.probed()]);
          throw located(error, input.file, moved);
        }
      }
    },
  };
};
