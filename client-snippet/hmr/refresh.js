// Fast Refresh: React components get their new code and keep their state. See hot-types.d.ts.
//
// Loaded before React, which tells a DevTools hook of its renderers and roots. All versions of one
// component are a family. After an update, React is told which families changed: where the hooks of
// a component are as they were, its state stays; else it is mounted anew.

import { registry } from './hot.js';

const FORWARD_REF = Symbol.for('react.forward_ref');
const MEMO = Symbol.for('react.memo');

/** @type {IsComponent} */
const isClass = (type) => !!type?.prototype?.isReactComponent;

/** What a wrapper wraps, and what that is called. @type {Inner} */
const inner = (type) => {
  if (type?.$$typeof === MEMO) return ['type', type.type];
  return type?.$$typeof === FORWARD_REF ? ['render', type.render] : undefined;
};

/** @type {IsComponent} */
export const isComponent = (type) => {
  if (typeof type !== 'function') return !!inner(type);
  if (isClass(type)) return true;
  const { prototype } = type;
  // A class of another kind?
  const plain =
    !prototype ||
    (Object.getPrototypeOf(prototype) === Object.prototype &&
      Object.getOwnPropertyNames(prototype).join() === 'constructor');
  return plain && /^[A-Z]/.test(type.displayName || type.name);
};

