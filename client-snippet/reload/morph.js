// A three-way patch: what differs between a page's old source and its new one is done to the open
// page; nothing else is touched. All or nothing, and in doubt a reload. See morph-types.d.ts.

/** @type {No} */
const no = (why) => {
  throw Error(why);
};

/** What only works when it is parsed or first run. */
const ONCE = { script: 'script', template: 'template', base: 'base', 'meta[http-equiv]': 'pragma' };

/** Without attributes, scripts do not look for these. */
const LIGHT = /^(BR|B|EM|I|S|SMALL|STRONG|SUB|SUP|U|WBR)$/;

/** @type {Kids} */
const kids = (node) =>
  [...node.childNodes].filter(
    (kid) =>
      !(kid.localName === 'script' && /\/__livers\/client\.js\?/.test(kid.src)) &&
      !(kid.localName === 'template' && kid.hasAttribute('shadowrootmode')), // a shadow root by now
  );

/** @type {Read} */
const read = (window, html) => {
  // The parser takes scripts to be off: it reads <noframes> as the page's own read <noscript>.
  let count = 0;
  const text = html.replace(/<(\/?)noscript(?=[\s/>])/gi, (_, end) => {
    if (!end) count++;
    return `<${end}noframes`;
  });
  /** @type {Tree} */
  const document = new window.DOMParser().parseFromString(text, 'text/html');
  for (const stand of document.querySelectorAll('noframes')) {
    const real = document.createElement('noscript');
    for (const { name, value } of stand.attributes) real.setAttribute(name, value);
    real.append(...stand.childNodes);
    stand.replaceWith(real);
    count--;
  }
  return count ? no('<noscript> in an unusual place') : document;
};

/** @type {Embed} */
const embed = (few, many) => {
  let at = -1;
  return few.map((one) => (at = many.indexOf(one, at + 1)));
};

/** @type {Splice} */
const splice = (text, to) => {
  const { data } = text; // only the middle changes, for the selection's sake
  const short = Math.min(data.length, to.length);
  let head = 0;
  let tail = 0;
  while (head < short && data[head] === to[head]) head++;
  while (tail < short - head && data.at(-1 - tail) === to.at(-1 - tail)) tail++;
  text.replaceData(head, data.length - head - tail, to.slice(head, to.length - tail));
};

/** @type {Choices} */
const choices = (document) => {
  const again = [...document.querySelectorAll('input')]
    .filter((input) => input.checked !== input.defaultChecked)
    .map((input) => ({ input, checked: input.checked }));
  const options = [...document.querySelectorAll('select')].flatMap((select) => {
    const all = [...select.options];
    const first = select.size > 1 ? undefined : all.find((option) => !option.disabled);
    const usual = all.filter((option) => option.defaultSelected).pop() ?? first;
    const chosen = select.multiple
      ? all.some((option) => option.selected !== option.defaultSelected)
      : all[select.selectedIndex] !== usual;
    return chosen ? all.filter((option) => select.multiple || option.selected) : [];
  });
  const was = options.map((option) => option.selected);
  return () => {
    for (const { input, checked } of again) input.checked = checked;
    options.forEach((option, i) => (option.selected = was[i]));
  };
};

