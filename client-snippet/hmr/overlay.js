// Shows errors over the page: those of compiling, and uncaught ones that leave the page blank. Loaded
// with the first error. Types: hot-types.d.ts.
//
// The overlay is a modal dialog in a shadow root: the page's styles do not reach it, and its styles
// do not reach the page. The keyboard focus stays in it, Escape closes it, and the focus returns to
// where it was. All content is inserted as text, never as HTML.

import { isBlank } from './blank.js';

/** How often a page that was blank is checked, in milliseconds. */
const CHECK = 500;

const STYLE = `
:host { all: initial; }
dialog {
  --page: #ffffff; --ink: #1c1b22; --soft: #5d5b6b; --line: #e4e2ea; --code: #f7f6fa;
  --mark: #c8102e; --row: #fdeaed; --help: #0f6b3a; --help-page: #e8f6ee; --veil: #1c1b2266;
  color-scheme: light;
  box-sizing: border-box; width: min(58rem, 100vw - 2rem); max-height: calc(100vh - 4rem);
  margin: auto; padding: 0; border: 1px solid var(--line); border-top: 4px solid var(--mark);
  border-radius: 12px; overflow: auto; overscroll-behavior: contain;
  background: var(--page); color: var(--ink); box-shadow: 0 24px 64px #0006;
  font: 15px/1.5 system-ui, sans-serif; text-align: start;
}
dialog::backdrop { background: #1c1b2266; backdrop-filter: blur(2px); }
@media (prefers-color-scheme: dark) {
  dialog {
    --page: #1d1c24; --ink: #eceaf3; --soft: #a6a3b5; --line: #363441; --code: #15141b;
    --mark: #ff6b7d; --row: #41232b; --help: #7ee0a8; --help-page: #16301f;
    color-scheme: dark;
  }
  dialog::backdrop { background: #000a; }
}
header {
  position: sticky; top: 0; z-index: 1; display: flex; align-items: center; gap: 1rem;
  padding: .8rem 1.25rem; border-bottom: 1px solid var(--line); background: var(--page);
}
h1 { flex: 1; margin: 0; font-size: 1rem; font-weight: 650; }
button { padding: 0; border: 0; background: none; color: inherit; font: inherit; cursor: pointer; }
header button {
  display: grid; place-items: center; width: 2rem; height: 2rem;
  border-radius: 8px; color: var(--soft); font: 1.35rem/1 system-ui, sans-serif;
}
header button:hover { background: var(--code); color: var(--ink); }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
dialog:focus-visible { outline: none; }
article { padding: 1.1rem 1.25rem; }
article + article { border-top: 1px solid var(--line); }
h2 {
  margin: 0 0 .6rem; font-size: 1.05rem; font-weight: 600; line-height: 1.4;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
p { margin: 0; }
.place {
  color: var(--mark); text-align: start; overflow-wrap: anywhere;
  font: .86rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
article > .place { display: block; margin-bottom: .25rem; }
button.place:hover { text-decoration: underline; text-underline-offset: 3px; }
h3 { margin: 1rem 0 .3rem; font-size: .84rem; font-weight: 600; color: var(--soft); }
ol { margin: 0; padding: 0; list-style: none; }
li { display: flex; flex-wrap: wrap; column-gap: .75rem; padding: .15rem 0; }
li > span:first-child { font: .86rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
details, details .place { color: var(--soft); }
summary { width: max-content; padding: .15rem 0; font-size: .84rem; cursor: pointer; }
pre {
  margin: 0; padding: .7rem 0; border: 1px solid var(--line); border-radius: 8px; overflow: auto;
  background: var(--code); tab-size: 2;
  font: .86rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
code { display: block; width: max-content; min-width: 100%; }
code span { display: block; min-height: 1.6em; padding: 0 1rem; white-space: pre; }
.row { background: var(--row); }
.mark { color: var(--mark); font-weight: 700; }
.help {
  margin-top: .7rem; padding: .5rem .85rem; border-radius: 8px; background: var(--help-page);
  color: var(--help); white-space: pre-wrap; overflow-wrap: anywhere;
}
footer {
  padding: .7rem 1.25rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .84rem;
}
@media print { dialog { display: none; } }
`;

/**
 * Returns whether a line of a code frame is the row with the error or a marker below it.
 *
 * @type {(line: string, number: number | null | undefined) => string}
 */
export const kindOf = (line, number) => {
  if (/^[\s|│·>]*[\^~─┬╰][\s^~─┬╰]*$/.test(line)) return 'mark';
  const [, counted] = /^[\s>]*(\d+)\s*(?:[|│]|$)/.exec(line) ?? [];
  return counted && +counted === number ? 'row' : '';
};

/** @type {PlaceOf} */
export const placeOf = ({ file, line, column }) =>
  [file, line, line && column].filter((part) => part != null && part !== 0).join(':');

/**
 * Returns text with control and format characters escaped, which could reorder or hide a part of
 * it.
 *
 * @type {(text: string) => string}
 */
