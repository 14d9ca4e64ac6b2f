// Versions of components, for Fast Refresh. Types: hot-types.d.ts.
//
// All versions of one component form a family. After an update, the renderer receives the families
// that changed. A component whose hooks are unchanged keeps its state, any other one is mounted
// again.

const FORWARD_REF = Symbol.for('react.forward_ref');
const MEMO = Symbol.for('react.memo');

/** @type {IsComponent} */
const isClass = (type) =>
  !!type?.prototype?.isReactComponent || (!!type?.prototype?.render && !!type.prototype.setState);

/** @type {(type: any) => boolean} */
const isObject = (type) =>
  typeof type === 'function' || (typeof type === 'object' && type !== null);

/** Returns what a wrapper wraps, and the property that holds it. @type {Unwrap} */
const unwrap = (type) => {
  if (type?.$$typeof === MEMO) return ['type', type.type];
  return type?.$$typeof === FORWARD_REF ? ['render', type.render] : undefined;
};

/** Returns whether a function is no class. @type {IsComponent} */
const isPlain = ({ prototype }) =>
  !prototype ||
  (Object.getPrototypeOf(prototype) === Object.prototype &&
    Object.getOwnPropertyNames(prototype).join() === 'constructor');

/** @type {IsComponent} */
export const isComponent = (type) => {
  if (typeof type !== 'function') return !!unwrap(type);
  return isClass(type) || (isPlain(type) && /^[A-Z]/.test(type.displayName || type.name));
};

/** Returns whether an export is a function without a name. @type {IsExport} */
const isUnnamed = (name, type) =>
  name === 'default' && typeof type === 'function' && /^(default)?$/.test(type.name) && isPlain(type);

/** @type {IsExport} */
const isComponentExport = (name, type) => isComponent(type) || isUnnamed(name, type);

/** Remembers which hooks components call. @type {MakeSignatures} */
const makeSignatures = () => {
  /** @type {WeakMap<object, Signature>} */
  const signatures = new WeakMap();

  /**
   * Returns the hooks of a component and of its custom hooks.
   *
   * @type {(type: any, within?: any[]) => SignatureKey}
   */
  const keyOf = (type, within = []) => {
    const signature = signatures.get(type);
    if (!signature || within.includes(type)) return { key: '', reset: false };
    signature.full ??= withCustomHooks(signature, [...within, type]);
    return signature.full;
  };

  /** @type {(signature: Signature, within: any[]) => SignatureKey} */
  const withCustomHooks = ({ key, reset, hooks }, within) => {
    try {
      for (const hook of hooks()) {
        // Not in scope: the hooks that it calls are unknown.
        if (typeof hook !== 'function') return { key, reset: true };
        const inner = keyOf(hook, within);
        key += `\n${inner.key}`;
        reset ||= inner.reset;
      }
      return { key, reset };
    } catch {
      return { key, reset: true };
    }
  };

  /** @type {(type: any, signature: Signature) => void} */
  const sign = (type, signature) => {
    signatures.set(type, signature);
    const wrapped = unwrap(type)?.[1];
    if (isObject(wrapped)) sign(wrapped, signature);
  };

  return {
    isCompatible: (before, after) => {
      if (isClass(before) || isClass(after)) return false;
      if (before?.$$typeof !== after?.$$typeof) return false;
      const bothOrNeitherSigned = signatures.has(before) === signatures.has(after);
      const { key, reset } = keyOf(after);
      return bothOrNeitherSigned && keyOf(before).key === key && !reset;
    },
    sig: () => {
      /** @type {any} */
      let first;
      let hasRendered = false;
      return (type, key, reset = false, hooks) => {
        // Without arguments: called by the component as it renders, when its custom hooks are
        // defined.
        if (typeof key !== 'string') {
          if (!hasRendered && first) keyOf(first);
          hasRendered = true;
          return type;
        }
        first ??= hooks && type;
        if (isObject(type)) sign(type, { key, reset, hooks: hooks ?? (() => []) });
        return type;
      };
    },
  };
};

