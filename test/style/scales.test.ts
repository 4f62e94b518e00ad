// The coarse-to-fine ladder, as arithmetic.

import { describe, expect, it } from 'vitest';
import { styleSize } from '../../src/style/prepare.ts';
import { autoSides, ladder, scalesOf } from '../../src/style/scales.ts';

const iterationsOf = (rungs: readonly { iterations: number }[]): number[] => rungs.map(({ iterations }) => iterations);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe('autoSides', () => {
  it.each([
    [1, [1]],
    [95, [95]],
    [96, [48, 96]],
    [128, [64, 128]],
    [191, [96, 191]],
    [192, [96, 192]],
    [383, [96, 192, 383]],
    [384, [96, 192, 384]],
    [512, [128, 256, 512]],
    [1000, [125, 250, 500, 1000]],
    [2048, [128, 256, 512, 1024, 2048]],
  ])('%i', (side, sides) => {
    expect(autoSides(side)).toEqual(sides);
  });

  it('climbs from no lower than what is asked for', () => {
    expect(autoSides(1024, 300)).toEqual([512, 1024]);
    expect(autoSides(1024, 512)).toEqual([512, 1024]);
    expect(autoSides(1024, 5000)).toEqual([1024]);
  });
});

describe('ladder', () => {
  it('shares out exactly what there is, each rung getting three quarters of the one below', () => {
    expect(iterationsOf(ladder([128, 256, 512], 300))).toEqual([130, 97, 73]);
    for (let rungs = 1; rungs <= 6; rungs++) {
      const sides = Array.from({ length: rungs }, (_, i) => 64 * 2 ** i);
      for (let iterations = rungs; iterations < 200; iterations++) {
        const shares = iterationsOf(ladder(sides, iterations));
        expect(sum(shares)).toBe(iterations);
        expect(Math.min(...shares)).toBeGreaterThanOrEqual(1);
      }
    }
  });

  it('gives one to each where there are too few', () => {
    expect(iterationsOf(ladder([1, 2, 4, 8], 2))).toEqual([1, 1, 1, 1]);
    expect(iterationsOf(ladder([1, 2, 4, 8], 4))).toEqual([1, 1, 1, 1]);
  });

  it('does not climb for nothing: without iterations the finest alone', () => {
    expect(ladder([128, 256], 0)).toEqual([{ side: 256, iterations: 0 }]);
  });
});

describe('scalesOf', () => {
  const content = { width: 2000, height: 1000 };
  const sizes = (more: object): number[][] =>
    scalesOf(content, { scales: 'auto', size: 512, iterations: 100, ...more }).map(({ width, height }) => [width, height]);

  it('keeps the shape of the content, or takes both sides as given', () => {
    expect(sizes({})).toEqual([[128, 64], [256, 128], [512, 256]]);
    expect(sizes({ size: { width: 400, height: 400 } })).toEqual([[100, 100], [200, 200], [400, 400]]);
    expect(sizes({ scales: false })).toEqual([[512, 256]]);
    expect(sizes({ scales: [30, 77] })).toEqual([[30, 15], [77, 39]]);
    expect(sizes({ scales: [30, 60], size: { width: 40, height: 60 } })).toEqual([[20, 30], [40, 60]]);
  });

  it('lets narrow pictures keep enough rows for the deepest layers', () => {
    const narrow = { width: 5000, height: 500 };
    const list = scalesOf(narrow, { scales: 'auto', size: 1000, iterations: 10 });
    expect(Math.min(...list.map(({ height }) => height))).toBeGreaterThanOrEqual(32);
    expect(list.at(-1)).toMatchObject({ width: 1000, height: 100 });
  });
});

describe('styleSize', () => {
  const style = { width: 1200, height: 800 };

  it('at a single scale: its own size, up to twice the result', () => {
    expect(styleSize(style, 1000, undefined, 'own')).toEqual({ width: 1200, height: 800 });
    expect(styleSize(style, 600, undefined, 'own')).toEqual({ width: 1200, height: 800 });
    expect(styleSize(style, 300, undefined, 'own')).toEqual({ width: 600, height: 400 });
  });

  it('on a ladder: the size of the result, never enlarged', () => {
    expect(styleSize(style, 600, undefined, 'result')).toEqual({ width: 600, height: 400 });
    expect(styleSize(style, 2000, undefined, 'result')).toEqual({ width: 1200, height: 800 });
  });

  it('with a scale: that times the result, enlarged where need be', () => {
    expect(styleSize(style, 600, 0.5, 'own')).toEqual({ width: 300, height: 200 });
    expect(styleSize(style, 600, 4, 'result')).toEqual({ width: 2400, height: 1600 });
    expect(styleSize(style, 1, 0.01, 'own')).toEqual({ width: 1, height: 1 });
  });

  it('does not reduce narrow styles until nothing is left', () => {
    expect(styleSize({ width: 2000, height: 64 }, 256, undefined, 'result')).toEqual({ width: 1000, height: 32 });
  });
});
