// Gram matrices at the style layers of VGG-19, forward and backward.

import { gramBackward, gramCost, gramForward, kernelTarget, type Dispatch } from 'wgpu-style/kernels';
import type { Bench, Check, Step } from './harness/compare.ts';
import { gramMatrix, gramToData } from './harness/oracle.ts';
import { Buffers, seeded } from './harness/values.ts';
import { workshop } from './harness/workshop.ts';
import code from './workshop/gram_naive.wgsl';

/** Layer, by how much its side is smaller than the picture's, channels. */
const LAYERS = [
  ['relu1_1', 1, 64],
  ['relu2_1', 2, 128],
  ['relu3_1', 4, 256],
  ['relu4_1', 8, 512],
  ['relu5_1', 16, 512],
] as const;

/** The naive kernel adds up to 262,144 products one after another in f32. */
const TOLERANCE = 1e-3;

/** Chunks of so many pixels in the second step. */
const CHUNK = 256;

export async function benchGram({ device, side, compare }: Bench): Promise<void> {
  const target = kernelTarget(device);
  for (const [layer, shrink, c] of LAYERS) {
    const n = Math.max(1, Math.floor(side / shrink));
    const buffers = new Buffers(device);
    try {
      const params = { shape: [n, n, c], factor: 1 / (n * n) };
      const image = { side: n, c, data: seeded(n * n * c, 1) };
      const gradient = seeded(c * c, 2);
      const x = buffers.make(params.shape, image.data);
      const dG = buffers.make([c, c], gradient);
      const g = buffers.make([c, c]);
      const dX = buffers.make(params.shape);
      const { scratch } = buffers;
      const forward: Check = { output: g, expected: gramMatrix(image, params.factor), tolerance: TOLERANCE };
      const backward: Check = { output: dX, expected: gramToData(image, params.factor, gradient), tolerance: TOLERANCE };
      const cost = gramCost(params);

      const chunks = Math.ceil((n * n) / CHUNK);
      const part = buffers.make([chunks, c, c]);
      const rung = (entryPoint: string, b: GPUBuffer, to: GPUBuffer, threads: number): Dispatch<GPUBuffer> => {
        const launch = { name: 'gram_naive', code, inputs: [x, b], outputs: [to], params: [n * n, c, chunks], cost };
        return workshop({ ...launch, entryPoint, floats: [params.factor], threads });
      };
      const split = [rung('partial', x, part, (chunks * c * c) / 4), rung('finish', part, g, c * c)];
      const step = (check: Check, variant: string, dispatches: readonly Dispatch<GPUBuffer>[]): Step => {
        return { variant, dispatches, cost, check };
      };
      await compare({ family: 'gram', name: `${layer} ${n}x${n}x${c}` }, [
        step(forward, 'forward, naive', [rung('forward', x, g, c * c)]),
        step(forward, 'forward, in chunks', split),
        step(forward, 'forward, ours', gramForward(params, { x, g }, target, scratch)),
        step(backward, 'backward, naive', [rung('backward', dG, dX, n * n * c)]),
        step(backward, 'backward, ours', gramBackward(params, { x, dG, dX }, target, false, scratch)),
      ]);
    } finally {
      buffers.destroy();
    }
  }
}
