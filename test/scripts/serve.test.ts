// The server of files that pages, examples, benchmarks and tests share.

import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve, type StaticServer } from '../../scripts/serve.mjs';

const files: Readonly<Record<string, string | Uint8Array>> = {
  '/': '<!doctype html>',
  '/a name.js': 'export const ä = 1;',
  '/weights.bin': Uint8Array.of(1, 2, 3),
};
let server: StaticServer;

beforeAll(async () => {
  server = await serve((address) => files[address], { headers: { 'x-policy': 'strict' } });
});
afterAll(() => server.close());

test('answers with type, length and the wanted headers', async () => {
  const page = await fetch(`${server.origin}/?query#fragment`);
  expect([page.status, page.headers.get('content-type'), page.headers.get('x-policy')]).toEqual([
    200,
    'text/html; charset=utf-8',
    'strict',
  ]);
  const module = await fetch(`${server.origin}/a%20name.js`);
  expect([module.headers.get('content-type'), module.headers.get('content-length')]).toEqual(['text/javascript', '20']);
  expect(await module.text()).toBe('export const ä = 1;');
  const other = await fetch(`${server.origin}/weights.bin`);
  expect(other.headers.get('content-type')).toBe('application/octet-stream');
  expect(new Uint8Array(await other.arrayBuffer())).toEqual(Uint8Array.of(1, 2, 3));
});

test('of HEAD it sends no body', async () => {
  const { headers, body } = await fetch(`${server.origin}/weights.bin`, { method: 'HEAD' });
  expect([headers.get('content-length'), body]).toEqual(['3', null]);
});

/** The status for a path that no client would send. */
function status(path: string): Promise<number | undefined> {
  const { port } = new URL(server.origin);
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path }, (response) => resolve(response.resume().statusCode)).on('error', reject).end();
  });
}

test.each(['/nothing', '/%', '//', '/../package.json', '/%2e%2e/package.json'])('%s is not there, and the server stays', async (path) => {
  expect(await status(path)).toBe(404);
  expect(await status('/')).toBe(200);
});

test('a port that is taken is said', async () => {
  await expect(serve(() => undefined, { port: Number(new URL(server.origin).port) })).rejects.toThrow(/EADDRINUSE/);
});
