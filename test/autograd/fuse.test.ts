// Fusion changes what is dispatched, never what is computed: with every intermediate result asked for nothing can be
// fused, and the values must be the same to the bit.

import { describe, expect, it } from 'vitest';
import { Tape, type Tensor } from '../../src/autograd/index.ts';
import { fusePointwise } from '../../src/autograd/fuse.ts';
import type { Dispatch } from '../../src/gpu/dispatch.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';

interface Graph {
  readonly name: string;
  /** Returns the loss and every intermediate result. */
  readonly build: (tape: Tape, x: Tensor, weights: (cin: number, cout: number) => Tensor) => Tensor[];
  /** How many dispatches fusion saves. */
  readonly saved: number;
}

const GRAPHS: readonly Graph[] = [
  {
    name: 'a chain: every ReLU goes into its convolution, every gate but the last into the one behind it',
    build: (tape, x, weights) => {
      const a = tape.conv2d(x, weights(3, 8));
      const b = tape.relu(a);
      const c = tape.conv2d(b, weights(8, 5));
      const d = tape.relu(c);
      return [tape.sum(tape.square(d)), a, b, c, d];
    },
    saved: 2 + 1,
  },
  {
    name: 'a ReLU with two readers: the gate waits for the last term of the gradient',
    build: (tape, x, weights) => {
      const a = tape.conv2d(x, weights(3, 8));
      const b = tape.relu(a);
      const c = tape.conv2d(b, weights(8, 4), { stride: 2, pad: 1 });
      const g = tape.gram(b);
      return [tape.add(tape.mean(tape.square(g)), tape.sum(tape.square(c))), a, b, c, g];
    },
    saved: 1 + 1,
  },
  {
    name: 'two ReLUs of one convolution: neither may change what the other reads',
    build: (tape, x, weights) => {
      const a = tape.conv2d(x, weights(3, 8));
      const b = tape.relu(a);
      const c = tape.relu(tape.scale(a, -1));
      return [tape.add(tape.sum(b), tape.sum(tape.square(c))), a, b, c];
    },
    saved: 0,
  },
  {
    name: 'ReLU of a ReLU, and a transposed convolution',
    build: (tape, x, weights) => {
      const a = tape.conv2dTranspose(x, weights(3, 8), { stride: 2 });
      const b = tape.relu(a);
      const c = tape.relu(b);
      const d = tape.conv2d(c, weights(8, 4), { padding: 'replicate' });
      return [tape.sum(tape.square(d)), a, b, c, d];
    },
    saved: 1,
  },
  {
    name: 'ReLU behind a pool stays by itself',
    build: (tape, x, weights) => {
      const a = tape.maxPool(tape.conv2d(x, weights(3, 8)));
      const b = tape.relu(a);
      return [tape.sum(tape.square(b)), a, b];
    },
    saved: 0,
  },
];

describe('fusion', () => {
  for (const { name, build, saved } of GRAPHS) {
    it(name, async () => {
      const tape = new Tape(await testDevice());
      const x = tape.variable([9, 10, 3], randomValues(270, 1));
      const weights: Tensor[] = [];
      const [loss, ...rest] = build(tape, x, (cin, cout) => {
        const k = tape.variable([3, 3, cin, cout], randomValues(9 * cin * cout, weights.length + 2));
        weights.push(k);
        return k;
      });
      const wrt = [x, ...weights];
      const fused = tape.compile(loss!, wrt);
      // Gradients of results are results too: with all of them asked for, no tensor is private.
      const whole = tape.compile([loss!, ...rest], [...wrt, ...rest]);
      expect(whole.cost.dispatches - fused.cost.dispatches).toBe(saved);
      await fused.run();
      await whole.run();
      expect(await fused.read(loss!)).toEqual(await whole.read(loss!));
      for (const t of wrt) expect(await fused.gradient(t)).toEqual(await whole.gradient(t));
      fused.destroy();
      whole.destroy();
      tape.destroy();
    });
  }

  it('leaves dispatches alone that cannot absorb', () => {
    const tensor = (): Tensor => ({ kind: 'value' }) as Tensor;
    const [a, b, c] = [tensor(), tensor(), tensor()];
    const plain = { inputs: [a], outputs: [b] } as unknown as Dispatch<Tensor>;
    const relu = { inputs: [b], outputs: [c], pointwise: { kind: 'relu', of: b } } as unknown as Dispatch<Tensor>;
    expect(fusePointwise([plain, relu], new Set([c]))).toEqual([plain, relu]);
  });
});
