// Time to the first iteration and memory: each case in a fresh page or process, with empty shader caches, and once more
// with what the first run left there.

import type { Row } from '../harness/rows.ts';
import type { PeerName } from '../peers/names.ts';
import type { BenchRequest } from '../request.ts';
import type { StartOutcome, StartRequest } from '../start.bench.ts';
import type { Outcome, Place } from './place.ts';

const MIB = 2 ** 20;

/** Adds a row for every case. */
export async function benchStart(
  place: Place,
  { pooling }: BenchRequest,
  sides: readonly number[],
  peers: readonly PeerName[],
  add: (row: Row) => void,
): Promise<void> {
  const smallest = Math.min(...sides);
  const cases: StartRequest[] = [
    { network: 'embedded network', side: smallest, pooling },
    ...sides.map((side) => ({ network: 'VGG-19', side, pooling }) as const),
  ];
  for (const request of cases) {
    for (const isCold of request.side === smallest ? [true, false] : [true]) {
      const outcome = await place.run({ kind: 'start', request, peer: undefined }, () => undefined, isCold);
      if (outcome.start) add(startRow(request, `wgpu-style, ${isCold ? 'cold' : 'again'}`, outcome, outcome.start));
    }
  }
  for (const peer of peers) {
    const request = { network: 'VGG-19', side: smallest, pooling } as const;
    const outcome = await place.run({ kind: 'start', request, peer }, () => undefined, true);
    if (outcome.start) add(startRow(request, `${peer}, cold`, outcome, outcome.start));
  }
}

/** A case as a row: one sample, by the wall. */
export function startRow(
  { network, side }: StartRequest,
  variant: string,
  { resident }: Outcome,
  { milliseconds, untilReady, gpuBytes }: StartOutcome,
): Row {
  return {
    family: 'start',
    name: `${network} ${side}x${side}`,
    variant,
    side,
    milliseconds,
    spread: 0,
    fastest: milliseconds,
    samples: 1,
    dropped: 0,
    clock: 'wall',
    gflops: 0,
    gigabytesPerSecond: 0,
    facts: {
      'ready after ms': untilReady,
      ...(gpuBytes !== undefined && { 'GPU MiB': gpuBytes / MIB }),
      ...(resident !== undefined && { 'resident MiB': resident / MIB }),
    },
  };
}
