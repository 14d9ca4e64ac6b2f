// Plans an update: which modules accept a change, and which have to run again. Types:
// hot-types.d.ts.

/** Returns the name of a file in messages. @type {(path: string) => string} */
export const displayName = (path) => path.replace(/^\/(?=.)/, '');

/** @type {Plan} */
export const plan = (modules, starts, isEntry) => {
  /** @type {Map<string, Boundary>} */
  const boundaries = new Map();
  const outdated = new Set();
  for (const [start, { why }] of starts) {
    const found = walkUp(modules, start, starts, isEntry);
    for (const boundary of found.boundaries) {
      boundaries.set(keyOf(boundary), boundary);
      outdated.add(boundary.accepted);
    }
    // Without a boundary, it is in a circle that nothing imports.
    const unaccepted = found.unaccepted || (found.boundaries.length ? '' : start);
    if (unaccepted) {
      const reason = modules.get(start)?.why;
      const where =
        unaccepted === start ? '' : `, and ${displayName(unaccepted)} does not accept updates`;
      return { why: why + (reason ? ` (${reason})` : '') + where };
    }
    for (const path of found.seen) outdated.add(path);
  }
  return { boundaries: [...boundaries.values()], outdated };
};

/** Identifies a boundary. @type {(boundary: Boundary) => string} */
export const keyOf = ({ at, accepted }) => `${at}\0${accepted}`;

/**
 * Walks from a changed module up to those that accept it, or to one that nothing accepts.
 *
 * @type {WalkUp}
 */
const walkUp = (modules, start, starts, isEntry) => {
  const seen = new Set();
  /** @type {Boundary[]} */
  const boundaries = [];
  /** Returns the path of an unaccepted module, or ''. @type {(path: string) => string} */
  const walk = (path) => {
    if (modules.get(path)?.self.length && !starts.get(path)?.refused) {
      boundaries.push({ at: path, accepted: path });
      return '';
    }
    if (seen.has(path)) return '';
    seen.add(path);
    const importers = [...modules.values()].filter((m) => m.path !== path && m.imports.has(path));
    if (!importers.length || isEntry(path)) return path;
    for (const { path: at, deps } of importers) {
      if (deps.some(({ paths }) => paths.includes(path))) boundaries.push({ at, accepted: path });
      else {
        const unaccepted = walk(at);
        if (unaccepted) return unaccepted;
      }
    }
    return '';
  };
  return { unaccepted: walk(start), boundaries, seen };
};
