// Fast Refresh, with as much of React as it speaks to. With React itself: see the tests in Chromium.
import assert from 'node:assert/strict';
import test from 'node:test';

import { isComponent, makeRefresh } from '../../client-snippet/hmr/refresh.js';

const MEMO = Symbol.for('react.memo');
const FORWARD_REF = Symbol.for('react.forward_ref');

/** A page with React in it, and what React was asked to do. */
const react = ({ hook, without = false } = {}) => {
  const global = {
    __REACT_DEVTOOLS_GLOBAL_HOOK__: hook,
    reportError: (error) => said.push(`error ${error}`),
  };
  const said = [];
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
    scheduleRoot: (root, element) => said.push(`root ${root.name} ${element}`),
    scheduleRefresh: (root, { staleFamilies, updatedFamilies }) => {
      if (root.throws) throw root.throws;
      const names = (set) => [...set].map(({ current }) => current.named ?? current.name).join();
      said.push(`${root.name}: updated ${names(updatedFamilies)}; stale ${names(staleFamilies)}`);
    },
  };
  const id = without ? undefined : devtools.inject(renderer);
  const root = { name: 'root', current: { memoizedState: { element: {} } } };
  const commit = (element, threw = false) => {
    root.current.memoizedState.element = element;
    devtools.onCommitFiberRoot(id, root, 0, threw);
  };
  const hots = {};
  /** A version of a module: its components as {name: component}, signed. */
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
    said,
    module,
    commit,
    root,
    devtools,
    id,
    current: (type) => family?.(type)?.current,
  };
};

/** A component with the hooks of a key. */
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
  ['the same hooks', ['a', 'useState'], ['b', 'useState'], 'updated b; stale '],
  ['other hooks', ['a', 'useState'], ['b', 'useEffect'], 'updated ; stale b'],
  ['hooks that were none', ['a', ''], ['b', 'useState'], 'updated ; stale b'],
  ['no hooks', ['a', ''], ['b', ''], 'updated b; stale '],
  ['told to forget', ['a', 'x'], ['b', 'x', { reset: true }], 'updated ; stale b'],
  [
    'a hook out of scope',
    ['a', 'x', { hooks: () => [undefined] }],
    ['b', 'x', { hooks: () => [undefined] }],
    'updated ; stale b',
  ],
  [
    'a hook that cannot be told',
    ['a', 'x', { hooks: () => { throw new Error('no'); } }], // prettier-ignore
    ['b', 'x', { hooks: () => { throw new Error('no'); } }], // prettier-ignore
    'updated ; stale b',
  ],
  [
    'a hook of a package',
    ['a', 'x', { hooks: () => [test] }],
    ['b', 'x', { hooks: () => [test] }],
    'updated b; stale ',
  ],
])
  test(`a component with ${what}`, () => {
    const { module, commit, said, current } = react();
    commit({});
    const old = module('/a.js', component(...first)).exports.App;
    assert.deepEqual(said, []);
    const { App } = module('/a.js', component(...next)).exports;
    assert.deepEqual(said, [`root: ${wanted}`]);
    assert.equal(current(old), App);
    assert.equal(current(App), App);
    assert.equal(current(test), undefined);
  });

test('a custom hook that calls other hooks', () => {
  const { module, commit, said, refresh } = react();
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
  assert.deepEqual(said, ['root: updated b; stale ', ...stale]);
});

test('wrapped components, and classes', () => {
  const { module, commit, said } = react();
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
  assert.deepEqual(said, [
    'root: updated wrapper,type; stale ',
    'root: updated ; stale wrapper',
    'root: updated ; stale One',
    'root: updated ; stale Two',
  ]);
});

for (const [what, exports, why] of [
  ['something that is no component', { App() {}, list: [] }, 'its export list is no component'],
  ['a function that is none', { App() {}, help: () => {} }, 'its export help is no component'],
  ['a class of another kind', { App() {}, Client: class Client { send() {} } }, 'its export Client is no component'], // prettier-ignore
  ['nothing', {}, 'it exports no component'],
  ['constants alone', { n: 1 }, 'it exports no component'],
  ['what is not there yet', { get App() { throw new ReferenceError(); } }, 'its exports are not all there'], // prettier-ignore
  ['components', { App() {}, Other() {} }, undefined],
  ['a component and a constant', { App() {}, N: 1 }, undefined],
])
  test(`a module that exports ${what}`, () => {
    const { module, refused } = react();
    const { hot } = module('/a.js', () => exports);
    assert.deepEqual(refused, why ? [`/a.js: ${why}`] : []);
    assert.equal(hot.calls.length, why ? 0 : 1);
  });

for (const [what, before, after, why] of [
  ['the same', { N: 1 }, { N: 1 }, undefined],
  ['a constant changed', { N: 1 }, { N: 2 }, 'its export N is no component'],
  ['one more', {}, { N: 1 }, 'its export N is new'],
  ['one less', { N: 1 }, {}, 'its export N is gone'],
])
  test(`exports of a new version: ${what}`, () => {
    const { module, commit, said } = react();
    commit({});
    module('/a.js', component('a', '', { more: before }));
    const { invalidated } = module('/a.js', component('b', '', { more: after }));
    assert.deepEqual(invalidated, why ? [`a.js changed (${why})`] : []);
    assert.equal(said.length, why ? 0 : 1);
  });

test('without a React that was watched', () => {
  const { module } = react({ without: true });
  module('/a.js', component('a'));
  const { invalidated } = module('/a.js', component('b'));
  assert.deepEqual(invalidated, ['a.js changed (React was there before it could be watched)']);
});

test('a module that did not run to its end changes nothing', () => {
  const { module, commit, said, refresh, waited } = react();
  commit({});
  module('/a.js', component('a', 'useState'));
  refresh('/hook.js').sig()(() => {}, 'useState');
  assert.deepEqual([...waited], [], 'a module of hooks says no end');
  const { reg } = refresh('/a.js');
  reg(() => {}, 'App'); // and it threw
  assert.deepEqual([...waited], ['/a.js']);
  module('/b.js', component('x'));
  module('/b.js', component('y'));
  module('/a.js', component('b', 'useState'));
  assert.deepEqual(said, ['root: updated y; stale ', 'root: updated b; stale ']);
});

test('roots: unmounted ones are left alone, failed ones are tried again, one cannot hold up the other', () => {
  const { module, commit, said, devtools, id, root } = react();
  const edit = (n) => module('/a.js', component(n));
  edit('a');
  devtools.onScheduleFiberRoot(id, root, 'element');
  commit({});
  commit(null);
  edit('b');
  assert.deepEqual(said, [], 'unmounted');
  commit({});
  commit(null, true);
  edit('c');
  assert.deepEqual(said.splice(0), ['root root element']);
  commit({});
  devtools.onCommitFiberRoot(
    id,
    { name: 'other', current: { memoizedState: { element: {} } } },
    0,
    false,
  );
  root.throws = 'oh';
  edit('d');
  assert.deepEqual(said, ['error oh', 'other: updated d; stale ']);
});

test('the hook of the developer tools goes on working, and renderers that it knows are used', () => {
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

test('a hook that is switched off is let be', () => {
  const inject = () => {};
  const hook = { isDisabled: true, inject };
  makeRefresh({ __REACT_DEVTOOLS_GLOBAL_HOOK__: hook }, {});
  assert.equal(hook.inject, inject);
});

test('what is a component', () => {
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
