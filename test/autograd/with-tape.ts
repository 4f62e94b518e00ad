// What the tests of the tape share: a tape that is destroyed whatever happens, and the gradients of one run.

import { Tape, type Tensor } from '../../src/autograd/index.ts';
import { testDevice } from '../device.ts';

export const SHAPE: readonly number[] = [5, 7, 3];
export const COUNT = 105;

export async function withTape(use: (tape: Tape) => Promise<void> | void): Promise<void> {
  const tape = new Tape(await testDevice());
  try {
    await use(tape);
  } finally {
    tape.destroy();
  }
}

/** Compiles, runs once and reads the gradients. */
export async function gradients(tape: Tape, loss: Tensor, wrt: readonly Tensor[]): Promise<Float32Array[]> {
  const program = tape.compile(loss, wrt);
  await program.run();
  const read: Float32Array[] = [];
  for (const x of wrt) read.push(await program.gradient(x));
  program.destroy();
  return read;
}

export function sumOfSquares(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, v) => sum + v * v, 0);
}
