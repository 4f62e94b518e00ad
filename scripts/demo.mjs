// npm run demo: makes sure of an adapter, then paints an example picture in an example style with the embedded network.
// Others: npm run demo -- houses glass

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { buildIfStale, root } from './adapter/dist.mjs';
import { ensureAdapter } from './adapter/ensure.mjs';

/** What a newcomer sees first. */
const CONTENT = 'houses';
const STYLE = 'glass';
const OUTPUT = 'out/demo.png';
/**
 * Seconds on a GPU. At most three minutes on two cores without one: about a minute and a half with lavapipe, which
 * computes ten times as fast as SwiftShader (2026-11).
 */
const FLAGS = {
  gpu: ['--size', '768', '--iterations', '500'],
  lavapipe: ['--size', '512', '--iterations', '160'],
  swiftshader: ['--size', '160', '--iterations', '60'],
};

const pictures = path.join(root, 'examples', 'pictures');
const [content = CONTENT, style = STYLE] = process.argv.slice(2);
for (const name of [content, style]) {
  if (existsSync(path.join(pictures, `${name}.png`))) continue;
  const names = readdirSync(pictures).filter((file) => file.endsWith('.png'));
  console.error(`There is no example picture "${name}", only ${names.join(', ').replaceAll('.png', '')}.`);
  process.exit(2);
}

if (!buildIfStale()) process.exit(1);
const adapter = await ensureAdapter();
if (!adapter) process.exit(1);

mkdirSync(path.join(root, path.dirname(OUTPUT)), { recursive: true });
console.log(`Painting ${content} in the style of ${style}.`);
const files = [content, style].map((name) => path.join(pictures, `${name}.png`));
const flags = FLAGS[adapter.kind] ?? FLAGS.swiftshader;
const cli = path.join(root, 'dist', 'cli.js');
const started = performance.now();
const child = spawn(process.execPath, [cli, ...files, '-o', path.join(root, OUTPUT), ...flags], {
  stdio: 'inherit',
  env: { ...process.env, ...adapter.env },
});
// Ctrl+C reaches the program too, which then saves the picture so far; wait for it.
process.on('SIGINT', () => undefined);
child.on('exit', (status) => {
  if (status === 0) {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${path.join(root, OUTPUT)} (${seconds} s)`);
  }
  process.exit(status ?? 1);
});
