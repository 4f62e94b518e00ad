// npm run examples: bundles the examples that want a page and serves them on this machine, one address each.
// Another port than 8080: npm run examples -- 9000

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { buildIfStale, root } from './adapter/dist.mjs';
import { serve } from './serve.mjs';

const PAGES = ['canvas', 'worker', 'three', 'onnxruntime'];

/** Address -> file: what the examples load while they run. */
const FILES = [
  [/^\/pictures\/[\w-]+\.png$/, 'examples'],
  [/^\/weights\/default\.onnx$/, '.'],
  [/^\/onnxruntime\/(ort-wasm[\w.-]+)$/, 'node_modules/onnxruntime-web/dist'],
];

if (!buildIfStale()) process.exit(1);
// From dist, as an app would: the package finds itself by its name.
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(PAGES.map((name) => [name, `examples/${name}.ts`])),
  outdir: path.join(root, 'out'),
  tsconfigRaw: {},
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  logLevel: 'error',
});
const modules = new Map(outputFiles.map((file) => [`/${path.basename(file.path)}`, file.contents]));

const page = (name) => `<!doctype html><meta charset="utf-8"><title>${name}</title>
<canvas width="512" height="512" style="width: 512px"></canvas><pre></pre>
<script type="module">
  import { main } from '/${name}.js';
  const said = document.querySelector('pre');
  main(document.querySelector('canvas')).then(() => (said.textContent = 'done'), (error) => (said.textContent = error));
</script>`;
const list = PAGES.map((name) => `<p><a href="/${name}">${name}</a></p>`).join('\n');

function find(address) {
  const name = address.slice(1);
  if (address === '/') return list;
  if (PAGES.includes(name)) return page(name);
  if (modules.has(address)) return modules.get(address);
  for (const [pattern, folder] of FILES) {
    const match = pattern.exec(address);
    const file = match && path.join(root, folder, match[1] ?? address);
    if (file && existsSync(file)) return readFileSync(file);
  }
  return undefined;
}

const { origin } = await serve(find, { port: Number(process.argv[2] ?? 8080) });
console.log(`Examples: ${origin}/`);
