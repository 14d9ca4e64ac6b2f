// Applies changes to the open page. Loaded with the first change. Types: types.d.ts.
//
// Each changed file is looked up in the page. A style sheet or an image is replaced, or disappears
// until its file is back, compiled modules are updated by renew.js, and a change of the page's own
// source is morphed into the document by morph.js. If one file of a change set needs a reload, the
// page reloads once, when the document is available, and nothing else is applied.

import { CSS_MODULE, decodePath, pathOf, SHEET } from './address.js';
import { assets } from './assets.js';
import { untilAvailable } from './reload.js';
import { sheets } from './sheets.js';

const SCRIPT = /\.([cm]?[jt]s|[jt]sx)$/;

/** Decides what to do about a change set. @type {Decide} */
export const decide = (changes, page) => {
  const targets = new Set();
  const removed = new Set();
  const hot = [];
  let morph = false;
  for (const change of changes) {
    const { path, kind } = change;
    const name = decodePath(path);
    const why = `${name.replace(/^\/(?=.)/, '')} ${kind === 'modified' ? 'changed' : `was ${kind}`}`;
    const found = page.targets(name);
    // A CSS module is both: its class names are a module's exports, its rules are shown by a sheet.
    if (CSS_MODULE.test(name) && kind !== 'removed' && found.length && page.isHot(name))
      hot.push(change);
    if (page.isHot(name) && !page.isFetched(name) && (kind === 'removed' || !found.length)) {
      hot.push(change);
      continue;
    }
    if (!found.length && page.isUnused(name)) continue;
    // The URL of a page may leave out index.html or .html.
    const suffix = page.path.endsWith('/') ? 'index.html' : '.html';
    const isPage = name === page.path || name === page.path + suffix;
    if (page.isFetched(name) || (kind === 'removed' && (isPage || !found.length))) return { why };
    if (isPage && page.canMorph) morph = true;
    else if (!found.length || isPage)
      return { why: !isPage && SHEET.test(name) ? why + ', and no sheet shows it' : why };
    for (const target of found) targets.add(target);
    if (kind === 'removed') removed.add(name);
  }
  return { morph, hot, removed, targets: [...targets] };
};

/** @type {MakeInspect} */
const makeInspect = ({ window, tag }, sheet, asset, hotModules) => async (changes) => {
  const { document, location, navigator, performance } = window;
  const names = changes.map(({ path }) => decodePath(path));
  const modules = await hotModules();
  // The search goes through the whole document, and no sheet or image is a script.
  const searched = names.filter((name) => !(SCRIPT.test(name) && modules?.takes(name)));
  const found = searched[0] ? [...(await sheet.targets(names)), ...asset.targets(names)] : [];
  const requests = performance
    .getEntriesByType('resource')
    .filter(({ name }) => !/[?&]livers=/.test(name)) // made by this client
    .map(({ name, initiatorType: by }) => ({ path: pathOf(name, location.origin), by }));
  return {
    path: decodePath(location.pathname),
    canMorph:
      !!tag?.match(/^[\da-f]+$/) &&
      document.readyState !== 'loading' &&
      !navigator.serviceWorker?.controller && // it may have served another source
      !document.querySelector('meta[name=livers i][content=reload i]'),
    targets: (path) => found.filter(({ paths }) => paths.includes(path)),
    isHot: (path) => !!modules?.takes(path),
    isUnused: (path) =>
      sheet.unused.has(path) &&
      requests.some((request) => request.path === path) &&
      requests.every(({ path: other, by }) => other !== path || by === 'css' || by === 'link'),
    isFetched: (path) =>
      !SHEET.test(path) &&
      requests.some((request) => request.path === path && /^(fetch|xmlhttprequest)$/.test(request.by)),
  };
};

/** Returns a function that calls `task` once the previous call has settled. @type {OneAtATime} */
const oneAtATime = (task) => {
  let last = Promise.resolve();
  return () => {
    const next = last.then(task);
    last = next.catch(() => {});
    return next;
  };
};

/** @type {Updater} */
export const updater = (client) => {
  const { window, base, tag, load, send, isOpen, disconnect, used } = client;
  const { location, performance, Date } = window;
  const asset = assets(window);
  const sheet = sheets(window, { load, base, urlsIn: asset.urlsIn, used });

  /** Loads renew.js if the page may have compiled modules. @type {HotModules} */
  const hotModules = async () => {
    // These import hot.js. A page may clear the list of entries, which holds 250 at most.
    const entries = performance.getEntriesByType('resource');
    const isComplete = entries.length > 0 && entries.length < 250;
    if (isComplete && !entries.some(({ name }) => name === base + 'hot.js')) return;
    try {
      return await load(base + 'renew.js');
    } catch {} // the server is stopping, and the page reloads when it is back
  };

  const inspect = makeInspect(client, sheet, asset, hotModules);

  const morph = oneAtATime(async () => {
    const { apply } = await load(base + 'morph.js');
    return apply(window, tag);
  });

  /** @type {Ack[]} */
  const unacknowledged = []; // changes that the pending reload applies
  /** @type {(ack: Ack) => Promise<void>} */
  const reload = async (ack) => {
    if (unacknowledged.push(ack) > 1) return;
    (await hotModules())?.emit('vite:beforeFullReload', { type: 'full-reload' });
    await untilAvailable(window, isOpen);
    for (const { version, began, why } of unacknowledged.splice(0))
      send({ type: 'applied', version, how: 'reload', ms: Date.now() - began, why });
    disconnect();
    location.reload();
  };

  /** @type {Update} */
  const update = async (version, changes, began) => {
    if (!changes.length) return;
    if (unacknowledged.length) return reload({ version, began, why: unacknowledged[0]?.why });
    const decision = decide(changes, await inspect(changes));
    if ('why' in decision) return reload({ version, began, why: decision.why });
    const { hot, removed, targets } = decision;
    const steps = targets.map(({ how, refresh }) => refresh(version, removed).then(() => ({ how })));
    if (hot[0]) steps.push(hotModules().then((modules) => modules.apply(hot, version)));
    if (decision.morph) steps.unshift(morph());
    // The first step that needs a reload rejects, since others may never settle: see `Target`.
    const results = await Promise.all(
      steps.map(async (step) => {
        const result = await step;
        return result.how === 'reload' ? Promise.reject(result) : result;
      }),
    );
    asset.reapply();
    const why = results.find(({ how }) => how === 'kept')?.why;
    const hows = new Set(results.map(({ how }) => how).filter((how) => how !== 'none'));
    const how = [...hows].join('+') || 'none';
    const kept = (await hotModules())?.kept();
    const ms = Date.now() - began;
    // What new code threw as it ran is reported first. What the old code threw is not reported again.
    const listener = await load(base + 'console.js').catch(() => undefined);
    await listener?.flush();
    send({ type: 'applied', version, how, ms, why, kept: kept?.[0] && kept });
    if (/hot|morph/.test(how) && !kept?.[0]) listener?.forget(began);
  };

  return (version, changes, began) =>
    update(version, changes, began).catch(({ how, why } = {}) =>
      reload({ version, began, why: how ? why : 'the change could not be applied' }),
    );
};
