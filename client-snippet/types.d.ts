// The types that client.js names in its comments: beside it, because it is counted in bytes and
// this file is never served.

/** The environment; the tests bring their own. */
type Page = Window & typeof globalThis;

/**
 * The connection, if there is one. Server-Sent Events cannot send; they are closed when they fail,
 * because they would come back by themselves with the hello of long ago.
 */
type Line = ((WebSocket | EventSource) & { send?(data: string): void }) | undefined;

/** What the page shows, and when (Date.now) it last heard from the server. */
interface Seen {
  boot?: string;
  version?: number;
  at?: number;
}

interface Change {
  path: string;
  kind: string;
}

/** A link, and the paths of all that it shows: its own and what is imported, '' for another origin's. */
interface Sheet {
  link: HTMLLinkElement;
  paths: string[];
}

/** What to do, or nothing. */
type Verdict = { how: 'css' | 'reload'; links: HTMLLinkElement[] } | undefined;

type Decide = (changes: Change[], sheets: Sheet[]) => Verdict;
/** A sheet's URL and those of all its imports; loosely typed, as it may be missing or closed to us. */
type Shown = (href: string, sheet: any) => string[];
type Start = (window: Page, self: string) => void;
type Update = (version: number, changes: Change[], began: number) => Promise<void>;
/** Settles when the new sheet shows: never, if that fails or a newer save overtakes it. */
type Swap = (link: HTMLLinkElement, version: number) => Promise<void>;

// What TypeScript's own DOM types leave out, and our mark on the document.

interface Document {
  /** Set by the first client: one with another query in its URL is another module. */
  __livers?: boolean;
  prerendering?: boolean;
  querySelectorAll(selector: 'link[rel~=stylesheet]'): NodeListOf<HTMLLinkElement>;
}

interface PerformanceEntry {
  /** Of resources: what asked for it. */
  initiatorType?: string;
}

interface HTMLLinkElement {
  cloneNode(deep?: boolean): HTMLLinkElement;
}

interface URLSearchParams {
  set(name: string, value: number): void;
}
