// Vue 3: compiles single-file components.
export default async (host) => {
  const sfc = await host.load('vue/compiler-sfc');
  return { version: async () => sfc.version };
};
