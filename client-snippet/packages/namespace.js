// CommonJS modules as ES modules import them.
//
// Bundlers and Node disagree on the default export of CommonJS that was compiled from an ES module
// (`__esModule`): bundlers use its `default`, Node uses all of `module.exports`. `byNode` selects
// Node's rule.

/** @type {(exports: any, byNode: boolean) => any} */
export const defaultOf = (exports, byNode) =>
  !byNode && exports?.__esModule && 'default' in exports ? exports.default : exports;

/**
 * Returns the names that can be imported, inherited ones included.
 *
 * @type {(exports: any) => Set<string>}
 */
export const namesOf = (exports) => {
  /** @type {Set<string>} */
  const names = new Set();
  const isObject = exports && (typeof exports === 'object' || typeof exports === 'function');
  for (
    let at = isObject ? exports : undefined;
    at && at !== Object.prototype && at !== Function.prototype;
    at = Object.getPrototypeOf(at)
  )
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  return names;
};

/** Returns the object of `import * as`. @type {(module: any, byNode: boolean) => any} */
export const namespaceOf = (module, byNode) => {
  const { exports } = module;
  const namespace = Object.create(null, { [Symbol.toStringTag]: { value: 'Module' } });
  for (const name of namesOf(exports))
    if (name !== 'default')
      Object.defineProperty(namespace, name, {
        enumerable: Object.prototype.propertyIsEnumerable.call(exports, name),
        get: () => exports[name],
      });
  const get = () => defaultOf(module.exports, byNode);
  return Object.defineProperty(namespace, 'default', { enumerable: true, get });
};
