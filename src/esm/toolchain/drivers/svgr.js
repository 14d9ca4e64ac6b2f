// SVGR: makes components of SVG images, as vite-plugin-svgr does.
export default async (host) => {
  const plugin = (await host.resolve('vite-plugin-svgr', `${host.base}/_.js`)) ?? `${host.base}/_.js`;
  const [core, jsx] = await Promise.all(['@svgr/core', '@svgr/plugin-jsx'].map((name) => host.load(name, plugin)));
  const transform = core.transform ?? core.default.transform;
  // Without Node, no `.svgrrc` can be read.
  const all = host.isNode ? {} : { runtimeConfig: false };
  return {
    compile: ({ text, path, options }) =>
      transform(text, { ...all, ...options }, { filePath: path, caller: { defaultPlugins: [jsx.default ?? jsx] } }),
  };
};
