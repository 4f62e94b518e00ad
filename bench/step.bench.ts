// Whole iterations of ours as Gatys et al. have them (features, content and style losses, total variation, gradient, one
// Adam update, the picture's texture), and forward passes alone: of the embedded network, and of a VGG-19 with random
// weights (the same arithmetic as the published one; its pictures mean nothing). Wall time: an iteration is several
// passes.

import { defaultNetwork, StyleSession } from 'wgpu-style';
import type { Bench } from './harness/compare.ts';
import { wallSubject } from './peers/contestant.ts';
import { oursForward, sessionContestant } from './peers/ours.ts';
import { sessionOptions, stepFlops, stepProblem, type StepProblem } from './problem/problem.ts';
import { forwardFlops, type ChainLayer, type Pooling } from './problem/vgg19.ts';

/** The embedded network as a chain: it has VGG-19's layers at smaller widths. */
export async function embeddedChain(): Promise<readonly ChainLayer[]> {
  const { layers } = await defaultNetwork();
  return layers.flatMap((layer): ChainLayer[] => (layer.kind === 'relu' ? [] : [layer]));
}

export async function benchStep({ device, side, measure }: Bench, pooling: Pooling): Promise<void> {
  const vgg = stepProblem(side, pooling);
  const embedded: StepProblem = { ...vgg, chain: await embeddedChain() };
  for (const [name, problem] of [['embedded network', embedded], ['VGG-19', vgg]] as const) {
    const session = await StyleSession.create({ ...sessionOptions(problem), device });
    const step = sessionContestant(session);
    const cost = { flops: stepFlops(problem), bytes: session.plan.bytesMoved };
    await measure([
      {
        family: 'step',
        name: `${name} ${side}x${side}`,
        variant: 'iteration',
        subject: wallSubject((n) => step.iterate(n)),
        cost,
        ...(step.facts && { facts: step.facts }),
      },
    ]);
    step.destroy();
  }
}

export async function benchForward({ device, side, measure }: Bench, pooling: Pooling): Promise<void> {
  const vgg = stepProblem(side, pooling);
  const embedded: StepProblem = { ...vgg, chain: await embeddedChain() };
  for (const [name, problem] of [['embedded network', embedded], ['VGG-19', vgg]] as const) {
    const forward = await oursForward(device, problem);
    const cost = { flops: forwardFlops(problem.chain, side), bytes: 0 };
    const subject = wallSubject((n) => forward.run(n));
    await measure([{ family: 'forward', name: `${name} ${side}x${side}`, variant: 'relu5_1', subject, cost }]);
    forward.destroy();
  }
}
