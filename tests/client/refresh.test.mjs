// Fast Refresh with a fake React. The tests in Chromium use the real one.
import assert from 'node:assert/strict';
import test from 'node:test';

import { isComponent } from '../../client-snippet/hmr/families.js';
import { makeRefresh } from '../../client-snippet/hmr/refresh.js';

const MEMO = Symbol.for('react.memo');
const FORWARD_REF = Symbol.for('react.forward_ref');

/** A page with a fake React, which logs its calls. */
const react = ({ hook, without = false } = {}) => {
  const global = {
    __REACT_DEVTOOLS_GLOBAL_HOOK__: hook,
    reportError: (error) => log.push(`error ${error}`),
  };
  const log = [];
  const refused = [];
  const waited = new Set();
  const refresh = makeRefresh(global, {
    begin: (path) => waited.add(path),
    end: (path) => waited.delete(path),
    refuse: (path, why) => refused.push(`${path}: ${why}`),
  });
  const devtools = global.__REACT_DEVTOOLS_GLOBAL_HOOK__;
  let family;
  const renderer = {
    setRefreshHandler: (handler) => (family = handler),
    scheduleRoot: (root, element) => log.push(`root ${root.name} ${element}`),
    scheduleRefresh: (root, { staleFamilies, updatedFamilies }) => {
      if (root.throws) throw root.throws;
      const names = (set) => [...set].map(({ current }) => current.named ?? current.name).join();
      log.push(`${root.name}: updated ${names(updatedFamilies)}; stale ${names(staleFamilies)}`);
    },
  };
  const id = without ? undefined : devtools.inject(renderer);
  const root = { name: 'root', current: { memoizedState: { element: {} } } };
  const commit = (element, threw = false) => {
    root.current.memoizedState.element = element;
    devtools.onCommitFiberRoot(id, root, 0, threw);
  };
  const hots = {};
  /** Runs a version of a module. */
  const module = (path, build) => {
    const { reg, sig } = refresh(path);
    const exports = build(reg, sig);
    const hot = { calls: [], on: () => {}, accept: (call) => hot.calls.push(call), invalidated: [] };
    hot.invalidate = (why) => hot.invalidated.push(why);
    refresh.done(path, hot, exports);
    const before = hots[path];
    hots[path] = hot;
    for (const call of before?.calls ?? []) call(exports);
    return { exports, hot, invalidated: before?.invalidated };
  };
  return {
    refresh,
    waited,
    refused,
    log,
    module,
    commit,
    root,
    devtools,
    id,
    current: (type) => family?.(type)?.current,
  };
};

/** Builds a module with one component, whose hooks are `key`. */
const component =
  (named, key, options = {}) =>
  (reg, sig) => {
    const s = sig();
    const App = () => s();
    App.named = named;
    if (key) s(App, key, options.reset, options.hooks);
    reg(App, 'App');
    return { App, ...options.more };
  };

for (const [what, first, next, wanted] of [
  ['the same hooks keeps its state', ['a', 'useState'], ['b', 'useState'], 'updated b; stale '],
  ['other hooks is mounted again', ['a', 'useState'], ['b', 'useEffect'], 'updated ; stale b'],
  ['its first hooks is mounted again', ['a', ''], ['b', 'useState'], 'updated ; stale b'],
  ['no hooks keeps its state', ['a', ''], ['b', ''], 'updated b; stale '],
  ['the reset comment is mounted again', ['a', 'x'], ['b', 'x', { reset: true }], 'updated ; stale b'],
  [
    'a hook out of scope is mounted again',
    ['a', 'x', { hooks: () => [undefined] }],
    ['b', 'x', { hooks: () => [undefined] }],
    'updated ; stale b',
  ],
  [
    'hooks that cannot be listed is mounted again',
    ['a', 'x', { hooks: () => { throw new Error('no'); } }], // prettier-ignore
    ['b', 'x', { hooks: () => { throw new Error('no'); } }], // prettier-ignore
    'updated ; stale b',
  ],
  [
    'a hook of a package keeps its state',
    ['a', 'x', { hooks: () => [test] }],
    ['b', 'x', { hooks: () => [test] }],
    'updated b; stale ',
  ],
])
  test(`a component with ${what}`, () => {
    const { module, commit, log, current } = react();
    commit({});
    const old = module('/a.js', component(...first)).exports.App;
    assert.deepEqual(log, []);
    const { App } = module('/a.js', component(...next)).exports;
    assert.deepEqual(log, [`root: ${wanted}`]);
    assert.equal(current(old), App);
    assert.equal(current(App), App);
    assert.equal(current(test), undefined);
  });

