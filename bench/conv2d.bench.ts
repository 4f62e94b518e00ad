// 3x3 convolutions at the shapes of VGG-19's blocks: forward, gradient to the image, gradient to the weights. All steps
// of a layer are timed in turns, so that backward can be held against forward.

import {
  conv2dBackwardData,
  conv2dBackwardWeights,
  conv2dCost,
  conv2dForward,
  conv2dVariant,
  kernelTarget,
  winograd,
  winogradWeights,
  winogradWeightsShape,
  type Conv2dParams,
  type Conv2dVariant,
  type Dispatch,
  type KernelTarget,
} from 'wgpu-style/kernels';
import type { Bench, Check, Step } from './harness/compare.ts';
import { convolution, convolutionToData, convolutionToWeights } from './harness/oracle.ts';
import { Buffers, seeded } from './harness/values.ts';
import { listed, runOnce, workshop } from './harness/workshop.ts';
import naiveCode from './workshop/conv_naive.wgsl';
import naiveBackwardCode from './workshop/conv_naive_backward.wgsl';
import registersCode from './workshop/conv_registers.wgsl';
import vectorsCode from './workshop/conv_vectors.wgsl';

/** Layer, by how much its side is smaller than the picture's, channels in and out. */
const LAYERS = [
  ['conv1_2', 1, 64, 64],
  ['conv2_2', 2, 128, 128],
  ['conv3_2', 4, 256, 256],
  ['conv4_2', 8, 512, 512],
  ['conv5_1', 16, 512, 512],
] as const;

/** f32 sums of up to 4,608 products in any order, Winograd's among them; a wrong kernel is off by far more. */
const TOLERANCE = 2e-4;
/** Sums over up to 262,144 pixels, one after another in the naive kernel. */
const LONG_TOLERANCE = 1e-3;

export async function benchConv2d(bench: Bench): Promise<void> {
  for (const [layer, shrink, ci, co] of LAYERS) {
    const n = Math.max(1, Math.floor(bench.side / shrink));
    const buffers = new Buffers(bench.device);
    try {
      const steps = await layerSteps(bench.device, buffers, n, ci, co);
      await bench.compare({ family: 'conv2d', name: `${layer} ${n}x${n} ${ci}>${co}` }, steps);
    } finally {
      buffers.destroy();
    }
  }
}

/** Kernels of ours that run on an adapter, chosen or not: whether the choice is right is read off their rows. */
function variantsOn({ subgroupSize }: KernelTarget): readonly Conv2dVariant[] {
  if (subgroupSize === 8) return ['tile3x3', 'run', 'run-subgroup8', 'patch'];
  return subgroupSize === 4 ? ['tile3x3', 'run', 'patch'] : ['tile3x3', 'run'];
}

async function layerSteps(device: GPUDevice, buffers: Buffers, n: number, ci: number, co: number): Promise<Step[]> {
  const target = kernelTarget(device);
  const params: Conv2dParams = {
    input: [n, n, ci],
    output: [n, n, co],
    kernel: [3, 3],
    stride: [1, 1],
    dilation: [1, 1],
    pad: [1, 1],
    mode: 'zero',
  };
  const cost = conv2dCost(params);
  const image = { side: n, c: ci, data: seeded(n * n * ci, 1) };
  const gradient = { side: n, c: co, data: seeded(n * n * co, 3) };
  const weights = seeded(9 * ci * co, 2);
  const x = buffers.make([n, n, ci], image.data);
  const w = buffers.make([3, 3, ci, co], weights);
  const dY = buffers.make([n, n, co], gradient.data);
  const y = buffers.make([n, n, co]);
  const dX = buffers.make([n, n, ci]);
  const dW = buffers.make([3, 3, ci, co]);
  const { scratch } = buffers;

  const forward: Check = { output: y, expected: convolution(image, weights, co), tolerance: TOLERANCE };
  const toImage: Check = { output: dX, expected: convolutionToData(gradient, weights, ci), tolerance: TOLERANCE };
  const toWeights: Check = { output: dW, expected: convolutionToWeights(image, gradient), tolerance: LONG_TOLERANCE };
  const launch = { params: [n, n, ci, co], cost };
  const onward = { ...launch, inputs: [x, w], outputs: [y] };
  const back = { ...launch, name: 'conv_naive_backward', code: naiveBackwardCode };
  const naive = workshop({ ...onward, name: 'conv_naive', code: naiveCode, threads: n * n * co });
  const vectors = workshop({ ...onward, name: 'conv_vectors', code: vectorsCode, threads: (n * n * co) / 4 });
  const runs = (n * Math.ceil(n / 4) * co) / 4;
  const registers = workshop({ ...onward, name: 'conv_registers', code: registersCode, threads: runs });
  const imageFrom = { inputs: [dY, w], outputs: [dX], threads: n * n * ci };
  const naiveToImage = workshop({ ...back, entryPoint: 'toData', ...imageFrom });
  const weightsFrom = { inputs: [x, dY], outputs: [dW], threads: 9 * ci * co };
  const naiveToWeights = workshop({ ...back, entryPoint: 'toWeights', ...weightsFrom });

  const step = (check: Check, variant: string, dispatches: readonly Dispatch<GPUBuffer>[]): Step => {
    return { variant, dispatches, cost, check };
  };
  const ours = conv2dBackwardData(params, { w, dY, dX }, target, false, scratch);
  // A program turns constant weights around once, so the turning is not part of an iteration.
  await runOnce(device, ours.slice(0, -1));
  const chosen = conv2dVariant(params, target);
  const forwardBy = (variant: Conv2dVariant): readonly Dispatch<GPUBuffer>[] =>
    listed(conv2dForward(params, { x, w, y }, target, {}, variant));
  const others = variantsOn(target).filter((variant) => variant !== chosen);
  const transformed = scratch(winogradWeightsShape(params));
  await runOnce(device, [winogradWeights(params, { w, u: transformed })]);
  return [
    step(forward, 'forward, naive', [naive]),
    step(forward, 'forward, vec4', [vectors]),
    step(forward, 'forward, registers', [registers]),
    ...others.map((variant) => step(forward, `forward, not: ${variant}`, forwardBy(variant))),
    step(forward, `forward, ours: ${chosen}`, forwardBy(chosen)),
    step(forward, 'forward, Winograd', winograd(params, { x, w: transformed, y }, target, {}, scratch)),
    step(toImage, 'to image, naive', [naiveToImage]),
    step(toImage, 'to image, ours', ours.slice(-1)),
    step(toWeights, 'to weights, naive', [naiveToWeights]),
    step(toWeights, 'to weights, ours', conv2dBackwardWeights(params, { x, dY, dW }, target, false, scratch)),
  ];
}
