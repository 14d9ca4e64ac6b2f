// What morph.js does, and its types. This file is never served.
//
// The source that the page was made from and its new source are parsed, and their differences are
// applied to the open page. Nothing else is touched, so the user's and scripts' state stays: typed
// text, focus, selection, scroll position, opened <details>, playing media, canvases, frames,
// elements that scripts built. Everything is decided before the first edit.
//
// The page reloads, with a reason, where the result could differ from that of a fresh load:
// - Something that takes effect only once differs: scripts, templates (and shadow roots), <base>,
//   http-equiv, the doctype.
// - What is to be changed is not, or not certainly, as the old source had it: a script or an
//   extension changed it. Nodes that these added around it are left alone, if there is only one way
//   to find all of the source's nodes among them.
// - In a page with scripts: elements were added, removed or moved (scripts may refer to them, or
//   would have to know them), except a few text elements without attributes (LIGHT); an id or an
//   attribute that frameworks read (data-*, x-*, @click) changed; a custom element or something in
//   one changed.
// - The response is not a UTF-8 page of the same URL, a service worker may have served it, the old
//   source is no longer stored, or Trusted Types forbid the parser.
// - The page has <meta name=livers content=reload>.
//
// The user's choices (check boxes, options, edited fields) win over a changed default. An element
// that the user opened stays open unless the source changes exactly that. Elements that read their
// attributes only once (frames, objects), and media whose sources changed, are replaced as a whole.
//
// Not detected: a script that copied a text, a class or a URL from the page to another place.

/** Throws the reason for a reload. */
type Refuse = (why: string) => never;

/** A node of any kind. The code checks the kind before it uses what only that kind has. */
type AnyNode = any;

/** A document whose selectors are not typed. */
type Tree = Document & ParentNode;

// parse.js

type ChildrenOf = (node: AnyNode) => AnyNode[];
type Parse = (window: Page, html: string) => Tree;

// match.js

type Describe = (node: AnyNode) => string;
interface Descriptions {
  whole: Describe;
  own: Describe;
  name: Describe;
}
type MakeDescriptions = (base: string) => Descriptions;
type Embed = (few: string[], many: string[]) => number[];
/** Returns each child of an old node and its counterpart in the open page. */
type Locate = (parent: AnyNode, live: AnyNode) => Map<Node, AnyNode>;
type MakeLocate = (descriptions: Descriptions) => Locate;
/** Rates how well one node can become the other. 0: not at all. */
type Similarity = (a: AnyNode, b: AnyNode) => number;
type MakeSimilarity = (descriptions: Descriptions) => Similarity;
/** Returns new nodes and the old ones that become them. Their order is the same. */
type Pair = (was: AnyNode[], will: AnyNode[]) => Map<AnyNode, AnyNode>;
type MakePair = (similarity: Similarity) => Pair;
interface Matcher extends Descriptions {
  similarity: Similarity;
  locate: Locate;
  pair: Pair;
}
type MakeMatcher = (base: string) => Matcher;

// morph.js

type Splice = (text: CharacterData, to: string) => void;
/** Saves the user's choices in forms. Returns a function that restores them. */
type SaveChoices = (document: ParentNode) => () => void;
interface DiffContext {
  document: Document;
  /** Run once the whole page has been compared. */
  edits: (() => void)[];
  /** Whether the page has scripts. */
  isScripted: boolean;
  matcher: Matcher;
}
/** Adds the edits that make `live` differ from `will` as little as it differs from `was`. */
type Diff = (was: AnyNode, will: AnyNode, live: AnyNode) => void;
type MakeDiff = (context: DiffContext) => Diff;
type PairChildren = (
  matcher: Matcher,
  was: AnyNode[],
  will: AnyNode[],
) => {
  pairs: Map<AnyNode, AnyNode>;
  removed: Set<AnyNode>;
  moved: Set<AnyNode>;
  added: AnyNode[];
};
/** Throws the reason for a reload, with the page unchanged. */
type Patch = (window: Page, before: string, after: string) => { how: 'none' | 'morph' };
/** Applies the newest source. `tag` identifies the one that the page was made from. */
type Apply = (window: Page, tag: string) => Promise<{ how: 'none' | 'morph' | 'reload'; why?: string }>;
