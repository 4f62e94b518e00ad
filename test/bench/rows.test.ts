// Rows of the table: arithmetic, limits of the adapter, and how numbers are written.

import { describe, expect, test } from 'vitest';
import { peakOf, rowOf, type Row } from '../../bench/harness/rows.ts';
import type { Sampling } from '../../bench/harness/sampling.ts';
import { digits, lineOf, TABLE_HEAD } from '../../bench/harness/table.ts';

const name = { family: 'conv2d', name: 'conv1_2 8x8 64>64', variant: 'ours', side: 8 };
const sampling: Sampling = { values: [2, 4, 3], clock: 'timestamps', dropped: 1 };

describe('a row', () => {
  test('says how fast from the median, and which share of the limits that is', () => {
    const row = rowOf(name, { flops: 6e9, bytes: 3e6 }, sampling, { gflops: 8000, gigabytesPerSecond: 10 });
    expect(row).toEqual({
      ...name,
      milliseconds: 3,
      spread: 1,
      fastest: 2,
      samples: 3,
      dropped: 1,
      clock: 'timestamps',
      gflops: 2000,
      gigabytesPerSecond: 1,
      ofPeak: 0.25,
      ofCopy: 0.1,
    });
  });

  test('has no share of a limit that is not known, or of arithmetic that there is not', () => {
    const row = rowOf(name, { flops: 0, bytes: 3e6 }, sampling, { gflops: 8000, gigabytesPerSecond: 0 });
    expect(row).not.toHaveProperty('ofPeak');
    expect(row).not.toHaveProperty('ofCopy');
  });

  test('is not made of nothing', () => {
    const empty: Sampling = { values: [], clock: 'wall', dropped: 6 };
    const make = (): Row => rowOf(name, { flops: 1, bytes: 1 }, empty, { gflops: 1, gigabytesPerSecond: 1 });
    expect(make).toThrow('conv2d conv1_2 8x8 64>64 ours: no sample of 6 was above 0');
  });
});

test("the limits are the best of the probes' shaders; the queue's own copy does not count", () => {
  const probe = (variant: string, gflops: number, gigabytesPerSecond: number): Row => ({
    ...rowOf({ ...name, family: 'probe', variant }, { flops: 0, bytes: 1 }, sampling, { gflops: 0, gigabytesPerSecond: 0 }),
    gflops,
    gigabytesPerSecond,
  });
  const rows = [
    probe('fma_scalars', 40, 0.1),
    probe('fma_vectors', 30, 90),
    probe('copy_scalars', 0, 2),
    probe('copy_vectors', 0, 5),
    probe('copyBufferToBuffer', 0, 20),
    { ...probe('copy_vectors', 99, 99), family: 'conv2d' },
  ];
  expect(peakOf(rows)).toEqual({ gflops: 40, gigabytesPerSecond: 5 });
  expect(peakOf([])).toEqual({ gflops: 0, gigabytesPerSecond: 0 });
});

describe('the table', () => {
  test('shows three digits and no exponents', () => {
    expect([0.000123456, 0.0456, 1.2345, 12.345, 123.45, 12345.6, 7, 0].map(digits)).toEqual([
      '0.000123',
      '0.0456',
      '1.23',
      '12.3',
      '123',
      '12346',
      '7',
      '0',
    ]);
  });

  test('has its numbers under their titles', () => {
    const row = rowOf(name, { flops: 6e9, bytes: 3e6 }, sampling, { gflops: 8000, gigabytesPerSecond: 10 });
    const line = lineOf({ ...row, speedup: 12, error: 3e-6, facts: { dispatches: 49, 'arena MiB': 1.25 } });
    const under = (title: string): string => {
      const end = TABLE_HEAD.indexOf(title) + title.length;
      return line.slice(end - 9, end).trim();
    };
    expect(['ms', 'GFLOP/s', 'GB/s', '% peak', '% copy', 'speed-up', 'error'].map(under)).toEqual([
      '3', '2000', '1', '25', '10', '12x', '3e-6',
    ]);
    expect(line.endsWith('dispatches 49, arena MiB 1.25')).toBe(true);
  });
});
