// Which errors of a page are reported to the server.
import assert from 'node:assert/strict';
import test from 'node:test';

import { report } from '../../client-snippet/hmr/failure.js';
import { golden } from './page.mjs';

const origin = 'http://localhost:8080';

/** Returns what is sent about an error event. */
const sentAbout = async (event) => {
  const sent = [];
  globalThis.location = { origin };
  let open = false; // at first
  const isOpen = () => open || !(open = true);
  await report(event, isOpen, (message) => sent.push(JSON.stringify(message)));
  delete globalThis.location;
  return sent;
};

const event = {
  error: { name: 'SyntaxError', stack: "SyntaxError: in '/@linked/a.js'" },
  filename: `${origin}/js/app.js?t=4`,
  message: JSON.parse(golden('error')).message,
  lineno: 3,
  colno: 12,
};

test('a module that cannot be parsed or linked is reported once the socket is open', async () => {
  assert.deepEqual(await sentAbout(event), [golden('error')]);
});

test('an error in a pack is that of a module, and a page of that name is no pack', async () => {
  const pack = ['export default[{', '"/js/app.js?t=4":[[],function*($l){', '', '/a/xx', '}],', '},0];'];
  globalThis.fetch = async () => ({ text: async () => pack.join('\n') });
  const place = async (filename, lineno) => {
    const [sent] = await sentAbout({ ...event, filename: origin + filename, lineno });
    const { path, line } = JSON.parse(sent);
    return `${path}:${line}`;
  };
  assert.equal(await place('/__livers/pack?entry=%2Fjs%2Fapp.js', 4), '/js/app.js:3');
  assert.equal(await place('/docs/pack', 4), '/docs/pack:4');
});

test('a package without a module that it imports is an error of the script of the page', async () => {
  const src = `${origin}/src/main.ts`;
  globalThis.document = { querySelector: () => ({ src }) };
  const error = { name: 'Error', code: 'MODULE_NOT_FOUND', key: 'it@1/index.js', stack: 'Error\n    at a' };
  const [sent] = await sentAbout({ ...event, error, filename: `${origin}/__livers/registry.js` });
  delete globalThis.document;
  const { path, line } = JSON.parse(sent);
  assert.equal(`${path}:${line}`, '/src/main.ts:0');
});

test('errors of code that runs, of other sites and of elements are not reported', async () => {
  for (const other of [
    { error: { name: 'SyntaxError', stack: 'SyntaxError: JSON\n    at JSON.parse (<anonymous>)' } },
    { error: { name: 'SyntaxError', stack: 'parse@http://localhost:8080/js/app.js:1:2' } },
    { error: { name: 'TypeError', stack: '' } },
    { error: undefined },
    { filename: 'https://other.example/a.js' },
    { filename: '' },
  ])
    assert.deepEqual(await sentAbout({ ...event, ...other }), [], JSON.stringify(other));
});