test('a component is mounted again if a custom hook calls other hooks', () => {
  const { module, commit, log, refresh } = react();
  commit({});
  const hook = (key, reset) => {
    const useIt = () => {};
    refresh('/hook.js').sig()(useIt, key, reset);
    return useIt;
  };
  const version = (named, useIt) => module('/a.js', component(named, 'useIt', { hooks: () => [useIt] }));
  version('a', hook('useState'));
  version('b', hook('useState'));
  version('c', hook('useEffect'));
  version('d', hook('useEffect', true));
  const stale = ['c', 'd'].map((name) => `root: updated ; stale ${name}`);
  assert.deepEqual(log, ['root: updated b; stale ', ...stale]);
});

test('wrapped components keep their state, classes do not', () => {
  const { module, commit, log } = react();
  commit({});
  const wrapped = ($$typeof, name) => (reg) => {
    const App = { $$typeof, [name]: Object.assign(() => {}, { named: name }), named: 'wrapper' };
    reg(App, 'App');
    return { App };
  };
  class One {}
  class Two {}
  for (const { prototype } of [One, Two]) prototype.isReactComponent = {};
  for (const version of [
    wrapped(MEMO, 'type'),
    wrapped(MEMO, 'type'),
    wrapped(FORWARD_REF, 'render'),
    (reg) => (reg(One, 'App'), { App: One }),
    (reg) => (reg(Two, 'App'), { App: Two }),
  ])
    module('/a.js', version);
  assert.deepEqual(log, [
    'root: updated wrapper,type; stale ',
    'root: updated ; stale wrapper',
    'root: updated ; stale One',
    'root: updated ; stale Two',
  ]);
});

for (const [what, exports, why] of [
  ['an object is not accepted', { App() {}, list: [] }, 'its export list is not a component'],
  ['another function is not accepted', { App() {}, help: () => {} }, 'its export help is not a component'],
  ['another class is not accepted', { App() {}, Client: class Client { send() {} } }, 'its export Client is not a component'], // prettier-ignore
  ['nothing is not accepted', {}, 'it exports no component'],
  ['only constants is not accepted', { n: 1 }, 'it exports no component'],
  ['uninitialized names is not accepted', { get App() { throw new ReferenceError(); } }, 'its exports are not initialized'], // prettier-ignore
  ['components is accepted', { App() {}, Other() {} }, undefined],
  ['a component and a constant is accepted', { App() {}, N: 1 }, undefined],
])
  test(`a module that exports ${what}`, () => {
    const { module, refused } = react();
    const { hot } = module('/a.js', () => exports);
    assert.deepEqual(refused, why ? [`/a.js: ${why}`] : []);
    assert.equal(hot.calls.length, why ? 0 : 1);
  });

for (const [what, before, after, why] of [
  ['with the same constant is accepted', { N: 1 }, { N: 1 }, undefined],
  ['with a changed constant is rejected', { N: 1 }, { N: 2 }, 'its export N is not a component'],
  ['with an added export is rejected', {}, { N: 1 }, 'its export N was added'],
  ['with a removed export is rejected', { N: 1 }, {}, 'its export N was removed'],
])
  test(`a new version ${what}`, () => {
    const { module, commit, log } = react();
    commit({});
    module('/a.js', component('a', '', { more: before }));
    const { invalidated } = module('/a.js', component('b', '', { more: after }));
    assert.deepEqual(invalidated, why ? [`a.js changed (${why})`] : []);
    assert.equal(log.length, why ? 0 : 1);
  });

test('an update is rejected if React was loaded first', () => {
  const { module } = react({ without: true });
  module('/a.js', component('a'));
  const { invalidated } = module('/a.js', component('b'));
  assert.deepEqual(invalidated, ['a.js changed (React was loaded before it could be observed)']);
});

