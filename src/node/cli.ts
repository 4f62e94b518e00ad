#!/usr/bin/env node
// The program: process streams and signals around main.ts.

import { main } from './main.ts';

const controller = new AbortController();

function stop(): void {
  // The second time is meant: leave at once.
  if (controller.signal.aborted) process.exit(130);
  controller.abort();
  if (process.stderr.isTTY)
    process.stderr.write('\nStopping and saving the picture so far; once more leaves at once.\n');
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);

// A reader that goes away (wgpu-style --help | head) is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const status = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: controller.signal,
});
// What is still in a pipe must get out first; waiting for Dawn's threads would keep the process for nothing.
process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
