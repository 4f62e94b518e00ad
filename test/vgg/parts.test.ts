// What stands between a server and its reader: pieces, kept parts, counts, everything in order.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { DownloadProgress } from '../../src/gpu/host.ts';
import { memorySource, readAll, readFully, wrapped, type ByteSource } from '../../src/vgg/byte-source.ts';
import { inOrder, pieced, remembered, watched, type PartStore } from '../../src/vgg/parts.ts';
import { streamSource } from '../../src/vgg/stream-source.ts';

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) % 251);
const broken = (cause: unknown): never => {
  throw cause;
};
const context = { where: 'test', broken };

/** A source that notes what is asked of it. */
function noted(source: ByteSource = memorySource(bytes)): ByteSource & { readonly asked: string[] } {
  const asked: string[] = [];
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    asked.push(`${offset}+${length}`);
    return source.read(offset, length);
  };
  return wrapped(source, { asked, read });
}

function stream(chunk: number): ByteSource {
  const chunks = async function* (): AsyncGenerator<Uint8Array, void> {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.slice(at, at + chunk);
  };
  return streamSource(chunks(), { ...context, size: bytes.length });
}

function store(): PartStore & { readonly kept: Map<string, Uint8Array> } {
  const kept = new Map<string, Uint8Array>();
  return {
    kept,
    get: async (offset, length) => kept.get(`${offset}+${length}`),
    put: async (offset, part) => void kept.set(`${offset}+${part.length}`, part),
    close: async () => undefined,
  };
}

describe('long reads come in pieces', () => {
  test.each([
    [0, 1000, ['0+300', '300+300', '600+300', '900+100']],
    [950, 300, ['950+300']],
    [10, 300, ['10+300']],
    [100, 301, ['100+300', '400+1']],
    [500, 5000, ['500+300', '800+200']],
  ])('%i, %i', async (offset, length, asked) => {
    const source = noted();
    expect(await pieced(source, 300).read(offset, length)).toEqual(bytes.slice(offset, offset + length));
    expect(source.asked).toEqual(asked);
  });

  test('a length that lies ends with the file, also where its size is unknown', async () => {
    const { read } = pieced(wrapped(noted(), { size: undefined }), 300);
    expect(await read(100, 2 ** 40)).toEqual(bytes.slice(100));
  });
});

describe('parts that were kept are not asked for again', () => {
  test('after a connection that broke', async () => {
    const parts = store();
    const source = noted();
    let left = 2;
    const breaking = wrapped(source, {
      read: async (offset: number, length: number) => {
        if (left-- === 0) throw new TypeError('broken');
        return source.read(offset, length);
      },
    });
    await expect(pieced(remembered(breaking, parts), 300).read(0, 1000)).rejects.toThrow('broken');
    expect([...parts.kept.keys()]).toEqual(['0+300', '300+300']);
    source.asked.length = 0;
    expect(await pieced(remembered(source, parts), 300).read(0, 1000)).toEqual(bytes);
    expect(source.asked).toEqual(['600+300', '900+100']);
  });

  test('a part that came short is not kept', async () => {
    const parts = store();
    await remembered(memorySource(bytes.subarray(0, 50)), parts).read(0, 100);
    expect(parts.kept.size).toBe(0);
  });
});

describe('what has come is counted', () => {
  test('of a seekable source: parts that were kept too, and what is still to come once it is known', async () => {
    const reports: DownloadProgress[] = [];
    const parts = store();
    parts.kept.set('0+300', bytes.slice(0, 300));
    const counted = watched(remembered(memorySource(bytes), parts), 'net', (report) => reports.push(report));
    await pieced(counted, 300).read(0, 400);
    counted.expect(200);
    await counted.read(700, 150);
    await counted.read(850, 150); // more than was expected
    expect(reports.map(({ received, needed }) => [received, needed])).toEqual([
      [300, undefined],
      [400, undefined],
      [400, 600],
      [550, 600],
      [700, 700],
    ]);
    expect(reports[0]).toMatchObject({ name: 'net', size: 1000 });
  });

  test('of a stream everything, read or passed over', async () => {
    const received: number[] = [];
    const counted = watched(stream(250), 'net', (report) => received.push(report.received));
    await readFully(counted, 600, 10);
    await readFully(counted, 610, 390);
    expect(received).toEqual([750, 1000]);
  });
});

describe('everything in order', () => {
  test.each([
    ['a seekable source', memorySource(bytes)],
    ['one of unknown size', wrapped(memorySource(bytes), { size: undefined })],
    ['a stream', stream(70)],
  ])('of %s is hashed', async (_, source) => {
    const ordered = inOrder(source, context);
    expect(ordered.isSeekable).toBe(false);
    expect(await readAll(ordered)).toEqual(bytes);
    expect(ordered.sha256()).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(ordered.bytesRead).toBe(1000);
  });
});
