// ONNX's own test cases for Conv, Relu, MaxPool and AveragePool, run through the tape. Debian's
// python3-onnx generates them (onnx-cases.py); where it is absent the tests skip. Each case that
// our ops do not cover is listed with its reason.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Tape, type Tensor } from '../../src/autograd/index.ts';
import { intAttribute, intsAttribute, stringAttribute } from '../../src/vgg/attributes.ts';
import { memorySource } from '../../src/vgg/byte-source.ts';
import { loadOnnxProto } from '../../src/vgg/onnx-file.ts';
import { readOnnx } from '../../src/vgg/onnx.ts';
import type { OnnxNode } from '../../src/vgg/onnx-types.ts';
import { tensorFloats } from '../../src/vgg/tensor.ts';
import { relativeError } from '../check.ts';
import { testDevice } from '../device.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-onnx-'));
const unavailable = generate();
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes the cases; says why it could not. */
function generate(): string | undefined {
  const script = path.join(import.meta.dirname, 'onnx-cases.py');
  let reason = '';
  // The distribution's Python carries the package; another one may come first in the path.
  for (const python of ['/usr/bin/python3', 'python3']) {
    try {
      const modules = ['conv', 'relu', 'maxpool', 'averagepool'];
      execFileSync(python, [script, folder, ...modules], { stdio: 'pipe' });
      return undefined;
    } catch (error) {
      reason = String((error as { stderr?: Buffer }).stderr ?? error)
        .trim()
        .split('\n')
        .at(-1)!;
    }
  }
  return `needs ONNX's test cases from python3-onnx: ${reason}`;
}

/** Cases outside what the tape's ops do. */
const uncovered: Readonly<Record<string, string>> = {
  test_averagepool_1d_default: 'one axis',
  test_averagepool_2d_ceil: 'sizes rounded up',
  test_averagepool_3d_default: 'three axes',
  test_maxpool_1d_default: 'one axis',
  test_maxpool_2d_ceil: 'sizes rounded up',
  test_maxpool_2d_dilations: 'dilated pooling',
  test_maxpool_2d_uint8: 'integer pictures',
  test_maxpool_3d_default: 'three axes',
};

interface Values {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

async function readValues(file: string): Promise<Values> {
  const { TensorProto } = await loadOnnxProto();
  const tensor = TensorProto.decode(new Uint8Array(readFileSync(file)));
  return { dims: tensor.dims.map(Number), data: Float32Array.from(tensorFloats(tensor, file)) };
}

/** Moves the axis at `from` to the end: NCHW to NHWC without n, and OIHW to HWIO by two moves. */
function lastAxis({ dims, data }: Values, from: number): Values {
  const rest = dims.filter((_, axis) => axis !== from);
  const inner = dims.slice(from + 1).reduce((product, side) => product * side, 1);
  const length = dims[from]!;
  const moved = data.map((_, i) => {
    const k = i % length;
    const other = Math.floor(i / length);
    return data[(Math.floor(other / inner) * length + k) * inner + (other % inner)]!;
  });
  return { dims: [...rest, length], data: moved };
}

/** [top, right, bottom, left] of a node on an image of [h, w]. */
function padsOf(
  node: OnnxNode,
  size: readonly number[],
  stride: readonly number[],
  image: readonly number[],
): [number, number, number, number] {
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (!auto.startsWith('SAME')) {
    const [top, left, bottom, right] = intsAttribute(node, 'pads') ?? [0, 0, 0, 0];
    return [top!, right!, bottom!, left!];
  }
  const [[top, bottom], [left, right]] = [0, 1].map((axis) => {
    const outputs = Math.ceil(image[axis]! / stride[axis]!);
    const total = Math.max(0, (outputs - 1) * stride[axis]! + size[axis]! - image[axis]!);
    const less = Math.floor(total / 2);
    return auto === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
  }) as [[number, number], [number, number]];
  return [top, right, bottom, left];
}

/** The node's result for one picture [h, w, c]. */
function record(tape: Tape, node: OnnxNode, x: Tensor, weights: Values | undefined): Tensor {
  if (node.op === 'Relu') return tape.relu(x);
  const stride = (intsAttribute(node, 'strides') ?? [1, 1]) as [number, number];
  if (node.op === 'Conv') {
    const { dims, data } = lastAxis(lastAxis(weights!, 1), 0);
    const dilation = (intsAttribute(node, 'dilations') ?? [1, 1]) as [number, number];
    const pad = padsOf(node, dims, stride, x.shape);
    return tape.conv2d(x, tape.constant(dims, data), { stride, dilation, pad });
  }
  const size = intsAttribute(node, 'kernel_shape') as [number, number];
  const padding = padsOf(node, size, stride, x.shape);
  if (node.op === 'MaxPool') return tape.maxPool(x, { size, stride, padding });
  const countPadding = intAttribute(node, 'count_include_pad', 0) !== 0;
  return tape.avgPool(x, { size, stride, padding, countPadding });
}

describe("ONNX's operator test cases", () => {
  const names = unavailable === undefined ? readdirSync(folder) : ['all cases'];
  test.for(names)('%s', async (name, { skip }) => {
    skip(unavailable !== undefined, unavailable);
    skip(name in uncovered, uncovered[name]);
    const file = (part: string): string => path.join(folder, name, part);
    const source = memorySource(new Uint8Array(readFileSync(file('model.onnx'))));
    const graph = await readOnnx(source, { where: name });
    const node = graph.nodes[0]!;
    const input = await readValues(file('input_0.pb'));
    const weights = node.op === 'Conv' ? await readValues(file('input_1.pb')) : undefined;
    const output = await readValues(file('output_0.pb'));
    // Relu's case is [3, 4, 5]: any shape will do, so it goes in as one picture.
    const batch = (values: Values): Values =>
      values.dims.length === 4 ? values : { ...values, dims: [1, ...values.dims] };
    const [n, c, h, w] = batch(input).dims as [number, number, number, number];
    const tape = new Tape(await testDevice());
    const pictures = lastAxis(batch(input), 1);
    const expected = lastAxis(batch(output), 1);
    const area = h * w * c;
    for (let i = 0; i < n; i++) {
      const x = tape.variable([h, w, c], pictures.data.subarray(i * area, (i + 1) * area));
      const y = record(tape, node, x, weights);
      expect(y.shape).toEqual(expected.dims.slice(1));
      const program = tape.compile(y);
      await program.run();
      const size = y.shape.reduce((product, side) => product * side, 1);
      const reference = expected.data.subarray(i * size, (i + 1) * size);
      expect(relativeError(await program.read(y), reference)).toBeLessThan(1e-6);
      program.destroy();
    }
    tape.destroy();
  });
});
