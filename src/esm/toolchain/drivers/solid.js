// Solid: compiles JSX with Babel, as vite-plugin-solid does.
export default async (host) => {
  // The compiler is a dependency of the plug-in.
  const plugin = (await host.resolve('vite-plugin-solid', `${host.base}/_.js`)) ?? `${host.base}/_.js`;
  const [babel, solid, refresh] = await Promise.all(
    ['@babel/core', 'babel-preset-solid', 'solid-refresh/babel'].map((name) => host.load(name, plugin)),
  );
  const runtime = await host.resolve('solid-refresh', plugin);

  /** Returns a path relative to a file. */
  const relative = (file, path) => {
    const [from, to] = [file.split('/').slice(0, -1), path.split('/')];
    let at = 0;
    while (at < from.length && from[at] === to[at]) at++;
    return [...from.slice(at).fill('..'), ...to.slice(at)].join('/');
  };

  /** Returns an error without the path and the lines of the source, which are shown anyway. */
  const plain = (error, path) => {
    const [message] = String(error?.message ?? error).split('\n');
    const reason = message.replace(`${path}: `, '').replace(/ \(\d+:\d+\)$/, '');
    return Object.assign(new Error(reason), { loc: error?.loc });
  };

  const transform = (text, path, options) => {
    try {
      return babel.transformSync(text, options);
    } catch (error) {
      throw plain(error, path);
    }
  };

  return {
    compile: async ({ text, path, isTyped, hot, options }) => {
      const { code, map } = transform(text, path, {
        root: host.base,
        cwd: host.base,
        filename: path,
        sourceFileName: path,
        presets: [[solid.default ?? solid, { generate: 'dom', hydratable: false, ...options }]],
        plugins: hot ? [[refresh.default?.default ?? refresh.default ?? refresh, { bundler: 'vite' }]] : [],
        ast: false,
        sourceMaps: true,
        configFile: false,
        babelrc: false,
        parserOpts: { plugins: isTyped ? ['jsx', 'typescript'] : ['jsx'] },
      });
      // A file may be unable to import the runtime by its name.
      const isNested = hot && runtime && !(await host.resolve('solid-refresh', path));
      const script = isNested ? code.replace('from "solid-refresh"', `from ${JSON.stringify(relative(path, runtime))}`) : code;
      return { script, map: JSON.stringify(map) };
    },
  };
};
