// React Fast Refresh: components get their new code and keep their state. Types: hot-types.d.ts.
//
// Loaded before React, which reports its renderers and roots to a DevTools hook. All versions of
// one component form a family. After an update, React is told which families changed. A component
// whose hooks are unchanged keeps its state, any other one is mounted again.

import { registry } from './hot.js';

const FORWARD_REF = Symbol.for('react.forward_ref');
const MEMO = Symbol.for('react.memo');

/** @type {IsComponent} */
const isClass = (type) => !!type?.prototype?.isReactComponent;

/** @type {(type: any) => boolean} */
const isObject = (type) =>
  typeof type === 'function' || (typeof type === 'object' && type !== null);

/** Returns what a wrapper wraps, and the property that holds it. @type {Unwrap} */
const unwrap = (type) => {
  if (type?.$$typeof === MEMO) return ['type', type.type];
  return type?.$$typeof === FORWARD_REF ? ['render', type.render] : undefined;
};

/** @type {IsComponent} */
export const isComponent = (type) => {
  if (typeof type !== 'function') return !!unwrap(type);
  if (isClass(type)) return true;
  const { prototype } = type;
  const isOtherClass =
    prototype &&
    (Object.getPrototypeOf(prototype) !== Object.prototype ||
      Object.getOwnPropertyNames(prototype).join() !== 'constructor');
  return !isOtherClass && /^[A-Z]/.test(type.displayName || type.name);
};

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

/**
 * Keeps track of what React has mounted.
 *
 * @type {(reportError: (error: unknown) => void) => ReturnType<MakeRoots>}
 */
const makeRoots = (reportError) => {
  const renderers = new Map(); // id -> renderer
  const rendererOf = new Map(); // root -> renderer
  const mounted = new Set();
  const failed = new Set();
  const elements = new WeakMap(); // root -> its last element
  let refreshing = false;

  /** Keeps the error of one root from the others. @type {(call: () => void) => void} */
  const attempt = (call) => {
    try {
      call();
    } catch (error) {
      reportError(error);
    }
  };

  return {
    renderers,
    addRenderer: (id, renderer) => {
      if (renderer?.scheduleRefresh && renderer.setRefreshHandler) renderers.set(id, renderer);
    },
    scheduled: (root, element) => {
      if (refreshing) return;
      failed.delete(root);
      elements.set(root, element);
    },
    committed: (root, id, threw) => {
      const renderer = renderers.get(id);
      if (!renderer) return;
      rendererOf.set(root, renderer);
      if (root.current?.memoizedState?.element != null) {
        mounted.add(root);
        failed.delete(root);
      } else {
        mounted.delete(root);
        if (threw) failed.add(root);
        else rendererOf.delete(root);
      }
    },
    refresh: (update) => {
      refreshing = true;
      for (const root of [...failed])
        attempt(() => rendererOf.get(root).scheduleRoot(root, elements.get(root)));
      for (const root of [...mounted])
        attempt(() => rendererOf.get(root).scheduleRefresh(root, update));
      refreshing = false;
    },
  };
};

/**
 * Observes React through its DevTools hook.
 *
 * @type {(global: RefreshGlobal, roots: ReturnType<MakeRoots>) => void}
 */
const observeReact = (global, roots) => {
  let next = 0;
  const hook = (global.__REACT_DEVTOOLS_GLOBAL_HOOK__ ??= {
    renderers: new Map(),
    supportsFiber: true,
    inject: () => next++,
    onScheduleFiberRoot() {},
    onCommitFiberRoot() {},
    onCommitFiberUnmount() {},
  });
  if (hook.isDisabled) return;
  const { inject, onScheduleFiberRoot, onCommitFiberRoot } = hook;
  /** @type {(...args: any[]) => unknown} */
  hook.inject = function (...args) {
    const id = inject?.apply(this, args) ?? next++;
    roots.addRenderer(id, args[0]);
    return id;
  };
  /** @type {(...args: any[]) => unknown} */
  hook.onScheduleFiberRoot = function (...args) {
    const [, root, element] = args;
    roots.scheduled(root, element);
    return onScheduleFiberRoot?.apply(this, args);
  };
  /** @type {(...args: any[]) => unknown} */
  hook.onCommitFiberRoot = function (...args) {
    const [id, root, , threw] = args;
    roots.committed(root, id, threw);
    return onCommitFiberRoot?.apply(this, args);
  };
  hook.renderers?.forEach((/** @type {any} */ renderer, /** @type {number} */ id) =>
    roots.addRenderer(id, renderer),
  );
};

/** Returns why other modules may hold more of a module than its components, or ''. @type {Unfit} */
const unfit = (exports, before) => {
  try {
    const names = Object.keys(exports);
    const isSame = (/** @type {string} */ name) =>
      !isObject(exports[name]) && (!before || before[name] === exports[name]);
    const other = names.find((name) => !isComponent(exports[name]) && !isSame(name));
    if (other) return `its export ${other} is not a component`;
    return names.some((name) => isComponent(exports[name])) ? '' : 'it exports no component';
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

/** @type {MakeRefresh} */
export const makeRefresh = (global, { begin, end, refuse }) => {
  const { sig, isCompatible } = makeSignatures();
  const roots = makeRoots((error) => global.reportError(error));
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
    for (const renderer of roots.renderers.values())
      renderer.setRefreshHandler((/** @type {any} */ type) => changedFamilyOf.get(type));
    roots.refresh({ staleFamilies, updatedFamilies });
  };

  /** @type {RefreshDone} */
  const done = (path, hot, exports) => {
    for (const [id, type] of registered.get(path) ?? []) join(`${path} ${id}`, type);
    registered.delete(path);
    end(path);
    hot?.on('vite:afterUpdate', performRefresh); // the update may be of another module
    const why = unfit(exports);
    if (why) return refuse(path, why);
    hot?.accept((/** @type {Record<string, any> | undefined} */ fresh) => {
      if (!fresh) return;
      const why =
        incompatible(exports, fresh) ||
        (!roots.renderers.size && 'React was loaded before it could be observed');
      if (why) hot.invalidate(`${path.slice(1)} changed (${why})`);
      else performRefresh();
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

  observeReact(global, roots);
  return Object.assign(refresh, { done });
};

/** Has `done` as a property, for modules that import only this name. */
export const refresh = makeRefresh(/** @type {any} */ (globalThis), registry);
export const { done } = refresh;
