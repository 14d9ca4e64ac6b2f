// Updates the compiled modules of the open page. Loaded with the first change. Types:
// hot-types.d.ts.
//
// The modules that accept a change (see plan.js) are imported again with the new version in their
// URL. The server adds versions to the imports of changed modules only, so all others stay the
// instances that they are. If new code fails to load, the old code keeps running, and the update is
// retried with the next change. If no module accepts a change, the page reloads.

import { decodePath, loader, registry as ownRegistry, SCRIPT } from './hot.js';
import { displayName, keyOf, plan } from './plan.js';

/** The messages of browsers for a module that fails to load. The server reports the reason. */
const LOAD_ERROR = /dynamically imported module|module script failed/i;

/** How long a module may take to call `end` after it has run, in milliseconds. */
const END_TIMEOUT = 200;

/** @type {(path: string) => string} */
const failedToLoad = (path) => `${displayName(path)} failed to load`;

/** @type {(module: Module, registry: Registry) => Promise<void>} */
const dispose = async (module, { callSafely }) => {
  for (const call of module.disposers.splice(0)) await callSafely(() => call(module.data));
};

/** Removes modules that nothing imports any more. @type {MakePrune} */
const makePrune = (registry, isEntry) => {
  const { modules, pruned, removedSheets, callSafely, emit, sheets, unstyle, trimStyles } = registry;

  /** @type {(path: string) => void} */
  const removeSheet = (path) => {
    const names = [path, path + '?style=0']; // that of a component
    if (!sheets().some(({ dataset }) => names.includes(`${dataset.livers}`))) return;
    unstyle(path);
    trimStyles(path, 0);
    removedSheets.add(path);
  };

  /** @type {ReturnType<MakePrune>} */
  const prune = async (before) => {
    const paths = new Set([...before].flatMap(({ imports }) => [...imports]));
    for (const { imports } of modules.values()) for (const path of imports) paths.delete(path);
    const unused = [...paths].filter((path) => !isEntry(path));
    if (unused[0]) emit('vite:beforePrune', { type: 'prune', paths: unused });
    for (const path of unused) {
      removeSheet(path);
      const module = modules.get(path);
      if (!module) continue;
      modules.delete(path);
      pruned.set(path, module);
      await dispose(module, registry);
      for (const call of module.pruners) callSafely(() => call(module.data));
      await prune([module]);
    }
  };
  return prune;
};

/** Imports new versions of modules. @type {MakeImporter} */
const makeImporter = (registry, { location, fetch, reportError, load }) => {
  const { modules, unfinished } = registry;

  /** Returns the URL of a module's new version. @type {(path: string, stamp: string) => string} */
  const urlOf = (path, stamp) => {
    const plain = new URL(path, location.href).href + (SCRIPT.test(path) ? '' : '?import');
    const [accepted] = [...modules.values()].flatMap((module) => module.urls.get(path) ?? []);
    const [file, query = ''] = (modules.get(path)?.url ?? accepted ?? plain).split('?');
    const rest = query.split('&').filter((part) => part && !/^(t|again)=/.test(part));
    return `${file}?${[...rest, stamp].join('&')}`;
  };

  /** @type {Importer['failing']} */
  const failing = async (paths, stamp) => {
    const checks = paths.map(async (path) => {
      const response = fetch(urlOf(path, stamp) + '&livers=0', { method: 'HEAD' });
      const { status } = await response.catch(() => ({ status: 0 })); // the page's policy may forbid it
      return status < 400 ? [] : [path];
    });
    return (await Promise.all(checks)).flat();
  };

  /** Waits for modules that have run to call `end`. */
  const finished = async () => {
    if (!unfinished.size) return;
    const all = Promise.all([...unfinished.values()].map(({ promise }) => promise));
    await Promise.race([all, new Promise((done) => setTimeout(done, END_TIMEOUT))]);
    unfinished.clear(); // a module threw
  };

  /** @type {Importer['importAll']} */
  const importAll = async (paths, outdated, stamp) => {
    const fresh = new Map();
    /** @type {string[]} */
    const failures = [];
    const before = new Map(modules);
    const old = [...outdated].flatMap((path) => before.get(path) ?? []);
    if (old.some(({ disposers }) => disposers.length)) {
      failures.push(...(await failing(paths, stamp)).map(failedToLoad));
      if (failures[0]) return { fresh, failures };
      for (const module of old) await dispose(module, registry);
    }
    const urls = paths.map((path) => /** @type {const} */ ([path, urlOf(path, stamp)]));
    const imports = urls.map(async ([path, url]) => {
      try {
        fresh.set(path, await load(url));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const isReported = LOAD_ERROR.test(message);
        if (!isReported) reportError(error);
        failures.push(isReported ? failedToLoad(path) : `${displayName(path)} threw: ${message}`);
        const module = before.get(path);
        if (module) modules.set(path, module); // its code still runs
      }
    });
    await Promise.all(imports);
    await finished();
    return { fresh, failures };
  };

  return { failing, importAll };
};

