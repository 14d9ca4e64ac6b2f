// Tells whether a page shows nothing.

/** Elements that show something without text. */
const SHOWN = 'frame,img,svg,canvas,video,audio[controls],iframe,object,embed,input,select,textarea,button,progress,meter,hr,math';

/** @type {(element: Element) => boolean} */
const hasSize = (element) => {
  const { width, height } = element.getBoundingClientRect();
  return width > 0 && height > 0;
};

/** Returns whether a tree shows text or elements. @type {(root: Element | ShadowRoot) => boolean} */
const shows = (root) => {
  if ([...root.querySelectorAll(SHOWN)].some(hasSize)) return true;
  // The text of shadow trees is not among the text of the element.
  for (const element of root.querySelectorAll('*')) {
    const { shadowRoot } = element;
    if (!shadowRoot || !hasSize(element)) continue;
    if (shadowRoot.textContent?.trim() || shows(shadowRoot)) return true;
  }
  return false;
};

/** @type {(document: Document) => boolean} */
export const isBlank = ({ body, documentElement }) => {
  if (!body) return documentElement?.localName === 'html'; // another document shows itself
  if (!body.getClientRects().length) return true;
  return !body.innerText.trim() && !shows(body);
};
