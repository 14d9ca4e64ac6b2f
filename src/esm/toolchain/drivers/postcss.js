// PostCSS: runs the plug-ins of the project's configuration on a style sheet. Needs Node.

const isLocal = (file) => !/[\\/]node_modules[\\/]/.test(file);

export default async (host) => {
  const path = await host.load('node:path');
  const fs = await host.load('node:fs');
  const { pathToFileURL } = await host.load('node:url');
  const postcss = await loadPostcss(host, fs);
  // These change when packages are installed, whose plug-ins may then have other versions.
  const installation = ['.package-lock.json', '.modules.yaml', '.yarn-state.yml', '.yarn-integrity'].map((name) =>
    path.join(host.base, 'node_modules', name),
  );
  const configurations = makeConfigurations(host, { path, fs, pathToFileURL });

  /** Inlines the sheets of `@import`, as bundlers do: plug-ins see a sheet as a whole. */
  const inlineImports = (found) => {
    const inline = async (root, above) => {
      const rules = root.nodes.filter((node) => node.type === 'atrule' && node.name === 'import');
      for (const rule of rules) {
        const from = rule.source?.input.file;
        const { specifier, conditions } = parseImport(rule.params);
        if (!from || !specifier || /^(?:[a-z][a-z0-9+.-]*:|\/\/)|[?#]/i.test(specifier)) continue;
        const relative = specifier[0] === '/' || specifier[0] === '.' ? specifier : `./${specifier}`;
        const resolve = (name, kind) => host.resolve(name, from, kind);
        const file =
          (await resolve(relative, 'source')) ?? (await resolve(specifier, 'sheet')) ?? (await resolve(specifier, 'source'));
        // A browser loads those that are not there, and imports a sheet within itself once.
        if (!file?.endsWith('.css') || above.includes(file)) continue;
        const text = host.readSync(file);
        if (text == null) continue;
        found.add(file);
        const sheet = postcss.parse(text, { from: file });
        await inline(sheet, [...above, file]);
        const nodes = sheet.nodes.filter((node) => node.type !== 'atrule' || node.name !== 'charset');
        rule.replaceWith(conditions.reduceRight((inner, [name, params]) => {
          const wrapper = postcss.atRule({ name, params, source: rule.source });
          wrapper.append(inner);
          return [wrapper];
        }, nodes));
      }
    };
    return { postcssPlugin: 'livers-import', Once: (root) => inline(root, [root.source?.input.file]) };
  };

  /** Makes the URLs in what other sheets have added relative to the sheet. */
  const rebaseImported = (file) => ({
    postcssPlugin: 'livers-urls',
    OnceExit: (root) =>
      root.walkDecls((rule) => {
        const from = rule.source?.input.file;
        if (from && from !== file && rule.value.includes('url('))
          rule.value = rebaseUrls(rule.value, path.dirname(from), path.dirname(file), path);
      }),
  });

  return {
    compile: async ({ file, text, map, config }) => {
      // Tailwind looks for its configuration and its content from here.
      process.chdir(path.dirname(config));
      const { plugins, options, files } = await configurations.load(config);
      const used = new Set([...files, ...installation.filter((file) => fs.existsSync(file))]);
      const names = plugins.flatMap((plugin) => [plugin, plugin.plugins ?? []].flat()).map((plugin) => plugin.postcssPlugin);
      // Tailwind 4 resolves the imports itself.
      const inlines = text.includes('@import') && !names.includes('@tailwindcss/postcss');
      const all = [...(inlines ? [inlineImports(used)] : []), ...plugins, rebaseImported(file)];
      const run = postcss(all).process(text, {
        ...options,
        from: file,
        to: file,
        map: { inline: false, annotation: false, sourcesContent: true, prev: map ?? false },
      });
      const depend = () => host.depend([...used, ...dependencies(run.result?.messages ?? [], { path, fs })]);
      try {
        const { css, map } = await run;
        await depend();
        return { css, map: map?.toJSON() };
      } catch (error) {
        await depend();
        const { reason, line, column } = error;
        if (error.name !== 'CssSyntaxError') throw error;
        throw { message: reason, loc: { file: error.file, line, column: column - 1 } };
      }
    },
  };
};

/** Returns PostCSS, also if only a package that needs it is installed. */
const loadPostcss = async (host, fs) => {
  for (const name of ['@tailwindcss/postcss', 'vite', undefined]) {
    try {
      const from = name && fs.realpathSync(`${host.base}/node_modules/${name}/package.json`);
      const postcss = from && fs.existsSync(`${host.base}/node_modules/postcss`) ? undefined : await host.load('postcss', from);
      if (postcss) return postcss.default ?? postcss;
    } catch (error) {
      if (!name) throw error;
    }
  }
};

/** Returns the URL of an `@import`, and the rules to put around what it stands for. */
const parseImport = (params) => {
  const [, , quoted, , inUrl, plain, rest = ''] =
    /^(?:(["'])(.*?)\1|url\(\s*(?:(["'])(.*?)\3|([^"')]*?))\s*\))\s*(.*)$/is.exec(params) ?? [];
  const conditions = [];
  let media = rest;
  const take = (pattern, add) => {
    const [all, inner] = pattern.exec(media) ?? [];
    if (all === undefined) return;
    media = media.slice(all.length).trim();
    add(inner);
  };
  const layers = [];
  take(/^layer(?:\(([^)]*)\)|(?![\w-]))/i, (name = '') => layers.push(['layer', name]));
  take(/^supports\(((?:[^()]|\([^()]*\))*)\)/i, (inner) => conditions.push(['supports', `(${inner})`]));
  if (media) conditions.unshift(['media', media]);
  return { specifier: quoted ?? inUrl ?? plain, conditions: [...conditions, ...layers] };
};

