// Finds the page's style sheets and replaces one without a reload. Types: types.d.ts.
//
// An imported sheet is replaced through the sheet that imports it. The old sheet stays until the
// new one has loaded, and for good if that fails, unless its file was removed, or if the new one
// has the same rules. The files that sheets refer to are in assets.js.

import { CSS_MODULE, encodePath, pathOf, SHEET, withVersion } from './address.js';

/** The document and all open shadow roots. @type {Roots} */
export const roots = (root) => [
  root,
  ...[...root.querySelectorAll('*')].flatMap(({ shadowRoot }) => (shadowRoot ? roots(shadowRoot) : [])),
];

/** @type {ImportsOf} */
const importsOf = (base, sheet) => {
  try {
    const imports = [...sheet.cssRules].filter((rule) => rule.href);
    return imports.flatMap((rule) => {
      const { href } = new URL(rule.href, base);
      return [href, ...importsOf(href, rule.styleSheet)];
    });
  } catch {
    return []; // of another origin, or not loaded
  }
};

const UNREADABLE = '\0';

/** @type {TextOf} */
const textOf = (sheet) => {
  try {
    return sheet ? [...sheet.cssRules].map((rule) => rule.cssText + textOf(rule.styleSheet)).join() : '';
  } catch {
    return UNREADABLE; // of another origin
  }
};

/** Reports the files that only a replaced sheet named as no longer used. @type {MakeUpdateUses} */
const makeUpdateUses = (document, { uses, dropped, report }) => (before) => {
  const now = [...document.styleSheets].map(textOf).join();
  if (now.includes(UNREADABLE)) return;
  const text = now + document.documentElement.outerHTML;
  const names = (all = '', path = '') => all.includes(path.slice(path.lastIndexOf('/') + 1));
  for (const path of dropped) if (names(text, path) && dropped.delete(path)) uses.add(path);
  report([]);
  const drop = [...uses].filter((path) => names(before, path) && !names(text, path));
  for (const path of drop) uses.delete(path) && dropped.add(path);
  report(drop);
};

/** Replaces link and style elements. @type {MakeSwap} */
const makeSwap = (pending, replaced) => {
  /** Resolves the swap to an element, and those before it that it replaced. @type {WeakMap<any, () => void>} */
  const settle = new WeakMap();
  /** @type {Swap} */
  const swap = (old, version, isRemoved) =>
    new Promise((resolve, reject) => {
      const fresh = old.cloneNode(true);
      if ('href' in fresh) fresh.href = withVersion(fresh.href, version);
      const older = pending.get(old);
      older?.remove();
      pending.set(old, fresh);
      const settleOlder = settle.get(older);
      settle.set(fresh, () => (resolve(), settleOlder?.()));
      const done = () => {
        if (pending.get(old) !== fresh) return;
        pending.delete(old);
        if (!old.isConnected) return fresh.remove();
        fresh.disabled = old.disabled;
        if (fresh.sheet && old.sheet) fresh.sheet.disabled = old.sheet.disabled;
        const { sheet } = old;
        const before = textOf(sheet);
        // Developer tools change the sheet before they save it, and know it as an object.
        const isSame = sheet && fresh.sheet && before === textOf(fresh.sheet) && !before.includes(UNREADABLE);
        if (isSame) fresh.remove();
        else {
          old.remove();
          replaced(before, sheet);
        }
        const last = older && swap(isSame ? old : fresh, version, isRemoved); // they may share an import
        resolve(last);
        if (settleOlder) void Promise.resolve(last).then(settleOlder);
      };
      fresh.onload = done;
      // With rules, only an import failed. The browser shows none of a response that is no CSS.
      fresh.onerror = () =>
        isRemoved || !['', UNREADABLE].includes(textOf(fresh.sheet)) ? done() : fresh.remove();
      old.after(fresh);
      // Rules that a script inserted would be lost.
      if (!('href' in fresh) && fresh.sheet?.cssRules.length !== old.sheet?.cssRules.length) {
        fresh.remove();
        pending.delete(old);
        return reject();
      }
      if (old.disabled) done(); // it loads nothing
    });
  return swap;
};

/**
 * Replaces sheets that modules inserted (see hot.js), by running their modules again.
 *
 * @type {MakeInserted}
 */
