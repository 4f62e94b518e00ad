// The library itself as a contestant.

import { StyleSession } from 'wgpu-style';
import { Tape } from 'wgpu-style/autograd';
import { buildFeatures } from 'wgpu-style/vgg';
import { unit } from '../problem/pictures.ts';
import { sessionOptions, type StepProblem } from '../problem/problem.ts';
import { vggOf } from '../problem/vgg19.ts';
import type { ForwardContestant, StepContestant } from './contestant.ts';

/** A submit holds at most so many iterations; more would be recorded long before the GPU begins. */
const PER_SUBMIT = 8;

/** A session that is run by its `encode`, as an embedding app does. */
export async function oursStep(device: GPUDevice, problem: StepProblem): Promise<StepContestant> {
  const session = await StyleSession.create({ ...sessionOptions(problem), device });
  return sessionContestant(session);
}

/** Any session as a contestant. */
export function sessionContestant(session: StyleSession): StepContestant {
  const { device, plan } = session;
  return {
    facts: { dispatches: plan.dispatches, 'arena MiB': plan.bytes.arena / 2 ** 20 },
    terms: () => session.evaluate(),
    async iterate(n) {
      for (let done = 0; done < n; done += PER_SUBMIT) {
        const encoder = device.createCommandEncoder({ label: 'bench' });
        for (let i = done; i < Math.min(n, done + PER_SUBMIT); i++) session.encode(encoder);
        device.queue.submit([encoder.finish()]);
      }
      await device.queue.onSubmittedWorkDone();
    },
    destroy: () => session.destroy(),
  };
}

/** A program on the tape that computes relu5_1. */
export async function oursForward(device: GPUDevice, problem: StepProblem): Promise<ForwardContestant> {
  const { side, pooling, chain, start } = problem;
  const tape = new Tape(device);
  const image = tape.variable([side, side, 3], unit(start), 'picture');
  const features = buildFeatures(tape, vggOf(chain, pooling), image, ['relu5_1']).get('relu5_1')!;
  const program = tape.compile([features]);
  await program.ready;
  return {
    async run(n) {
      const encoder = device.createCommandEncoder({ label: 'bench' });
      for (let i = 0; i < n; i++) program.encode(encoder);
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    },
    async features() {
      await program.run();
      return program.read(features);
    },
    destroy() {
      program.destroy();
      tape.destroy();
    },
  };
}
