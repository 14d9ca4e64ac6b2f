// MDX: compiles Markdown with JSX to components, as @mdx-js/rollup does. JSX is kept.
export default async (host) => {
  // The compiler may be a dependency of the plug-in.
  const from = (await host.resolve('@mdx-js/rollup', `${host.base}/_.js`)) ?? `${host.base}/_.js`;
  const mdx = await host.load('@mdx-js/mdx', from);
  const compiler = (await host.resolve('@mdx-js/mdx', from)) ?? from;
  const { SourceMapGenerator } = await host.load('source-map', compiler);
  return {
    compile: async ({ text, path, options }) => {
      try {
        const file = await mdx.compile({ value: text, path }, { ...options, jsx: true, SourceMapGenerator });
        return { script: String(file.value), map: JSON.stringify(file.map) };
      } catch (error) {
        const { line, column } = error?.place?.start ?? error?.place ?? {};
        // Columns are counted from 1.
        const loc = line && column ? { line, column: column - 1 } : undefined;
        throw Object.assign(new Error(error?.reason ?? error?.message ?? String(error)), { loc });
      }
    },
  };
};