test('a module that threw changes no component', () => {
  const { module, commit, log, refresh, waited } = react();
  commit({});
  module('/a.js', component('a', 'useState'));
  refresh('/hook.js').sig()(() => {}, 'useState');
  assert.deepEqual([...waited], [], 'a module that only has hooks never calls end');
  const { reg } = refresh('/a.js');
  reg(() => {}, 'App'); // and it threw
  assert.deepEqual([...waited], ['/a.js']);
  module('/b.js', component('x'));
  module('/b.js', component('y'));
  module('/a.js', component('b', 'useState'));
  assert.deepEqual(log, ['root: updated y; stale ', 'root: updated b; stale ']);
});

test('unmounted roots are skipped, failed ones are retried, and one does not affect another', () => {
  const { module, commit, log, devtools, id, root } = react();
  const edit = (n) => module('/a.js', component(n));
  edit('a');
  devtools.onScheduleFiberRoot(id, root, 'element');
  commit({});
  commit(null);
  edit('b');
  assert.deepEqual(log, [], 'unmounted');
  commit({});
  commit(null, true);
  edit('c');
  assert.deepEqual(log.splice(0), ['root root element']);
  commit({});
  devtools.onCommitFiberRoot(
    id,
    { name: 'other', current: { memoizedState: { element: {} } } },
    0,
    false,
  );
  root.throws = 'oh';
  edit('d');
  assert.deepEqual(log, ['error oh', 'other: updated d; stale ']);
});

test('an existing DevTools hook keeps working, and its renderers are used', () => {
  const calls = [];
  const scheduled = [];
  const known = { setRefreshHandler() {}, scheduleRefresh: (root) => scheduled.push(root.name) };
  const hook = {
    renderers: new Map([[3, known]]),
    inject: (...all) => calls.push(['inject', ...all]),
    onCommitFiberRoot: (...all) => calls.push(['commit', ...all]),
    onScheduleFiberRoot: (...all) => calls.push(['schedule', ...all]),
  };
  const { module, commit, root, devtools, id } = react({ hook });
  assert.equal(id, 1, "the id is the hook's");
  devtools.onScheduleFiberRoot(3, root, 'element');
  devtools.onCommitFiberRoot(3, root, 0, false);
  commit({});
  assert.deepEqual(
    calls.map(([name, first]) => [name, typeof first]),
    [
      ['inject', 'object'],
      ['schedule', 'number'],
      ['commit', 'number'],
      ['commit', 'number'],
    ],
  );
  module('/a.js', component('a'));
  devtools.onCommitFiberRoot(3, root, 0, false);
  module('/a.js', component('b'));
  assert.deepEqual(scheduled, ['root']);
});

test('a disabled DevTools hook is not changed', () => {
  const inject = () => {};
  const hook = { isDisabled: true, inject };
  makeRefresh({ __REACT_DEVTOOLS_GLOBAL_HOOK__: hook }, {});
  assert.equal(hook.inject, inject);
});

test('isComponent recognizes functions with upper-case names, React classes and wrappers', () => {
  const named = (name, type) => Object.defineProperty(type, 'name', { value: name });
  class Extends extends Map {}
  for (const [type, wanted] of [
    [named('App', () => {}), true],
    [named('app', () => {}), false],
    [
      Object.assign(
        named('app', () => {}),
        { displayName: 'App' },
      ),
      true,
    ],
    [function App() {}, true],
    [class App {}, true],
    [Extends, false],
    [{ $$typeof: MEMO }, true],
    [{ $$typeof: FORWARD_REF }, true],
    [{ $$typeof: Symbol.for('react.context') }, false],
    [null, false],
    [undefined, false],
    ['App', false],
  ])
    assert.equal(isComponent(type), wanted, String(type?.name ?? type));
});

test('default exports without a name and classes belong to families, and are refreshed if rendered', () => {
  const p = react();
  p.commit({});
  const version = (text) => p.module('/a.jsx', () => ({ default: (() => () => text)() }));
  version('one');
  assert.deepEqual(version('two').invalidated, ['a.jsx changed (its default export is not a component)']);
  class Shown {
    isReactComponent() {}
  }
  class Other extends Shown {}
  p.module('/b.jsx', () => ({ Shown }));
  p.log.length = 0;
  assert.deepEqual(p.module('/b.jsx', () => ({ Shown: Other })).invalidated, []);
  assert.deepEqual(p.log, ['root: updated ; stale Other']);
});
