// Matches the nodes of a page's old source with those of the open page, and with those of its new
// source. Types: morph-types.d.ts.

import { childrenOf, refuse } from './parse.js';

/** The largest table of `pair`, in cells. */
const MAX_CELLS = 4e6;

/** Without the query that this client adds. @type {(url: string, base: string) => string} */
const plainURL = (url, base) => {
  try {
    const { href } = new URL(url, base);
    return href.replace(/([?&])livers=\d+&?/, '$1').replace(/[?&]$/, '');
  } catch {
    return url;
  }
};

/** Describes nodes by strings, which are equal for equal nodes. @type {MakeDescriptions} */
const makeDescriptions = (base) => {
  /** @type {Map<Node, string>} */
  const cache = new Map();

  /** The node and everything in it. @type {Describe} */
  const whole = (node) => {
    if (!cache.has(node)) cache.set(node, `${own(node)}[${childrenOf(node).map(whole)}]`);
    return cache.get(node) ?? '';
  };

  /** The node without its children. @type {Describe} */
  const own = (node) => {
    if (node.nodeType !== 1) return node.nodeName + JSON.stringify(node.data);
    const attributes = [...node.attributes]
      .filter(({ name }) => name !== 'open') // changed by the user
      .map(({ name, value }) => {
        const plain = /^(href|src|poster)$/.test(name) ? plainURL(value, base) : value;
        return ` ${name}=` + JSON.stringify(plain);
      });
    return node.nodeName + attributes.sort().join('');
  };

  /** Its name and id. @type {Describe} */
  const name = (node) => node.nodeName + '#' + node.getAttribute?.('id');

  return { whole, own, name };
};

/**
 * Returns the index of each of `few` in `many`, in order and as early as possible; -1: none.
 *
 * @type {Embed}
 */
const embed = (few, many) => {
  let at = -1;
  return few.map((one) => (at = many.indexOf(one, at + 1)));
};

/**
 * Finds the children of an old node in the open page, among what scripts added.
 *
 * @type {MakeLocate}
 */
const makeLocate = ({ whole, own, name }) => (parent, live) => {
  const [was, is] = [childrenOf(parent), childrenOf(live)];
  const originals = new Set(was.map(whole));
  for (const describe of [whole, own, name]) {
    const [a, b] = [was.map(describe), is.map(describe)];
    const left = embed(a, b);
    const right = embed([...a].reverse(), [...b].reverse()).reverse();
    const altered = new Set();
    const isSure = was.every((node, i) => {
      // There is one way to find all of them, and no two can have swapped places.
      if (left[i] < 0 || right[i] < 0 || left[i] + right[i] !== b.length - 1) return false;
      const found = whole(is[left[i]]);
      if (found === whole(node)) return true;
      return !originals.has(found) && !altered.has(a[i]) && altered.add(a[i]);
    });
    if (isSure) return new Map(was.map((node, i) => [node, is[left[i]]]));
  }
  return refuse('a script changed the surroundings of a change');
};

/** @type {MakeSimilarity} */
const makeSimilarity = ({ whole, own, name }) => (a, b) => {
  if (whole(a) === whole(b)) return /^#text"\s*"/.test(own(a)) ? 2 : 9;
  if (name(a) !== name(b) || /^(IFRAME|FRAME|OBJECT|EMBED)$/.test(a.nodeName)) return 0;
  const isMedia = /^(AUDIO|VIDEO)$/.test(a.nodeName);
  return isMedia && `${childrenOf(a).map(whole)}` !== `${childrenOf(b).map(whole)}` ? 0 : 1;
};

/**
 * Pairs new nodes with old ones: a longest common subsequence, weighted by similarity.
 *
 * @type {MakePair}
 */
const makePair = (similarity) => (was, will) => {
  let [start, rows, columns] = [0, was.length, will.length];
  while (start < rows && start < columns && similarity(was[start], will[start]) > 1) start++;
  while (start < rows && start < columns && similarity(was[rows - 1], will[columns - 1]) > 1)
    rows--, columns--;
  const width = columns - start + 1;
  if ((rows - start) * width > MAX_CELLS) refuse('too much changed');
  const best = new Uint32Array((rows - start + 1) * width); // the score from here to the end
  for (let i = rows - 1; i >= start; i--)
    for (let j = columns - 1; j >= start; j--) {
      const at = (i - start) * width + j - start;
      const score = similarity(was[i], will[j]);
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

/** @type {MakeMatcher} */
export const makeMatcher = (base) => {
  const descriptions = makeDescriptions(base);
  const similarity = makeSimilarity(descriptions);
  const locate = makeLocate(descriptions);
  return { ...descriptions, similarity, locate, pair: makePair(similarity) };
};
