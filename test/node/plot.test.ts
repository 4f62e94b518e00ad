// The plot of losses: curves stand where the logarithm says, nothing lies outside, every case is sound SVG.
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { lossPlot, type LossPoint } from '../../src/node/plot.ts';
import { logTicks, niceStep } from '../../src/node/plot-ticks.ts';

function points(
  losses: (i: number) => Partial<LossPoint['losses']>,
  scales: readonly number[] = [10],
): LossPoint[] {
  return scales.flatMap((count, index) =>
    Array.from({ length: count }, (_, i) => {
      const iteration = scales.slice(0, index).reduce((sum, n) => sum + n, 0) + i + 1;
      return {
        iteration,
        scale: { index, width: 32 << index, height: 24 << index },
        losses: { total: 0, content: 0, style: 0, tv: 0, ...losses(iteration) },
      };
    }),
  );
}

/** Coordinates of a term's curve, piece by piece. */
function curves(svg: string, term: string): readonly (readonly (readonly [number, number])[])[] {
  const inside = svg.slice(svg.indexOf('clip-path="url'));
  return [...inside.matchAll(new RegExp(`class="line ${term}" d="M([^"]*)"`, 'g'))].map((match) =>
    match[1]!.split('L').map((pair) => pair.split(' ').map(Number) as unknown as readonly [number, number]),
  );
}

const box = { left: 72, right: 932, top: 78, bottom: 482 };

test('a curve is straight where the loss falls by the same factor each iteration, and as high as its axis says', () => {
  const svg = lossPlot(
    points((i) => ({ total: 10 ** (-i / 2), style: 10 ** (-i / 2) })),
    { title: 't' },
  );
  const [line] = curves(svg, 'style');
  expect(line).toHaveLength(10);
  expect(line![0]![0]).toBe(box.left);
  expect(line![9]![0]).toBe(box.right);
  for (let i = 1; i < 9; i++) {
    const [[, a], [, b], [, c]] = [line![i - 1]!, line![i]!, line![i + 1]!];
    expect(b - a).toBeCloseTo(c - b, 0);
  }
  // The tick of 10^-2 is as high as the curve at iteration 4.
  const ticks = [...svg.matchAll(/class="grid" d="M72 ([\d.]+)H/g)].map((match) => Number(match[1]));
  expect(ticks.some((y) => Math.abs(y - line![3]![1]) <= 0.11)).toBe(true);
  for (const [x, y] of line!) {
    expect(x).toBeGreaterThanOrEqual(box.left);
    expect(y).toBeGreaterThanOrEqual(box.top);
    expect(y).toBeLessThanOrEqual(box.bottom);
  }
});

test('scales are set apart: a border and the size for each, curves that break there', () => {
  const svg = lossPlot(
    points((i) => ({ total: i, content: i }), [20, 15, 10]),
    { title: 't' },
  );
  expect(svg.match(/class="border"/g)).toHaveLength(2);
  for (const size of ['32 × 24', '64 × 48', '128 × 96']) expect(svg).toContain(`aria-label="${size}"`);
  expect(curves(svg, 'content').map((piece) => piece.length)).toEqual([20, 15, 10]);
});

test('the legend has the terms that there are, with their last values', () => {
  const svg = lossPlot(
    points((i) => ({ total: 3 / i, content: 1 / i, style: 2 / i })),
    { title: 'a in the style of <b>' },
  );
  for (const entry of ['total  0.3', 'content  0.1', 'style  0.2'])
    expect(svg).toContain(`aria-label="${entry}"`);
  expect(svg).not.toContain('total variation');
  expect(svg).toContain('<title>a in the style of &lt;b&gt;</title>');
});

describe('every case is sound SVG', () => {
  test.each<readonly [string, LossPoint[]]>([
    ['no iteration', []],
    ['one', points(() => ({ total: 1, style: 1 }), [1])],
    ['flat', points(() => ({ total: 5, style: 5 }))],
    ['zeros and infinities', points((i) => ({ total: i % 2 ? Infinity : 0, style: i > 5 ? 1 : NaN }))],
    ['from 1e30 to 1e-30', points((i) => ({ total: 10 ** (30 - 6 * i) }))],
    ['a hundred thousand', points((i) => ({ total: 1 + Math.sin(i) / 2, style: 1 / i }), [100_000])],
  ])('%s', async (_, list) => {
    const svg = lossPlot(list, { title: 't', theme: 'light' });
    expect(svg).not.toMatch(/NaN|Infinity[^"]*" d=|undefined/);
    expect(svg.length).toBeLessThan(300_000);
    const { width, height } = await sharp(Buffer.from(svg)).metadata();
    expect([width, height]).toEqual([960, 540]);
    await sharp(Buffer.from(svg)).raw().toBuffer();
  });
});

test('thinning keeps the peaks', () => {
  const list = points((i) => ({ total: i === 5003 ? 100 : 1, style: i === 7001 ? 0.01 : 1 }), [10_000]);
  const svg = lossPlot(list, { title: 't' });
  const heights = (term: string): readonly number[] =>
    curves(svg, term)
      .flat()
      .map(([, y]) => y);
  expect(Math.min(...heights('total'))).toBeLessThan(box.top + 30);
  expect(Math.max(...heights('style'))).toBeGreaterThan(box.bottom - 30);
});

test('a run that begins at the content, where that loss is nothing, does not flatten the rest', () => {
  const svg = lossPlot(
    points((i) => ({ total: 1, content: i < 3 ? 1e-14 : 0.1 }), [100]),
    { title: 't' },
  );
  const [total] = curves(svg, 'total');
  const content = curves(svg, 'content').flat();
  expect(content.at(-1)![1] - total!.at(-1)![1]).toBeGreaterThan(300);
  expect(svg).toContain('<g clip-path="url(#inside)">');
});

test('the reader decides on light or dark, unless a theme is fixed', () => {
  expect(lossPlot([], { title: 't' })).toContain('prefers-color-scheme:dark');
  expect(lossPlot([], { title: 't', theme: 'dark' })).not.toContain('prefers-color-scheme');
});

test('ticks', () => {
  expect(logTicks(-2.1, 0.2).map(({ value }) => value)).toEqual([0.01, 0.1, 1]);
  expect(logTicks(-0.1, 1.1).map(({ value }) => value)).toEqual([1, 2, 5, 10]);
  expect(logTicks(-12, 4).length).toBeLessThanOrEqual(9);
  expect(niceStep(300, 10)).toBe(50);
  expect(niceStep(9, 10)).toBe(1);
  expect(niceStep(1e6, 10)).toBe(100_000);
});
