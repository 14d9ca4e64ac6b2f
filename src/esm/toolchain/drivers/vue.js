// Vue 3: compiles single-file components, as @vitejs/plugin-vue does in development.
export default async (host) => {
  const NAME = '_sfc_main';
  const sfc = await host.load('vue/compiler-sfc');

  const fail = (message, line, column, file) => {
    throw Object.assign(new Error(message), { line, column: column - 1, file });
  };

  /** Throws an error of the compiler with its position. The one of a script stands in a code frame. */
  const report = (error, path, file) => {
    const message = String(error.reason ?? error.message ?? error).replace(/^\[[\w@/ -]*compiler-sfc\] /, '');
    const [text] = message.split(`\n\n${path}\n`);
    const frame = /^(\d+) *\|  .*\n +\|  ( *)\^/m.exec(message.slice(text.length));
    const { line, column } = error.loc?.start ?? error;
    const plain = text.replace(/ \(\d+:\d+\)$/, '').trim();
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

  /** Types that macros use may be imported from other files. */
  const fs = host.isNode
    ? undefined
    : {
        fileExists: (file) => host.readSync(file) != null,
        readFile: (file) => host.readSync(file) ?? undefined,
        realpath: (file) => file,
      };

  /** The other build of the compiler, which finds types in packages: with TypeScript, in whose place livers finds them. */
  let complete;
  const withPackages = () => {
    if (complete) return complete;
    complete = host.require(host.require().resolve('vue/package.json'))('@vue/compiler-sfc/dist/compiler-sfc.cjs.js');
    const find = (specifier, from) => {
      const found = host.resolveSync(specifier, from, 'types');
      return { resolvedModule: found ? { resolvedFileName: found } : undefined };
    };
    const sys = { ...fs, useCaseSensitiveFileNames: true };
    complete.registerTS(() => ({ sys, versionMajorMinor: '5.9', findConfigFile: () => undefined, resolveModuleName: find }));
    return complete;
  };

  const compileScript = (descriptor, options, path) => {
    const compile = (compiler) => {
      const script = compiler.compileScript(descriptor, options);
      // The compiler keeps what it read of other files.
      for (const file of script.deps ?? []) compiler.invalidateTypeCache?.(file);
      return script;
    };
    return attempt(() => {
      try {
        return compile(sfc);
      } catch (error) {
        if (host.isNode || !/non-relative sources|TypeScript is required/.test(error.message)) throw error;
        return compile(withPackages());
      }
    }, path);
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
    let code = script.content;
    if (!sfc.version) {
      const plugins = script.lang === 'ts' ? ['typescript', 'decorators-legacy'] : [];
      code = attempt(() => sfc.rewriteDefault(code, NAME, plugins), path);
    }
    return { code, map: script.map, bindings: script.bindings };
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
