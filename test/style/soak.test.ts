// Long runs and many sessions: memory stays where it is, on the GPU to the byte, and an iteration takes as long at the end
// as at the beginning. Short here; `npm run soak` makes 20,000 iterations and 500 sessions, and prints what it sees.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StyleSession } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { freshDevice } from '../device.ts';
import { tinyOptions } from './setting.ts';

const isLong = process.env['WGPU_STYLE_SOAK'] !== undefined;
const ITERATIONS = isLong ? 20_000 : 300;
const SESSIONS = isLong ? 500 : 30;
const LOOKS = 10;

// What the engine compiles and caches as it goes; a kilobyte kept for each iteration or session would be more.
const HEAP_NOISE = 4 * 2 ** 20;
const timeout = isLong ? 600_000 : 60_000;

/** Bytes of the heap that something holds. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Buffers and textures that are not destroyed, whoever made them. */
interface Living {
  count: number;
}

/** Counts by the device's own methods: the library's ledger is not asked. */
function countLiving(device: GPUDevice): Living {
  const living: Living = { count: 0 };
  const counted = <T extends { destroy: () => undefined }>(made: T): T => {
    living.count++;
    const { destroy } = made;
    made.destroy = function (this: T) {
      living.count--;
      made.destroy = destroy;
      return destroy.call(this);
    };
    return made;
  };
  const [buffer, texture] = [device.createBuffer.bind(device), device.createTexture.bind(device)];
  device.createBuffer = (descriptor) => counted(buffer(descriptor));
  device.createTexture = (descriptor) => counted(texture(descriptor));
  return living;
}

/** What is held after some iterations, and how much of the processors one of them took: the machine may have other work. */
interface Look {
  readonly gpu: number;
  readonly living: number;
  readonly heap: number;
  readonly milliseconds: number;
}

let device: GPUDevice;
let living: Living;
beforeAll(async () => {
  device = await freshDevice();
  living = countLiving(device);
});
afterAll(() => device.destroy());

const say = (text: string): void => {
  if (isLong) console.log(text);
};

describe(`${ITERATIONS} iterations`, () => {
  it('hold the same memory all the time, and take no longer at the end', { timeout }, async () => {
    const session = await StyleSession.create(await tinyOptions({ device, optimizer: { name: 'lbfgs', history: 5 } }));
    await session.step(50);
    const looks: Look[] = [];
    for (let look = 0; look < LOOKS; look++) {
      const started = process.cpuUsage();
      await session.step(ITERATIONS / LOOKS);
      const { user, system } = process.cpuUsage(started);
      const milliseconds = ((user + system) / 1000 / ITERATIONS) * LOOKS;
      looks.push({ gpu: memoryUse(device).bytes, living: living.count, heap: heldBytes(), milliseconds });
      say(`${(look + 1) * (ITERATIONS / LOOKS)} iterations: ${JSON.stringify(looks.at(-1))}`);
    }
    const [first, last] = [looks[0]!, looks.at(-1)!];
    for (const look of looks) expect([look.gpu, look.living]).toEqual([first.gpu, first.living]);
    expect(last.heap - first.heap).toBeLessThan(HEAP_NOISE);
    // Time is for the long form: a few iterations tell of the machine's other work.
    const half = looks.length / 2;
    const best = (part: readonly Look[]): number => Math.min(...part.map(({ milliseconds }) => milliseconds));
    session.destroy();
    if (isLong) expect(best(looks.slice(half))).toBeLessThan(1.5 * best(looks.slice(0, half)));
    expect([memoryUse(device).bytes, living.count]).toEqual([0, 0]);
  });
});

describe(`${SESSIONS} sessions, one after another on one device`, () => {
  it('give every byte back', { timeout }, async () => {
    let before = 0;
    for (let i = 0; i < SESSIONS; i++) {
      const session = await StyleSession.create(await tinyOptions({ device, seed: i }));
      await session.step(1);
      session.destroy();
      session.destroy();
      expect([memoryUse(device).bytes, living.count]).toEqual([0, 0]);
      if (i === Math.floor(SESSIONS / 5)) before = heldBytes();
      if (i % 100 === 99) say(`${i + 1} sessions: heap ${heldBytes()}, resident ${process.memoryUsage().rss}`);
    }
    expect(heldBytes() - before).toBeLessThan(HEAP_NOISE);
  });
});
