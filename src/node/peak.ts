// How fast this adapter is with our own kernels, measured in a second: arithmetic by a 3x3 convolution of 64 channels, the
// work that an iteration mostly is; memory by a kernel that reads and writes and hardly computes.

import { Tape, type Program, type Tensor } from '../autograd/index.ts';
import { isSoftwareAdapter } from '../gpu/device.ts';

/** What was measured, per second. */
export interface Peak {
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Long enough that a submit and its answer do not count, in milliseconds. */
const LONG = 150;

/** Milliseconds of one run: as many at a time as take {@link LONG}, after some that warm up. */
async function milliseconds(program: Program, { queue }: GPUDevice): Promise<number> {
  await program.run();
  for (let count = 1; ; count *= 2) {
    const started = performance.now();
    for (let i = 0; i < count; i++) program.submit();
    await queue.onSubmittedWorkDone();
    const elapsed = performance.now() - started;
    if (elapsed >= LONG) return elapsed / count;
  }
}

async function measured(
  device: GPUDevice,
  shape: readonly [number, number, number],
  build: (tape: Tape, x: Tensor) => Tensor,
): Promise<{ readonly flops: number; readonly bytes: number; readonly seconds: number }> {
  const tape = new Tape(device);
  try {
    const x = tape.variable(shape, new Float32Array(shape[0] * shape[1] * shape[2]).fill(0.5), 'peak');
    const program = tape.compile([build(tape, x)]);
    try {
      const { flops, bytes } = program.cost;
      return { flops, bytes, seconds: (await milliseconds(program, device)) / 1000 };
    } finally {
      program.destroy();
    }
  } finally {
    tape.destroy();
  }
}

/** Measures arithmetic and memory. Takes about a second; rejects as a run would where the device fails. */
export async function measurePeak(device: GPUDevice): Promise<Peak> {
  const side = isSoftwareAdapter(device) ? 96 : 256;
  const conv = await measured(device, [side, side, 64], (tape, x) => {
    const k = tape.constant([3, 3, 64, 64], new Float32Array(9 * 64 * 64).fill(0.01));
    return tape.conv2d(x, k, { padding: 'zero' });
  });
  const copy = await measured(device, [4 * side, 4 * side, 4], (tape, x) => tape.scale(x, 2));
  return { flopsPerSecond: conv.flops / conv.seconds, bytesPerSecond: copy.bytes / copy.seconds };
}
