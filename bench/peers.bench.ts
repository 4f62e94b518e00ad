// The same iteration and the same forward pass by other libraries, on this page, in this run, in turns with ours. A peer
// that computes something else gets no row: its losses must be ours before the first update and after three of them,
// its activations ours.

import type { Bench, Entry } from './harness/compare.ts';
import { everything, largestError } from './harness/oracle.ts';
import type { Row } from './harness/rows.ts';
import { wallSubject, type ForwardContestant, type Peer, type StepContestant } from './peers/contestant.ts';
import { oursForward, oursStep } from './peers/ours.ts';
import { checkDescent, checkTerms, stepFlops, stepProblem, totalOf, type StepProblem } from './problem/problem.ts';
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
  const contestants: StepContestant[] = [];
  const entries: Entry[] = [];
  const shared = {
    family: 'peers',
    name: `${networkName(problem)} ${problem.side}x${problem.side} iteration`,
    cost: { flops: stepFlops(problem), bytes: 0 },
  };
  try {
    const makers = [
      { name: 'wgpu-style', make: () => oursStep(bench.device, problem) },
      ...peers.flatMap(({ name, step }) => (step ? [{ name, make: () => step(problem) }] : [])),
    ];
    await each(bench, 'iteration', makers, async ({ name, make }) => {
      const started = performance.now();
      const step = await make();
      contestants.push(step);
      const before = await step.terms();
      await step.iterate(1);
      const seconds = (performance.now() - started) / 1000;
      await step.iterate(2);
      const descent = { before, after: await step.terms() };
      const reference = entries[0]?.descent ?? descent;
      checkTerms(name, before, reference.before);
      checkDescent(name, descent, reference);
      const facts = { 'first iteration after s': seconds, loss: totalOf(before), ...step.facts };
      entries.push({ ...shared, variant: name, subject: wallSubject((n) => step.iterate(n)), facts, descent });
    });
    await bench.measure(entries, timesOurs);
  } finally {
    for (const step of contestants) step.destroy();
  }
}

/** f32 activations after thirteen convolutions, summed in any order, Winograd's among them. */
const FEATURE_TOLERANCE = 1e-3;

async function raceForward(bench: Bench, problem: StepProblem, peers: readonly Peer[]): Promise<void> {
  const contestants: ForwardContestant[] = [];
  const entries: Entry[] = [];
  const shared = {
    family: 'peers',
    name: `${networkName(problem)} ${problem.side}x${problem.side} forward`,
    cost: { flops: forwardFlops(problem.chain, problem.side), bytes: 0 },
  };
  try {
    const makers = [
      { name: 'wgpu-style', make: () => oursForward(bench.device, problem) },
      ...peers.flatMap(({ name, forward }) => (forward ? [{ name, make: () => forward(problem) }] : [])),
    ];
    let reference: ArrayLike<number> | undefined;
    await each(bench, 'forward', makers, async ({ name, make }) => {
      const forward = await make();
      contestants.push(forward);
      const features = await forward.features();
      reference ??= features;
      const error = features.length === reference.length ? largestError(features, everything(reference)) : Infinity;
      if (!(error <= FEATURE_TOLERANCE)) throw new Error(`${name} computes another relu5_1: off by ${error} of the RMS`);
      entries.push({ ...shared, variant: name, subject: wallSubject((n) => forward.run(n)), error });
    });
    await bench.measure(entries, timesOurs);
  } finally {
    for (const forward of contestants) forward.destroy();
  }
}

/** One contestant after another. A peer that fails is noted and left out; without ours there is no race. */
async function each<Maker extends { readonly name: string }>(
  { side, fail }: Bench,
  what: string,
  makers: readonly Maker[],
  admit: (maker: Maker) => Promise<void>,
): Promise<void> {
  for (const [i, maker] of makers.entries()) {
    try {
      await admit(maker);
    } catch (error) {
      if (i === 0) throw error;
      fail(`${maker.name} ${what} ${side}x${side}`, error);
    }
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