/** @type {Patch} */
export const patch = (window, before, after) => {
  const { document } = window;
  if (document.readyState === 'loading') no('the page is still loading');
  const [old, fresh] = [read(window, before), read(window, after)];
  const [was, is] = [old, fresh].map((doc) => (/** @type {string} */ selector) =>
    [...doc.querySelectorAll(selector)].map((it) => it.outerHTML).join());
  for (const [selector, what] of Object.entries(ONCE))
    if (was(selector) !== is(selector)) no(`a ${what} changed`);
  if (fresh.querySelector('meta[name=livers][content=reload]')) no('the page asks for it');
  const scripted = [...fresh.querySelectorAll('script')].some((script) =>
    /^$|module|(java|ecma)script/i.test(script.type));

  // What a node is, as a text: all that is in it, itself alone, or its name and id.
  /** @type {Map<Node, string>} */
  const known = new Map();
  /** @type {Kind} */
  const whole = (node) => {
    if (!known.has(node)) known.set(node, `${own(node)}[${kids(node).map(whole)}]`);
    return known.get(node) ?? '';
  };
  /** @type {Kind} */
  const own = (node) =>
    node.nodeName +
    (node.nodeType === 1
      ? [...node.attributes]
          .filter(({ name }) => name !== 'open') // people open things
          .map(({ name, value }) => ` ${name}=` + JSON.stringify(plain(name, value)))
          .sort()
          .join('')
      : JSON.stringify(node.data));
  /** @type {Kind} */
  const name = (node) => node.nodeName + '#' + node.getAttribute?.('id');
  /** @type {(name: string, value: string) => string} */
  const plain = (name, value) => {
    if (!/^(href|src|poster)$/.test(name)) return value;
    try {
      const { href } = new URL(value, document.baseURI);
      return href.replace(/([?&])livers=\d+&?/, '$1').replace(/[?&]$/, '');
    } catch {
      return value;
    }
  };

  /** @type {Locate} */
  const locate = (parent, live) => {
    const [was, is] = [kids(parent), kids(live)];
    const homes = new Set(was.map(whole));
    for (const kind of [whole, own, name]) {
      const [a, b] = [was.map(kind), is.map(kind)];
      const left = embed(a, b);
      const right = embed([...a].reverse(), [...b].reverse()).reverse();
      const altered = new Set();
      const sure = was.every((node, i) => {
        // There is one way to find all of them, and no two could have changed places.
        if (left[i] < 0 || right[i] < 0 || left[i] + right[i] !== b.length - 1) return false;
        const found = whole(is[left[i]]);
        if (found === whole(node)) return true;
        return !homes.has(found) && !altered.has(a[i]) && altered.add(a[i]);
      });
      if (sure) return new Map(was.map((node, i) => [node, is[left[i]]]));
    }
    return no('a script changed what is around a change');
  };

  /** @type {Alike} */
  const alike = (a, b) => {
    if (whole(a) === whole(b)) return /^#text"\s*"/.test(own(a)) ? 2 : 9;
    if (name(a) !== name(b) || /^(IFRAME|FRAME|OBJECT|EMBED)$/.test(a.nodeName)) return 0;
    const media = /^(AUDIO|VIDEO)$/.test(a.nodeName);
    return media && `${kids(a).map(whole)}` !== `${kids(b).map(whole)}` ? 0 : 1;
  };

  /** @type {Pair} */
  const pair = (was, will) => {
    let [start, rows, columns] = [0, was.length, will.length];
    while (start < rows && start < columns && alike(was[start], will[start]) > 1) start++;
    while (start < rows && start < columns && alike(was[rows - 1], will[columns - 1]) > 1)
      rows--, columns--;
    const width = columns - start + 1;
    if ((rows - start) * width > 4e6) no('too much changed');
    const best = new Uint32Array((rows - start + 1) * width); // from here to the end
    for (let i = rows - 1; i >= start; i--)
      for (let j = columns - 1; j >= start; j--) {
        const at = (i - start) * width + j - start;
        const score = alike(was[i], will[j]);
        best[at] = Math.max(best[at + 1], best[at + width], score && score + best[at + width + 1]);
      }
    const pairs = new Map();
    for (let k = 0; k < start; k++) pairs.set(will[k], was[k]);
    for (let k = 0; rows + k < was.length; k++) pairs.set(will[columns + k], was[rows + k]);
    for (let i = start, j = start; i < rows && j < columns; ) {
      const at = (i - start) * width + j - start;
      if (best[at] === best[at + 1]) j++;
      else if (best[at] === best[at + width]) i++;
      else pairs.set(will[j++], was[i++]);
    }
    return pairs;
  };

  /** @type {(() => void)[]} */
  const edits = [];

  /** @type {Free} */
  const light = (node) =>
    node.nodeType !== 1 ||
    (LIGHT.test(node.nodeName) && !node.attributes[0] && kids(node).every(light));
  /** @type {Free} */
  const free = (node) =>
    node.nodeType === 10
      ? no('the doctype changed')
      : scripted ? light(node) : name(node) !== 'SCRIPT#null' && !node.querySelector?.('script');

  /** @type {Walk} */
  const attributes = (was, will, live) => {
    for (const name of new Set([...was.getAttributeNames(), ...will.getAttributeNames()])) {
      const [from, to] = [was, will].map((it) => it.getAttribute(name));
      if (from === to) continue;
      const is = live.getAttribute(name);
      if (is !== from && !/[?&]livers=\d/.test(is) && live.nodeName + name !== 'DETAILSopen')
        no(`a script changed ${name}`);
      if (name === 'onload') no('onload changed');
      if (scripted && /^id$|^_|[:@]|^(?!aria-|accept-)\w+-/.test(name) && !('ownerSVGElement' in live))
        no(`a script may have read ${name}`);
      const attribute = will.getAttributeNode(name);
      edits.push(() =>
        attribute
          ? live.setAttributeNode(document.importNode(attribute, true))
          : live.removeAttribute(name),
      );
    }
  };

  /** @type {Walk} */
  const walk = (was, will, live) => {
    if (was.isEqualNode(will)) return;
    if (was.nodeType === 10) no('the doctype changed');
    if (was.nodeType === 3 || was.nodeType === 8) {
      if (live.data !== was.data) no('a script changed a text');
      edits.push(() => splice(live, will.data));
      return;
    }
    if (was.nodeType === 1) {
      if (scripted && was.localName.includes('-')) no('a custom element changed');
      attributes(was, will, live);
    }
    const [a, b] = [kids(was), kids(will)];
    if (a.length === b.length && a.every((node, i) => node.isEqualNode(b[i]))) return;
    const place = locate(was, live);
    const pairs = pair(a, b);
    const gone = new Set(a);
    for (const node of pairs.values()) gone.delete(node);
    const moved = new Set();
    const come = b.filter((node) => {
      if (pairs.has(node)) return false;
      const same = [...gone].find(
        (it) => it.nodeType === 1 && alike(it, node) && (it.getAttribute('id') || alike(it, node) > 1));
      if (!same) return true;
      gone.delete(same);
      moved.add(same);
      pairs.set(node, same);
      return false;
    });
    if (![...gone, ...moved, ...come].every(free)) no('elements came or went, and scripts may know them');
    for (const node of gone)
      if (scripted && whole(node) !== whole(place.get(node))) no('a script changed what is gone');
    for (const [to, from] of pairs) walk(from, to, place.get(from));
    if (!gone.size && !moved.size && !come.length) return;
    edits.push(() => {
      for (const node of gone) place.get(node).remove();
      let last = null;
      for (const node of b) {
        const from = pairs.get(node);
        const here = from ? place.get(from) : document.importNode(node, true);
        const next = last ? last.nextSibling : live.firstChild;
        if (next !== here && (!from || moved.has(from)))
          from && live.moveBefore ? live.moveBefore(here, next) : live.insertBefore(here, next);
        last = here;
      }
    });
  };

  walk(old, fresh, document);
  if (!edits[0]) return { how: 'none' };
  const restore = choices(document);
  for (const edit of edits) edit();
  restore();
  return { how: 'morph' };
};

