// Types of the modules in this folder. They are here because the size of client.js is limited, and
// because this file is never served.

/** The browser's globals. Tests pass their own. */
type Page = Window & typeof globalThis;

/**
 * The connection to the server, if there is one. An EventSource cannot send. It is closed when it
 * fails, because the browser would reconnect it with the old hello in its URL.
 */
type Connection = ((WebSocket | EventSource) & { send?(data: string): void }) | undefined;

/** The version that the page shows, and when (Date.now) the last message arrived. */
interface Stamp {
  boot?: string;
  version?: number;
  at?: number;
}

interface Change {
  path: string;
  kind: string;
}

/**
 * Starts the client: it removes the injected elements, so that the page's own scripts see the tree
 * of its source, reports which files the page uses, and listens for changes. update.js, loaded with
 * the first change, applies them. `load` imports a module.
 */
type Start = (window: Page, self: string, load?: (url: string) => Promise<any>) => void;
type Links = (rel: string) => HTMLLinkElement[];
type LoadUpdate = (tries: number) => Promise<Update>;
/** Applies a change set that arrived at a time (Date.now). */
type Update = (version: number, changes: Change[], began: number) => Promise<void>;

// update.js

/** What client.js provides to update.js. */
interface Client {
  window: Page;
  /** The URL of the folder of livers' own modules. */
  base: string;
  /** Identifies the source of the page, if it is a hexadecimal number. */
  tag: string | undefined;
  load(url: string): Promise<any>;
  send(message: object): unknown;
  isOpen(): boolean;
  disconnect(): void;
  used: UsedPaths;
}
/** The paths that the page uses, and those that its sheets no longer name. */
interface UsedPaths {
  uses: Set<string>;
  dropped: Set<string>;
  /** Reports both to the server. */
  report(drop: string[]): void;
}
type Updater = (client: Client) => Update;

/** A part of the page that shows files and can replace them without a reload. */
interface Target {
  how: string;
  paths: string[];
  /**
   * Settles when the new file is shown, or when a removed one no longer is. It never settles if the
   * new file cannot be loaded.
   */
  refresh(version: number, removed: Set<string>): Promise<any>;
}

/** What the page shows. All paths are decoded. */
interface PageState {
  path: string;
  /** Whether a change of its own source can be applied to the open page. */
  canMorph: boolean;
  targets(path: string): { how: string; refresh?: Target['refresh'] }[];
  /** Whether compiled modules import it. */
  isHot(path: string): boolean;
  /** Whether it was used only by a sheet that no longer names it. */
  isUnused(path: string): boolean;
  /** Whether a script fetched it. */
  isFetched(path: string): boolean;
}
/** What to apply, or why to reload. */
type Decision =
  | { morph: boolean; hot: Change[]; removed: Set<string>; targets: any[] }
  | { why: string };
type Decide = (changes: Change[], page: PageState) => Decision;
type HotModules = () => Promise<any>;
type MakeInspect = (
  client: Client,
  sheet: ReturnType<Sheets>,
  asset: ReturnType<Assets>,
  hotModules: HotModules,
) => (changes: Change[]) => Promise<PageState>;
type OneAtATime = (task: () => Promise<any>) => () => Promise<any>;

/** A change that is acknowledged once it is applied. */
interface Ack {
  version: number;
  began: number;
  why: string | undefined;
}
/** Settles when the document is available. */
type UntilAvailable = (window: Page, isOpen: () => boolean) => Promise<void>;

// failure.js

type ErrorPlace = { path: string; line: number };
type InPack = (url: string, line: number) => Promise<ErrorPlace>;

/** Sends an error of the page to the server, if only a browser finds it. */
type ReportFailure = (
  event: ErrorEvent,
  isOpen: () => boolean,
  send: (message: object) => unknown,
) => Promise<void>;

// address.js

type DecodePath = (path: string) => string;
type PathOf = (url: string | undefined, origin: string) => string;
type WithVersion = (url: string, version: number) => string;

// sheets.js

type Root = Document | ShadowRoot;
type Roots = (root: Root) => Root[];
/** The URLs of everything that a sheet imports. The sheet may be missing or unreadable. */
type ImportsOf = (base: string, sheet: any) => string[];
/** All rules of a sheet and its imports. The sheet may be missing or unreadable. */
type TextOf = (sheet: any) => string;
type MakeUpdateUses = (document: Document, used: UsedPaths) => (before: string) => void;
/** Replaces a link or a style element, also by one without a sheet if the file was removed. */
type Swap = (old: any, version: number, isRemoved: boolean) => Promise<void>;
/** Called with the text of a replaced sheet, and the sheet. */
type Replaced = (before: string, sheet: any) => void;
type MakeSwap = (pending: Map<any, any>, replaced: Replaced) => Swap;
type MakeInserted = (
  load: Client['load'],
  base: string,
  replaced: Replaced,
) => (element: any) => Pick<Target, 'paths' | 'refresh'>;
type MakeImportedSheets = (
  window: Page,
  client: Pick<Client, 'load' | 'base'>,
) => (path: string) => Promise<Target[]>;
type Sheets = (
  window: Page,
  more: Pick<Client, 'load' | 'base' | 'used'> & Pick<ReturnType<Assets>, 'urlsIn'>,
) => {
  /** The paths in sheets that were replaced. */
  unused: Set<string>;
  targets(paths: string[]): Promise<Target[]>;
};

// assets.js

/**
 * Returns the new URL of a file of a type: image, part (of an image), font, media or sheet. ''
 * leaves it unchanged.
 */
type Replace = (url: string, type: string) => string;
type Place = [selector: string, attribute: string, type: string];
type Places = Place[];
type ReplaceInText = (text: string, base: string, replace: (url: string) => string) => string;
type VisitRules = (holder: any, base: string, replace: Replace) => void;
type VisitDeclarations = (style: any, base: string, type: string, replace: Replace) => void;
type VisitAttribute = (element: any, place: Place, base: string, replace: Replace) => void;
type VisitPage = (window: Page, replace: Replace) => void;
type MakeAssetTarget = (path: string, urls: Map<string, string>) => Target;
type Assets = (window: Page) => {
  /** Replaces the old URLs of replaced files wherever they stand. */
  reapply(): void;
  /** All URLs in a sheet. */
  urlsIn(sheet: any): string[];
  targets(paths: string[]): Target[];
};

// What TypeScript's DOM types lack, and the mark on the document.

interface Document {
  /** Set by the first client. A copy with another query in its URL is another module. */
  __livers?: boolean;
  prerendering?: boolean;
}

interface PerformanceEntry {
  /** For resources: the element or API that requested it. */
  initiatorType: string;
}

interface URLSearchParams {
  set(name: string, value: number): void;
}
