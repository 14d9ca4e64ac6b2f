// Applies the differences between a page's old and new source to the open page, and leaves
// everything else alone. If the result is uncertain, nothing is applied and the page reloads. See
// morph-types.d.ts.

import { makeMatcher } from './match.js';
import { childrenOf, parse, refuse } from './parse.js';

/** Elements that take effect only when they are parsed or first run. */
const PARSE_ONLY = {
  script: 'a script element',
  template: 'a template',
  base: 'a base element',
  'meta[http-equiv]': 'an http-equiv meta element',
};

/** Elements that scripts do not look for, if they have no attributes. */
const LIGHT = /^(BR|B|EM|I|S|SMALL|STRONG|SUB|SUP|U|WBR)$/;

/** Changes the middle of a text only, to keep the selection. @type {Splice} */
const splice = (text, to) => {
  const { data } = text;
  const short = Math.min(data.length, to.length);
  let head = 0;
  let tail = 0;
  while (head < short && data[head] === to[head]) head++;
  while (tail < short - head && data.at(-1 - tail) === to.at(-1 - tail)) tail++;
  text.replaceData(head, data.length - head - tail, to.slice(head, to.length - tail));
};

/** @type {SaveChoices} */
const saveChoices = (document) => {
  const inputs = [...document.querySelectorAll('input')]
    .filter((input) => input.checked !== input.defaultChecked)
    .map((input) => ({ input, checked: input.checked }));
  const options = [...document.querySelectorAll('select')].flatMap((select) => {
    const all = [...select.options];
    const first = select.size > 1 ? undefined : all.find((option) => !option.disabled);
    const initial = all.filter((option) => option.defaultSelected).pop() ?? first;
    const isChanged = select.multiple
      ? all.some((option) => option.selected !== option.defaultSelected)
      : all[select.selectedIndex] !== initial;
    return isChanged ? all.filter((option) => select.multiple || option.selected) : [];
  });
  const selected = options.map((option) => option.selected);
  return () => {
    for (const { input, checked } of inputs) input.checked = checked;
    options.forEach((option, i) => (option.selected = selected[i]));
  };
};

/** Collects the edits of one element's attributes. @type {MakeDiff} */
const makeDiffAttributes = ({ document, edits, isScripted }) => (was, will, live) => {
  for (const name of new Set([...was.getAttributeNames(), ...will.getAttributeNames()])) {
    const [from, to] = [was, will].map((element) => element.getAttribute(name));
    if (from === to) continue;
    const is = live.getAttribute(name);
    if (is !== from && !/[?&]livers=\d/.test(is) && live.nodeName + name !== 'DETAILSopen')
      refuse(`a script changed ${name}`);
    if (name === 'onload') refuse('onload changed');
    if (isScripted && /^id$|^_|[:@]|^(?!aria-|accept-)\w+-/.test(name) && !('ownerSVGElement' in live))
      refuse(`a script may have read ${name}`);
    const attribute = will.getAttributeNode(name);
    edits.push(() =>
      attribute
        ? live.setAttributeNode(document.importNode(attribute, true))
        : live.removeAttribute(name),
    );
  }
};

/** Pairs the children of two versions of a node. @type {PairChildren} */
const pairChildren = ({ pair, similarity }, was, will) => {
  const pairs = pair(was, will);
  const removed = new Set(was);
  for (const node of pairs.values()) removed.delete(node);
  const moved = new Set();
  const added = will.filter((node) => {
    if (pairs.has(node)) return false;
    const same = [...removed].find(
      (other) =>
        other.nodeType === 1 &&
        similarity(other, node) &&
        (other.getAttribute('id') || similarity(other, node) > 1),
    );
    if (!same) return true;
    removed.delete(same);
    moved.add(same);
    pairs.set(node, same);
    return false;
  });
  return { pairs, removed, moved, added };
};

