// Parses the source of a page for morph.js. Types: morph-types.d.ts.

/** Refuses to morph, so that the page reloads. @type {Refuse} */
export const refuse = (why) => {
  throw Error(why);
};

/** Returns the child nodes that are part of the page's source. @type {ChildrenOf} */
export const childrenOf = (node) =>
  [...node.childNodes].filter(
    (child) =>
      !(child.localName === 'script' && /\/__livers\/client\.js\?/.test(child.src)) &&
      // The live page has a shadow root in its place.
      !(child.localName === 'template' && child.hasAttribute('shadowrootmode')),
  );

/** @type {Parse} */
export const parse = (window, html) => {
  // DOMParser parses as if scripting were disabled, so <noscript> would have elements as children.
  // In the page it contains text, as <noframes> always does: parse it as that.
  let count = 0;
  const text = html.replace(/<(\/?)noscript(?=[\s/>])/gi, (_, end) => {
    if (!end) count++;
    return `<${end}noframes`;
  });
  /** @type {Tree} */
  const document = new window.DOMParser().parseFromString(text, 'text/html');
  for (const noframes of document.querySelectorAll('noframes')) {
    const noscript = document.createElement('noscript');
    for (const { name, value } of noframes.attributes) noscript.setAttribute(name, value);
    noscript.append(...noframes.childNodes);
    noframes.replaceWith(noscript);
    count--;
  }
  return count ? refuse('<noscript> in an unsupported place') : document;
};
