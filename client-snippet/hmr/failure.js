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

/** Returns whether the browser found an error before the code ran, as that has a stack. @type {(error: any) => boolean} */
export const isLinkError = (error) => error?.name === 'SyntaxError' && !/^ +at |^\S*@/m.test(error.stack);

/** Returns the module that imports what is missing. @type {(error: any) => string | undefined} */
const importerOf = (error) => {
  const { importer, code, key } = error ?? {};
  if (code !== 'MODULE_NOT_FOUND' || !key) return importer;
  // See registry.js. The page has no module that the package belongs to, but one that it begins with.
  /** @type {HTMLScriptElement | null | undefined} */
  const first = globalThis.document?.querySelector('script[type=module][src]:not([data-livers])');
  return first?.src;
};

/** Returns whether an error is one that `report` sends. @type {(event: ErrorEvent) => boolean} */
export const isOfModule = ({ error, filename }) => {
  const importer = importerOf(error);
  if (!filename || !(importer || isLinkError(error))) return false;
  return new URL(importer ?? filename, filename).origin === location.origin;
};

/** @type {ReportFailure} */
export const report = async (event, isOpen, send) => {
  if (!isOfModule(event)) return;
  const { error, filename, message, lineno, colno } = event;
  const importer = importerOf(error);
  const { pathname } = new URL(importer ?? filename, filename);
  /** @type {ErrorPlace} */
  let place = { path: pathname, line: importer ? 0 : lineno };
  if (pathname === '/__livers/pack') place = await inPack(filename, lineno);
  for (let tries = 0; !isOpen() && tries < TRIES; tries++)
    await new Promise((done) => setTimeout(done, WAIT));
  send({ type: 'error', path: place.path, message, line: place.line, column: colno });
};
