// What morph.js does, and the types that it names: beside it, because this file is never served.
//
// The old source, as the page was made from it, and the new one are parsed; what differs between
// the two is done to the open page. What does not differ is not touched, so all that a person or a
// script has made of it stays: text typed, focus, selection, scroll, opened <details>, playing media,
// canvases, frames, elements that were built. All is decided before the first touch.
//
// It is a reload, with a reason, where the result could be another than that of a fresh load:
// - what works once differs: scripts, templates (and shadow roots), <base>, http-equiv, the doctype
// - what is to be changed is not, or not for sure, as the old source had it: a script or an
//   extension was there. What these added around it is let be, if there is only one way to find all
//   of the source's nodes among it.
// - in a page with scripts: elements came, went or moved (scripts may hold them, or would have to
//   know them), except a few of text without attributes (LIGHT); an id or an attribute that
//   frameworks read (data-*, x-*, @click) changed; a custom element changed, or something in one
// - the answer is not a plain UTF-8 page of the same address, a service worker may have given it, the
//   old source is no longer kept, or the parser is refused (Trusted Types)
// - the page says <meta name=livers content=reload>
//
// What a person chose (boxes, options, a field that was typed in) wins over a changed default; what
// a person opened stays as it is unless the source changes just that. Elements that only read their
// attributes once (frames, objects), and media whose sources changed, are replaced as a whole.
//
// It cannot see that a script copied a text, a class or an address from the page to somewhere else.

/** Refuses; the reason goes into the answer. */
type No = (why: string) => never;

/** A node of any kind: the code asks what it is before it uses what only that kind has. */
type Some = any;

/** A document that can be asked for any selector. */
type Tree = Document & ParentNode;

type Kids = (node: Some) => Some[];
type Read = (window: Page, html: string) => Tree;
/** Where the few are among the many, in their order, each as early as can be; negative: not. */
type Embed = (few: string[], many: string[]) => number[];
/** Gives a text its new content, by the least change. */
type Splice = (text: CharacterData, to: string) => void;
/** Remembers what a person chose in forms; what it gives chooses it again. */
type Choices = (document: ParentNode) => () => void;
/** Throws the reason for a reload, with the page as it was. */
type Patch = (window: Page, before: string, after: string) => { how: 'none' | 'morph' };
/** What counts of a node when it is looked for. */
type Kind = (node: Some) => string;
/** Each child of an old node, and what it is in the page. */
type Locate = (parent: Some, live: Some) => Map<Node, Some>;
/** How good it would be that one became the other: 0, never. */
type Alike = (a: Some, b: Some) => number;
/** New children and the old ones that become them, as many as keep their order. */
type Pair = (was: Some[], will: Some[]) => Map<Some, Some>;
/** Whether it may come and go. */
type Free = (node: Some) => boolean;
/** Collects what has to be done to `live` so that what was will be. */
type Walk = (was: Some, will: Some, live: Some) => void;
/** The page, and the name of the source that it was made from. */
type Apply = (window: Page, tag: string) => Promise<{ how: 'none' | 'morph' | 'reload'; why?: string }>;
