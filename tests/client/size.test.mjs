// It is in every page: small, comments and all.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { gzipSync } from 'node:zlib';

const source = readFileSync(new URL('../../client-snippet/reload/client.js', import.meta.url));

test('at most 6,000 bytes', () => assert.ok(source.length <= 6000, `${source.length}`));
// gzip -9 itself needs some 15 bytes more than node's zlib.
test('at most 2,400 gzipped', () => {
  const { length } = gzipSync(source, { level: 9 });
  assert.ok(length <= 2400 - 20, `${length}`);
});