/** Runs the new code of modules that accept a change. @type {MakeUpdate} */
const makeUpdate = (registry, retries, { importAll }, prune) => {
  const { modules, callSafely, emit } = registry;

  /** @type {(boundary: Boundary, module: Module | undefined, fresh: any) => void} */
  const accept = ({ at, accepted }, module, fresh) => {
    if (at === accepted) for (const call of module?.self ?? []) callSafely(() => call(fresh));
    else
      for (const { paths, call } of module?.deps ?? [])
        if (paths.includes(accepted))
          callSafely(() =>
            call(fresh ? paths.map((path) => (path === accepted ? fresh : undefined)) : []),
          );
  };

  /** The changed imports of modules that failed to load. @type {Set<string>} */
  let missed = new Set();

  return async ({ boundaries, outdated }, version, stamp) => {
    const updates = boundaries.map(({ at, accepted }) => ({
      type: 'js-update',
      path: at,
      acceptedPath: accepted,
      timestamp: version,
    }));
    emit('vite:beforeUpdate', { type: 'update', updates });
    const before = new Map(modules);
    const paths = new Set(boundaries.map(({ accepted }) => accepted));
    // An import that accepts its own change concerns no other module.
    const own = boundaries.flatMap(({ at, accepted }) => (at === accepted ? [at] : []));
    registry.outdated = new Set([...outdated, ...missed].filter((path) => !own.includes(path)));
    const { fresh, failures } = await importAll([...paths], outdated, stamp);
    for (const boundary of boundaries) {
      const now = fresh.get(boundary.accepted);
      if (now) retries.delete(keyOf(boundary));
      else retries.set(keyOf(boundary), boundary);
      accept(boundary, before.get(boundary.at), now);
      // Nothing above it could do more: it would fail to load as well.
      if (!now) registry.invalidated.delete(boundary.at);
    }
    missed = failures[0] ? registry.outdated : new Set();
    if (!failures[0]) await prune(before.values());
    emit('vite:afterUpdate', { type: 'update', updates });
    return failures;
  };
};

/** Plans and updates, again for modules that reject their update. @type {MakeRounds} */
const makeRounds = ({ modules, invalidated }, retries, update, isEntry) => async (starts, version, stamp) => {
  /** @type {string[]} */
  const failures = [];
  const rejected = new Set();
  for (let round = 0; ; round++) {
    for (const [path, message] of invalidated) {
      const why = message || `${displayName(path)} rejected its update`;
      if (rejected.has(path)) return { how: 'reload', why };
      rejected.add(path);
      starts.set(path, { why, refused: true });
    }
    invalidated.clear();
    const planned = plan(modules, starts, isEntry);
    if ('why' in planned) return { how: 'reload', why: planned.why };
    const { boundaries, outdated } = planned;
    const keys = boundaries.map(keyOf);
    const retried = round
      ? []
      : [...retries].filter(([key, { at }]) => modules.has(at) && !keys.includes(key));
    boundaries.push(...retried.map(([, boundary]) => boundary));
    if (boundaries[0]) failures.push(...(await update({ boundaries, outdated }, version, stamp)));
    if (!invalidated.size) break;
    starts = new Map();
  }
  return failures[0] ? { how: 'kept', why: failures.join(', ') } : { how: 'hot' };
};

