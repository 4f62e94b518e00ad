// What runs where the GPU is: on the page, or in a Node process of its own. The entries beside this file bring the
// device and, in Node, what peers need to find WebGPU there.

import { kernelTarget } from 'wgpu-style/kernels';
import { runBench } from '../bench.ts';
import type { Peer, PeerSurroundings } from '../peers/contestant.ts';
import type { StartPeer } from '../peers/index.ts';
import type { PeerName } from '../peers/names.ts';
import type { BenchReport } from '../report/report.ts';
import type { BenchRequest, Missing } from '../request.ts';
import { timePeerStart, timeStart, type StartOutcome, type StartRequest } from '../start.bench.ts';

/** What the host sends: plain data. */
export type Order =
  | {
      readonly kind: 'bench';
      readonly request: BenchRequest;
      readonly peers: readonly PeerName[];
      readonly versions: Readonly<Record<PeerName, string>>;
      readonly refusesSoftware: boolean;
    }
  | { readonly kind: 'start'; readonly request: StartRequest; readonly peer: PeerName | undefined };

/** What comes back. */
export interface Answer {
  readonly report?: BenchReport;
  readonly start?: StartOutcome | undefined;
}

/** What the entries bring. */
export interface Inside {
  readonly requestDevice: () => Promise<GPUDevice>;
  /** Called before peers are loaded. */
  readonly prepare: () => Promise<PeerSurroundings>;
  readonly print: (line: string) => void;
}

/** Does what the host has ordered. */
export async function obey(order: Order, { requestDevice, prepare, print }: Inside): Promise<Answer> {
  if (order.kind === 'start') {
    if (order.peer === undefined) return { start: await timeStart(order.request) };
    const surroundings = await prepare();
    const startPeer = await importPeer(order.peer);
    return { start: await timePeerStart(order.request, () => startPeer(surroundings)) };
  }
  const { request, peers: names, versions, refusesSoftware } = order;
  const device = await requestDevice();
  if (refusesSoftware && kernelTarget(device).software) {
    throw new Error(`there is only a software adapter here: ${device.adapterInfo.description}`);
  }
  const peers: Peer[] = [];
  const failed: Missing[] = [];
  if (names.length > 0 && request.families.includes('peers')) {
    const surroundings = await prepare();
    for (const name of names) {
      try {
        const startPeer = await importPeer(name);
        peers.push({ ...(await startPeer(surroundings)), version: versions[name] });
      } catch (error) {
        failed.push({ what: `start of ${name}`, why: error instanceof Error ? error.message : String(error) });
      }
    }
  }
  const report = await runBench(device, request, { print, peers });
  return { report: { ...report, failed: [...failed, ...report.failed] } };
}

/** Lazily: benches without peers do not need them to be installed. */
async function importPeer(name: PeerName): Promise<StartPeer> {
  return (await import('../peers/index.ts')).importPeer(name);
}
