import { describe, expect, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { Tape } from '../../src/autograd/index.ts';
import { matmul, matmulSplits, matmulVariant, type MatmulVariant } from '../../src/kernels/matmul.ts';
import { showShape, type Shape } from '../../src/kernels/shape.ts';
import { kernelTarget, type KernelTarget } from '../../src/kernels/target.ts';
import * as reference from '../oracle/matmul.ts';
import { runKernel } from '../run-kernel.ts';

// f32 sums of k products of values in [-1, 1); k below is at most a few hundred, or split.
const TOLERANCE = 3e-6;

const CPU: KernelTarget = { software: true, subgroupSize: undefined };
const GPU: KernelTarget = { software: false, subgroupSize: undefined };

const SIZES: readonly [m: number, n: number, k: number][] = [
  [1, 1, 1],
  [2, 3, 5],
  [7, 8, 9],
  [9, 31, 60],
  [64, 64, 64],
  [68, 5, 31],
  [4, 68, 1],
  [1, 130, 7],
  [131, 1, 66],
  [100, 70, 33],
];

describe('matrix products', () => {
  for (const [m, n, k] of SIZES) {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const a: Shape = transposeA ? [k, m] : [m, k];
        const b: Shape = transposeB ? [n, k] : [k, n];
        // The oracle knows one product: operands are transposed before it, gradients after it.
        const left = (x: ArrayLike<number>): ArrayLike<number> => (transposeA ? reference.transpose(k, m, x) : x);
        const right = (x: ArrayLike<number>): ArrayLike<number> => (transposeB ? reference.transpose(n, k, x) : x);
        it(`${showShape(a)}${transposeA ? 'ᵀ' : ''} · ${showShape(b)}${transposeB ? 'ᵀ' : ''}`, async () => {
          await checkOp({
            inputs: [a, b],
            build: (tape, x, z) => tape.matmul(x!, z!, { transposeA, transposeB }),
            forward: (x, z) => reference.matmul(m, n, k, left(x!), right(z!)),
            backward: (dY, x, z) => {
              const dA = reference.matmul(m, k, n, dY, reference.transpose(k, n, right(z!)));
              const dB = reference.matmul(k, n, m, reference.transpose(m, k, left(x!)), dY);
              return [
                transposeA ? reference.transpose(m, k, dA) : dA,
                transposeB ? reference.transpose(k, n, dB) : dB,
              ];
            },
            tolerance: TOLERANCE,
          });
        });
      }
    }
  }

  it('an image [h, w, k] counts its pixels as rows', async () => {
    const [h, w, k, n] = [9, 7, 60, 5];
    await checkOp({
      inputs: [
        [h, w, k],
        [k, n],
      ],
      build: (tape, x, z) => {
        const y = tape.matmul(x!, z!);
        expect(y.shape).toEqual([h, w, n]);
        return y;
      },
      forward: (x, z) => reference.matmul(h * w, n, k, x!, z!),
      backward: (dY, x, z) => [
        reference.matmul(h * w, k, n, dY, reference.transpose(k, n, z!)),
        reference.matmul(k, n, h * w, reference.transpose(h * w, k, x!), dY),
      ],
      tolerance: TOLERANCE,
    });
  });

  it('a matrix times itself, transposed, gets both gradients', async () => {
    const [m, k] = [13, 9];
    await checkOp({
      inputs: [[m, k]],
      build: (tape, x) => tape.matmul(x!, x!, { transposeB: true }),
      forward: (x) => reference.matmul(m, m, k, x!, reference.transpose(m, k, x!)),
      backward: (dY, x) => {
        const sum = reference.transpose(m, m, dY).map((v, i) => v + dY[i]!);
        return [reference.matmul(m, k, m, sum, x!)];
      },
      tolerance: TOLERANCE,
    });
  });

  // Every variant on every adapter: what a GPU would be given runs here too.
  for (const [m, n, k] of [...SIZES, [5, 6, 2048], [64, 64, 5000], [3, 130, 4099], [600, 70, 20]] as const) {
    for (const variant of ['registers', 'tiled', 'subgroup8'] as const satisfies readonly MatmulVariant[]) {
      it(`${variant}, [${m}, ${k}] · [${k}, ${n}]: scaled, transposed, added to what is there`, async ({ skip }) => {
        skip(variant === 'subgroup8' && kernelTarget(await testDevice()).subgroupSize !== 8, 'no subgroups of 8 lanes');
        const a = randomValues(m * k, 1);
        const b = randomValues(k * n, 2);
        const old = randomValues(m * n, 3);
        const product = reference.matmul(m, n, k, a, b);
        for (const [transposeA, transposeB, accumulate] of [
          [false, false, true],
          [true, false, false],
          [false, true, false],
          [true, true, true],
        ] as const) {
          if (variant === 'subgroup8' && transposeB) continue; // not its business
          const left = transposeA
            ? { shape: [k, m], data: reference.transpose(m, k, a) }
            : { shape: [m, k], data: a };
          const right = transposeB
            ? { shape: [n, k], data: reference.transpose(k, n, b) }
            : { shape: [k, n], data: b };
          const params = { m, n, k, transposeA, transposeB, factor: 0.1 };
          const got = await runKernel(
            [left, right],
            [m, n],
            ([x, z], c, scratch) => matmul(params, { a: x!, b: z!, c }, GPU, accumulate, scratch, variant),
            accumulate ? old : undefined,
          );
          const want = product.map((v, i) => 0.1 * v + (accumulate ? old[i]! : 0));
          expect(relativeError(got, want)).toBeLessThan(TOLERANCE);
        }
      });
    }
  }

  it('splits only what is long, and within 8 MiB of partial products', () => {
    expect(matmulSplits({ m: 4096, n: 64, k: 64 }, CPU)).toBe(1);
    expect(matmulSplits({ m: 64, n: 64, k: 262144 }, CPU)).toBe(256);
    expect(matmulSplits({ m: 512, n: 512, k: 4096 }, CPU)).toBe(4);
    expect(matmulSplits({ m: 512, n: 512, k: 65536 }, CPU)).toBe(8);
    expect(matmulSplits({ m: 4096, n: 4096, k: 4096 }, CPU)).toBe(1);
    // A GPU wants work for all of its cores.
    expect(matmulSplits({ m: 64, n: 64, k: 1024 }, GPU)).toBe(4);
    expect(matmulSplits({ m: 1024, n: 1024, k: 1024 }, GPU)).toBe(1);
  });

  it('goes through workgroup memory on GPUs, where the result fills tiles', () => {
    expect(matmulVariant({ m: 4096, n: 64, k: 64 }, GPU)).toBe('tiled');
    expect(matmulVariant({ m: 4096, n: 4, k: 64 }, GPU)).toBe('registers');
    expect(matmulVariant({ m: 4096, n: 64, k: 64 }, CPU)).toBe('registers');
    expect(matmulVariant({ m: 4096, n: 64, k: 64 }, { software: true, subgroupSize: 8 })).toBe('subgroup8');
    expect(matmulVariant({ m: 4096, n: 64, k: 64, transposeB: true }, { software: true, subgroupSize: 8 })).toBe('registers');
  });

  it('says what is wrong with shapes that do not fit', async () => {
    const tape = new Tape(await testDevice());
    const a = tape.variable([4, 5]);
    expect(() => tape.matmul(a, tape.variable([4, 3]))).toThrow(/tape\.matmul.*\[4, 5\] and \[4, 3\]/);
    expect(() => tape.matmul(a, tape.variable([5, 3]), { transposeA: true })).toThrow(/\[4, 5\]ᵀ/);
    expect(() => tape.matmul(tape.variable([5]), tape.variable([5, 3]))).toThrow(/tape\.matmul/);
    expect(() => tape.matmul(tape.variable([2, 3, 5]), tape.variable([3, 5]), { transposeA: true })).toThrow();
    tape.destroy();
  });
});
