// Ops on images as random graphs meet them, with the oracle's rules.

import * as convolution from '../oracle/conv2d.ts';
import * as padding from '../oracle/pad.ts';
import * as pooling from '../oracle/pool.ts';
import { columnSum } from '../oracle/reduce.ts';
import * as enlarging from '../oracle/upsample.ts';
import { randomGeometry } from './convolutions.ts';
import { isImage, type Graph, type Op, type Twin } from './graph.ts';
import { hasClearMaxima, isFarFromZero } from './kinks.ts';

function image(graph: Graph): Twin | undefined {
  return graph.choose(isImage);
}

const conv2d: Op = (graph, x = image(graph)) => {
  if (!x) return undefined;
  const { dice } = graph;
  const g = randomGeometry(dice, x.node.shape as [number, number, number]);
  const spread = 2 / Math.sqrt(g.kernel[0] * g.kernel[1] * g.cin);
  const k = graph.weights([...g.kernel, g.cin, g.cout], spread);
  const bias = dice.chance(0.6) ? graph.weights([g.cout], 0.3) : undefined;
  const [oh, ow] = convolution.outputSize(g);
  const { stride, dilation, pad, mode } = g;
  const y = graph.add({
    label: `conv2d ${g.kernel.join('x')} stride ${stride.join()} dilation ${dilation.join()} pad ${pad.join()} ${mode}`,
    shape: [oh, ow, g.cout],
    inputs: bias ? [x, k, bias] : [x, k],
    record: (t, w, b) => graph.tape.conv2d(t!, w!, { bias: b, stride, dilation, pad, padding: mode }),
    forward: (v, w, b) => convolution.conv2d(g, v!, w!, b),
    backward: (dY, v, w, b) => [
      convolution.conv2dBackwardData(g, dY, w!),
      convolution.conv2dBackwardWeights(g, v!, dY),
      ...(b ? [columnSum(g.cout, dY)] : []),
    ],
  });
  // As networks have it: with a ReLU, often with pooling, all of which is fused.
  if (!y || dice.chance(0.3) || !isFarFromZero(graph.valueOf(y), false)) return y;
  const active = graph.add({
    label: 'relu',
    shape: y.node.shape,
    inputs: [y],
    record: (t) => graph.tape.relu(t!),
    forward: (v) => Float64Array.from(v!, (value) => Math.max(0, value)),
    backward: (dY, v) => [dY.map((d, i) => (v![i]! > 0 ? d : 0))],
  });
  if (!active || dice.chance(0.4)) return active;
  return pool(dice.pick(['max', 'average']), true)(graph, active) ?? active;
};

const conv2dTranspose: Op = (graph, x = image(graph)) => {
  if (!x) return undefined;
  const { dice } = graph;
  const [h, w, cin] = x.node.shape as [number, number, number];
  const cout = dice.pick([1, 3, 4, 5]);
  const kernel: [number, number] = [dice.whole(1, 4), dice.whole(1, 4)];
  const stride: [number, number] = [dice.whole(1, 3), dice.whole(1, 3)];
  const k = graph.weights([...kernel, cin, cout], 1 / Math.sqrt(cin));
  const [oh, ow] = [(h - 1) * stride[0] + kernel[0], (w - 1) * stride[1] + kernel[1]];
  const g: convolution.Geometry = { h: oh, w: ow, cin: cout, cout: cin, kernel, stride, dilation: [1, 1], pad: [0, 0, 0, 0], mode: 'zero' };
  const taps = kernel[0] * kernel[1];
  return graph.add({
    label: `conv2dTranspose ${kernel.join('x')} stride ${stride.join()}`,
    shape: [oh, ow, cout],
    inputs: [x, k],
    record: (t, weights) => graph.tape.conv2dTranspose(t!, weights!, { stride, pad: 0 }),
    forward: (v, weights) => convolution.conv2dBackwardData(g, v!, convolution.swapChannels(taps, cin, cout, weights!)),
    backward: (dY, v, weights) => [
      convolution.conv2d(g, dY, convolution.swapChannels(taps, cin, cout, weights!)),
      convolution.swapChannels(taps, cout, cin, convolution.conv2dBackwardWeights(g, dY, v!)),
    ],
  });
};

