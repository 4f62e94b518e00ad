// npm run build (and npm ci, through "prepare"): src -> dist. One ES module per entry with shared chunks, shaders and
// weights in chunks that are loaded when they are used, then the declarations. Needs neither a network nor a browser.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { shaders } from './shaders.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

/** Output name in dist -> source. */
const ENTRIES = {
  index: 'src/index.ts',
  node: 'src/node/index.ts',
  cli: 'src/node/cli.ts',
  autograd: 'src/autograd/index.ts',
  kernels: 'src/kernels/index.ts',
  optim: 'src/optim/index.ts',
  vgg: 'src/vgg/index.ts',
};

const started = performance.now();
rmSync('dist', { recursive: true, force: true });
const options = {
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  sourcemap: true,
  // Dependencies stay imports: onnx-proto and upng-js are loaded when used, sharp and webgpu may be missing.
  packages: 'external',
  loader: { '.safetensors': 'binary' },
  plugins: [shaders],
  logLevel: 'warning',
};
// Not exported: scripts/ use it to find an adapter. By itself and first, so that they work while src is in pieces.
await build({ ...options, entryPoints: { adapters: 'src/node/adapters.ts' } });
try {
  await build({ ...options, entryPoints: ENTRIES });
} catch {
  fail('the sources cannot be bundled (see above).');
}
dropEmptyImports();
if (!readFileSync('dist/cli.js', 'utf8').startsWith('#!')) {
  fail('src/node/cli.ts must begin with "#!/usr/bin/env node": it is installed as a command.');
}
chmodSync('dist/cli.js', 0o755);

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const types = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (types.status !== 0) fail('the declarations do not type-check (see above).');

const missing = exportedFiles().filter((file) => !existsSync(file));
if (missing.length > 0) fail(`package.json names files that the build did not make: ${missing.join(', ')}`);
console.log(`Built ${Object.keys(ENTRIES).length} entries in ${((performance.now() - started) / 1000).toFixed(1)} s.`);

/**
 * Chunks import other chunks for their side effects alone, as if they had any: package.json says that they have none, and
 * bundlers of users would warn that they ignore such imports. Lines stay, for the source maps.
 */
function dropEmptyImports() {
  for (const folder of ['dist', 'dist/chunks']) {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.js'))) {
      const code = readFileSync(`${folder}/${name}`, 'utf8');
      writeFileSync(`${folder}/${name}`, code.replace(/^import "\.[^"]*\/chunk-[^"/]*\.js";$/gm, ''));
    }
  }
}

/** Every file that package.json promises to importers and to the shell. */
function exportedFiles() {
  const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'));
  const files = [];
  const collect = (value) => {
    if (typeof value === 'string') files.push(value);
    else for (const inner of Object.values(value)) collect(inner);
  };
  collect(exports);
  collect(bin);
  return [...new Set(files)];
}

function fail(message) {
  console.error(`build: ${message}`);
  process.exit(1);
}
