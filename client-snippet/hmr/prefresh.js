// Fast Refresh of Preact: components get their new code and keep their state. Types:
// hot-types.d.ts.
//
// Preact reports what it renders to its `options`. The short names of its fields are part of its
// interface for tools such as its developer tools.

import { makeFamilies } from './families.js';
import { registry as ownRegistry } from './hot.js';

/** Makes the effects and memos of a component run again, or all of its hooks. @type {ResetHooks} */
const resetHooks = (component, all) => {
  for (const hook of component.__H?.__ ?? []) {
    if (all && typeof hook.__c === 'function') hook.__c(); // of an effect
    const isRef = hook.__H?.length === 0 && hook.__ && 'current' in Object(hook.__);
    if (Array.isArray(hook.__H) && !isRef) hook.__H = undefined; // the dependencies
  }
  if (all) component.__H = undefined;
};

/** @type {MakePreact} */
const makePreact = (options) => {
  const mounted = new Set();
  /** @type {(type: any) => Family | undefined} */
  let familyOf = () => undefined;
  const { vnode: onVnode, diffed: onDiffed, unmount: onUnmount } = options;
  Object.assign(options, {
    vnode: (/** @type {any} */ vnode) => {
      const family = typeof vnode.type === 'function' && familyOf(vnode.type);
      if (family) vnode.type = family.current; // by a module that has not run again
      onVnode?.(vnode);
    },
    diffed: (/** @type {any} */ vnode) => {
      if (vnode.__c) mounted.add(vnode.__c);
      onDiffed?.(vnode);
    },
    unmount: (/** @type {any} */ vnode) => {
      mounted.delete(vnode.__c);
      onUnmount?.(vnode);
    },
  });
  return {
    unready: () => '',
    refresh: ({ staleFamilies, updatedFamilies }, familyOfType) => {
      familyOf = familyOfType;
      for (const component of [...mounted]) {
        const vnode = component.__v;
        const family = familyOf(vnode?.type);
        if (!family || !(staleFamilies.has(family) || updatedFamilies.has(family))) continue;
        vnode.type = family.current;
        // An instance of a class keeps its state, and gets the new methods.
        if (family.current.prototype?.render) Object.setPrototypeOf(component, family.current.prototype);
        else component.constructor = family.current;
        resetHooks(component, staleFamilies.has(family));
        component.forceUpdate();
      }
    },
  };
};

/** @type {WeakMap<object, ReturnType<MakeFamilies>>} */
const known = new WeakMap(); // the options of Preact -> its families

/** Returns the families of the components that a Preact renders. @type {Prefresh} */
export const prefresh = (options, registry = ownRegistry) => {
  const families = known.get(options) ?? makeFamilies(makePreact(options), registry);
  known.set(options, families);
  return families;
};
