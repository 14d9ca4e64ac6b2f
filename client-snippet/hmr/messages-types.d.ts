// Types of the modules that hear and describe what a page says. This file is never served.

type Kind = 'exception' | 'rejection' | 'console' | 'load' | 'csp' | 'link';
type Level = 'error' | 'warn' | 'info' | 'log' | 'debug';

/** What was heard, before it is described. */
interface Item {
  kind: Kind;
  level: Level;
  /** When (Date.now). */
  at: number;
  /** How many equal calls followed one another. */
  count: number;
  /** Whether it was sent, so that equal calls are counted anew. */
  taken?: boolean;
  args?: any[];
  event?: any;
  /** The stack of the call. */
  stack?: string | undefined;
  /** React's component stack. */
  components?: string | undefined;
  /** What failed to load: its element if there is one, what requested it, and the status of the response if it is known. */
  target?: any;
  by?: string;
  url?: string;
  status?: number;
}

/** A message as the server gets it: see README, "Messages". */
interface Entry {
  kind: Kind;
  level: Level;
  message: string;
  url?: string | undefined;
  line?: number | undefined;
  column?: number | undefined;
  stack?: string | undefined;
  components?: string | undefined;
  blank?: boolean | undefined;
  count?: number | undefined;
  age?: number | undefined;
  worker?: string | undefined;
  again?: boolean | undefined;
}

/** An entry that waits to be sent, or was sent. */
interface Pending {
  entry: Entry;
  item: Item;
  target?: any;
  /** How many equal ones followed it, besides those that `item` counts. */
  more: number;
  /** Whether it waits until it is known whether it is wanted. */
  isHeld?: boolean;
}

/** What client.js provides. Workers have a part of it. */
interface SpeakingClient {
  send(message: object): unknown;
  isOpen(): boolean;
  window?: Window & typeof globalThis;
  base?: string;
  load?(url: string): Promise<any>;
  used?: { uses: Set<string> };
  /** Settles when the page has loaded. */
  loaded?: Promise<void>;
}
type PageClient = SpeakingClient & Required<Omit<SpeakingClient, 'loaded'>>;

// console.js

interface Listener {
  /** Hears errors, and the calls of these methods of the console. */
  listen(levels: Level[]): void;
  /** Sends what was heard so far. */
  flush(): Promise<void>;
  /** Forgets what happened before new code replaced the old one (Date.now). */
  forget(before: number): void;
  /** Connects a page with the server. */
  attach(client: PageClient): {
    /** Takes an error that happened before this module was loaded, too. */
    error(event: ErrorEvent): Promise<void>;
    /** Shows errors that the server reports. */
    failed(faults: Fault[]): Promise<void>;
    /** Called after the first message of each connection. */
    opened(): Promise<void>;
  };
}
type MakeListener = (scope: Window & typeof globalThis, load: (url: string) => Promise<any>) => Listener;

// messages.js

interface Messages {
  take(item: Item): void;
  /** Takes what a worker sends. */
  relay(message: { worker: string; entries: Entry[]; dropped: number }): void;
  /** Sends what there is, soon. */
  schedule(delay?: number): void;
  /** Sends what there is, at once. */
  flush(): void;
  attach(client: SpeakingClient): void;
  /** Forgets what was sent before new code replaced the old one (Date.now). */
  forget(before: number): void;
  /** Sends everything again, as the server has forgotten it. */
  opened(): void;
  /** Settles when everything is sent. */
  settled(): Promise<void>;
}
type MakeMessages = (scope: Window & typeof globalThis, takeDropped: () => number) => Messages;

// describe.js

type MakeDescribe = (scope: { location: Location }) => {
  /** Returns nothing for what is not to be reported, or is reported another way. */
  describe(item: Item): Entry | undefined;
  /** Returns a URL without the origin of the page. */
  relative(url: string): string;
};

// inspect.js

type Render = (value: any, depth?: number) => string;
/** Renders the arguments of a call, with the directives of the Console Standard. */
type Format = (args: any[]) => string;