/** @type {MakeRenewal} */
export const makeRenewal = (registry, environment) => {
  const { modules, workerModules } = registry;
  const { document } = environment;
  /** @type {Map<string, Boundary>} */
  const retries = new Map(); // the new code failed to load
  const unknown = new Map(); // path -> why, of files that `retries` may have to do with
  /** The files whose current content does not run, and whether only a reload can change that. */
  const behind = new Map();

  /** @type {(path: string) => boolean} */
  const isEntry = (path) =>
    [...document.querySelectorAll('script[type=module][src]')].some(
      (script) => 'src' in script && decodePath(new URL(`${script.src}`).pathname) === path,
    );

  const isKnown = (path = '') =>
    modules.has(path) || [...modules.values()].some(({ imports }) => imports.has(path));

  const importer = makeImporter(registry, environment);
  const update = makeUpdate(registry, retries, importer, makePrune(registry, isEntry));
  const rounds = makeRounds(registry, retries, update, isEntry);

  /** Returns whether a change of a file waits for code that failed to load. */
  const waits = (path = '') => {
    if (!isKnown(path)) return retries.size > 0;
    const planned = plan(modules, new Map([[path, { why: '', refused: false }]]), isEntry);
    return 'boundaries' in planned && planned.boundaries.some((boundary) => retries.has(keyOf(boundary)));
  };

  /** @type {Rounds} */
  const run = async (starts, version, stamp) => {
    const all = [...starts.keys()];
    for (const [path, { why }] of starts) {
      if (isKnown(path)) continue;
      starts.delete(path);
      unknown.set(path, why);
    }
    const changed = [...starts].flatMap(([path, { refused }]) => (refused ? [] : [path]));
    const [shared] = [...starts].filter(([path]) => workerModules.has(path));
    const result = shared
      ? { how: /** @type {const} */ ('reload'), why: `${shared[1].why}, and a worker runs it` }
      : await rounds(starts, version, stamp);
    if (result.how === 'reload') {
      // With an error in a module, a reload would leave a broken page.
      const known = changed.filter((path) => modules.has(path));
      const failing = await importer.failing(known, stamp);
      if (failing[0]) {
        for (const path of changed) behind.set(path, true);
        return { how: 'kept', why: failing.map(failedToLoad).join(', ') };
      }
    }
    if (result.how === 'kept') for (const path of all) behind.set(path, false);
    for (const [path, needsReload] of behind)
      if (!needsReload && !waits(path)) behind.delete(path);
    if (result.how !== 'hot') return result;
    // Every module has loaded, so the unknown files had nothing to do with a failure.
    const [why] = [...unknown].flatMap(([path, why]) => (isKnown(path) ? [] : [why]));
    unknown.clear();
    return why ? { how: 'reload', why } : result;
  };

  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  let again = 0;

  return {
    kept: () => [...behind.keys()],
    takes: (path) => isKnown(decodePath(path)) || (retries.size > 0 && SCRIPT.test(path)),
    apply: (changes, version) => {
      const next = last.then(async () => {
        registry.running = true;
        registry.version = version;
        try {
          const starts = changes.map(({ path, kind }) => {
            const name = decodePath(path);
            const why = `${displayName(name)} ${kind === 'modified' ? 'changed' : `was ${kind}`}`;
            return /** @type {const} */ ([name, { why, refused: kind === 'removed' }]);
          });
          // A module that rejects its update later runs again with the same version.
          const stamp = `t=${version}` + (changes.length ? '' : `&again=${++again}`);
          return await run(new Map(starts), version, stamp);
        } finally {
          registry.running = false;
        }
      });
      last = next.catch(() => {}); // one update at a time
      return next;
    },
  };
};

/** @type {Fault[]} */
let lastFaults = [];

/** Whether the server reports an error of compiling. */
export const hasFaults = () => lastFaults.some(({ kind }) => !kind);

/** @type {Failed} */
export const failed = async (faults, load = (url) => import(url), { emit } = ownRegistry) => {
  const [first] = faults;
  if (first && !first.kind) {
    const { message, frame, file, line, column } = first;
    const err = { message, stack: '', id: file, frame, loc: { file, line, column } };
    emit('vite:error', { type: 'error', err });
  }
  lastFaults = faults;
  const { show } = await load('./overlay.js');
  show(lastFaults); // the loads may end in another order
};

const { document, location } = globalThis;

export const { kept, takes, apply } = makeRenewal(ownRegistry, {
  document,
  location,
  fetch: (...args) => fetch(...args),
  reportError: (error) => reportError(error),
  load: (url) => (url.startsWith('.') ? import(url) : loader.load(url)),
});

export const { emit } = ownRegistry;
