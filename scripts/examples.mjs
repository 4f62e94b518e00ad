// npm run examples: bundles the examples that want a page and serves them on this machine, one address each.
// Another port than 8080: npm run examples -- 9000

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { build } from 'esbuild';
import { buildIfStale, root } from './adapter/dist.mjs';

const PAGES = ['canvas', 'worker', 'three', 'onnxruntime'];

/** Address -> file: what the examples load while they run. */
const FILES = [
  [/^\/pictures\/[\w-]+\.png$/, 'examples'],
  [/^\/weights\/default\.onnx$/, '.'],
  [/^\/onnxruntime\/(ort-wasm[\w.-]+)$/, 'node_modules/onnxruntime-web/dist'],
];
const TYPES = { '.mjs': 'text/javascript', '.js': 'text/javascript', '.wasm': 'application/wasm', '.png': 'image/png' };

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

function answer(url) {
  const name = url.slice(1);
  if (url === '/') return { type: 'text/html', body: list };
  if (PAGES.includes(name)) return { type: 'text/html', body: page(name) };
  const type = TYPES[path.extname(url)] ?? 'application/octet-stream';
  if (modules.has(url)) return { type, body: modules.get(url) };
  for (const [address, folder] of FILES) {
    const match = address.exec(url);
    if (match) return { type, body: readFileSync(path.join(root, folder, match[1] ?? url)) };
  }
  return undefined;
}

const server = createServer((request, response) => {
  try {
    const { type, body } = answer(new URL(request.url ?? '/', 'http://localhost').pathname);
    response.setHeader('content-type', type).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  console.log(`Examples: http://localhost:${server.address().port}/`);
});
