// Vue 3: compiles single-file components, as @vitejs/plugin-vue does in development.
export default async (host) => {
  const NAME = '_sfc_main';
  // The build for browsers has another parser than the one that is installed.
  const sfc = host.require(host.require().resolve('vue'))('@vue/compiler-sfc/dist/compiler-sfc.cjs.js');

  const fail = (message, line, column, file) => {
    throw Object.assign(new Error(message), { line, column: column - 1, file });
  };

  /** Throws an error of the compiler with its position. The one of a script stands in a code frame. */
  const report = (error, path, file) => {
    const message = String(error.reason ?? error.message ?? error).replace(/^\[[\w@/ -]*compiler-sfc\] /, '');
    const [text] = message.split(`\n\n${path}\n`);
    const frame = /^(\d+) *\|  .*\n +\|  ( *)\^/m.exec(message.slice(text.length));
    const { line, column } = error.loc?.start ?? error;
    const plain = text.replace(path, '').trim().replace(/ \(\d+:\d+\)$/, '');
    if (frame) return fail(plain, Number(frame[1]), frame[2].length + 1, file);
    return fail(plain, line, column ?? 1, file);
  };

  const attempt = (call, path, file) => {
    try {
      return call();
    } catch (error) {
      return report(error, path, file);
    }
  };

  /** Returns the file that a block takes its content from. */
  const source = async ({ src, loc }, path, kind) => {
    const file = (await host.resolve(src, path, 'source')) ?? (await host.resolve(src, path, kind));
    const text = file && (await host.read(file));
    if (text == null) fail(`cannot resolve ${JSON.stringify(src)}`, loc.start.line, 1);
    return { file, text };
  };

  /** What the compiler reads types from, if macros use those of other files. */
  const files = () => {
    const { existsSync, readFileSync } = host.isNode ? host.require()('node:fs') : {};
    const readFile = host.isNode
      ? (file) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined)
      : (file) => host.readSync(file) ?? undefined;
    return { fileExists: (file) => readFile(file) !== undefined, readFile, realpath: (file) => file };
  };
  const fs = files();

  /** Returns the file with the types that a package exports. */
  const typesOf = (specifier, from) => {
    const [, name, rest = ''] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier);
    /** @type {(target: any) => string | undefined} */
    const pick = (target) =>
      typeof target === 'string' ? target : target && pick(target.types ?? target.import ?? target.default ?? target.require);
    const within = (home) => {
      const text = fs.readFile(`${home}/package.json`);
      if (text === undefined) return undefined;
      const { exports, types, typings } = JSON.parse(text);
      const exported = pick(exports?.[`.${rest}`] ?? (rest ? undefined : exports));
      const named = rest ? [`${rest}.d.ts`, `${rest}.ts`, `${rest}/index.d.ts`] : [types, typings, 'index.d.ts'];
      const candidates = [exported, exported?.replace(/\.([cm]?)js$/, '.d.$1ts'), ...named].filter(Boolean);
      return candidates.map((each) => `${home}/${each.replace(/^\.?\//, '')}`).find((file) => /\.[cm]?ts$/.test(file) && fs.fileExists(file));
    };
    for (let folder = from; folder.includes('/'); ) {
      folder = folder.slice(0, folder.lastIndexOf('/'));
      for (const each of [name, `@types/${name.replace(/^@(.*)\//, '$1__')}`]) {
        const found = within(`${folder}/node_modules/${each}`);
        if (found) return found;
      }
    }
    return undefined;
  };

  /** Finds the file of an import, where the compiler would ask TypeScript. */
  const resolveModuleName = (specifier, from) => {
    const own = host.resolveSync(specifier, from, 'source');
    const isOwn = own && !own.includes('/node_modules/');
    const found = isOwn ? own : typesOf(specifier, from);
    return { resolvedModule: found && { resolvedFileName: found } };
  };

  const compileScript = (descriptor, options, path) => {
    const script = attempt(() => sfc.compileScript(descriptor, options), path);
    // The compiler keeps what it has read of other files.
    for (const file of script.deps ?? []) sfc.invalidateTypeCache?.(file);
    return script;
  };

  /** Returns the code that defines the component, with its source map. */
  const scriptOf = (descriptor, options, path) => {
    const { script: plain, scriptSetup } = descriptor;
    const src = plain?.src ?? scriptSetup?.src;
    if (src) {
      const from = JSON.stringify(src);
      return { code: `import ${NAME} from ${from};\nexport * from ${from};` };
    }
    if (!plain && !scriptSetup) return { code: `const ${NAME} = {};` };
    const script = compileScript(descriptor, { ...options, genDefaultAs: NAME }, path);
    const deps = script.deps ?? [];
    let code = script.content;
    if (!sfc.version) {
      const plugins = script.lang === 'ts' ? ['typescript', 'decorators-legacy'] : [];
      code = attempt(() => sfc.rewriteDefault(code, NAME, plugins), path);
    }
    return { code, deps, map: script.map, bindings: script.bindings };
  };

  /** Whether the template that was parsed with the component can be compiled. */
  const keepsTemplate = () => {
    const [, minor, patch] = (sfc.version ?? '3.2.0').split('.').map(Number);
    return minor > 4 || (minor === 4 && patch >= 3);
  };

  const templateOf = async (descriptor, options, path) => {
    const { template } = descriptor;
    if (!template) return { code: '' };
    const { file, text } = template.src ? await source(template, path) : { text: template.content };
    const lang = template.lang === 'html' ? undefined : template.lang;
    const result = attempt(
      () =>
        sfc.compileTemplate({
          ...options,
          source: text,
          ast: keepsTemplate() && !file && !lang ? template.ast : undefined,
          inMap: file ? undefined : template.map,
          preprocessLang: lang,
          preprocessOptions: lang === 'pug' ? { doctype: 'html' } : undefined,
        }),
      path,
      file,
    );
    if (result.errors.length) report(result.errors[0], path, file);
    const code = result.code.replace(/\nexport (function|const) (render|ssrRender)/, '\n$1 _sfc_$2');
    return { code, map: file ? undefined : result.map };
  };

  const stylesOf = (descriptor, path) =>
    Promise.all(
      descriptor.styles.map(async (style) => {
        const { file, text } = style.src ? await source(style, path, 'sheet') : { text: style.content };
        const { lang, scoped = false, module } = style;
        return {
          file,
          text: file ? text : '\n'.repeat(style.loc.start.line - 1) + text,
          lang,
          scoped,
          module: module === true ? '$style' : module,
        };
      }),
    );

  const mapOf = (map) => map && JSON.stringify({ ...map, sourcesContent: undefined });

  // The compiler asks TypeScript, which is large, where the types of packages are. Livers answers.
  if (!host.isNode) {
    const sys = { ...fs, useCaseSensitiveFileNames: true };
    const typescript = { sys, versionMajorMinor: '5.9', findConfigFile: () => undefined, resolveModuleName };
    sfc.registerTS?.(() => typescript);
  }

  return {
    compile: async ({ path, url, id, text }) => {
      const { descriptor, errors } = attempt(() => sfc.parse(text, { filename: path, sourceMap: true }), path);
      if (errors.length) report(errors[0], path);
      const { script, scriptSetup, styles, slotted, customBlocks } = descriptor;
      const scoped = styles.some((style) => style.scoped);
      const lang = scriptSetup?.lang ?? script?.lang;
      const expressionPlugins = /^tsx?$/.test(lang) ? ['typescript'] : [];
      const compilerOptions = { scopeId: scoped ? `data-v-${id}` : undefined, expressionPlugins, sourceMap: true };
      const transformAssetUrls = { base: url.slice(0, url.lastIndexOf('/')) || '/', includeAbsolute: true };
      const common = { id, isProd: false };
      const templateOptions = { ...common, filename: path, scoped, slotted, transformAssetUrls, compilerOptions };
      const scriptOptions = { ...common, inlineTemplate: false, sourceMap: true, templateOptions, fs };
      const main = scriptOf(descriptor, scriptOptions, path);
      compilerOptions.bindingMetadata = main.bindings;
      await host.depend(main.deps ?? []);
      const template = await templateOf(descriptor, templateOptions, path);
      return {
        script: main.code,
        scriptMap: mapOf(main.map),
        template: template.code,
        templateMap: mapOf(template.map),
        lang,
        scoped,
        styles: await stylesOf(descriptor, path),
        customBlocks: customBlocks.map(({ type }) => type),
      };
    },

    /** Scopes a style sheet, and replaces `v-bind()`. Lines stay where they are. */
    style: async ({ path, id, text, scoped }) => {
      const options = { filename: path, id: `data-v-${id}`, isProd: false, scoped, trim: false };
      const { code, errors } = sfc.compileStyle({ ...options, source: text });
      if (errors.length) report(errors[0], path);
      return code;
    },
  };
};
