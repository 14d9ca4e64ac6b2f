// What a saved module changes in the open page. Loaded with the first change; see hot-types.d.ts.
//
// From a changed module it walks up to those that accept, and imports these anew. The server writes
// the versions of what changed into the imports of what it sends, so that all else stays the
// instance that it is. If the new code cannot be had, the old runs on, and it is tried again with
// the next change. Where nobody accepts, the page is to be reloaded.

import { registry as own, SCRIPT, spelled } from './hot.js';

/** Said by browsers of a module that cannot be had, in which case the server says why. */
const UNHAD = /dynamically imported module|module script failed/i;

/** How long a module may take to say what it accepts, milliseconds. */
const PATIENCE = 200;

/** @type {(path: string) => string} */
const named = (path) => path.replace(/^\/(?=.)/, '');

/** @type {(path: string) => string} */
const unhad = (path) => `${named(path)} cannot be had`;

/** @type {(boundary: Boundary) => string} */
const keyOf = ({ at, accepted }) => `${at}\0${accepted}`;

/** @type {Plan} */
export const plan = (modules, starts, isEntry) => {
  /** @type {Map<string, Boundary>} */
  const boundaries = new Map();
  const outdated = new Set();
  for (const [start, { why }] of starts) {
    const seen = new Set();
    let accepted = false;
    /** @type {(boundary: Boundary) => void} */
    const accept = (boundary) => {
      boundaries.set(keyOf(boundary), boundary);
      outdated.add(boundary.accepted);
      accepted = true;
    };
    /** Gives the module above which nobody accepts. @type {(path: string) => string} */
    const walk = (path) => {
      if (modules.get(path)?.self.length && !starts.get(path)?.refused)
        return (accept({ at: path, accepted: path }), '');
      if (seen.has(path)) return '';
      seen.add(path);
      const above = [...modules.values()].filter((m) => m.path !== path && m.imports.has(path));
      if (!above.length || isEntry(path)) return path;
      for (const { path: at, deps } of above) {
        if (deps.some(({ paths }) => paths.includes(path))) accept({ at, accepted: path });
        else {
          const end = walk(at);
          if (end) return end;
        }
      }
      return '';
    };
    const end = walk(start) || (accepted ? '' : start); // a circle that nobody imports
    if (end) {
      const said = modules.get(start)?.why;
      const where = end === start ? '' : `, and ${named(end)} accepts no update`;
      return { why: why + (said ? ` (${said})` : '') + where };
    }
    for (const path of seen) outdated.add(path);
  }
  return { boundaries: [...boundaries.values()], outdated };
};

