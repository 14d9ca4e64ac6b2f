// What runs in the process of Node: reads requests from the standard input, calls drivers, and
// writes answers. See node.rs for the frames.
const { createRequire } = await import('node:module');
const { pathToFileURL } = await import('node:url');
const { readFileSync } = await import('node:fs');

const marker = process.argv.at(-1);
const write = process.stdout.write.bind(process.stdout);
// What compilers print must not stand between frames.
process.stdout.write = process.stderr.write.bind(process.stderr);
process.argv.splice(1);

const send = (message) => {
  const text = Buffer.from(JSON.stringify(message));
  write(Buffer.concat([Buffer.from(`\n${marker} ${text.length}\n`), text]));
};

/** Calls that wait for the answers to questions, in order. */
const waiting = [];
const ask = (question) =>
  new Promise((done) => {
    waiting.push(done);
    send(question);
  });

const base = process.cwd();
const host = {
  base,
  isNode: true,
  load: async (specifier, from = `${base}/_.js`) => {
    const require = createRequire(from);
    try {
      return require(specifier);
    } catch (error) {
      if (!['ERR_REQUIRE_ESM', 'ERR_PACKAGE_PATH_NOT_EXPORTED', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error?.code)) throw error;
      const path = error.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' ? importPath(specifier, from) : require.resolve(specifier);
      return import(pathToFileURL(path));
    }
  },
  require: (from = `${base}/_.js`) => createRequire(from),
  resolve: (specifier, from, kind = 'import') => ask({ ask: 'resolve', specifier, from, kind }),
  alias: (specifier, from) => ask({ ask: 'alias', specifier, from }),
  /** Reads a file, without making it a dependency. */
  readSync: (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return null;
    }
  },
  read: (path, kind = '') => ask({ ask: 'read', path, kind }),
  /** Returns the path of a module. */
  path: (specifier, from = `${base}/_.js`) => createRequire(from).resolve(specifier),
  /** Has a module of the project loaded again. */
  forget: (path) => void delete createRequire(`${base}/_.js`).cache[path],
  depend: (paths) => ask({ ask: 'depend', paths }),
  stamps: (paths) => ask({ ask: 'stamps', paths }),
};

/** Returns the file that an `import` of a package which exports nothing to `require` leads to. */
const importPath = (specifier, from) => {
  const [name] = /^(@[^/]+\/)?[^/]+/.exec(specifier);
  const rest = '.' + specifier.slice(name.length);
  const { existsSync } = process.getBuiltinModule?.('node:fs') ?? createRequire(from)('node:fs');
  for (let folder = from; folder !== (folder = folder.slice(0, folder.lastIndexOf('/'))); ) {
    const home = `${folder}/node_modules/${name}`;
    if (!existsSync(`${home}/package.json`)) continue;
    const { exports } = JSON.parse(readFileSync(`${home}/package.json`, 'utf8'));
    const pick = (target) =>
      typeof target === 'string' ? target : target && pick(target.node ?? target.import ?? target.default);
    const found = pick(exports?.[rest] ?? (rest === '.' ? exports : undefined));
    if (found) return `${home}/${found}`;
  }
  throw new Error(`Cannot find module '${specifier}'`);
};

const drivers = new Map();
const serve = async ({ tool, driver, function: name, input }) => {
  try {
    if (driver) drivers.set(tool, import(`data:text/javascript,${encodeURIComponent(driver)}`).then((module) => module.default(host)));
    const functions = await drivers.get(tool);
    send({ output: (await functions[name](input)) ?? null });
  } catch (error) {
    send({ error: globalThis.__report(error) });
  }
};

let buffer = Buffer.alloc(0);
process.stdin.on('data', (chunk) => {
  buffer = Buffer.concat([buffer, chunk]);
  for (;;) {
    const end = buffer.indexOf('\n');
    if (end < 0) return;
    const length = Number(buffer.subarray(0, end).toString().split(' ')[1]);
    if (buffer.length < end + 1 + length) return;
    const message = JSON.parse(buffer.subarray(end + 1, end + 1 + length));
    buffer = buffer.subarray(end + 1 + length);
    if ('answer' in message) waiting.shift()?.(message.answer);
    else void serve(message);
  }
});
process.stdin.on('end', () => process.exit());
// A rejected promise that a compiler does not handle must not end the process.
process.on('unhandledRejection', (error) => console.error(error));
