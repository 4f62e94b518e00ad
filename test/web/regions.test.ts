// Painted parts as data: strokes against plain geometry, masks against the library's own reading of them.

import { expect, test } from 'vitest';
import { pixelsFromBytes } from '../../src/image/index.ts';
import { resolveMask, type MaskInput } from '../../src/style/mask-options.ts';
import { readMask } from '../../src/style/masks.ts';
import { RegionMap } from '../../web/region-map.ts';
import { FREE, KEPT, labelSize, maskedStyles, packRegions, problemOf, sharesOf, unpackRegions } from '../../web/regions.ts';

/** Labels of pixels nearer than `radius` to the line from (x0, y0) to (x1, y1), by walking along it in small steps. */
function near(width: number, height: number, radius: number, [x0, y0, x1, y1]: readonly [number, number, number, number]): number[] {
  return Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [(i % width) + 0.5, Math.floor(i / width) + 0.5];
    const steps = Array.from({ length: 2001 }, (_, k) => k / 2000);
    return Math.min(...steps.map((t) => Math.hypot(x - x0 - t * (x1 - x0), y - y0 - t * (y1 - y0)))) <= radius ? 1 : 0;
  });
}

test.each([
  [9, 7, 2.3, [2, 2, 6.1, 4.7]],
  [8, 8, 1.1, [4, 4, 4, 4]],
  [5, 9, 3, [-2, 4, 11, 5]],
  [1, 1, 0.8, [0.5, 0.5, 0.5, 0.5]],
] as const)('a stroke over %i x %i pixels covers what is nearer to its line than %f', (width, height, radius, line) => {
  const map = new RegionMap(width, height);
  map.begin(2, radius, line[0], line[1]);
  map.lineTo(line[2], line[3]);
  map.end();
  const expected = near(width, height, radius, line);
  expect(Math.max(...expected)).toBe(1);
  expect([...map.labels]).toEqual(expected.map((covered) => 2 * covered));
});

test('strokes are taken back one by one, the clearing too; after a hundred the oldest stay', () => {
  const map = new RegionMap(12, 10);
  const states = [map.labels.slice()];
  for (let i = 0; i < 6; i++) {
    map.begin(i % 2 === 0 ? 1 : FREE, 1.5, 2 * i, 5);
    map.lineTo(2 * i, 9 - i);
    map.end();
    states.push(map.labels.slice());
  }
  map.clear();
  expect(map.isEmpty).toBe(true);
  for (const state of states.reverse()) {
    expect(map.canUndo).toBe(true);
    map.undo();
    expect(map.labels).toEqual(state);
    if (map.isEmpty) break;
  }
  expect(map.canUndo).toBe(false);
  expect(map.undo()).toEqual({ left: 0, top: 0, right: 0, bottom: 0 });
  for (let i = 0; i < 101; i++) {
    map.begin(1, 0.6, (i % 12) + 0.5, Math.floor(i / 12) + 0.5);
    map.end();
  }
  while (map.canUndo) map.undo();
  expect([...map.labels].filter((label) => label === 1)).toHaveLength(1);
});

test('a stroke outside of the picture is none', () => {
  const map = new RegionMap(4, 4);
  map.begin(1, 1, -5, -5);
  map.end();
  expect([map.isEmpty, map.canUndo]).toEqual([true, false]);
});

test('labels for another size are the nearest ones', () => {
  const map = new RegionMap(4, 2, { width: 2, height: 1, labels: new Uint8Array([1, KEPT]) });
  expect([...map.labels]).toEqual([1, 1, KEPT, KEPT, 1, 1, KEPT, KEPT]);
});

test('labels go into text and back, and no other text comes through', () => {
  const regions = { width: 3, height: 2, labels: new Uint8Array([0, 0, KEPT, KEPT, 1, 0]) };
  expect(unpackRegions(packRegions(regions))).toEqual(regions);
  const single = { width: 1, height: 1, labels: new Uint8Array([2]) };
  expect(unpackRegions(packRegions(single))).toEqual(single);
  for (const wrong of [
    '',
    'null',
    '{}',
    '{"width":1,"height":1,"runs":[0]}',
    '{"width":1,"height":1,"runs":[0,2]}',
    '{"width":2,"height":1,"runs":[0,1]}',
    '{"width":1,"height":1,"runs":[6,1]}',
    '{"width":1,"height":1,"runs":[0.5,1]}',
    '{"width":1,"height":1,"runs":["0",1]}',
    '{"width":1025,"height":1,"runs":[0,1025]}',
    '{"width":1e9,"height":1e9,"runs":[0,1]}',
  ]) {
    expect(unpackRegions(wrong), wrong).toBeUndefined();
  }
});

test('the longest side of labels is 1024, and no side less than a pixel', () => {
  expect(labelSize({ width: 4000, height: 3000 })).toEqual({ width: 1024, height: 768 });
  expect(labelSize({ width: 2, height: 1 })).toEqual({ width: 1024, height: 512 });
  expect(labelSize({ width: 1, height: 9000 })).toEqual({ width: 1, height: 1024 });
});

test('shares count absent styles as free', () => {
  const regions = { width: 4, height: 2, labels: new Uint8Array([0, 1, 1, 2, 3, KEPT, 0, 2]) };
  expect(sharesOf(regions, 3)).toEqual({ free: 0.25, kept: 0.125, styles: [0.25, 0.25, 0.125] });
  expect(sharesOf(regions, 1)).toEqual({ free: 0.625, kept: 0.125, styles: [0.25] });
});

test('says what cannot be painted', () => {
  const of = (...labels: number[]) => ({ width: labels.length, height: 1, labels: new Uint8Array(labels) });
  expect(problemOf(of(KEPT, KEPT), 1)).toMatch(/All of the picture stays/);
  expect(problemOf(of(1, 1), 2)).toMatch(/Style 2 has no part/);
  expect(problemOf(of(2, KEPT), 2)).toMatch(/Style 1 has no part/);
  expect(problemOf(of(2, KEPT), 1)).toBeUndefined();
  expect(problemOf(of(1, FREE), 2)).toBeUndefined();
});

/** How much each pixel counts by the library's reading of a mask. */
function counted(mask: MaskInput | undefined): number[] | undefined {
  if (mask === undefined) return undefined;
  const resolved = resolveMask(mask, 'mask');
  const { width, height, data } = resolved.image as { width: number; height: number; data: Uint8ClampedArray };
  const gray = readMask(pixelsFromBytes(width, height, data), resolved, 'mask').data;
  return Array.from({ length: width * height }, (_, i) => gray[4 * i]!);
}

test('as masks: a part for each style, what is free for those without one, and the kept part for none', () => {
  const regions = { width: 6, height: 1, labels: new Uint8Array([0, 1, 2, 4, KEPT, 0]) };
  const images = ['a', 'b', 'c'] as unknown as ImageBitmap[];
  const { style, updateMask } = maskedStyles(images, regions);
  expect(style.map(({ image }) => image)).toEqual(images);
  expect(style.map(({ mask }) => counted(mask))).toEqual([
    [0, 1, 0, 0, 0, 0],
    [0, 0, 1, 0, 0, 0],
    [1, 0, 0, 1, 0, 1], // style 4 is not there: its part is free
  ]);
  expect(counted(updateMask)).toEqual([1, 1, 1, 1, 0, 1]);
  const open = maskedStyles(images, { width: 2, height: 1, labels: new Uint8Array([1, 0]) });
  expect(open.updateMask).toBeUndefined();
  expect(maskedStyles(images, undefined)).toEqual({ style: images.map((image) => ({ image })) });
});
