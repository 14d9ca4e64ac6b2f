// Svelte: compiles components, and modules with runes.
export default async (host) => {
  // `svelte/compiler` is many small ES modules, or one CommonJS file: that of Svelte 5 or 4.
  const home = `${host.base}/node_modules/svelte`;
  const load = (path) => host.load(path).catch(() => undefined);
  // Svelte encodes source maps with `window.btoa` or `Buffer`.
  if (!host.isNode) globalThis.window ??= { btoa };
  const svelte =
    (await load(`${home}/compiler/index.js`)) ??
    (await load(`${home}/compiler.cjs`)) ??
    (await host.load('svelte/compiler'));
  const isLegacy = parseInt(svelte.VERSION) < 5;

  /** Makes components of Svelte 4 replaceable, if the package for that is installed. */
  const makeHot = async () => {
    const hmr = await load('svelte-hmr');
    return hmr?.createMakeHot({
      walk: svelte.walk,
      hotApi: 'svelte-hmr/runtime/hot-api-esm.js',
      adapter: 'svelte-hmr/runtime/proxy-adapter-dom.js',
      hotOptions: { injectCss: false, noOverlay: true },
    });
  };
  let legacyHot;

  const ACCEPT = /^\timport\.meta\.hot\.accept\(\(module\) => \{$([^]*?)^\t\}\);$/m;

  /**
   * Returns a script that leaves the running components alone if only the style sheet was edited,
   * and otherwise replaces those of all earlier versions, whichever of them a parent has imported.
   */
  const gated = (code, url) => {
    const made = /^\t([\w$]+) = \$\.hmr\(\1\);$/m.exec(code);
    const accept = ACCEPT.exec(code);
    if (!made || !accept || accept.index < made.index) return code;
    // Positions of elements are for messages only.
    const text = code.replace(/(\$\.add_locations\([^]*?), (\[\[[\d, [\]\s]+\]\])\)/g, '$1)');
    const before = [
      'const $data = import.meta.hot.data;',
      `$data.isSame = $data.script === ${hash(text)} && !$hasNewImports(${JSON.stringify(url)});`,
      `$data.script = ${hash(text)};`,
      `const $own = ${made[1]}[$.HMR];`,
      '($data.versions ??= new Set()).add($own.current ?? $own.source);',
    ];
    const after = [
      'const $new = module.default[$.HMR];',
      'for (const $version of $data.versions) $.set($version, $new.fn ?? $new.original);',
    ];
    const [start, middle, body, end] = [made.index + made[0].length, accept.index, accept[1], accept.index + accept[0].length];
    return [
      `${code.slice(0, start)} ${before.join(' ')}${code.slice(start, middle)}`,
      `\timport.meta.hot.accept((module) => { if (!module || $data.isSame) return;${body} ${after.join(' ')} });${code.slice(end)}`,
      '\nimport { hasNewImports as $hasNewImports } from "/__livers/hot.js";\n',
    ].join('');
  };

  const hash = (text) => {
    let [one, two] = [0x811c9dc5, 0x9dc5811c];
    for (let at = 0; at < text.length; at++) {
      one = Math.imul(one ^ text.charCodeAt(at), 0x01000193);
      two = Math.imul(two ^ text.charCodeAt(at), 0x85ebca6b);
    }
    return JSON.stringify(`${(one >>> 0).toString(36)}${(two >>> 0).toString(36)}`);
  };

  /** Returns CSS with its source map. */
  const sheet = ({ code, map }, text) => {
    if (!code?.trim()) return [];
    if (!map) return [code];
    const json = JSON.stringify({ ...map, sourcesContent: [text] });
    const bytes = encodeURIComponent(json).replace(/\*/g, '%2A');
    return [`${code}\n/*# sourceMappingURL=data:application/json,${bytes} */`];
  };

  /** Inserts blocks that were compiled to JavaScript and CSS. */
  const insert = async (text, filename, blocks) => {
    if (!blocks.length) return { code: text };
    const next = { script: 0, style: 0 };
    const replace = (tag) => () => {
      const block = blocks.find((each) => each.tag === tag && each.at === next[tag]);
      next[tag]++;
      return block && { code: block.code, map: block.map, attributes: block.attributes };
    };
    return svelte.preprocess(text, { script: replace('script'), style: replace('style') }, { filename });
  };

  return {
    /** Lists the scripts and style sheets of a component. */
    blocks: async ({ text, filename }) => {
      const blocks = [];
      const list = (tag) => ({ content, attributes }) => {
        const at = blocks.filter((each) => each.tag === tag).length;
        blocks.push({ tag, at, content, lang: attributes.lang, type: attributes.type, src: attributes.src });
      };
      await svelte.preprocess(text, { script: list('script'), style: list('style') }, { filename });
      return blocks;
    },

    /** Compiles a component. */
    compile: async ({ text, filename, url, scope, hot, options, blocks }) => {
      const { code, map } = await insert(text, filename, blocks);
      // Every element gets the class of the scope, so that an edit of the sheet changes no script.
      const style = hot ? code.lastIndexOf('</style>') : -1;
      const source = style < 0 ? code : `${code.slice(0, style)} *{}${code.slice(style)}`;
      const own = {
        dev: true,
        css: hot ? 'external' : 'injected',
        generate: isLegacy ? 'dom' : 'client',
        cssHash: () => `svelte-${scope}`,
        ...(isLegacy ? {} : { hmr: hot }),
        ...options,
        filename,
        sourcemap: map,
      };
      const compiled = svelte.compile(source, own);
      let script = compiled.js.code;
      if (hot && isLegacy) {
        legacyHot ??= makeHot();
        const make = await legacyHot;
        script = make?.({ id: url, compiledCode: script, hotOptions: {}, compiled, originalCode: source, compileOptions: own }) ?? script;
      } else if (hot) script = gated(script, url);
      return { script, map: JSON.stringify(compiled.js.map), sheets: hot ? sheet(compiled.css ?? {}, text) : [] };
    },

    /** Compiles a module with runes. */
    module: async ({ text, filename }) => {
      const { js } = svelte.compileModule(text, { filename, dev: true, generate: 'client' });
      return { script: js.code, map: JSON.stringify(js.map) };
    },
  };
};