/** Loads configurations, again if one of their own files has changed. */
const makeConfigurations = (host, { path, fs, pathToFileURL }) => {
  const loaded = new Map();
  const stampOf = (file) => {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    return stat ? `${stat.mtimeMs} ${stat.size}` : '';
  };

  /** Returns the files of the project that a module has required. */
  const localFiles = (file, cache, known = new Set()) => {
    if (!isLocal(file) || known.has(file)) return known;
    known.add(file);
    for (const child of cache[file]?.children ?? []) localFiles(child.filename, cache, known);
    return known;
  };

  const importFresh = (file) => import(`${pathToFileURL(file)}?${encodeURIComponent(stampOf(file))}`);

  const importTypeScript = async (file) => {
    if (process.features.typescript) return importFresh(file);
    const require = host.require(file);
    let jiti;
    try {
      jiti = require('jiti');
    } catch {
      throw new Error(
        `Node ${process.versions.node} cannot read ${path.basename(file)}: install "jiti", or use Node 22.18 or later`,
      );
    }
    const options = { requireCache: false, moduleCache: false, interopDefault: true };
    return jiti.createJiti ? jiti.createJiti(file, options).import(file) : (jiti.default ?? jiti)(file, options)(file);
  };

  const read = async (file) => {
    const require = host.require(file);
    const name = path.basename(file);
    if (name === 'package.json') return JSON.parse(fs.readFileSync(file, 'utf8')).postcss;
    if (/\.json$|^\.postcssrc$/.test(name)) return JSON.parse(fs.readFileSync(file, 'utf8'));
    if (/\.ya?ml$/.test(name)) throw new Error('configurations in YAML are not supported: use JSON');
    if (/\.[cm]?ts$/.test(name)) return importTypeScript(file);
    if (name.endsWith('.mjs')) return importFresh(file);
    try {
      return require(file);
    } catch (error) {
      // `module is not defined`, if the package is one of ES modules.
      if (!['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error?.code)) throw error;
      return importFresh(file);
    }
  };

  /** Loads what a configuration names instead of requiring it. */
  const named = async (value, file) => {
    if (typeof value !== 'string') return value;
    const module = await host.load(value, file);
    return module.default ?? module;
  };

  const instance = async (entry, file) => {
    const [plugin, options] = Array.isArray(entry) ? entry : [entry];
    if (!plugin || options === false) return [];
    const made = await named(plugin, file);
    const creates = typeof made === 'function' && (typeof plugin === 'string' || options !== undefined || made.postcss === true);
    return creates ? made(options === true ? {} : (options ?? {})) : made;
  };

  const load = async (file) => {
    const { cache } = host.require(file);
    const before = loaded.get(file);
    for (const each of before?.files.keys() ?? []) delete cache[each];
    for (const each of localFiles(file, cache)) delete cache[each];
    const module = await read(file);
    let value = module?.default ?? module;
    if (typeof value === 'function') value = await value({ cwd: process.cwd(), env: process.env.NODE_ENV, file: {}, options: {} });
    const { plugins = [], parser, syntax, stringifier } = value ?? {};
    const list = Array.isArray(plugins) ? plugins : Object.entries(plugins);
    const options = {};
    for (const [key, choice] of Object.entries({ parser, syntax, stringifier }))
      if (choice) options[key] = await named(choice, file);
    const instances = (await Promise.all(list.map((entry) => instance(entry, file)))).flat();
    const files = new Map([...localFiles(file, cache)].map((each) => [each, stampOf(each)]));
    return { plugins: instances, options, files };
  };

  return {
    load: async (file) => {
      const before = loaded.get(file);
      const isFresh = before && [...before.files].every(([each, stamp]) => stampOf(each) === stamp);
      if (!isFresh) {
        await host.depend([file]);
        loaded.set(file, await load(file));
      }
      const { plugins, options, files } = loaded.get(file);
      return { plugins, options, files: [...files.keys()] };
    },
  };
};

/** The number of files of one sheet that are looked at for changes. */
const MAX_FILES = 20_000;

/** Returns the files and folders that plug-ins say the sheet depends on. */
const dependencies = (messages, { path, fs }) => {
  const found = new Set();
  const folders = new Map();
  for (const { type, file, dir, glob } of messages) {
    if (type === 'dependency' && file) found.add(file);
    if (type === 'dir-dependency' && dir) folders.set(dir, [...(folders.get(dir) ?? []), glob ?? '**/*']);
  }
  const list = (base, folder, globs) => {
    let entries = [];
    try {
      entries = fs.readdirSync(path.join(base, folder), { withFileTypes: true });
    } catch {
      return;
    }
    // What is created in a folder changes the folder.
    found.add(path.join(base, folder));
    for (const entry of entries) {
      if (found.size > MAX_FILES) return;
      const name = folder ? `${folder}/${entry.name}` : entry.name;
      const isIgnored = entry.name === 'node_modules' || entry.name[0] === '.';
      if (entry.isDirectory() && !isIgnored) list(base, name, globs);
      else if (globs.some((glob) => glob.test(name))) found.add(path.join(base, name));
    }
  };
  for (const [dir, globs] of folders) list(dir, '', [...new Set(globs)].map(globPattern));
  return found;
};

/** Returns a pattern of `picomatch` as a regular expression. */
const globPattern = (glob) => {
  const parts = glob.replace(/^\.?\//, '').match(/\*\*\/?|\*|\?|[{},]|\[[^\]]*\]|\\.|[^*?{},[\\]+/g) ?? [];
  let depth = 0;
  const pattern = parts.map((part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part === '{') return depth++, '(?:';
    if (part === '}') return depth > 0 ? (depth--, ')') : '\\}';
    if (part === ',') return depth > 0 ? '|' : ',';
    if (part[0] === '[' && part.length > 1) return part.replace(/^\[!/, '[^');
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  try {
    return new RegExp(`^${pattern.join('')}${')'.repeat(depth)}$`, 's');
  } catch {
    return /^/;
  }
};