export const visible = (text) =>
  text.replace(/[^\P{C}\n\t]|[\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);

/** Creates the elements of the overlay. `open` opens a place. @type {MakeElements} */
const makeElements = (document, open) => {
  /** @type {Make} */
  const make = (name, text = '', kind = '') => {
    const element = document.createElement(name);
    if (text) element.textContent = visible(text);
    if (kind) element.className = kind;
    return element;
  };

  /** A place in a file, which opens it if it is one of the folder. @type {(place: SourcePlace) => HTMLElement} */
  const place = (at) => {
    if (!at.path) return make('span', placeOf(at), 'place');
    const button = make('button', placeOf(at), 'place');
    button.title = 'Open in the editor';
    button.addEventListener('click', (event) => open(at, event));
    return button;
  };

  /** A list of calls or components. @type {(title: string, frames: StackFrame[]) => HTMLElement[]} */
  const frames = (title, frames) => {
    /** @type {HTMLElement[]} */
    const parts = [make('h3', title)];
    let isOwn = true;
    frames.forEach((frame, at) => {
      const wasOwn = isOwn;
      isOwn = !!frame.path && !/(^|\/)node_modules\//.test(frame.file);
      if (!at || isOwn !== wasOwn) parts.push(isOwn ? make('ol') : folded());
      const item = make('li');
      item.append(make('span', frame.function || '(anonymous)'), place(frame));
      (parts.at(-1)?.querySelector('ol') ?? parts.at(-1))?.append(item);
    });
    for (const part of parts)
      part.querySelector('summary')?.replaceChildren(`${part.querySelectorAll('li').length} in packages`);
    return parts;
  };

  /** A list of the calls of packages. @type {() => HTMLElement} */
  const folded = () => {
    const details = make('details');
    details.append(make('summary'), make('ol'));
    return details;
  };

  /** The article about one error. @type {(fault: Fault) => HTMLElement} */
  const article = (fault) => {
    const { line, message, frame, help, stack, components } = fault;
    const element = make('article');
    element.append(place(fault), make('h2', message));
    if (frame) {
      const code = make('code');
      const lines = frame.replace(/\n+$/, '').split('\n');
      // The line ends make copied text keep its lines.
      code.append(...lines.map((text) => make('span', text + '\n', kindOf(text, line))));
      const pre = make('pre');
      pre.tabIndex = 0; // scrollable with the keyboard
      pre.setAttribute('role', 'group');
      pre.setAttribute('aria-label', 'Source code');
      pre.append(code);
      element.append(pre);
    }
    if (help) element.append(make('p', help, 'help'));
    if (components?.length) element.append(...frames('Components', components));
    // The first frame is the place of the error.
    if (stack && stack.length > 1) element.append(...frames('Call stack', stack));
    return element;
  };

  return { make, article };
};

/** @type {(faults: Fault[]) => string} */
export const titleOf = (faults) => {
  const [{ kind }] = faults;
  if (faults.length > 1) return `${faults.length} errors`;
  if (kind === 'rejection') return 'Unhandled rejection';
  return kind && kind !== 'link' ? 'Uncaught error' : 'Failed to compile';
};

const HINT = 'This closes when the error is fixed. Press Escape to close it now.';

/** The number of places that were opened: each has an import of its own, see editor.js. */
let opened = 0;

/** @type {MakeOverlay} */
export const makeOverlay = (document, load = (url) => import(url)) => {
  /** @type {(place: SourcePlace, event: MouseEvent) => Promise<void>} */
  const openInEditor = async ({ path, line, column }, event) => {
    const { openPlace } = await load(`./editor.js?${++opened}`);
    const { text } = await openPlace({ path, line, column }, event);
    dialog?.querySelector('footer')?.replaceChildren(text);
  };

  const { make, article } = makeElements(document, (place, event) => void openInEditor(place, event).catch(() => {}));
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let check;
  /** @type {HTMLElement | undefined} */
  let host;
  /** @type {HTMLDialogElement | undefined} */
  let dialog;
  let shown = ''; // what was shown last, even if it was closed since

  const close = () => {
    clearInterval(check);
    dialog?.close(); // returns the focus
    host?.remove();
    host = dialog = undefined;
  };

  /** @type {(faults: Fault[]) => void} */
  const open = (faults) => {
    host = make('livers-overlay');
    const root = host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const mine = (dialog = /** @type {HTMLDialogElement} */ (make('dialog')));
    dialog.tabIndex = -1;
    dialog.setAttribute('role', 'alertdialog');
    dialog.setAttribute('aria-labelledby', 'title');
    dialog.setAttribute('aria-describedby', 'errors');
    // Its content covers it, so a click on the dialog itself is a click on the backdrop.
    dialog.addEventListener('click', ({ target }) => target === mine && close());
    dialog.addEventListener('close', () => dialog === mine && close()); // by Escape; fires late
    // The page's keyboard shortcuts do not apply here.
    for (const type of ['keydown', 'keyup', 'keypress'])
      dialog.addEventListener(type, (event) => event.stopPropagation());
    root.append(dialog);
    fill(faults);
    document.documentElement.append(host);
    dialog.showModal();
    dialog.focus(); // instead of its button
  };

  /** @type {(faults: Fault[]) => void} */
  const fill = (faults) => {
    const header = make('header');
    const title = make('h1', titleOf(faults));
    title.id = 'title';
    const button = make('button', '×');
    button.setAttribute('aria-label', 'Close');
    button.addEventListener('click', close);
    header.append(title, button);
    const list = make('div');
    list.id = 'errors';
    list.append(...faults.map(article));
    const footer = make('footer', HINT);
    footer.setAttribute('role', 'status');
    dialog?.replaceChildren(header, list, footer);
    clearInterval(check);
    // The page may need longer than usual to show something, in spite of the error.
    if (faults.every(({ kind }) => kind)) check = setInterval(() => isBlank(document) || close(), CHECK);
  };

  /** @type {Show} */
  const show = (faults) => {
    const text = JSON.stringify(faults);
    if (text === shown) return;
    shown = text;
    if (!faults.length) close();
    else if (host?.isConnected) fill(faults);
    else open(faults);
  };
  return show;
};

export const show = makeOverlay(globalThis.document);
