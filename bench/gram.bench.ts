// Gram matrices at the style layers of VGG-19, forward and backward.

import { gramBackward, gramCost, gramForward, kernelTarget, type Dispatch, type Shape } from 'wgpu-style/kernels';
import { dispatchWork, filled, type Bench } from './harness.ts';

/** Layer, by how much its side is smaller than the picture's, channels. */
const LAYERS = [
  ['relu1_1', 1, 64],
  ['relu2_1', 2, 128],
  ['relu3_1', 4, 256],
  ['relu4_1', 8, 512],
  ['relu5_1', 16, 512],
] as const;

export async function benchGram({ device, side, measure }: Bench): Promise<void> {
  const target = kernelTarget(device);
  for (const [layer, shrink, c] of LAYERS) {
    const n = Math.max(1, Math.floor(side / shrink));
    const params = { shape: [n, n, c], factor: 1 / (n * n) };
    const owned: GPUBuffer[] = [];
    const buffer = (shape: Shape): GPUBuffer => {
      const made = filled(device, shape);
      owned.push(made);
      return made;
    };
    const x = buffer(params.shape);
    const dX = buffer(params.shape);
    const g = buffer([c, c]);
    const run = async (variant: string, dispatches: readonly Dispatch<GPUBuffer>[]): Promise<void> => {
      const work = await dispatchWork(device, dispatches, gramCost(params), []);
      await measure('gram', `${layer} ${n}x${n}x${c}`, variant, work);
      work.destroy();
    };
    await run('forward', gramForward(params, { x, g }, target, buffer));
    await run('backward', gramBackward(params, { x, dG: g, dX }, target, false, buffer));
    for (const made of owned) made.destroy();
  }
}
