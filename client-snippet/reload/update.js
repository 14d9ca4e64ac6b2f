// What the open page does about a change. Loaded with the first one; see types.d.ts.
//
// Each changed file is looked for in the page: a sheet or a picture is renewed in place, compiled
// modules by renew.js, the page's own source is morphed into the document by morph.js. If one of a
// set needs a reload, that is all that is done: once, and not before the document answers.

import { pathOf, spelled } from './address.js';
import { assets } from './assets.js';
import { answered } from './reload.js';
import { sheets } from './sheets.js';

/** @type {Decide} */
export const decide = (changes, page) => {
  const users = new Set();
  const hot = [];
  let morph = false;
  for (const change of changes) {
    const { path, kind } = change;
    const name = spelled(path);
    const why = `${name.replace(/^\/(?=.)/, '')} ${kind === 'modified' ? 'changed' : `was ${kind}`}`;
    const found = page.users(name);
    // Its names are a module's; what shows its rules is renewed as well.
    if (name.endsWith('.module.css') && kind !== 'removed' && found.length && page.hot(name))
      hot.push(change);
    // What an element shows of it is renewed there.
    if (page.hot(name) && !page.fetched(name) && (kind === 'removed' || !found.length)) {
      hot.push(change);
      continue;
    }
    if (!found.length && page.left(name)) continue;
    if (kind === 'removed' || page.fetched(name)) return { why };
    // A folder's page is its index, and a page needs not the end of its name.
    const more = page.path.endsWith('/') ? 'index.html' : '.html';
    const own = name === page.path || name === page.path + more;
    if (own && page.morphs) morph = true;
    else if (!found.length || own)
      return { why: !own && name.endsWith('.css') ? why + ', and no sheet shows it' : why };
    for (const user of found) users.add(user);
  }
  return { morph, hot, users: [...users] };
};

/** @type {Updater} */
export const updater = ({ window, base, tag, load, send, isOpen, hangUp, used }) => {
  const { document, location, navigator, performance, Date } = window;
  const asset = assets(window);
  const sheet = sheets(window, { load, base, shows: asset.shows, used });

  /** @type {Ack[]} */
  const owed = []; // what the reload that is to come is for
  /** @type {(ack: Ack) => Promise<void>} */
  const reload = async (ack) => {
    if (owed.push(ack) > 1) return;
    (await renewal())?.tell('vite:beforeFullReload', { type: 'full-reload' });
    await answered(window, isOpen);
    for (const { version, began, why } of owed.splice(0))
      send({ type: 'applied', version, how: 'reload', ms: Date.now() - began, why });
    hangUp();
    location.reload();
  };

  // There are compiled modules if they loaded this, as far as the browser still knows that: a page
  // may clear its list, which has an end as well.
  const renewal = async () => {
    const entries = performance.getEntriesByType('resource');
    const known = entries.length > 0 && entries.length < 250;
    if (known && !entries.some(({ name }) => name === base + 'hot.js')) return;
    try {
      return await load(base + 'renew.js');
    } catch {} // the server is going away, and all is reloaded when it is back
  };

  /** @type {Promise<unknown>} */
  let morphed = Promise.resolve(); // one after the other
  const morph = () => {
    const next = morphed.then(async () => {
      const { apply } = await load(base + 'morph.js');
      return apply(window, tag);
    });
    morphed = next.catch(() => {});
    return next;
  };

  /** @type {Look} */
  const look = async (changes) => {
    const names = changes.map(({ path }) => spelled(path));
    const modules = await renewal();
    const found = [...(await sheet.users(names)), ...asset.users(names)];
    // Without what was asked for here.
    const entries = performance.getEntriesByType('resource');
    const asked = entries
      .filter(({ name }) => !/[?&]livers=/.test(name))
      .map(({ name, initiatorType: by }) => ({ name: pathOf(name, location.origin), by }));
    return {
      path: spelled(location.pathname),
      // What a service worker keeps is not what the tag is of.
      morphs:
        !!tag?.match(/^[\da-f]+$/) &&
        document.readyState !== 'loading' &&
        !navigator.serviceWorker?.controller &&
        !document.querySelector('meta[name=livers i][content=reload i]'),
      users: (path) => found.filter(({ paths }) => paths.includes(path)),
      hot: (path) => !!modules?.takes(path),
      // A sheet used it, which is no more; and nobody else ever asked for it.
      left: (path) =>
        sheet.left.has(path) &&
        asked.some(({ name }) => name === path) &&
        asked.every(({ name, by }) => name !== path || by === 'css' || by === 'link'),
      fetched: (path) =>
        !path.endsWith('.css') &&
        asked.some(({ name, by }) => name === path && (by === 'fetch' || by === 'xmlhttprequest')),
    };
  };

  /** @type {Update} */
  const update = async (version, changes, began) => {
    if (!changes.length) return;
    if (owed.length) return reload({ version, began, why: owed[0]?.why });
    const verdict = decide(changes, await look(changes));
    if ('why' in verdict) return reload({ version, began, why: verdict.why });
    const ways = verdict.users.map(({ how, renew }) => renew(version).then(() => ({ how })));
    const { hot } = verdict;
    if (hot[0]) ways.push(renewal().then((modules) => modules.apply(hot, version)));
    const results = await Promise.all([...(verdict.morph ? [morph()] : []), ...ways]);
    asset.again();
    const failed = results.find(({ how }) => how === 'reload');
    if (failed) return reload({ version, began, why: failed.why });
    const why = results.find(({ how }) => how === 'kept')?.why;
    const hows = new Set(results.map(({ how }) => how).filter((how) => how !== 'none'));
    send({
      type: 'applied',
      version,
      how: [...hows].join('+') || 'none',
      ms: Date.now() - began,
      why,
    });
  };

  return (version, changes, began) =>
    update(version, changes, began).catch(() =>
      reload({ version, began, why: 'the change could not be put in place' }),
    );
};
