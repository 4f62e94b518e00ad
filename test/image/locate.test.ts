// Pictures by their addresses: a server that sends without end is hung up on, and nothing of it is kept.

import { afterEach, expect, test, vi } from 'vitest';
import { loadImage } from '../../src/image/index.ts';

afterEach(() => vi.unstubAllGlobals());

/** Pieces that come for ever, all of them the same memory; `pulled` counts them. */
function endless(size: number, seen: { pulled: number; isCancelled: boolean }): ReadableStream<Uint8Array> {
  const piece = new Uint8Array(size);
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        seen.pulled++;
        controller.enqueue(piece);
      },
      cancel: () => void (seen.isCancelled = true),
    },
    { highWaterMark: 0 },
  );
}

test.each([
  ['that says so', { 'content-length': String(2 ** 40) }, 1],
  ['that does not say', {}, 40],
])('more than any picture, from a server %s, is refused', async (_, headers, most) => {
  const seen = { pulled: 0, isCancelled: false };
  vi.stubGlobal('fetch', async () => new Response(endless(16 * 2 ** 20, seen), { headers }));
  await expect(loadImage('https://example.org/endless.png')).rejects.toMatchObject({
    code: 'network',
    message: expect.stringContaining('over 512 MiB'),
  });
  expect(seen.pulled).toBeLessThanOrEqual(most);
  expect(seen.isCancelled).toBe(true);
});

test('a body of no bytes is no picture', async () => {
  vi.stubGlobal('fetch', async () => new Response(null));
  await expect(loadImage('https://example.org/nothing.png')).rejects.toMatchObject({ code: 'bad-image' });
});