/** Returns why other modules may hold more of a module than its components, or ''. @type {Unfit} */
const unfit = (exports, before) => {
  try {
    const names = Object.keys(exports);
    const isSame = (/** @type {string} */ name) =>
      !isObject(exports[name]) && (!before || before[name] === exports[name]);
    const other = names.find((name) => !isComponentExport(name, exports[name]) && !isSame(name));
    if (other) return `its export ${other} is not a component`;
    return names.some((name) => isComponentExport(name, exports[name])) ? '' : 'it exports no component';
  } catch {
    return 'its exports are not initialized'; // an import cycle
  }
};

/**
 * Returns why a new version needs more than new components, or ''.
 *
 * @type {(before: Record<string, any>, fresh: Record<string, any>) => string}
 */
const incompatible = (before, fresh) => {
  const removed = Object.keys(before).find((name) => !(name in fresh));
  if (removed) return `its export ${removed} was removed`;
  const added = Object.keys(fresh).find((name) => !(name in before));
  return added ? `its export ${added} was added` : unfit(fresh, before);
};

/** @type {MakeFamilies} */
export const makeFamilies = (renderer, { begin, end, refuse }) => {
  const { sig, isCompatible } = makeSignatures();
  /** @type {Map<string, Family>} */
  const families = new Map();
  /** @type {WeakMap<object, Family>} */
  const familyOf = new WeakMap();
  const changedFamilyOf = new WeakMap(); // type -> family
  /** @type {Map<string, [id: string, type: any][]>} */
  const registered = new Map(); // path -> components, until the module has run to its end
  /** @type {[family: Family, type: any][]} */
  let pending = [];

  /** Adds a version of a component to its family. @type {(id: string, type: any) => void} */
  const join = (id, type) => {
    if (!isObject(type) || familyOf.has(type)) return;
    const family = families.get(id) ?? { current: type };
    if (families.has(id)) pending.push([family, type]);
    families.set(id, family);
    familyOf.set(type, family);
    const wrapped = unwrap(type);
    if (wrapped) join(`${id}.${wrapped[0]}`, wrapped[1]);
  };

  const performRefresh = () => {
    const changed = pending;
    pending = [];
    if (!changed[0]) return;
    const staleFamilies = new Set();
    const updatedFamilies = new Set();
    for (const [family, type] of changed) {
      (isCompatible(family.current, type) ? updatedFamilies : staleFamilies).add(family);
      for (const each of [family.current, type]) changedFamilyOf.set(each, family);
      family.current = type;
    }
    renderer.refresh({ staleFamilies, updatedFamilies }, (type) => {
      const family = changedFamilyOf.get(type);
      if (family) family.isRendered = true;
      return family;
    });
  };

  /** @type {RefreshDone} */
  const done = (path, hot, exports) => {
    for (const [id, type] of registered.get(path) ?? []) join(`${path} ${id}`, type);
    registered.delete(path);
    end(path);
    hot?.on('vite:afterUpdate', performRefresh); // the update may be of another module
    const why = unfit(exports);
    if (why) return refuse(path, why);
    // The compiler registers neither classes nor functions without a name.
    for (const [name, type] of Object.entries(exports))
      if (isComponentExport(name, type)) join(`${path} export ${name}`, type);
    hot?.accept((/** @type {Record<string, any> | undefined} */ fresh) => {
      if (!fresh) return;
      const why =
        incompatible(exports, fresh) ||
        renderer.unready();
      if (why) hot.invalidate(`${path.slice(1)} changed (${why})`);
      else performRefresh();
      // It may be a function that components call.
      if (!why && isUnnamed('default', fresh.default) && !familyOf.get(fresh.default)?.isRendered)
        hot.invalidate(`${path.slice(1)} changed (its default export is not a component)`);
    });
  };

  /** @type {Refresh} */
  const refresh = (path) => {
    registered.delete(path); // of a version that threw
    /** @type {(type: any, id: string) => void} */
    const reg = (type, id) => {
      begin(path); // a module that only has hooks never calls `done`
      registered.set(path, [...(registered.get(path) ?? []), [id, type]]);
    };
    return { reg, sig };
  };

  return Object.assign(refresh, { done, begin });
};
