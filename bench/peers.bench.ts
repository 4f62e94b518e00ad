// The same iteration and the same forward pass by other libraries, on this page, in this run, in turns with ours. A peer
// that computes something else gets no row: its losses must be ours before the first update and after three of them,
// its activations ours.

import type { Bench, Entry } from './harness/compare.ts';
import { everything, largestError } from './harness/oracle.ts';
import type { Row } from './harness/rows.ts';
import { wallSubject, type ForwardContestant, type Peer, type StepContestant } from './peers/contestant.ts';
import { oursForward, oursStep } from './peers/ours.ts';
import { checkDescent, checkTerms, stepFlops, stepProblem, type StepProblem, type Terms } from './problem/problem.ts';
import { forwardFlops } from './problem/vgg19.ts';

/** What the problem is. */
export interface PeersRequest {
  readonly pooling: 'max' | 'average';
  readonly slim: number;
}

/** Steps first, then forward passes; what a peer cannot do it is not asked for. */
export async function benchPeers(bench: Bench, peers: readonly Peer[], { pooling, slim }: PeersRequest): Promise<void> {
  const problem = stepProblem(bench.side, pooling, slim);
  const own = bench.device.adapterInfo.description;
  for (const { name, adapter } of peers) {
    if (adapter === undefined || adapter === own) continue;
    throw new Error(`${name} computes on another adapter: ${adapter} instead of ${own}`);
  }
  await race(bench, problem, peers);
  await raceForward(bench, problem, peers);
}

async function race(bench: Bench, problem: StepProblem, peers: readonly Peer[]): Promise<void> {
  const contestants: { name: string; step: StepContestant; facts: Record<string, number | string> }[] = [];
  let reference: { readonly before: Terms; readonly after: Terms } | undefined;
  try {
    const makers = [
      { name: 'wgpu-style', make: () => oursStep(bench.device, problem) },
      ...peers.flatMap(({ name, step }) => (step ? [{ name, make: () => step(problem) }] : [])),
    ];
    for (const { name, make } of makers) {
      const started = performance.now();
      const step = await make();
      contestants.push({ name, step, facts: { ...step.facts } });
      const { facts } = contestants.at(-1)!;
      const before = await step.terms();
      await step.iterate(1);
      facts['s to the first iteration'] = (performance.now() - started) / 1000;
      await step.iterate(2);
      const after = await step.terms();
      facts['loss'] = before.content + before.style + before.tv;
      reference ??= { before, after };
      checkTerms(name, before, reference.before);
      checkDescent(name, { before, after }, reference);
    }
    const shared = { family: 'peers', name: `${networkName(problem)} ${problem.side}x${problem.side} iteration` };
    const cost = { flops: stepFlops(problem), bytes: 0 };
    await bench.measure(
      contestants.map(({ name, step, facts }): Entry => {
        return { ...shared, variant: name, cost, subject: wallSubject((n) => step.iterate(n)), facts };
      }),
      timesOurs,
    );
  } finally {
    for (const { step } of contestants) step.destroy();
  }
}

/** f32 activations after thirteen convolutions, summed in any order, Winograd's among them. */
const FEATURE_TOLERANCE = 1e-3;

async function raceForward(bench: Bench, problem: StepProblem, peers: readonly Peer[]): Promise<void> {
  const contestants: { name: string; forward: ForwardContestant; error: number }[] = [];
  let reference: ArrayLike<number> | undefined;
  try {
    const makers = [
      { name: 'wgpu-style', make: () => oursForward(bench.device, problem) },
      ...peers.flatMap(({ name, forward }) => (forward ? [{ name, make: () => forward(problem) }] : [])),
    ];
    for (const { name, make } of makers) {
      const forward = await make();
      contestants.push({ name, forward, error: 0 });
      const features = await forward.features();
      reference ??= features;
      const error = features.length === reference.length ? largestError(features, everything(reference)) : Infinity;
      contestants.at(-1)!.error = error;
      if (!(error <= FEATURE_TOLERANCE)) throw new Error(`${name} computes another relu5_1: off by ${error} of the RMS`);
    }
    const shared = { family: 'peers', name: `${networkName(problem)} ${problem.side}x${problem.side} forward` };
    const cost = { flops: forwardFlops(problem.chain, problem.side), bytes: 0 };
    await bench.measure(
      contestants.map(({ name, forward, error }): Entry => {
        return { ...shared, variant: name, cost, subject: wallSubject((n) => forward.run(n)), error };
      }),
      timesOurs,
    );
  } finally {
    for (const { forward } of contestants) forward.destroy();
  }
}

/** Says of every row but the first, ours, how many times as long it takes. */
function timesOurs(rows: readonly Row[]): readonly Row[] {
  const ours = rows[0]!.milliseconds;
  return rows.map((row, i) => (i === 0 ? row : { ...row, facts: { 'times ours': row.milliseconds / ours, ...row.facts } }));
}

function networkName({ chain }: StepProblem): string {
  const first = chain[0]!;
  const width = first.kind === 'conv' ? first.cout : 0;
  return width === 64 ? 'VGG-19' : `VGG-19/${64 / width}`;
}
