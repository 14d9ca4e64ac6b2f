// The order in which linked modules run (ECMA-262, section 16.2.1.6).
import assert from 'node:assert/strict';
import test from 'node:test';

import { evaluate, LINKED } from '../../client-snippet/packages/records.js';

// Creates linked records of modules: their imports, by name. A module with a capital name awaits
// once, and logs another line after that. A module whose name ends with `!` throws at its end.
const graph = (imports) => {
  const log = [];
  const fail = (name) => {
    if (name.endsWith('!')) throw new Error(name);
  };
  const records = {};
  for (const name of Object.keys(imports)) {
    const awaits = /^[A-Z]/.test(name);
    const execute = () => {
      log.push(name);
      if (!awaits) return fail(name);
      return Promise.resolve().then(() => {
        log.push(`${name} after`);
        fail(name);
      });
    };
    const dependencies = () => imports[name].map((each) => records[each]);
    records[name] = { key: name, state: LINKED, stars: [], awaits, dependencies, execute };
  }
  return { log, run: (name) => evaluate(records[name]) };
};

for (const [what, imports, expected] of [
  ['imports run first', { main: ['a', 'b'], a: [], b: [] }, 'a,b,main'],
  ['a module runs once', { main: ['a', 'b'], a: ['c'], b: ['c'], c: [] }, 'c,a,b,main'],
  ['a cycle', { main: ['a'], a: ['b'], b: ['c', 'a'], c: ['a'] }, 'c,b,a,main'],
  ['a module that imports itself', { main: ['main'] }, 'main'],
  ['siblings do not wait', { main: ['A', 'b'], A: [], b: [] }, 'A,b,A after,main'],
  ['importers wait', { main: ['a', 'c'], a: ['B'], B: [], c: [] }, 'B,c,B after,a,main'],
  ['an importer that awaits', { main: ['A'], A: ['B'], B: [] }, 'B,B after,A,A after,main'],
  ['a cycle whose root awaits', { main: ['A', 'o'], A: ['b'], b: ['A'], o: ['b'] }, 'b,A,A after,o,main'],
  ['a cycle whose leaf awaits', { main: ['a'], a: ['b'], b: ['C'], C: ['a'] }, 'C,C after,b,a,main'],
  ['two that wait for one', { main: ['a', 'b'], a: ['C'], b: ['C'], C: [] }, 'C,C after,a,b,main'],
]) {
  test(`${what}: ${expected}`, async () => {
    const { log, run } = graph(imports);
    await run('main');
    assert.equal(log.join(), expected);
    await run('main');
    assert.equal(log.join(), expected);
  });
}

test('a graph without await runs at once', () => {
  const { log, run } = graph({ main: ['a'], a: [] });
  assert.equal(run('main'), undefined);
  assert.deepEqual(log, ['a', 'main']);
});

test('an error ends the modules that wait for its module, for ever', () => {
  const { log, run } = graph({ main: ['a', 'b!', 'c'], a: [], 'b!': [], c: [], other: ['b!'] });
  let first;
  assert.throws(() => run('main'), (error) => (first = error).message === 'b!');
  for (const name of ['main', 'b!', 'other']) assert.throws(() => run(name), (error) => error === first);
  assert.equal(run('c'), undefined);
  assert.deepEqual(log, ['a', 'b!', 'c']);
});

test('an error in a cycle is that of all its modules', () => {
  const { run } = graph({ 'a!': ['b'], b: ['c'], c: ['a!'] });
  let first;
  assert.throws(() => run('a!'), (error) => (first = error).message === 'a!');
  for (const name of ['a!', 'b', 'c']) assert.throws(() => run(name), (error) => error === first);
});

test('a rejection reaches all that wait, and no sibling', async () => {
  const { log, run } = graph({ main: ['A!', 'b', 'C'], 'A!': [], b: [], C: [], other: ['A!'] });
  const error = await run('main').catch((error) => error);
  assert.equal(error.message, 'A!');
  for (const name of ['main', 'A!', 'other']) assert.throws(() => run(name), (other) => other === error);
  await run('C');
  assert.deepEqual(log, ['A!', 'b', 'C', 'A! after', 'C after']);
});

test('a module of a cycle is ready when the whole cycle is', async () => {
  const { log, run } = graph({ A: ['b'], b: ['A'] });
  const root = run('A');
  const member = run('b').then(() => log.push('b is ready'));
  await Promise.all([root, member]);
  assert.deepEqual(log, ['b', 'A', 'A after', 'b is ready']);
});

test('modules that become ready at once run in the order of their evaluation', async () => {
  const { log, run } = graph({ one: ['X'], X: [], two: ['y'], y: ['X'], three: ['X'] });
  await Promise.all([run('two'), run('three'), run('one')]);
  assert.deepEqual(log, ['X', 'X after', 'y', 'two', 'three', 'one']);
});

test('undefined can be thrown', () => {
  const record = { key: 'a', state: LINKED, stars: [], awaits: false, dependencies: () => [] };
  record.execute = () => {
    throw undefined;
  };
  let caught = 0;
  for (let n = 0; n < 2; n++)
    try {
      evaluate(record);
    } catch (error) {
      assert.equal(error, undefined);
      caught++;
    }
  assert.equal(caught, 2);
});
