// The types that the modules name in their comments: beside them, because client.js is counted in
// bytes and this file is never served.

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

/** `load` imports a module. */
type Start = (window: Page, self: string, load?: (url: string) => Promise<any>) => void;
type Links = (rel: string) => HTMLLinkElement[];
type Loaded = (tries: number) => Promise<Update>;
/** Takes over a set of changes, of which the page was told at a time (Date.now). */
type Update = (version: number, changes: Change[], began: number) => Promise<void>;

// update.js

/** What the page has to do with the server, and so with the client. */
interface Client {
  window: Page;
  /** Where livers' own modules are. */
  base: string;
  /** Of the page's source, if it is a hexadecimal number. */
  tag: string | undefined;
  load(url: string): Promise<any>;
  send(message: object): unknown;
  isOpen(): boolean;
  hangUp(): void;
  /** The paths that the page uses, those that its sheets no longer name, and how to say so. */
  used: { uses: Set<string>; gone: Set<string>; tell(drop: string[]): void };
}
type Updater = (client: Client) => Update;

/** Something in the page that shows files, and can show them anew. */
interface User {
  how: string;
  paths: string[];
  /** Settles when the new file shows: never, if that fails or a newer save overtakes it. */
  renew(version: number): Promise<any>;
}

/** What the page shows; all paths are spelled as address.js does. */
interface Shows {
  path: string;
  /** Whether its own source can be put into the open page. */
  morphs: boolean;
  users(path: string): { how: string; renew?: User['renew'] }[];
  /** Whether compiled modules have to do with it. */
  hot(path: string): boolean;
  /** Whether only a sheet used it, which does no more. */
  left(path: string): boolean;
  /** Whether a script fetched it. */
  fetched(path: string): boolean;
}
type Verdict = { morph: boolean; hot: Change[]; users: any[] } | { why: string };
type Look = (changes: Change[]) => Promise<Shows>;
type Decide = (changes: Change[], page: Shows) => Verdict;

/** What is said when a change was taken over. */
interface Ack {
  version: number;
  began: number;
  why: string | undefined;
}
/** Settles when the document can be had. */
type Answered = (window: Page, isOpen: () => boolean) => Promise<void>;

// address.js

type Spelled = (path: string) => string;
type PathOf = (url: string | undefined, origin: string) => string;
type Bust = (url: string, version: number) => string;

// sheets.js

type Root = Document | ShadowRoot;
type Roots = (root: Root) => Root[];
/** The URLs of all that a sheet imports; loosely typed, as it may be missing or closed to us. */
type Imported = (base: string, sheet: any) => string[];
/** All rules of a sheet and of what it imports; loosely typed, like Imported. */
type TextOf = (sheet: any) => string;
/** A link or a style element. */
type Swap = (old: any, version: number) => Promise<void>;
type Sheets = (
  window: Page,
  more: Pick<Client, 'load' | 'base' | 'used'> & Pick<ReturnType<Assets>, 'shows'>,
) => {
  /** Paths that sheets showed which are gone. */
  left: Set<string>;
  users(paths: string[]): Promise<User[]>;
};

// assets.js

/** An address and what it is of: image, part (of a picture), font, media, sheet; '' leaves it. */
type Replace = (url: string, type: string) => string;
type Places = [selector: string, attribute: string, type: string][];
type InText = (text: string, base: string, replace: (url: string) => string) => string;
type InRules = (holder: any, base: string, replace: Replace) => void;
type InDeclarations = (style: any, base: string, type: string, replace: Replace) => void;
type Visit = (window: Page, replace: Replace) => void;
type Assets = (window: Page) => {
  /** Gives what was renewed its new address wherever it has its old one. */
  again(): void;
  /** All addresses in a sheet. */
  shows(sheet: any): string[];
  users(paths: string[]): User[];
};

// What TypeScript's own DOM types leave out, and our mark on the document.

interface Document {
  /** Set by the first client: one with another query in its URL is another module. */
  __livers?: boolean;
  prerendering?: boolean;
}

interface PerformanceEntry {
  /** Of resources: what asked for it. */
  initiatorType: string;
}

interface URLSearchParams {
  set(name: string, value: number): void;
}
