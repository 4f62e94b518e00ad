// Work in slices: nothing lost, nothing twice, whatever is estimated; and as many submits as the estimate says.

import { expect, test } from 'vitest';
import type { Sequence } from '../../src/gpu/dispatch.ts';
import { Estimate } from '../../src/gpu/estimate.ts';
import { countingDevice } from '../../src/gpu/counting.ts';
import { Slicer, type Work } from '../../src/gpu/slicer.ts';
import { Submits } from '../../src/gpu/submits.ts';

/** An estimate that knows: every dispatch takes as long. */
class Known extends Estimate {
  readonly #milliseconds: number;
  constructor(milliseconds: number) {
    super();
    this.#milliseconds = milliseconds;
  }
  override get hasMeasured(): boolean {
    return true;
  }
  override of(): number {
    return this.#milliseconds;
  }
  override learn(): void {
    // it knows already
  }
}

/** Writes down what is recorded: dispatches of sequence `name` as `name0`, `name1`, …, moves by name, ends of passes. */
function bench(): { device: GPUDevice; log: string[]; sequence: (name: string, length: number) => Sequence; move: (name: string) => Work } {
  const device = countingDevice();
  const log: string[] = [];
  const encoder = device.createCommandEncoder();
  const pass = { ...encoder.beginComputePass(), end: () => log.push('|') };
  Object.assign(encoder, { beginComputePass: () => pass });
  const sequence = (name: string, length: number): Sequence =>
    ({
      length,
      cost: () => ({ flops: 0, bytes: 0 }),
      encode: (_: unknown, first = 0, end = length) => {
        for (let i = first; i < end; i++) log.push(`${name}${i}`);
      },
    }) as unknown as Sequence;
  return { device, log, sequence, move: (name) => () => void log.push(name) };
}

/** Slices of `budget` until the work is whole. */
function slicesOf(slicer: Slicer, device: GPUDevice, log: string[], budget: number): string[] {
  const slices: string[] = [];
  while (slicer.isUnderWay) {
    log.length = 0;
    slicer.encode(device.createCommandEncoder(), budget);
    slices.push(log.join(' '));
  }
  return slices;
}

test('a slice has the dispatches that fit, moves between passes, and at least one dispatch', () => {
  const { device, log, sequence, move } = bench();
  const work = [move('clear'), sequence('a', 3), move('copy'), sequence('b', 0), sequence('c', 2), sequence('d', 1)];
  const slicer = new Slicer(device, 'test', new Known(1));
  const cases: readonly [number, string[]][] = [
    [Infinity, ['clear a0 a1 a2 | copy c0 c1 d0 |']],
    [1e-9, ['clear a0 |', 'a1 |', 'a2 | copy', 'c0 |', 'c1 |', 'd0 |']],
    [2, ['clear a0 a1 |', 'a2 | copy c0 |', 'c1 d0 |']],
    [3, ['clear a0 a1 a2 | copy', 'c0 c1 d0 |']],
  ];
  for (const [budget, slices] of cases) {
    slicer.begin(work);
    expect(slicesOf(slicer, device, log, budget)).toEqual(slices);
  }
});

test('what comes then is asked for when the first is recorded, and can be dropped before', () => {
  const { device, log, sequence } = bench();
  const slicer = new Slicer(device, 'test', new Known(1));
  let asked = 0;
  const then = (): Work[] => {
    asked++;
    return [sequence('b', 2)];
  };
  slicer.begin([sequence('a', 2)], then);
  expect(slicesOf(slicer, device, log, 1)).toEqual(['a0 |', 'a1 |', 'b0 |', 'b1 |']);
  expect(asked).toBe(1);
  slicer.begin([sequence('a', 2)], then);
  slicer.encode(device.createCommandEncoder(), 1);
  expect(slicer.abandon()).toBe(true);
  expect(slicer.isUnderWay).toBe(false);
  expect(asked).toBe(1);
  slicer.begin([sequence('a', 1)], then);
  slicer.encode(device.createCommandEncoder(), 2);
  expect(slicer.abandon()).toBe(false);
  expect(slicesOf(slicer, device, log, 2)).toEqual(['b1 |']);
});

test('a slice ends before a meeting, which is taken once', () => {
  const { device, log, sequence } = bench();
  const slicer = new Slicer(device, 'test', new Known(1));
  const meeting = { meet: () => Promise.resolve() };
  slicer.begin([sequence('a', 2), meeting, sequence('b', 1)]);
  expect(slicer.takeMeeting()).toBeUndefined();
  slicer.encode(device.createCommandEncoder(), Infinity);
  expect(log.splice(0)).toEqual(['a0', 'a1', '|']);
  slicer.encode(device.createCommandEncoder(), Infinity);
  expect(log).toEqual([]);
  expect(slicer.takeMeeting()).toBe(meeting);
  expect(slicesOf(slicer, device, log, Infinity)).toEqual(['b0 |']);
});

test('a submit is cautious until something was measured', () => {
  const { device, log, sequence } = bench();
  const fresh = new Known(1);
  Object.defineProperty(fresh, 'hasMeasured', { value: false });
  for (const [estimate, count] of [[new Known(1), 10], [fresh, 2]] as const) {
    const slicer = new Slicer(device, 'test', estimate);
    slicer.begin([sequence('a', 100)]);
    log.length = 0;
    slicer.encodeSubmit(device.createCommandEncoder(), 10);
    expect(log.filter((entry) => entry !== '|')).toHaveLength(count);
  }
});

test('submits of one owner end one after another, and stop where they are told to', async () => {
  const { device } = bench();
  let count = 0;
  Object.assign(device.queue, { submit: () => count++ });
  const submits = new Submits(device, 'test');
  const upTo = (slices: number): (() => boolean) => {
    let made = 0;
    return () => ++made === slices;
  };
  const one = submits.submit(upTo(1), () => 'one');
  expect(submits.underWay).toBeUndefined();
  expect(await one).toBe('one');
  count = 0;
  const many = submits.submit(upTo(7), () => `after ${count}`);
  expect(count).toBe(1);
  await submits.underWay;
  expect(await many).toBe('after 7');
  expect(submits.underWay).toBeUndefined();
  expect(await submits.submit(upTo(9), () => 'never', () => count >= 11)).toBeUndefined();
  expect(count).toBe(11);
  const failing = submits.submit(() => {
    if (count++ > 12) throw new Error('gone');
    return false;
  }, () => 'never');
  await expect(failing).rejects.toThrow('gone');
  expect(submits.underWay).toBeUndefined();
});