function pool(kind: 'max' | 'average', isPlain = false): Op {
  return (graph, x = image(graph)) => {
    if (!x) return undefined;
    const { dice } = graph;
    const shape = x.node.shape as [number, number, number];
    const size: [number, number] = isPlain ? [2, 2] : [dice.whole(1, 3), dice.whole(1, 3)];
    const stride: [number, number] = isPlain ? [2, 2] : [dice.whole(1, 3), dice.whole(1, 3)];
    const margin = (axis: 0 | 1): number => (isPlain ? 0 : dice.whole(0, size[axis] - 1));
    const pads = [margin(0), margin(1), margin(0), margin(1)] as const;
    if (shape[0] + pads[0] + pads[2] < size[0] || shape[1] + pads[1] + pads[3] < size[1]) return undefined;
    const countPadding = dice.chance(0.5);
    const g: pooling.Windows = { shape, size, stride, pads, countPadding };
    // A window that sees no pixel has neither a maximum nor a mean.
    const cells = pooling.outputCells(g);
    if (cells.some((window) => window.length === 0)) return undefined;
    if (kind === 'max' && !hasClearMaxima(g, graph.valueOf(x), x.isExact)) return undefined;
    const options = { size, stride, padding: pads };
    const out = (n: number, axis: 0 | 1, pad: number): number => Math.floor((n + pad - size[axis]) / stride[axis]) + 1;
    const isMax = kind === 'max';
    return graph.add({
      label: `${kind}Pool ${size.join('x')} stride ${stride.join()} pad ${pads.join()}`,
      shape: [out(shape[0], 0, pads[0] + pads[2]), out(shape[1], 1, pads[1] + pads[3]), shape[2]],
      inputs: [x],
      record: (t) => (isMax ? graph.tape.maxPool(t!, options) : graph.tape.avgPool(t!, { ...options, countPadding })),
      forward: (v) => (isMax ? pooling.maxPool(g, v!) : pooling.avgPool(g, v!)),
      backward: (dY, v) => [isMax ? pooling.maxPoolBackward(g, v!, dY) : pooling.avgPoolBackward(g, dY)],
      isExact: isMax && x.isExact,
    });
  };
}

const pad: Op = (graph, x = image(graph)) => {
  if (!x) return undefined;
  const { dice } = graph;
  const { shape } = x.node;
  const mode = dice.pick(['zero', 'replicate', 'reflect', 'wrap'] as const);
  const most = (axis: 0 | 1): number => (mode === 'reflect' ? Math.min(3, shape[axis]! - 1) : 3);
  const pads = [dice.whole(0, most(0)), dice.whole(0, most(1)), dice.whole(0, most(0)), dice.whole(0, most(1))] as const;
  return graph.add({
    label: `pad ${pads.join()} ${mode}`,
    shape: [shape[0]! + pads[0] + pads[2], shape[1]! + pads[1] + pads[3], shape[2]!],
    inputs: [x],
    record: (t) => graph.tape.pad(t!, pads, mode),
    forward: (v) => padding.pad(shape, pads, mode, v!),
    backward: (dY) => [padding.padBackward(shape, pads, mode, dY)],
    isExact: x.isExact,
  });
};

const upsample: Op = (graph, x = image(graph)) => {
  if (!x) return undefined;
  const { dice } = graph;
  const shape = x.node.shape as [number, number, number];
  const factor: [number, number] = [dice.whole(1, 3), dice.whole(1, 3)];
  const g: enlarging.Enlargement = { shape, factor, mode: dice.pick(['nearest', 'bilinear'] as const) };
  return graph.add({
    label: `upsample ${factor.join('x')} ${g.mode}`,
    shape: [shape[0] * factor[0], shape[1] * factor[1], shape[2]],
    inputs: [x],
    record: (t) => graph.tape.upsample(t!, factor, { mode: g.mode }),
    forward: (v) => enlarging.upsample(g, v!),
    backward: (dY) => [enlarging.upsampleBackward(g, dY)],
    isExact: g.mode === 'nearest' && x.isExact,
  });
};

/** Convolutions are named several times: they are most of a network, and have most ways to go wrong. */
export const IMAGE_OPS: readonly Op[] = [
  ...[conv2d, conv2d, conv2d, conv2dTranspose],
  ...[pool('max'), pool('average'), pad, upsample],
];
