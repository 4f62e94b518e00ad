// npm run bench: bundles the command line (host/main.ts) with the sources as they are, and runs it. See README.md.

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { shaders } from '../scripts/shaders.mjs';
import { findBrowser } from '../scripts/adapter/browser.mjs';
import { loadSearch } from '../scripts/adapter/dist.mjs';
import { findAdapter } from '../scripts/adapter/find.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
// Below the repository, so that packages are found; one folder for each process, so that two runs do not meet.
const folder = path.join(root, 'out', `bench-${process.pid}`);
mkdirSync(folder, { recursive: true });
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

await build({
  entryPoints: [path.join(root, 'bench/host/main.ts')],
  tsconfig: path.join(root, 'tsconfig.json'),
  outfile: path.join(folder, 'main.mjs'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  loader: { '.safetensors': 'binary' },
  plugins: [shaders],
  logLevel: 'error',
});
const { main } = await import(pathToFileURL(path.join(folder, 'main.mjs')).href);
process.exit(await main(process.argv.slice(2), { root, folder, findAdapter, findBrowser, loadSearch }));
