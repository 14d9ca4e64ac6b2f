// The style sheets of the page, and how one is renewed in place. See types.d.ts.
//
// A sheet that a sheet imports is renewed through its importer. The old sheet is kept until the new
// one has loaded, and for good if that fails. Not here: what sheets show (assets.js).

import { bust, pathOf } from './address.js';

/** @type {Roots} */
export const roots = (root) => [
  root,
  ...[...root.querySelectorAll('*')].flatMap(({ shadowRoot }) => (shadowRoot ? roots(shadowRoot) : [])),
];

/** @type {Imported} */
const imported = (base, sheet) => {
  try {
    const imports = [...sheet.cssRules].filter((rule) => rule.href);
    return imports.flatMap((rule) => {
      const { href } = new URL(rule.href, base);
      return [href, ...imported(href, rule.styleSheet)];
    });
  } catch {
    return []; // it is of another origin, or has not loaded
  }
};

/** @type {TextOf} */
const textOf = (sheet) => {
  try {
    return sheet ? [...sheet.cssRules].map((rule) => rule.cssText + textOf(rule.styleSheet)).join() : '';
  } catch {
    return '\0'; // of another origin
  }
};

/** @type {Sheets} */
export const sheets = (window, { load, base, shows, used: { uses, gone, tell } }) => {
  const { document, location, performance, setTimeout } = window;
  const pending = new Map(); // element -> successor, loading
  const left = new Set(); // paths that sheets showed which are gone

  const { origin } = location;

  // What the old sheet named, and no sheet and no element names now, is used no more.
  const weigh = (before = '') => {
    const now = [...document.styleSheets].map(textOf).join();
    if (now.includes('\0')) return;
    const text = now + document.documentElement.outerHTML;
    const names = (all = '', path = '') => all.includes(path.slice(path.lastIndexOf('/') + 1));
    for (const path of gone) if (names(text, path) && gone.delete(path)) uses.add(path);
    tell([]);
    const drop = [...uses].filter((path) => names(before, path) && !names(text, path));
    for (const path of drop) uses.delete(path) && gone.add(path);
    tell(drop);
  };

  /** @type {Swap} */
  const swap = (old, version) =>
    new Promise((resolve, reject) => {
      const fresh = old.cloneNode(true);
      if ('href' in fresh) fresh.href = bust(fresh.href, version);
      const older = pending.get(old);
      older?.remove();
      pending.set(old, fresh);
      const done = () => {
        if (pending.get(old) !== fresh) return;
        pending.delete(old);
        if (!old.isConnected) return fresh.remove();
        fresh.disabled = old.disabled;
        if (fresh.sheet && old.sheet) fresh.sheet.disabled = old.sheet.disabled;
        const { sheet } = old;
        const before = textOf(sheet);
        old.remove();
        weigh(before);
        setTimeout(() => {
          for (const url of shows(sheet)) left.add(pathOf(url, origin));
        }, 0);
        resolve(older && swap(fresh, version)); // they may share an import
      };
      fresh.onload = done;
      // With rules, only an import failed.
      fresh.onerror = () => (fresh.sheet?.cssRules[0] ? done() : fresh.remove());
      old.after(fresh);
      // What a script put into it would be lost.
      if (!('href' in fresh) && fresh.sheet?.cssRules.length !== old.sheet?.cssRules.length) {
        fresh.remove();
        pending.delete(old);
        return reject();
      }
      if (old.disabled) done();
    });

  /** @type {() => User[]} */
  const elements = () => {
    const loaded = document.readyState === 'complete'; // before, imports are fetched once
    const successors = new Set(pending.values());
    /** @type {any[]} */
    const all = roots(document).flatMap((root) => [
      ...root.querySelectorAll('link[rel~=stylesheet],style'),
    ]);
    return all
      .filter((element) => !successors.has(element))
      .map((element) => {
        const { href, sheet } = element;
        const urls = loaded ? imported(href ?? document.baseURI, sheet) : [];
        const paths = (href ? [href, ...urls] : urls).map((url) => pathOf(url, origin));
        return { how: 'css', paths, renew: (version) => swap(element, version) };
      });
  };

  // `import sheet from './x.css' with { type: 'css' }`: to import it again gives the same sheet.
  /** @type {(path: string) => Promise<User[]>} */
  const modules = async (path) => {
    const adopted = roots(document).flatMap(({ adoptedStyleSheets }) => adoptedStyleSheets ?? []);
    const entries = adopted.length ? performance.getEntriesByType('resource') : [];
    const asked = entries.filter(
      ({ name, initiatorType }) => initiatorType === 'script' && pathOf(name, origin) === path,
    );
    /** @type {(url: string) => Promise<User[]>} */
    const user = async (url) => {
      const { sheetOf } = await load(base + 'adopted.js');
      const sheet = await sheetOf(url);
      /** @type {User['renew']} */
      const renew = async (version) => {
        const answer = await window.fetch(bust(url, version));
        if (!answer.ok) throw new Error();
        sheet.replaceSync(await answer.text());
      };
      return adopted.includes(sheet) ? [{ how: 'css', paths: [path], renew }] : [];
    };
    const urls = new Set(asked.map(({ name }) => name));
    return (await Promise.all([...urls].map(user))).flat();
  };

  return {
    left,
    users: async (paths) => {
      const found = elements();
      const lost = paths.filter(
        (path) => path.endsWith('.css') && !found.some((user) => user.paths.includes(path)),
      );
      const more = await Promise.all(lost.map(modules));
      return [...found, ...more.flat()];
    },
  };
};
