// Against PyTorch: activations, every recipe's loss terms and gradient, and the first steps of every optimiser run.
// The reference values come with the script that made them (float64 losses and gradients, float32 runs).

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { recipes, StyleSession, Vgg, type OptimizerOptions } from '../../src/index.ts';
import { relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { sharedMissing, sharedPath } from '../shared.ts';

interface Manifest {
  readonly tensors: Record<string, { readonly shape: readonly number[]; readonly file: string }>;
  readonly recipes: Record<
    string,
    {
      readonly options: { readonly pixels: string };
      readonly loss: Record<'content' | 'style' | 'tv' | 'total', number>;
      readonly gradient: string;
      readonly runs: Record<
        string,
        { readonly config: Record<string, unknown>; readonly trace: readonly number[]; readonly image: string }
      >;
    }
  >;
}

const missing = sharedMissing('oracle/a/manifest.json');
const manifest: Manifest = missing
  ? { tensors: {}, recipes: {} }
  : (JSON.parse(readFileSync(sharedPath('oracle/a/manifest.json'), 'utf8')) as Manifest);

function tensor(name: string): Float32Array<ArrayBuffer> {
  const bytes = readFileSync(sharedPath('oracle/a', manifest.tensors[name]!.file));
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** A planar tensor [1, 3, h, w] as an image source: interleaved floats in [0, 1]. */
function picture(name: string): { data: Float32Array; width: number; height: number } {
  const [, channels, height, width] = manifest.tensors[name]!.shape as [number, number, number, number];
  return { data: interleaved(tensor(name), channels), width, height };
}

/** [c, h, w] → [h, w, c] */
function interleaved(planar: Float32Array, channels: number): Float32Array {
  const count = planar.length / channels;
  return planar.map((_, i) => planar[(i % channels) * count + Math.floor(i / channels)]!);
}

function relativeNorm(got: ArrayLike<number>, reference: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < reference.length; i++) {
    difference += (got[i]! - reference[i]!) ** 2;
    size += reference[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}

async function network(pixels: string): Promise<Vgg> {
  const bytes = new Uint8Array(readFileSync(sharedPath('oracle/a/net.onnx')));
  return Vgg.fromOnnx(bytes, { preprocessing: pixels === 'bgr 255' ? 'bgr-255' : 'rgb-mean-std' });
}

async function sessionOf(recipe: string, optimizer?: OptimizerOptions, iterations = 30): Promise<StyleSession> {
  return StyleSession.create({
    device: await testDevice(),
    network: await network(manifest.recipes[recipe]!.options.pixels),
    content: picture('content'),
    style: picture('style'),
    size: { width: 52, height: 40 },
    recipe,
    iterations,
    ...(optimizer && { optimizer }),
  });
}

const known = Object.keys(manifest.recipes).filter((name) => name in recipes);

describe.skipIf(missing !== undefined)(`against PyTorch${missing ? ` (skipped: ${missing})` : ''}`, () => {
  for (const pooling of ['max', 'average'] as const) {
    it(`activations with ${pooling} pooling lie within 1e-5 of RMS`, async () => {
      const vgg = await network('rgb mean/std');
      const names = ['conv1_1', 'relu1_1', 'pool1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu4_2', 'relu5_1'] as const;
      const found = await vgg.features(await testDevice(), picture('content'), names, { pooling });
      for (const name of names) {
        const reference = manifest.tensors[`${pooling}.${name}`]!;
        expect([1, ...[2, 0, 1].map((axis) => found[name].shape[axis])]).toEqual(reference.shape);
        const channels = reference.shape[1]!;
        const error = relativeError(found[name].data, interleaved(tensor(`${pooling}.${name}`), channels));
        expect(error, name).toBeLessThan(1e-5);
      }
    });
  }

  for (const recipe of known) {
    // The roots of covariances are exact in PyTorch's values. Sixteen Newton–Schulz steps leave 1.9e-4 of the style loss and
    // 1.6e-3 of the gradient (lavapipe; the same in float32 on the CPU); test/style/losses.test.ts holds the steps to 2e-5.
    const hasRoots = recipes[recipe]!.style.statistics?.wasserstein !== undefined;
    const [forStyle, forGradient] = hasRoots ? [3e-4, 2e-3] : [1e-4, 1e-4];
    it(`${recipe}: style within ${forStyle}, other terms 1e-4, gradient ${forGradient} at the noise image`, async () => {
      const session = await sessionOf(recipe);
      try {
        await session.writeImage(tensor('noise'));
        const losses = await session.evaluate();
        const reference = manifest.recipes[recipe]!.loss;
        for (const term of ['content', 'style', 'tv', 'total'] as const) {
          const scale = Math.max(Math.abs(reference[term]), 1e-12);
          expect(Math.abs(losses[term] - reference[term]) / scale, term).toBeLessThan(term === 'style' || term === 'total' ? forStyle : 1e-4);
        }
        const gradient = await session.gradient();
        expect(relativeNorm(gradient, tensor(manifest.recipes[recipe]!.gradient))).toBeLessThan(forGradient);
      } finally {
        session.destroy();
      }
    });

    // Gradient descent and Adam follow PyTorch closely. L-BFGS without line search amplifies rounding through ReLU and
    // max pooling: PyTorch 1.13 itself, run again on another CPU or in float64, or from a start moved by 1e-6, left its
    // own trace by 0.4 … 1.4 % within 10 and by 5 … 17 % within 30 iterations (2026-11). Its exact arithmetic is held
    // by test/optim against float64.
    for (const [name, run] of Object.entries(manifest.recipes[recipe]!.runs)) {
      const [first10, all30] = name === 'lbfgs' ? [0.03, 0.25] : [0.005, 0.05];
      it(`${recipe}, ${name}: 10 losses within ${first10}, 30 within ${all30} of the trace`, async () => {
        const rate = Number(run.config['lr']);
        const optimizers: Record<string, OptimizerOptions> = {
          lbfgs: { name: 'lbfgs', learningRate: rate, history: 100 },
          adam: recipe === 'neural-style' ? { name: 'adam', learningRate: rate } : recipes[recipe]!.optimizer,
          gd: recipes[recipe]!.optimizer,
        };
        const session = await sessionOf(recipe, optimizers[name]);
        try {
          const deviations: number[] = [];
          for await (const { losses, iteration } of session.run({ iterations: 30 })) {
            const reference = run.trace[iteration - 1]!;
            deviations.push(Math.abs(losses.total / reference - 1));
          }
          expect(Math.max(...deviations.slice(0, 10))).toBeLessThan(first10);
          expect(Math.max(...deviations)).toBeLessThan(all30);
          expect(deviations).toHaveLength(30);
        } finally {
          session.destroy();
        }
      });
    }
  }
});
