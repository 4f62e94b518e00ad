// Runs the benchmarks beside the page, which can end them by ending this worker.

import { requestDevice } from 'wgpu-style';
import { adapterOf, runBench } from '../bench/bench.ts';
import type { BenchAnswer, BenchCommand } from './bench-protocol.ts';

/** What of a dedicated worker's scope is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<BenchCommand>) => void) | null;
  postMessage(answer: BenchAnswer): void;
}

const scope = globalThis as unknown as WorkerScope;

async function answer(work: () => Promise<BenchAnswer>): Promise<void> {
  try {
    scope.postMessage(await work());
  } catch (error) {
    scope.postMessage({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
}

const device = requestDevice();

scope.onmessage = ({ data: request }) => {
  void answer(async () => {
    const report = await runBench(await device, request, {
      print: () => undefined, // rows come as they are, the rest is in the report
      onRow: (row) => scope.postMessage({ kind: 'row', row }),
    });
    return { kind: 'done', report };
  });
};
void answer(async () => ({ kind: 'ready', ...adapterOf(await device) }));