/** @type {MakeRenewal} */
export const makeRenewal = (registry, { document, location, fetch, reportError, load }) => {
  const { modules, gone, unlinked, elsewhere, invalid, ends, guarded, tell, sheets } = registry;
  /** @type {Map<string, Boundary>} */
  const stale = new Map(); // whose new code could not be had
  const missed = new Map(); // changes meanwhile that it may be about, and why to reload
  let again = 0;

  /** @type {(path: string) => boolean} */
  const isEntry = (path) =>
    [...document.querySelectorAll('script[type=module][src]')].some(
      (script) => 'src' in script && spelled(new URL(`${script.src}`).pathname) === path,
    );

  const isKnown = (path = '') =>
    modules.has(path) || [...modules.values()].some(({ imports }) => imports.has(path));

  /** @type {(module: Module) => Promise<void>} */
  const dispose = async (module) => {
    for (const call of module.disposers.splice(0)) await guarded(() => call(module.data));
  };

  /** Says goodbye to what nobody imports any more. @type {(before: Iterable<Module>) => Promise<void>} */
  const prune = async (before) => {
    const paths = new Set([...before].flatMap(({ imports }) => [...imports]));
    for (const { imports } of modules.values()) for (const path of imports) paths.delete(path);
    const lost = [...paths].filter((path) => !isEntry(path));
    if (lost[0]) tell('vite:beforePrune', { type: 'prune', paths: lost });
    for (const path of lost) {
      for (const link of sheets().filter(({ dataset }) => dataset.livers === path)) {
        link.remove();
        const { pathname, search } = new URL(link.href);
        unlinked.set(path, pathname + (/^\?module\b/.test(search) ? '?module' : ''));
      }
      const module = modules.get(path);
      if (!module) continue;
      modules.delete(path);
      gone.set(path, module);
      await dispose(module);
      for (const call of module.pruners) guarded(() => call(module.data));
      await prune([module]);
    }
  };

  /** Of a module's new version. @type {(path: string, stamp: string) => string} */
  const address = (path, stamp) => {
    const plain = new URL(path, location.href).href + (SCRIPT.test(path) ? '' : '?import');
    const [asked] = [...modules.values()].flatMap((module) => module.asked.get(path) ?? []);
    const [file, query = ''] = (modules.get(path)?.url ?? asked ?? plain).split('?');
    const rest = query.split('&').filter((part) => part && !/^(t|again)=/.test(part));
    return `${file}?${[...rest, stamp].join('&')}`;
  };

  /** Those whose new code cannot be had, asked before the old is given up. @type {Faulty} */
  const faulty = async (paths, stamp) => {
    const asked = paths.map(async (path) => {
      const answer = fetch(address(path, stamp) + '&livers=0', { method: 'HEAD' });
      const { status } = await answer.catch(() => ({ status: 0 })); // it may not be for us to ask
      return status < 400 ? [] : [path];
    });
    return (await Promise.all(asked)).flat();
  };

  /** Modules have run when they can be had; what they say of themselves may come after that. */
  const settled = async () => {
    if (!ends.size) return;
    const all = Promise.all([...ends.values()].map(({ promise }) => promise));
    await Promise.race([all, new Promise((done) => setTimeout(done, PATIENCE))]);
    ends.clear(); // one of them threw
  };

  /** Imports all, or says what failed. @type {Fetched} */
  const fetched = async (paths, outdated, stamp) => {
    const fresh = new Map();
    /** @type {string[]} */
    const failures = [];
    const before = new Map(modules);
    const old = [...outdated].flatMap((path) => before.get(path) ?? []);
    if (old.some(({ disposers }) => disposers.length)) {
      failures.push(...(await faulty(paths, stamp)).map(unhad));
      if (failures[0]) return { fresh, failures };
      for (const module of old) await dispose(module);
    }
    const urls = paths.map((path) => /** @type {const} */ ([path, address(path, stamp)]));
    const imports = urls.map(async ([path, url]) => {
      try {
        fresh.set(path, await load(url));
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error);
        const known = UNHAD.test(said);
        if (!known) reportError(error);
        failures.push(known ? unhad(path) : `${named(path)} threw: ${said}`);
        const module = before.get(path);
        if (module) modules.set(path, module); // whose code still runs
      }
    });
    await Promise.all(imports);
    await settled();
    return { fresh, failures };
  };

  /** @type {Renew} */
  const renew = async ({ boundaries, outdated }, version, stamp) => {
    const updates = boundaries.map(({ at, accepted }) => ({
      type: 'js-update',
      path: at,
      acceptedPath: accepted,
      timestamp: version,
    }));
    tell('vite:beforeUpdate', { type: 'update', updates });
    const before = new Map(modules);
    const paths = new Set(boundaries.map(({ accepted }) => accepted));
    const { fresh, failures } = await fetched([...paths], outdated, stamp);
    for (const boundary of boundaries) {
      const { at, accepted } = boundary;
      const module = before.get(at);
      const now = fresh.get(accepted);
      if (now) stale.delete(keyOf(boundary));
      else stale.set(keyOf(boundary), boundary);
      if (at === accepted) for (const call of module?.self ?? []) guarded(() => call(now));
      else
        for (const { paths, call } of module?.deps ?? [])
          if (paths.includes(accepted))
            guarded(() => call(now ? paths.map((path) => (path === accepted ? now : undefined)) : []));
    }
    if (!failures[0]) await prune(before.values());
    tell('vite:afterUpdate', { type: 'update', updates });
    return failures;
  };

  /** What is asked, and what comes of it: modules refuse their updates. @type {Rounds} */
  const rounds = async (starts, version, stamp) => {
    /** @type {string[]} */
    const failures = [];
    const refused = new Set();
    for (let round = 0; ; round++) {
      for (const [path, message] of invalid) {
        const why = message || `${named(path)} refused its update`;
        if (refused.has(path)) return { how: 'reload', why };
        refused.add(path);
        starts.set(path, { why, refused: true });
      }
      invalid.clear();
      const planned = plan(modules, starts, isEntry);
      if ('why' in planned) return { how: 'reload', why: planned.why };
      const { boundaries, outdated } = planned;
      const keys = boundaries.map(keyOf);
      const old = round
        ? []
        : [...stale].filter(([key, { at }]) => modules.has(at) && !keys.includes(key));
      boundaries.push(...old.map(([, boundary]) => boundary));
      if (boundaries[0]) failures.push(...(await renew({ boundaries, outdated }, version, stamp)));
      if (!invalid.size) break;
      starts = new Map();
    }
    return failures[0] ? { how: 'kept', why: failures.join(', ') } : { how: 'hot' };
  };

  /** @type {Rounds} */
  const run = async (starts, version, stamp) => {
    for (const [path, { why }] of starts) {
      if (isKnown(path)) continue;
      starts.delete(path);
      missed.set(path, why);
    }
    const changed = [...starts].flatMap(([path, { refused }]) => (refused ? [] : [path]));
    const [shared] = [...starts].filter(([path]) => elsewhere.has(path));
    const done = shared
      ? { how: /** @type {const} */ ('reload'), why: `${shared[1].why}, and a worker runs it` }
      : await rounds(starts, version, stamp);
    if (done.how === 'reload') {
      // A page that is reloaded with a fault in it is none.
      const faults = await faulty(
        changed.filter((path) => modules.has(path)),
        stamp,
      );
      if (faults[0]) return { how: 'kept', why: faults.map(unhad).join(', ') };
    }
    if (done.how !== 'hot') return done;
    // It was about something else.
    const [why] = [...missed].flatMap(([path, why]) => (isKnown(path) ? [] : [why]));
    missed.clear();
    return why ? { how: 'reload', why } : done;
  };

  /** @type {Promise<unknown>} */
  let last = Promise.resolve();

  return {
    takes: (path) => isKnown(spelled(path)) || (stale.size > 0 && SCRIPT.test(path)),
    apply: (changes, version) => {
      const next = last.then(async () => {
        registry.running = true;
        registry.version = version;
        try {
          const starts = changes.map(({ path, kind }) => {
            const name = spelled(path);
            const why = `${named(name)} ${kind === 'modified' ? 'changed' : `was ${kind}`}`;
            return /** @type {const} */ ([name, { why, refused: kind === 'removed' }]);
          });
          // What refuses its update between two of them is of the same version, and other code.
          const stamp = `t=${version}` + (changes.length ? '' : `&again=${++again}`);
          return await run(new Map(starts), version, stamp);
        } finally {
          registry.running = false;
        }
      });
      last = next.catch(() => {}); // one after the other
      return next;
    },
  };
};

/** @type {Failed} */
export const failed = async (faults, load = (url) => import(url), { tell } = own) => {
  const [first] = faults;
  if (first) {
    const { message, frame, file, line, column } = first;
    const err = { message, stack: '', id: file, frame, loc: { file, line, column } };
    tell('vite:error', { type: 'error', err });
  }
  const { show } = await load('./overlay.js');
  show(faults);
};

const { document, location } = globalThis;

export const { takes, apply } = makeRenewal(own, {
  document,
  location,
  fetch: (...asked) => fetch(...asked),
  reportError: (error) => reportError(error),
  load: (url) => import(url),
});

export const { tell } = own;