/** @type {WeakMap<Document, string>} */
const sources = new WeakMap();

/** @type {Apply} */
const run = async (window, tag) => {
  try {
    const { document, location, navigator, performance } = window;
    const here = location.href.split('#')[0];
    const [loaded] = performance.getEntriesByType('navigation');
    if (loaded.name.split('#')[0] !== here) no('a script changed the address');
    if (navigator.serviceWorker?.controller) no('a service worker may answer');
    const load = async (/** @type {string} */ url) => {
      const answer = await window.fetch(url, { cache: 'no-store' });
      const type = answer.headers.get('content-type') ?? '';
      if (!answer.ok) no(`${answer.status} for the source`);
      if (answer.redirected || !/^text\/html; *charset=utf-8$/i.test(type)) no('it is another kind of answer');
      return answer.text();
    };
    const old = sources.get(document) ?? (await load(new URL('source?' + tag, import.meta.url).href));
    // Marked, so that the page is not taken for one that fetches itself.
    const fresh = await load(here + (here.includes('?') ? '&' : '?') + 'livers=0');
    const done = patch(window, old, fresh);
    sources.set(document, fresh);
    return done;
  } catch (error) {
    return { how: 'reload', why: error instanceof Error ? error.message : `${error}` };
  }
};

/** @type {Promise<unknown>} */
let turn = Promise.resolve();

/** @type {Apply} */
export const apply = (window, tag) => {
  const mine = turn.then(() => run(window, tag));
  turn = mine;
  return mine;
};
