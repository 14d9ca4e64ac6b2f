// Opens a place in the editor of the person at the machine. Types: hot-types.d.ts.
//
// The server completes TOKEN where a page imports this module, and leaves it empty where a script
// requests its text. A token works once, so import the module again for each click:
// import('./editor.js?' + number).
//
// The token must not reach other scripts of the page. No function contains it, because functions
// can be read as text. It is sent with the `fetch` of a new frame, as libraries that record
// requests replace that of the page. Objects with the token have no prototype: a getter of
// Object.prototype would be called with the object.

const TOKEN = '';

const isTrusted = Object.getOwnPropertyDescriptor(new Event(''), 'isTrusted')?.get;

/** Whether a person has clicked. @type {(event: Event) => boolean} */
const isClick = (event) => {
  try {
    return isTrusted?.call(event) && event.type === 'click';
  } catch {
    return false; // no event
  }
};

let token = TOKEN;

/** Some browsers give a frame another window when it has loaded. @type {() => Promise<HTMLIFrameElement>} */
const makeFrame = () =>
  new Promise((done) => {
    const frame = document.createElement('iframe');
    frame.hidden = true;
    frame.onload = () => done(frame);
    document.documentElement.append(frame);
  });

/** @type {OpenPlace} */
export const openPlace = async ({ path, line, column }, event) => {
  if (!isClick(event)) return { ok: false, text: 'Only a click opens the editor.' };
  if (!token) {
    // Behind a service worker, imports cannot be told from requests of scripts.
    const text = 'The editor cannot be opened from this page.';
    return { ok: false, text };
  }
  const headers = { __proto__: null, 'content-type': 'application/json', 'x-livers-token': token };
  token = '';
  const frame = await makeFrame();
  try {
    const { fetch } = /** @type {Window} */ (frame.contentWindow);
    const response = await fetch(new URL('open', import.meta.url).href, /** @type {any} */ ({
      __proto__: null,
      method: 'POST',
      headers,
      body: JSON.stringify({ file: path, line: line || 1, column: column || 1 }),
    }));
    const { editor, error, setting } = await response.json();
    if (response.ok) return { ok: true, text: `Opened in ${editor}.` };
    const remedy = setting ? ' Set LIVERS_EDITOR to the command of your editor.' : '';
    return { ok: false, text: `Not opened: ${error}.${remedy}` };
  } catch {
    return { ok: false, text: 'The server does not answer.' };
  } finally {
    frame.remove();
  }
};
