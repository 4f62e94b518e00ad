// The problem that all contestants solve.

import { describe, expect, test } from 'vitest';
import { encodeProblem } from '../../bench/host/export.ts';
import { contentPicture, startPicture, stylePicture } from '../../bench/problem/pictures.ts';
import { checkDescent, checkTerms, recipeOf, stepFlops, stepProblem } from '../../bench/problem/problem.ts';
import { forwardFlops, randomChain, vggOf } from '../../bench/problem/vgg19.ts';
import { rms } from '../check.ts';

describe('the network', () => {
  test('is VGG-19 to relu5_1', () => {
    const vgg = vggOf(randomChain(1), 'max');
    expect(vgg.report.topology).toBe('VGG-19 to relu5_1');
    expect(vgg.widths).toEqual([64, 128, 256, 512, 512]);
    expect(vgg.parameters).toBe(12_944_960);
  });

  test('is the same every time, and no two layers share numbers', () => {
    const [a, b] = [randomChain(16), randomChain(16)];
    expect(a).toEqual(b);
    const first = new Set(a.flatMap((layer) => (layer.kind === 'conv' ? [layer.weight[0]! / layer.weight.length] : [])));
    expect(first.size).toBe(13);
  });

  test("has He's spread and biases that are not zero", () => {
    for (const layer of randomChain(2)) {
      if (layer.kind === 'pool') continue;
      expect(rms(layer.weight) * Math.sqrt((9 * layer.cin) / 2)).toBeCloseTo(1, 1);
      expect(rms(layer.bias)).toBeGreaterThan(0.03);
    }
  });
});

describe('its arithmetic', () => {
  test('an iteration at 512 px is 397 GFLOP, the forward convolutions 189.3', () => {
    const chain = randomChain(1);
    expect(forwardFlops(chain, 512) / 1e9).toBeCloseTo(189.3, 1);
    expect(Math.round(stepFlops({ chain, side: 512 }) / 1e9)).toBe(397);
    expect(stepFlops({ chain, side: 32 }) / 1e9).toBeCloseTo(1.55, 2);
  });
});

describe('its pictures', () => {
  test('have some of everything, differ, and do not change', () => {
    const pictures = [contentPicture(32), stylePicture(32), startPicture(32)];
    for (const { data, width, height } of pictures) {
      expect([width, height, data.length]).toEqual([32, 32, 3 * 32 * 32]);
      expect(Math.max(...data) - Math.min(...data)).toBeGreaterThan(100);
    }
    expect(new Set(pictures.map(({ data }) => data.join())).size).toBe(3);
    expect(startPicture(32)).toEqual(pictures[2]);
  });
});

test('the recipe has the five style layers, Adam and no clamping', () => {
  expect(recipeOf('average')).toMatchObject({
    pooling: 'average',
    content: { layers: { relu4_2: 1 }, measure: 'mean' },
    style: { layers: { relu1_1: 1, relu2_1: 1, relu3_1: 1, relu4_1: 1, relu5_1: 1 }, normalize: 'pixels', measure: 'mean' },
    tv: { form: 'squared' },
    optimizer: { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    clamp: false,
  });
});

describe('a contestant that computes something else', () => {
  const before = { content: 1, style: 2, tv: 0.5 };
  const ours = { before, after: { content: 0.8, style: 1.2, tv: 0.5 } };

  test('is told by any term', () => {
    expect(() => checkTerms('peer', { content: 1.0009, style: 1.9985, tv: 0.5 }, before)).not.toThrow();
    expect(() => checkTerms('peer', { ...before, style: 2.003 }, before)).toThrow(
      'peer computes something else: its style loss is 2.003, ours 2',
    );
    expect(() => checkTerms('peer', { ...before, tv: NaN }, before)).toThrow('its tv loss is NaN');
  });

  test('is told by where its updates lead', () => {
    expect(() => checkDescent('peer', { before, after: { ...ours.after, style: 1.21 } }, ours)).not.toThrow();
    expect(() => checkDescent('peer', { before, after: before }, ours)).toThrow('peer updates something else');
  });
});

test('the exported file is safetensors with the same numbers', () => {
  const bytes = encodeProblem([16, 32], 'max', 16);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__: metadata, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as {
    __metadata__: { problem: string };
  } & Record<string, unknown>;
  const header = entries as Record<string, { shape: number[]; data_offsets: [number, number] }>;
  const read = (name: string): Float32Array => {
    const [begin, end] = header[name]!.data_offsets;
    return new Float32Array(bytes.slice(8 + length + begin, 8 + length + end).buffer);
  };
  const { chain, style } = stepProblem(32, 'max', 16);
  const [first] = chain;
  expect(first?.kind === 'conv' && read('conv1_1/weight')).toEqual(first?.kind === 'conv' && first.weight);
  expect(header['conv1_1/weight']!.shape).toEqual([3, 3, 3, 4]);
  expect(read('32/style')).toEqual(Float32Array.from(style.data, (value) => value / 255));
  expect(JSON.parse(metadata.problem)).toMatchObject({ pooling: 'max', sides: [16, 32], styleWeight: 1 });
  const ends = Object.values(header).map((entry) => entry.data_offsets[1]);
  expect(Math.max(...ends)).toBe(bytes.length - 8 - length);
});
