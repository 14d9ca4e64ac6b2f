// Records what a case logs and how its module script ends. A classic script of every case's page.

/** What a case has logged. */
const lines = [];

/** Returns the text for a value: the kind of an error, and the message of an `Error`. */
const show = (value) => {
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value instanceof Error) return value.name === 'Error' ? `Error: ${value.message}` : value.name;
  return typeof value === 'object' && value ? Object.prototype.toString.call(value) : String(value);
};

/** Adds a line. */
const log = (...values) => void lines.push(values.map(show).join(' '));

/** Returns what a function throws. */
const thrown = (run) => {
  try {
    run();
  } catch (error) {
    return show(error);
  }
  return 'nothing';
};

/** Returns what a promise is rejected with. */
const rejected = (promise) => promise.then(() => 'nothing', show);

/** Ends the case, after the microtasks that are left. */
const finished = (line) => {
  if (line) lines.push(line);
  setTimeout(() => frameElement.dispatchEvent(new Event('finished')));
};

/** Notes an error, which ends the case unless its page sets `goesOn`. */
const failed = (line) => (globalThis.goesOn ? log : finished)(line);

addEventListener(
  'error',
  ({ target, error }) => failed(target === window ? `uncaught ${show(error)}` : 'not loaded'),
  true,
);
addEventListener('unhandledrejection', ({ reason }) => failed(`unhandled ${show(reason)}`));
