// The adapter's own limits: multiply-adds in registers, and copies. Measured first; the other rows refer to the best of
// them. Both forms of each, because adapters differ in which they like.

import { kernelTarget, type Cost, type Shader } from 'wgpu-style/kernels';
import type { Bench, Entry } from './harness/compare.ts';
import type { GpuSubject } from './harness/subjects.ts';
import { Buffers, readFloats, seeded } from './harness/values.ts';
import { workshop } from './harness/workshop.ts';
import vectorsCode from './workshop/probe.wgsl';
import scalarsCode from './workshop/probe_scalars.wgsl';

export async function benchProbe(bench: Bench): Promise<void> {
  const { software } = kernelTarget(bench.device);
  await multiplyAdds(bench, software ? 4096 : 2 ** 18, software ? 512 : 2048);
  await copies(bench, software ? 2 ** 26 : 2 ** 27);
}

async function multiplyAdds({ device, clock, measure }: Bench, threads: number, steps: number): Promise<void> {
  const buffers = new Buffers(device);
  const subjects: GpuSubject[] = [];
  const entries: Entry[] = [];
  for (const [entryPoint, code, floats, chains] of [
    ['fma_scalars', scalarsCode, 1, 16],
    ['fma_vectors', vectorsCode, 4, 8],
  ] as const) {
    const values = seeded(threads * floats, 1);
    const output = buffers.make([threads, 4]);
    const cost: Cost = { flops: 2 * chains * floats * threads * steps, bytes: 8 * floats * threads };
    const launch = { name: `probe/${entryPoint}`, code, entryPoint, params: [threads, steps], threads, cost };
    const input = buffers.make([(threads * floats) / 4, 4], values);
    const subject = await clock.dispatches([workshop({ ...launch, inputs: [input], outputs: [output] })]);
    subjects.push(subject);
    await subject.time(1);
    // Each chain tends to m / (1 - m), far faster than there are steps.
    const m = values[0]!;
    const error = Math.abs((await readFloats(device, output))[0]! / ((chains * m) / (1 - m)) - 1);
    if (!(error < 1e-4)) throw new Error(`probe, ${entryPoint}: the chains are off by ${error}; a compiler left some out`);
    entries.push({ family: 'probe', name: 'multiply-adds', variant: entryPoint, subject, cost, error });
  }
  await measure(entries);
  for (const subject of subjects) subject.destroy();
  buffers.destroy();
}

async function copies({ device, clock, measure }: Bench, bytes: number): Promise<void> {
  const buffers = new Buffers(device);
  const shape = [bytes / 16, 4];
  const from = buffers.make(shape, seeded(bytes / 4, 1));
  const to = buffers.make(shape);
  const cost: Cost = { flops: 0, bytes: 2 * bytes };
  const rung = (entryPoint: string, code: Shader['code'], threads: number) => {
    const launch = { name: `probe/${entryPoint}`, code, entryPoint, params: [threads, 0], threads, cost };
    return clock.dispatches([workshop({ ...launch, inputs: [from], outputs: [to] })]);
  };
  const scalars = await rung('copy_scalars', scalarsCode, bytes / 4);
  const vectors = await rung('copy_vectors', vectorsCode, bytes / 16);
  const queue = clock.recorded((encoder, count) => {
    for (let i = 0; i < count; i++) encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
  });
  const shared = { family: 'probe', name: `copy ${bytes / 2 ** 20} MiB`, cost } as const;
  await measure([
    { ...shared, variant: 'copy_scalars', subject: scalars },
    { ...shared, variant: 'copy_vectors', subject: vectors },
    { ...shared, variant: 'copyBufferToBuffer', subject: queue },
  ]);
  scalars.destroy();
  vectors.destroy();
  buffers.destroy();
}
