// Every page loads client.js, so its size is limited, comments included.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { gzipSync } from 'node:zlib';

const source = readFileSync(new URL('../../client-snippet/reload/client.js', import.meta.url));

test('client.js has at most 6,000 bytes', () => assert.ok(source.length <= 6000, `${source.length}`));
// gzip -9 needs about 15 bytes more than zlib.
test('client.js has at most 2,400 bytes after gzip', () => {
  const { length } = gzipSync(source, { level: 9 });
  assert.ok(length <= 2400 - 20, `${length}`);
});