/** @type {MakeRefresh} */
export const makeRefresh = (global, { begin, end, refuse }) => {
  /** @type {Map<string, Family>} */
  const families = new Map();
  /** @type {WeakMap<object, Family>} */
  const familyOf = new WeakMap();
  /** @type {WeakMap<object, Signature>} */
  const signatures = new WeakMap();
  const resolved = new WeakMap(); // type -> family, of those that changed
  /** @type {Map<string, [id: string, type: any][]>} */
  const staged = new Map(); // path -> [id, type][], until the module has run to its end
  /** @type {[family: Family, type: any][]} */
  let pending = [];

  // React

  const renderers = new Map(); // id -> renderer
  const rendererOf = new Map(); // root -> renderer
  const mounted = new Set();
  const failed = new Set();
  const elements = new WeakMap(); // root -> what it was last given
  let refreshing = false;

  /** @type {(id: number, renderer: any) => void} */
  const know = (id, renderer) => {
    if (renderer?.scheduleRefresh && renderer.setRefreshHandler) renderers.set(id, renderer);
  };

  /** @type {(root: any, id: number, threw: boolean) => void} */
  const committed = (root, id, threw) => {
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
  };

  const watch = () => {
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
    /** @type {(...all: any[]) => unknown} */
    hook.inject = function (...all) {
      const id = inject?.apply(this, all) ?? next++;
      know(id, all[0]);
      return id;
    };
    /** @type {(...all: any[]) => unknown} */
    hook.onScheduleFiberRoot = function (...all) {
      const [, root, element] = all;
      if (!refreshing) {
        failed.delete(root);
        elements.set(root, element);
      }
      return onScheduleFiberRoot?.apply(this, all);
    };
    /** @type {(...all: any[]) => unknown} */
    hook.onCommitFiberRoot = function (...all) {
      const [id, root, , threw] = all;
      committed(root, id, threw);
      return onCommitFiberRoot?.apply(this, all);
    };
    hook.renderers?.forEach((/** @type {any} */ renderer, /** @type {number} */ id) =>
      know(id, renderer),
    );
  };

  // Signatures

  /** The hooks of a component, with those of its custom hooks. @type {KeyOf} */
  const keyOf = (type, within = []) => {
    const signature = signatures.get(type);
    if (!signature || within.includes(type)) return { key: '', reset: false };
    const own = { key: signature.key, reset: signature.reset };
    signature.full ??= custom(signature, own, [...within, type]);
    return signature.full;
  };

  /** @type {Custom} */
  const custom = ({ hooks }, { key, reset }, within) => {
    try {
      for (const hook of hooks()) {
        // One that is no function here is not in scope: who knows what it does.
        if (typeof hook !== 'function') return { key, reset: true };
        const one = keyOf(hook, within);
        key += `\n${one.key}`;
        reset ||= one.reset;
      }
      return { key, reset };
    } catch {
      return { key, reset: true };
    }
  };

  /** @type {(before: any, after: any) => boolean} */
  const keeps = (before, after) => {
    if (isClass(before) || isClass(after)) return false;
    if (before?.$$typeof !== after?.$$typeof) return false;
    const [one, other] = [signatures.has(before), signatures.has(after)];
    const { key, reset } = keyOf(after);
    return one === other && keyOf(before).key === key && !reset;
  };

  const isObject = (/** @type {any} */ type) =>
    typeof type === 'function' || (typeof type === 'object' && type !== null);

  /** @type {(type: any, signature: Signature) => void} */
  const sign = (type, signature) => {
    signatures.set(type, signature);
    const wrapped = inner(type)?.[1];
    if (isObject(wrapped)) sign(wrapped, signature);
  };

  /** @type {Sig} */
  const sig = () => {
    /** @type {any} */
    let first;
    let asked = false;
    return (type, key, reset = false, hooks) => {
      // Without arguments it is called by the component as it renders: by now its hooks are defined.
      if (typeof key !== 'string') {
        if (!asked && first) keyOf(first);
        asked = true;
        return type;
      }
      first ??= hooks && type;
      if (isObject(type)) sign(type, { key, reset, hooks: hooks ?? (() => []) });
      return type;
    };
  };

  // Families

  /** @type {(id: string, type: any) => void} */
  const join = (id, type) => {
    if (!isObject(type) || familyOf.has(type)) return;
    const family = families.get(id) ?? { current: type };
    if (families.has(id)) pending.push([family, type]);
    families.set(id, family);
    familyOf.set(type, family);
    const wrapped = inner(type);
    if (wrapped) join(`${id}.${wrapped[0]}`, wrapped[1]);
  };

  const perform = () => {
    const changed = pending;
    pending = [];
    if (!changed[0]) return;
    const staleFamilies = new Set();
    const updatedFamilies = new Set();
    for (const [family, type] of changed) {
      (keeps(family.current, type) ? updatedFamilies : staleFamilies).add(family);
      for (const each of [family.current, type]) resolved.set(each, family);
      family.current = type;
    }
    for (const renderer of renderers.values())
      renderer.setRefreshHandler((/** @type {any} */ type) => resolved.get(type));
    refreshing = true;
    for (const root of [...failed])
      attempt(() => rendererOf.get(root).scheduleRoot(root, elements.get(root)));
    for (const root of [...mounted])
      attempt(() => rendererOf.get(root).scheduleRefresh(root, { staleFamilies, updatedFamilies }));
    refreshing = false;
  };

  /** One root must not take the others along. @type {(call: () => void) => void} */
  const attempt = (call) => {
    try {
      call();
    } catch (error) {
      global.reportError(error);
    }
  };

  // Modules

  /** Why others may hold more of a module than components. @type {Unfit} */
  const unfit = (exports, before) => {
    try {
      const names = Object.keys(exports);
      const same = (/** @type {string} */ name) =>
        !isObject(exports[name]) && (!before || before[name] === exports[name]);
      const odd = names.find((name) => !isComponent(exports[name]) && !same(name));
      if (odd) return `its export ${odd} is no component`;
      return names.some((name) => isComponent(exports[name])) ? '' : 'it exports no component';
    } catch {
      return 'its exports are not all there'; // a circle of imports
    }
  };

  /** @type {RefreshDone} */
  const done = (path, hot, exports) => {
    for (const [id, type] of staged.get(path) ?? []) join(`${path} ${id}`, type);
    staged.delete(path);
    end(path);
    hot?.on('vite:afterUpdate', perform); // somebody else's, maybe
    const why = unfit(exports);
    if (why) return refuse(path, why);
    hot?.accept((/** @type {Record<string, any> | undefined} */ fresh) => {
      if (!fresh) return;
      const gone = Object.keys(exports).find((name) => !(name in fresh));
      const come = Object.keys(fresh).find((name) => !(name in exports));
      const why =
        (gone && `its export ${gone} is gone`) ||
        (come && `its export ${come} is new`) ||
        unfit(fresh, exports) ||
        (!renderers.size && 'React was there before it could be watched');
      if (why) hot.invalidate(`${path.slice(1)} changed (${why})`);
      else perform();
    });
  };

  /** @type {Refresh} */
  const refresh = (path) => {
    staged.delete(path); // of a version that threw
    /** @type {(type: any, id: string) => void} */
    const reg = (type, id) => {
      begin(path); // a module of hooks alone has no end to be waited for
      staged.set(path, [...(staged.get(path) ?? []), [id, type]]);
    };
    return { reg, sig };
  };

  watch();
  return Object.assign(refresh, { done });
};

/** Has `done` as well, for modules that only have this name. */
export const refresh = makeRefresh(/** @type {any} */ (globalThis), registry);
export const { done } = refresh;
