// npm test: makes sure of an adapter (and a browser), then runs vitest with the environment that they need. Arguments
// go on to vitest: npm test -- test/kernels, npm test -- --reporter=json --outputFile=report.json

import { spawn } from 'node:child_process';
import path from 'node:path';
import { ensureBrowser } from './adapter/browser.mjs';
import { buildIfStale, root } from './adapter/dist.mjs';
import { ensureAdapter } from './adapter/ensure.mjs';

// The tests read src, so they are worth running even when dist cannot be built; but then they do not pass.
const isBuilt = buildIfStale();
const adapter = await ensureAdapter();
if (!adapter) process.exit(1);
const browser = await ensureBrowser(console.log);

const args = process.argv.slice(2);
const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const reporter = `--reporter=${path.join(root, 'scripts', 'skipped.mjs')}`;
// Naming any reporter replaces the default one.
const reporters = ['--reporter=default', reporter];
const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...process.env,
    ...adapter.env,
    WGPU_STYLE_ADAPTER: adapter.kind,
    ...(browser.executable
      ? { PUPPETEER_EXECUTABLE_PATH: browser.executable }
      : { WGPU_STYLE_NO_BROWSER: browser.reason }),
  },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (status, signal) => {
  if (signal) console.error(`vitest was ended by ${signal}.`);
  if (!isBuilt) console.error('The build failed: see the top.');
  process.exit(isBuilt ? (status ?? 1) : 1);
});
