// Random pairs of documents, loaded in frames: a document that is morphed into the other must equal
// a fresh load of the other. The file is an expression: a function of a seed and a number of pairs,
// which returns how many were morphed, and what went wrong.
async (seed, count) => {
  const { patch } = await import('/__livers/morph.js');
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(random() * n);
  const one = (list) => list[below(list.length)];
  const word = () => one(['a', 'bc', 'def', 'x &amp; y', '\n  ', '<!-- c -->', 'ü', '1', '2', ' ']);
  const attribute = () =>
    one([['class', one(['u', 'v', 'u v'])], ['title', word().replace(/\W/g, '')], ['id', one(['i', 'j', 'k'])],
      ['style', one(['color: red', 'margin: 0'])], ['hidden', ''], ['data-n', one(['1', '2'])], ['lang', 'en']]);
  const INSIDE = {
    ul: ['li'], select: ['option'], table: ['tr'], tr: ['td', 'th'], picture: ['source'], svg: ['g', 'path', 'title'],
    textarea: [], option: [], noscript: [], input: [], br: [], img: [], source: [], path: [], title: [], style: [],
    g: ['path', 'g'], p: ['b', 'i', 'span', 'input', 'br', 'img'], span: ['b', 'i'], b: ['span'], i: ['b'], pre: ['b'],
  };
  const ANY = ['p', 'div', 'ul', 'table', 'select', 'svg', 'textarea', 'details', 'span', 'pre', 'noscript', 'section', 'input', 'picture', 'b'];
  const VOID = ['input', 'br', 'img', 'source'];
  const BARE = ['ul', 'select', 'table', 'tr', 'picture', 'svg', 'g', 'path'];
  const tree = (name, depth) => {
    const node = { name, attributes: {}, kids: [] };
    if (random() < 0.3) Object.assign(node.attributes, Object.fromEntries([attribute()]));
    if (name === 'img') node.attributes.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';
    const inside = INSIDE[name] ?? ANY;
    if (depth && !VOID.includes(name))
      for (let n = below(5); n--; )
        if (inside.length && random() < 0.7) node.kids.push(tree(one(inside), depth - 1));
        else if (!BARE.includes(name)) node.kids.push(name === 'textarea' || !inside.length ? 'text ' + below(9) : word());
    return node;
  };
  const show = (node) =>
    typeof node === 'string' ? node
      : `<${node.name}${Object.entries(node.attributes).map(([k, v]) => ` ${k}="${v}"`).join('')}>` +
        (VOID.includes(node.name) ? '' : node.kids.map(show).join('') + `</${node.name}>`);
  const page = ({ head, body, script }) =>
    `<!doctype html>\n<html lang=en>\n<head>@${head.map(show).join('\n')}</head>\n${show(body)}${script}</html>\n`;
  const nodes = (node) => [node, ...node.kids.filter((kid) => kid.kids).flatMap(nodes)];
  const edit = (doc, words) => {
    const node = one(nodes(doc.body));
    const at = below(node.kids.length + 1);
    const texts = node.kids.flatMap((kid, i) => (typeof kid === 'string' && kid.trim() && !/[<&]/.test(kid) ? [i] : []));
    const kind = below(words ? 2 : 7);
    if (kind === 0 && texts.length) node.kids[one(texts)] = 'new ' + below(99);
    else if (kind === 1) {
      const [name, value] = attribute();
      if (node.attributes[name] === value) delete node.attributes[name];
      else node.attributes[name] = value;
    } else if (kind === 2) node.kids.splice(at, 1);
    else if (kind === 3) {
      const inside = INSIDE[node.name] ?? ANY;
      if (inside.length) node.kids.splice(at, 0, tree(one(inside), 2));
    } else if (kind === 4) node.kids.splice(at, 0, ...node.kids.splice(below(node.kids.length + 1), 1));
    else if (kind === 5) node.kids.reverse();
    else if (kind === 6) doc.head = [...doc.head, { name: one(['title', 'style']), attributes: {}, kids: [`t${below(9)}`] }].slice(below(2));
  };

  const frames = [0, 1].map(() => document.body.appendChild(document.createElement('iframe')));
  const load = (frame, html) =>
    new Promise((resolve) => {
      frame.onload = () => resolve(frame.contentWindow);
      frame.srcdoc = html;
    });
  const OURS = '<script type=not-run src="/__livers/client.js?a.1.b"></' + 'script>';
  const plain = (document) => {
    const copy = document.documentElement.cloneNode(true);
    for (const it of copy.querySelectorAll('script[src], x-added')) it.remove();
    return copy;
  };
  const result = { morph: 0, none: 0, reload: {}, wrong: [] };
  for (let n = 0; n < count; n++) {
    const doc = { head: [tree('title', 1), tree('style', 1)], body: tree('body', 4), script: '' };
    // 0: a page; 1: a page with a script; 2: elements were added; 3: children were shuffled
    const mode = n % 4;
    if (mode === 1) doc.script = '<script>1</' + 'script>';
    const before = page(doc);
    for (let edits = 1 + below(3); edits--; ) edit(doc, mode === 3);
    const after = page(doc);
    const [live, fresh] = await Promise.all([load(frames[0], before.replace('@', OURS)), load(frames[1], after.replace('@', ''))]);
    let undo = () => {};
    let same = true;
    if (mode === 2)
      for (let more = 3; more--; ) {
        const parent = one([...live.document.querySelectorAll('html, body, div, p, section, ul')]);
        parent.insertBefore(live.document.createElement('x-added'), one([...parent.childNodes, null]));
      }
    if (mode === 3) {
      const parent = one([...live.document.querySelectorAll('body, body *')]);
      const was = [...parent.childNodes];
      // A swap of equal nodes cannot be detected.
      if (!was.some((a) => was.some((b) => a !== b && a.isEqualNode(b)))) {
        parent.append(...was.slice().sort(() => random() - 0.5));
        undo = () => {
          // An element with another id is another element, so the order cannot be restored.
          same = was.every((node) => node.parentNode === parent);
          if (same) parent.append(...was);
        };
      }
    }
    let how, why;
    try {
      ({ how } = patch(live, before.replace('@', ''), after.replace('@', '')));
      result[how]++;
      undo();
      if (same && !plain(live.document).isEqualNode(plain(fresh.document))) why = 'differs from a fresh load';
    } catch (error) {
      result.reload[error.message] = (result.reload[error.message] ?? 0) + 1;
      if (mode === 0) why = error.stack;
    }
    if (why) result.wrong.push({ n, mode, how, why, before, after, live: plain(live.document).outerHTML });
  }
  for (const frame of frames) frame.remove();
  return result;
}
