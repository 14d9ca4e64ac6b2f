// Hot updates of Vue components: a changed template is rendered again with the state that there is;
// a changed script makes new instances. Types: hot-types.d.ts.

import { hasNewImports } from './hot.js';

// Vue warns if these are not set before the first application is created.
globalThis.__VUE_OPTIONS_API__ ??= true;
globalThis.__VUE_PROD_DEVTOOLS__ ??= false;
globalThis.__VUE_PROD_HYDRATION_MISMATCH_DETAILS__ ??= false;

/** Registers a component, and returns the object that stands for all its versions. @type {Component} */
export const component = (hot, path, id, options, properties, parts) => {
  const fresh = Object.assign(options.__vccOpts ?? options, properties);
  if (!hot) return fresh; // in a worker
  fresh.__hmrId = id;
  const { data } = hot;
  const first = data.component ?? fresh;
  if (first === fresh) globalThis.__VUE_HMR_RUNTIME__?.createRecord(id, fresh);
  Object.assign(data, { component: first, fresh, parts });
  /** @type {HotCallback} */
  const accept = (now) => {
    if (!now) return;
    const { fresh, parts: next } = data;
    const runtime = globalThis.__VUE_HMR_RUNTIME__;
    const isSame = next.script === parts.script && !hasNewImports(path);
    // A style sheet has been replaced already.
    if (isSame && next.template === parts.template) return;
    if (!runtime) hot.invalidate('this build of Vue has no hot updates');
    else if (isSame && next.template && parts.template) runtime.rerender(id, fresh.render);
    else runtime.reload(id, fresh);
  };
  hot.accept(accept);
  return first;
};

/** Registers the components that a module with JSX exports. @type {Components} */
export const components = (hot, entries) => {
  if (!hot) return; // in a worker
  for (const [id, , component] of entries) {
    component.__hmrId = id;
    globalThis.__VUE_HMR_RUNTIME__?.createRecord(id, component);
  }
  /** @type {HotCallback} */
  const accept = (now) => {
    if (!now) return;
    const runtime = globalThis.__VUE_HMR_RUNTIME__;
    const isSame = entries.every(([, name]) => now[name]);
    if (!runtime || !isSame) return hot.invalidate('other components are exported');
    for (const [id, name] of entries) runtime.reload(id, now[name]);
  };
  hot.accept(accept);
};
