// A driver for tests.
let calls = 0;

export default async (host) => ({
  calls: async (path) => `${++calls} ${await host.read(path)}`,
  place: async () => (host.isNode ? 'node' : host.needNode('it is a test')),
  compile: async ({ package: name, text }) => (await host.load(name)).compile(text),
  include: async ({ from, names }) =>
    Promise.all(
      names.map(async (name) => {
        const path = await host.resolve(name, from);
        return path && host.read(path);
      }),
    ),
  fail: async (error) => {
    throw Object.assign(new Error(error.message), error);
  },
  print: async (text) => {
    console.log(text);
    if (host.isNode) process.stdout.write(text);
    return 'done';
  },
  exit: async (code) => {
    process.stderr.write('last words\n', () => process.exit(code));
    await new Promise(() => {});
  },
  exhaust: async () => {
    for (let text = 'x'; ; text += text) text.length;
  },
  hang: async () => {
    for (;;);
  },
  load: async (path) => host.load(path),
  globals: async () =>
    ['require', 'Deno', 'fetch', '__ask', '__read', '__evaluate', 'WebSocket', 'std', 'os'].filter((name) => name in globalThis),
});
