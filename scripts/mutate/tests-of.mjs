// Which test files exercise a shader: those whose imports lead to it, the nearest first.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../adapter/dist.mjs';

/** Rooms whose tests run kernels; the others test what is built upon them, and cost more. */
const ROOMS = ['kernels', 'gpu', 'optim', 'autograd', 'property', 'image', 'style'];
/** In `style`, what compares numbers with an oracle, and runs what no other test does. */
const OF_STYLE = /\/(losses|image|pictures)\.test\.ts$/;
/** Chrome and processes of their own. */
const SLOW = /browser\.test\.ts$|fuzz\.test\.ts$/;

const known = new Map();

/** Files that a file imports, statically or not. */
function importsOf(file) {
  let found = known.get(file);
  if (!found) {
    const text = readFileSync(file, 'utf8');
    const names = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => match[1]);
    found = names.map((name) => path.resolve(path.dirname(file), name)).filter((target) => existsSync(target));
    known.set(file, found);
  }
  return found;
}

/** Number of imports between a file and a shader; undefined where it is not reached. */
function distance(from, shader) {
  const seen = new Set([from]);
  let frontier = [from];
  for (let steps = 0; frontier.length > 0; steps++) {
    if (frontier.includes(shader)) return steps;
    frontier = frontier.filter((file) => /\.(ts|mjs)$/.test(file)).flatMap(importsOf);
    frontier = frontier.filter((file) => !seen.has(file) && seen.add(file));
  }
  return undefined;
}

function testFiles() {
  return ROOMS.flatMap((room) => {
    const folder = path.join(root, 'test', room);
    return readdirSync(folder).map((name) => path.join(folder, name));
  }).filter((file) => file.endsWith('.test.ts') && !SLOW.test(file) && (!file.includes('/style/') || OF_STYLE.test(file)));
}

/** [the test files to try first, all the others that reach the shader], relative to the repository. */
export function testsOf(name) {
  const shader = path.join(root, 'src', 'wgsl', `${name}.wgsl`);
  const stem = name.split('_')[0].replace(/^conv.*/, 'conv2d');
  const reaching = testFiles()
    .map((file) => ({ file: path.relative(root, file), steps: distance(file, shader) }))
    .filter(({ steps }) => steps !== undefined)
    .sort((a, b) => a.steps - b.steps);
  const files = reaching.map(({ file }) => file);
  const nearest = reaching[0]?.steps ?? 0;
  const named = files.filter((file) => path.basename(file).startsWith(stem) && !/autograd|property/.test(file));
  const near = named.length > 0 ? named : reaching.filter(({ steps }) => steps === nearest).map(({ file }) => file).slice(0, 4);
  // Tests of other kernels and of pictures reach nearly everything, and look at none of it.
  const isWide = (file) => /test\/(autograd|optim|property|style)\/|gpu-forms|gate/.test(file);
  return [near, files.filter((file) => !near.includes(file) && isWide(file))];
}