const makeInserted = (load, base, replaced) => {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();

  return ({ dataset, sheet }) => {
    const path = dataset.livers;
    const parts = JSON.parse(dataset.parts ?? '[]');
    /** @type {Target['refresh']} */
    const refresh = async (version, removed) => {
      const before = textOf(sheet);
      const [module] = path.split('?style='); // a component
      const run = removed.has(path)
        ? async () => (await load(base + 'hot.js')).unstyle(path)
        : () => load(`${encodePath(module)}?import&t=${version}`);
      const next = last.then(run);
      last = next.catch(() => {}); // an older version must not replace a newer one
      await next.catch(() => new Promise(() => {}));
      replaced(before, sheet);
    };
    // The module of a CSS module accepts its own update.
    return { paths: CSS_MODULE.test(path) ? parts : [path, ...parts], refresh };
  };
};

/**
 * Finds sheets that a script imported: `import sheet from './x.css' with { type: 'css' }`.
 * Importing one again returns the same sheet.
 *
 * @type {MakeImportedSheets}
 */
const makeImportedSheets = (window, { load, base }) => async (path) => {
  const { document, location, performance } = window;
  const adopted = roots(document).flatMap(({ adoptedStyleSheets }) => adoptedStyleSheets ?? []);
  const entries = adopted.length ? performance.getEntriesByType('resource') : [];
  const requests = entries.filter(
    ({ name, initiatorType }) =>
      initiatorType === 'script' &&
      pathOf(name, location.origin) === path &&
      !/[?&]import\b/.test(name), // a module in JavaScript
  );
  /** @type {(url: string) => Promise<Target[]>} */
  const target = async (url) => {
    const { sheetOf } = await load(base + 'adopted.js');
    const sheet = await sheetOf(url);
    /** @type {Target['refresh']} */
    const refresh = async (version) => {
      const response = await window.fetch(withVersion(url, version));
      if (!response.ok) throw new Error();
      sheet.replaceSync(await response.text());
    };
    return adopted.includes(sheet) ? [{ how: 'css', paths: [path], refresh }] : [];
  };
  const urls = new Set(requests.map(({ name }) => name));
  return (await Promise.all([...urls].map(target))).flat();
};

/** @type {Sheets} */
export const sheets = (window, { load, base, urlsIn, used }) => {
  const { document, location } = window;
  const { origin } = location;
  const pending = new Map(); // element -> its successor, loading
  const unused = new Set(); // paths in replaced sheets
  const updateUses = makeUpdateUses(document, used);
  /** @type {Replaced} */
  const replaced = (before, sheet) => {
    updateUses(before);
    window.setTimeout(() => {
      for (const url of urlsIn(sheet)) unused.add(pathOf(url, origin));
    }, 0);
  };
  const swap = makeSwap(pending, replaced);
  const inserted = makeInserted(load, base, replaced);
  const importedSheets = makeImportedSheets(window, { load, base });

  /** Sheets of link and style elements. @type {() => Target[]} */
  const elements = () => {
    const loaded = document.readyState === 'complete'; // before, imports are fetched only once
    const successors = new Set(pending.values());
    /** @type {any[]} */
    const all = roots(document).flatMap((root) => [
      ...root.querySelectorAll('link[rel~=stylesheet],style'),
    ]);
    return all
      .filter((element) => !successors.has(element))
      .map((element) => {
        const { href, sheet } = element;
        const urls = loaded ? importsOf(href ?? document.baseURI, sheet) : [];
        const paths = (href ? [href, ...urls] : urls).map((url) => pathOf(url, origin));
        if (element.dataset?.livers) {
          const own = inserted(element);
          return { how: 'css', refresh: own.refresh, paths: [...own.paths, ...paths] };
        }
        /** @type {Target['refresh']} */
        const refresh = (version, removed) => swap(element, version, !!href && removed.has(paths[0]));
        return { how: 'css', paths, refresh };
      });
  };

  return {
    unused,
    targets: async (paths) => {
      const found = elements();
      const missing = paths.filter(
        (path) => SHEET.test(path) && !found.some((target) => target.paths.includes(path)),
      );
      const more = await Promise.all(missing.map(importedSheets));
      return [...found, ...more.flat()];
    },
  };
};
