import { describe, expect, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import { dot, randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { Tape } from '../../src/autograd/index.ts';
import { padBackward, paddedShape, padForward } from '../../src/kernels/pad.ts';
import { elementsOf } from '../../src/kernels/shape.ts';
import type { Mode } from '../oracle/conv2d.ts';
import * as reference from '../oracle/pad.ts';
import { runKernel } from '../run-kernel.ts';

// Copies are exact; the adjoint adds a handful of f32.
const TOLERANCE = 1e-6;

type Pads = [number, number, number, number];

const CASES: { shape: [number, number, number]; pads: Pads; modes: Mode[] }[] = [
  { shape: [1, 1, 3], pads: [2, 0, 1, 3], modes: ['zero', 'replicate', 'wrap'] },
  { shape: [2, 7, 4], pads: [1, 6, 1, 3], modes: ['zero', 'replicate', 'reflect', 'wrap'] },
  { shape: [8, 9, 5], pads: [0, 1, 7, 8], modes: ['zero', 'replicate', 'reflect', 'wrap'] },
  { shape: [9, 31, 60], pads: [1, 1, 1, 1], modes: ['zero', 'replicate', 'reflect', 'wrap'] },
  { shape: [7, 2, 68], pads: [3, 1, 2, 0], modes: ['zero', 'replicate', 'reflect', 'wrap'] },
  // Margins wider than the image show it several times.
  { shape: [3, 2, 1], pads: [7, 5, 8, 3], modes: ['replicate', 'wrap'] },
];

describe('padding', () => {
  for (const { shape, pads, modes } of CASES) {
    for (const mode of modes) {
      const name = `[${shape.join(', ')}] by [${pads.join(', ')}], ${mode}`;
      it(`${name}: value and gradient`, async () => {
        await checkOp({
          inputs: [shape],
          build: (tape, x) => tape.pad(x, pads, mode),
          forward: (x) => reference.pad(shape, pads, mode, x),
          backward: (dY) => [reference.padBackward(shape, pads, mode, dY)],
          tolerance: TOLERANCE,
        });
      });

      it(`${name}: <pad x, u> = <x, padᵀ u>`, async () => {
        const params = { shape, pads, mode };
        const padded = paddedShape(params);
        const x = randomValues(elementsOf(shape), 1);
        const u = randomValues(elementsOf(padded), 2);
        const y = await runKernel([{ shape, data: x }], padded, ([a], b) => padForward(params, { x: a!, y: b }));
        const back = await runKernel([{ shape: padded, data: u }], shape, ([a], b) =>
          padBackward(params, { dY: a!, dX: b }, false),
        );
        const scale = Math.sqrt(dot(y, y) * dot(u, u));
        expect(Math.abs(dot(y, u) - dot(x, back)) / scale).toBeLessThan(TOLERANCE);
      });
    }
  }

  it('negative pads cut off, and their adjoint puts zeros there', async () => {
    const shape = [5, 6, 3] as const;
    for (const mode of ['zero', 'replicate', 'reflect', 'wrap'] as const) {
      const pads = [-1, 2, 1, -2] as const;
      const params = { shape, pads, mode };
      const x = randomValues(90, 3);
      const padded = paddedShape(params);
      const y = await runKernel([{ shape, data: x }], padded, ([a], b) => padForward(params, { x: a!, y: b }));
      expect(relativeError(y, reference.pad(shape, pads, mode, x))).toBe(0);
      const back = await runKernel([{ shape: padded, data: y }], shape, ([a], b) =>
        padBackward(params, { dY: a!, dX: b }, false),
      );
      expect(relativeError(back, reference.padBackward(shape, pads, mode, y))).toBeLessThan(TOLERANCE);
    }
  });

  it('says what is wrong with margins that cannot be', async () => {
    const tape = new Tape(await testDevice());
    const x = tape.variable([4, 5, 3]);
    expect(() => tape.pad(x, 4, 'reflect')).toThrow(/tape\.pad.*cannot be reflected/);
    expect(() => tape.pad(x, [0, 5, 0, 0], 'reflect')).toThrow(/smaller than the image/);
    expect(() => tape.pad(x, -1)).toThrow(/whole numbers/);
    expect(() => tape.pad(x, 0.5)).toThrow(/whole numbers/);
    expect(() => tape.pad(x, 1, 'mirror' as 'reflect')).toThrow(/unknown mode "mirror"/);
    expect(() => tape.pad(tape.variable([4]), 1)).toThrow(/height, width, channels/);
    tape.destroy();
  });
});