/** Collects the edits that turn the open page from one version into another. @type {MakeDiff} */
const makeDiff = (context) => {
  const { document, edits, isScripted, matcher } = context;
  const { whole, name, locate } = matcher;
  const diffAttributes = makeDiffAttributes(context);

  /** @type {(node: AnyNode) => boolean} */
  const isLight = (node) =>
    node.nodeType !== 1 ||
    (LIGHT.test(node.nodeName) && !node.attributes[0] && childrenOf(node).every(isLight));

  /** Whether a node can be added or removed. @type {(node: AnyNode) => boolean} */
  const isFree = (node) => {
    if (node.nodeType === 10) refuse('the doctype changed');
    if (isScripted) return isLight(node);
    return name(node) !== 'SCRIPT#null' && !node.querySelector?.('script');
  };

  /** @type {Diff} */
  const diffChildren = (was, will, live) => {
    const [a, b] = [childrenOf(was), childrenOf(will)];
    if (a.length === b.length && a.every((node, i) => node.isEqualNode(b[i]))) return;
    const places = locate(was, live);
    const { pairs, removed, moved, added } = pairChildren(matcher, a, b);
    if (![...removed, ...moved, ...added].every(isFree))
      refuse('elements were added or removed, and a script may refer to them');
    for (const node of removed)
      if (isScripted && whole(node) !== whole(places.get(node)))
        refuse('a script changed a removed element');
    for (const [to, from] of pairs) diff(from, to, places.get(from));
    if (!removed.size && !moved.size && !added.length) return;
    edits.push(() => {
      for (const node of removed) places.get(node).remove();
      let last = null;
      for (const node of b) {
        const from = pairs.get(node);
        const here = from ? places.get(from) : document.importNode(node, true);
        const next = last ? last.nextSibling : live.firstChild;
        if (next !== here && (!from || moved.has(from)))
          from && live.moveBefore ? live.moveBefore(here, next) : live.insertBefore(here, next);
        last = here;
      }
    });
  };

  /** @type {Diff} */
  const diff = (was, will, live) => {
    if (was.isEqualNode(will)) return;
    if (was.nodeType === 10) refuse('the doctype changed');
    if (was.nodeType === 3 || was.nodeType === 8) {
      if (live.data !== was.data) refuse('a script changed a text');
      edits.push(() => splice(live, will.data));
      return;
    }
    if (was.nodeType === 1) {
      if (isScripted && was.localName.includes('-')) refuse('a custom element changed');
      diffAttributes(was, will, live);
    }
    diffChildren(was, will, live);
  };
  return diff;
};

/** @type {Patch} */
export const patch = (window, before, after) => {
  const { document } = window;
  if (document.readyState === 'loading') refuse('the page is still loading');
  const [old, fresh] = [parse(window, before), parse(window, after)];
  const [was, is] = [old, fresh].map((tree) => (/** @type {string} */ selector) =>
    [...tree.querySelectorAll(selector)].map((element) => element.outerHTML).join());
  for (const [selector, what] of Object.entries(PARSE_ONLY))
    if (was(selector) !== is(selector)) refuse(`${what} changed`);
  if (fresh.querySelector('meta[name=livers][content=reload]')) refuse('the page requests reloads');
  const isScripted = [...fresh.querySelectorAll('script')].some((script) =>
    /^$|module|(java|ecma)script/i.test(script.type));

  /** @type {(() => void)[]} */
  const edits = [];
  const matcher = makeMatcher(document.baseURI);
  makeDiff({ document, edits, isScripted, matcher })(old, fresh, document);
  if (!edits[0]) return { how: 'none' };
  const restoreChoices = saveChoices(document);
  for (const edit of edits) edit();
  restoreChoices();
  return { how: 'morph' };
};

/** @type {(window: Page, url: string) => Promise<string>} */
const fetchSource = async (window, url) => {
  const response = await window.fetch(url, { cache: 'no-store' });
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok) refuse(`the server answered ${response.status} for the source`);
  if (response.redirected || !/^text\/html; *charset=utf-8$/i.test(type))
    refuse('the response is not a UTF-8 page');
  return response.text();
};

/** @type {WeakMap<Document, string>} */
const sources = new WeakMap(); // what the open page was last made from

/** @type {Apply} */
const applyOne = async (window, tag) => {
  try {
    const { document, location, navigator, performance } = window;
    const here = location.href.split('#')[0];
    const [loaded] = performance.getEntriesByType('navigation');
    if (loaded.name.split('#')[0] !== here) refuse('a script changed the URL');
    if (navigator.serviceWorker?.controller) refuse('a service worker may have served the page');
    const kept = new URL('source?' + tag, import.meta.url).href;
    const old = sources.get(document) ?? (await fetchSource(window, kept));
    // The query marks the request as this client's: the page does not fetch itself.
    const fresh = await fetchSource(window, here + (here.includes('?') ? '&' : '?') + 'livers=0');
    const result = patch(window, old, fresh);
    sources.set(document, fresh);
    return result;
  } catch (error) {
    return { how: 'reload', why: error instanceof Error ? error.message : `${error}` };
  }
};

/** @type {Promise<unknown>} */
let last = Promise.resolve();

/** Applies one change at a time. @type {Apply} */
export const apply = (window, tag) => {
  const next = last.then(() => applyOne(window, tag));
  last = next;
  return next;
};
