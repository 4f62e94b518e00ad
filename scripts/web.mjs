// npm run web: builds the pages into web/dist, static files for any host, and serves it on this machine.
// npm run web -- --port 8080, or --build to build only.

import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { serve } from './serve.mjs';
import { shaders } from './shaders.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const OUT = 'web/dist';

/** Pages and their workers. */
const ENTRIES = ['main', 'worker', 'bench', 'bench-worker'].map((name) => `web/${name}.ts`);

/** Copied as they are: source -> name. */
const STATIC = {
  'web/index.html': 'index.html',
  'web/bench.html': 'bench.html',
  'web/style.css': 'style.css',
  'web/icon.svg': 'icon.svg',
  'web/app.webmanifest': 'app.webmanifest',
  'examples/pictures/houses.png': 'examples/content.png',
  'examples/pictures/woodblock.png': 'examples/style.png',
};

/** protobufjs asks with eval for modules of Node that no browser has; the page's policy forbids eval. */
const noInquire = {
  name: 'no-inquire',
  setup({ onLoad }) {
    onLoad({ filter: /@protobufjs[/\\]inquire[/\\]index\.js$/ }, () => ({ contents: 'module.exports = () => null;' }));
  },
};

/** The embedded network as a file of its own, fetched as bytes and not decoded from text. */
const fetched = {
  name: 'fetched',
  setup({ onResolve, onLoad }) {
    const FILE = '?file';
    onResolve({ filter: /\.safetensors\?file$/ }, ({ path: file }) => ({ path: file.slice(0, -FILE.length), suffix: FILE }));
    onLoad({ filter: /\.safetensors$/ }, ({ path: file, suffix }) => {
      if (suffix === FILE) return { contents: readFileSync(file), loader: 'file' };
      return {
        contents: `
          import address from ${JSON.stringify(file + FILE)};
          const response = await fetch(new URL(address, import.meta.url));
          if (!response.ok) throw new Error(\`status \${response.status}\`);
          export default new Uint8Array(await response.arrayBuffer());`,
      };
    });
  },
};

async function buildPage() {
  rmSync(OUT, { recursive: true, force: true });
  const options = {
    outdir: OUT,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    assetNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    plugins: [shaders, fetched, noInquire],
    logLevel: 'warning',
  };
  await build({ ...options, splitting: true, entryPoints: ENTRIES });
  for (const [source, name] of Object.entries(STATIC)) {
    mkdirSync(path.dirname(path.join(OUT, name)), { recursive: true });
    copyFileSync(source, path.join(OUT, name));
  }
  const files = filesOf(OUT);
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(path.join(OUT, file)));
  await build({
    ...options,
    format: 'iife',
    entryPoints: ['web/service-worker.ts'],
    define: {
      // A host answers its folder with index.html, too.
      FILES: JSON.stringify(['./', ...files]),
      VERSION: JSON.stringify(hash.digest('hex').slice(0, 16)),
    },
  });
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/** Serves the built files under the page's own policy, which a worker takes from headers only. */
async function serveBuilt(port) {
  const [, policy] = readFileSync('web/index.html', 'utf8').match(/content="(default-src[^"]+)"/);
  const files = new Set(filesOf(OUT));
  const find = (address) => {
    const file = address.slice(1) || 'index.html';
    return files.has(file) ? readFileSync(path.join(OUT, file)) : undefined;
  };
  const headers = { 'content-security-policy': policy, 'cache-control': 'no-cache' };
  try {
    const { origin } = await serve(find, { port, headers });
    console.log(`${origin}/`);
  } catch ({ message }) {
    console.error(`web: ${message}. Choose another port with --port.`);
    process.exitCode = 1;
  }
}

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' }, build: { type: 'boolean' } } });
await buildPage();
if (!values.build) await serveBuilt(Number(values.port));
