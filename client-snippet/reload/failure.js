// Reports a module that the browser cannot parse or link, or a package without one that it imports:
// the page stays blank, and only the console says why. Loaded with the first error of the page.
// Types: types.d.ts.

/** How often the socket is waited for, and how long each time, in milliseconds. */
const TRIES = 100;
const WAIT = 50;

/**
 * Finds the module that a line of a pack belongs to, and the line in that module. The definition of
 * a module begins with its URL, see src/esm/pack.rs.
 *
 * @type {InPack}
 */
const inPack = async (url, line) => {
  const lines = (await (await fetch(url, { cache: 'force-cache' })).text()).split('\n');
  for (let at = line - 1; at >= 0; at--) {
    const key = /^"(\/.*?)":\[\[/.exec(lines[at])?.[1];
    if (key) return { path: new URL(key, url).pathname, line: line - at };
  }
  return { path: '', line };
};

/** @type {ReportFailure} */
export const report = async ({ error, filename, message, lineno, colno }, isOpen, send) => {
  const { name, stack, code, key } = error ?? {};
  let { importer } = error ?? {};
  // See registry.js. The page has no module that the package belongs to, but one that it begins with.
  if (code === 'MODULE_NOT_FOUND' && key) {
    /** @type {HTMLScriptElement | null} */
    const first = document.querySelector('script[type=module][src]:not([data-livers])');
    importer = first?.src;
  }
  // Code that runs and throws such an error has a stack.
  const isThrown = name !== 'SyntaxError' || /^ +at |^\S*@/m.test(stack);
  if ((isThrown && !importer) || !filename) return;
  const { origin, pathname } = new URL(importer ?? filename, filename);
  if (origin !== location.origin) return;
  /** @type {ErrorPlace} */
  let place = { path: pathname, line: importer ? 0 : lineno };
  if (pathname === '/__livers/pack') place = await inPack(filename, lineno);
  for (let tries = 0; !isOpen() && tries < TRIES; tries++)
    await new Promise((done) => setTimeout(done, WAIT));
  send({ type: 'error', path: place.path, message, line: place.line, column: colno });
};
