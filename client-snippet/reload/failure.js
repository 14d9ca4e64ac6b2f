// Reports a module that the browser cannot parse or link: the page stays blank, and only the
// console says why. Loaded with the first error of the page. Types: types.d.ts.

/** How often the socket is waited for, and how long each time, in milliseconds. */
const TRIES = 100;
const WAIT = 50;

/** @type {ReportFailure} */
export const report = async ({ error, filename, message, lineno, colno }, isOpen, send) => {
  // Code that runs and throws such an error has a stack.
  const { name, stack } = error ?? {};
  if (name !== 'SyntaxError' || /^ +at |^\S*@/m.test(stack) || !filename) return;
  const { origin, pathname } = new URL(filename);
  if (origin !== location.origin) return;
  for (let tries = 0; !isOpen() && tries < TRIES; tries++)
    await new Promise((done) => setTimeout(done, WAIT));
  send({ type: 'error', path: pathname, message, line: lineno, column: colno });
};
