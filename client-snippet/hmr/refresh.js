// React Fast Refresh: components get their new code and keep their state. Types: hot-types.d.ts.
//
// Loaded before React, which reports its renderers and roots to a DevTools hook.

import { makeFamilies } from './families.js';
import { registry } from './hot.js';

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
    unready: () => (renderers.size ? '' : 'React was loaded before it could be observed'),
    refresh: (update, familyOf) => {
      for (const renderer of renderers.values()) renderer.setRefreshHandler(familyOf);
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
  const renderers = new Map();
  const hook = (global.__REACT_DEVTOOLS_GLOBAL_HOOK__ ??= {
    renderers,
    supportsFiber: true,
    inject: (/** @type {any} */ renderer) => {
      renderers.set(next, renderer); // console.js asks it for the component
      return next++;
    },
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

/** @type {MakeRefresh} */
export const makeRefresh = (global, registry) => {
  const roots = makeRoots((error) => global.reportError(error));
  observeReact(global, roots);
  return makeFamilies(roots, registry);
};

/** Has `done` as a property, for modules that import only this name. */
export const refresh = makeRefresh(/** @type {any} */ (globalThis), registry);
export const { done } = refresh;
