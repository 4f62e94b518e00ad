// From the call to the end of the first iteration, on a page or in a process that has done nothing before: pictures,
// device, shaders, weights, targets, one iteration. The host opens the page anew for each case (host/start.ts).

import { plan, StyleSession } from 'wgpu-style';
import type { Peer } from './peers/contestant.ts';
import { sessionOptions, stepProblem } from './problem/problem.ts';
import { embeddedChain } from './step.bench.ts';

/** One case. */
export interface StartRequest {
  readonly network: 'VGG-19' | 'embedded network';
  readonly side: number;
  readonly pooling: 'max' | 'average';
}

/** What was seen from inside. */
export interface StartOutcome {
  /** From the call to the end of the first iteration. */
  readonly milliseconds: number;
  /** Of them, until the session was there. */
  readonly untilReady: number;
  /** The library's own count of GPU memory at its highest; undefined of others. */
  readonly gpuBytes: number | undefined;
}

/** Times the first iteration of ours. `StyleSession.create` asks for the device itself. */
export async function timeStart({ network, side, pooling }: StartRequest): Promise<StartOutcome> {
  const problem = stepProblem(side, pooling);
  const options = sessionOptions(network === 'VGG-19' ? problem : { ...problem, chain: await embeddedChain() });
  const started = performance.now();
  const session = await StyleSession.create(options);
  const untilReady = performance.now() - started;
  await session.step();
  const milliseconds = performance.now() - started;
  session.destroy();
  const { peakBytes } = await plan(options);
  return { milliseconds, untilReady, gpuBytes: peakBytes };
}

/** The same of a peer that is imported already; asking for its device counts. Undefined when it has no iterations. */
export async function timePeerStart(
  { side, pooling }: StartRequest,
  start: () => Promise<Omit<Peer, 'version'>>,
): Promise<StartOutcome | undefined> {
  const problem = stepProblem(side, pooling);
  const started = performance.now();
  const { step } = await start();
  if (!step) return undefined;
  const contestant = await step(problem);
  const untilReady = performance.now() - started;
  await contestant.iterate(1);
  return { milliseconds: performance.now() - started, untilReady, gpuBytes: undefined };
}
