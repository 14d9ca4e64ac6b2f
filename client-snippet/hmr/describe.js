// Describes what console.js hears: its text, and where it comes from. Types: messages-types.d.ts.

import { isLinkError, isOfModule } from './failure.js';
import { cut, format, inspect, isError } from './inspect.js';

/** The largest number of characters of a text. */
const TEXT = 4000;

/** How many blocked URLs are remembered. */
const BLOCKED = 100;

/** A place in a stack. */
const PLACE = /((?:https?|blob|file):[^\s()]+?):(\d+):(\d+)/;

/** What elements load. @type {Record<string, string>} */
const NAMES = { img: 'image', image: 'image', link: 'style sheet', script: 'script', video: 'video', audio: 'audio', source: 'media file', track: 'track' };

/** What a page can do nothing about, and no browser shows. */
const HARMLESS = /^ResizeObserver loop/;

/** Returns a text that is not too long, and that JSON can hold. @type {(text: string) => string} */
export const bounded = (text) => cut(text, TEXT).replace(/\p{Surrogate}/gu, '\ufffd');

/** @type {MakeDescribe} */
export const makeDescribe = ({ location }) => {
  const { origin } = location;
  const base = new URL('.', import.meta.url).href;
  const reported = new WeakSet(); // errors
  const blocked = new Set(); // URLs, by the page's policy

  /** Whether a URL or a line of a stack is of livers itself. Packs have the modules of the page. */
  const isOurs = (text = '') => {
    const at = text.indexOf(base);
    return at >= 0 && !/^(pack\b|npm\/)/.test(text.slice(at + base.length));
  };

  const relative = (url = '') => (url.startsWith(origin + '/') ? url.slice(origin.length) : url);

  /** @type {(stack: unknown) => Pick<Entry, 'url' | 'line' | 'column' | 'stack'>} */
  const placed = (stack) => {
    if (typeof stack !== 'string') return {};
    const lines = stack.split('\n').filter((line) => !isOurs(line));
    const [, url, line, column] = PLACE.exec(lines.find((each) => PLACE.test(each)) ?? '') ?? [];
    const text = bounded(lines.join('\n'));
    return url ? { url: relative(url), line: +line, column: +column, stack: text } : { stack: text };
  };

  /** @type {(error: unknown) => unknown} */
  const stackOf = (error) => {
    try {
      return isError(error) ? error.stack : undefined;
    } catch {}
  };

  /** @type {(error: unknown) => string} */
  const messageOf = (error) => (isError(error) ? format([error]) : `Uncaught ${inspect(error)}`);

  /** @type {Record<Kind, (item: Item) => Partial<Entry> | undefined>} */
  const descriptions = {
    console: ({ args = [], stack }) => {
      const error = args.find(isError);
      const place = placed(stackOf(error) ?? stack?.replace(/^Error\n/, ''));
      return { message: format(args), ...place };
    },
    exception: ({ event }) => {
      const { error, message, filename, lineno, colno, defaultPrevented } = event;
      if (defaultPrevented || isOfModule(event)) return; // failure.js reports a module
      if (HARMLESS.test(message)) return { kind: 'console', level: 'warn', message };
      if (Object(error) === error && (reported.has(error) || !reported.add(error))) return;
      const place = placed(stackOf(error));
      if (!place.url && filename) Object.assign(place, { url: relative(filename), line: lineno, column: colno });
      return { message: error == null ? message : messageOf(error), ...place };
    },
    rejection: ({ event: { reason, defaultPrevented } }) => {
      if (defaultPrevented || (Object(reason) === reason && (reported.has(reason) || !reported.add(reason)))) return;
      const kind = isLinkError(reason) ? 'link' : 'rejection';
      return { kind, message: messageOf(reason), ...placed(stackOf(reason)) };
    },
    load: ({ url = '', by = '', status }) => {
      const { pathname, searchParams } = new URL(url, location.href);
      // Requests of livers itself, and files that it reports another way.
      if (isOurs(url) || searchParams.has('livers') || url === location.href || blocked.has(url)) return;
      const what = NAMES[by] ? `the ${NAMES[by]} ` : '';
      const name = relative(url) || pathname;
      return { message: `Failed to load ${what}${name}${status ? `: ${status}` : ''}`, url: name };
    },
    csp: ({ event }) => {
      const { effectiveDirective, blockedURI, sourceFile, lineNumber, columnNumber, disposition, sample } = event;
      if (isOurs(sourceFile ?? '')) return;
      if (blocked.size < BLOCKED) blocked.add(blockedURI);
      const place = lineNumber ? { url: relative(sourceFile), line: lineNumber, column: columnNumber || undefined } : {};
      const what = /^(inline|eval|wasm-eval)$/.test(blockedURI) ? `${blockedURI} code` : relative(blockedURI);
      const text = `The page's Content Security Policy blocks ${what || 'this'} (${effectiveDirective})`;
      const level = disposition === 'report' ? /** @type {const} */ ('warn') : undefined;
      return { message: text + (sample ? `: ${sample}` : ''), ...(level && { level }), ...place };
    },
    link: () => undefined,
  };

  /** Moves the component stack out of a message of React 18, which ends with it. @type {(entry: Entry, components?: string) => void} */
  const addComponents = (entry, components) => {
    const [tail] = /(\n +(at|in) .+)+\s*$/.exec(entry.message) ?? [];
    if (tail && (components || /^Warning: /.test(entry.message))) {
      entry.message = entry.message.slice(0, -tail.length);
      components ??= tail;
    }
    if (components) entry.components = bounded(components.replace(/^\n+/, ''));
  };

  /** @type {ReturnType<MakeDescribe>['describe']} */
  const describe = (item) => {
    const { kind, level } = item;
    const described = descriptions[kind](item);
    if (!described) return;
    /** @type {Entry} */
    const entry = { kind, level, ...described, message: bounded(described.message ?? '') };
    addComponents(entry, item.components);
    return entry;
  };

  return { describe, relative };
};
