// Which test files exercise a shader: those whose imports lead to it, the nearest first.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../adapter/dist.mjs';

/** Rooms whose tests run kernels; the others test what is built upon them, and cost more. */
const ROOMS = ['kernels', 'gpu', 'optim', 'autograd', 'property', 'folded', 'image', 'style'];
/** In `style`, what compares numbers with an oracle, and runs what no other test does. */
const OF_STYLE = /\/(losses|image|masks|mrf|output|pictures)\.test\.ts$/;
/** Grids of any size in two dimensions. */
const FOLDED = 'test/folded/grids.test.ts';
/** Chrome and processes of their own. */
const SLOW = /browser\.test\.ts$|fuzz\.test\.ts$/;

/**
 * Tests of shaders that have none of their name: pieces of several shaders, and steps of a rule. Behind a # stands a pattern of
 * names, where a file tests many shaders.
 */
const OF_OTHER_NAMES = {
  conv_general: ['kernels/conv2d#definition general', 'kernels/conv2d'],
  conv_run: ['kernels/conv2d#definition run[ ,]', 'kernels/conv2d'],
  conv_run_subgroup8: ['kernels/conv2d#definition run-subgroup8', 'kernels/conv2d'],
  conv_weights: ['kernels/conv2d#definition partial', 'kernels/conv2d'],
  conv_weights_patch: ['kernels/conv2d#weights equals the float64 definition patch', 'kernels/conv2d'],
  lbfgs: ['optim/failures', 'optim/search', 'optim/lbfgs'],
  lbfgs_search: ['optim/search', 'optim/lbfgs'],
  lbfgs_sums: ['optim/lbfgs', 'optim/failures'],
  lbfgs_take: ['optim/lbfgs', 'optim/failures', 'optim/search'],
  matmul_store: ['kernels/matmul', 'kernels/gate'],
  outside: ['kernels/pad', 'kernels/conv2d'],
  paint: ['image/paint', 'style/output'],
  reduce_backward: ['kernels/reduce', 'kernels/gate'],
  stored_bf16: ['kernels/stored#numbers', 'kernels/stored'],
  stored_f16: ['kernels/stored#numbers', 'kernels/stored'],
  schedule: ['optim/adam', 'optim/descent', 'optim/failures'],
  symmetrize: ['kernels/gram'],
};

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

/**
 * Test files that reach the shader, relative to the repository, in stages: each of its own, those of large grids, and all the
 * others. One that stands alone may have a pattern of test names behind a #.
 */
export function testsOf(name) {
  const shader = path.join(root, 'src', 'wgsl', `${name}.wgsl`);
  const stem = name.split('_')[0].replace(/^conv.*/, 'conv2d').replace('mean', 'mean-std').replace('total', 'total-variation');
  const reaching = testFiles()
    .map((file) => ({ file: path.relative(root, file), steps: distance(file, shader) }))
    .filter(({ steps }) => steps !== undefined)
    .sort((a, b) => a.steps - b.steps)
    .map(({ file }) => file);
  const near = (OF_OTHER_NAMES[name] ?? [stem]).flatMap((end) => {
    const [file, pattern] = end.split('#');
    return reaching.filter((test) => isNamed(test, file)).map((test) => (pattern ? `${test}#${pattern}` : test));
  });
  // Tests of other kernels and of pictures reach nearly everything, and look at none of it.
  const isWide = (file) => /test\/(autograd|optim|property|style)\/|gpu-forms|gate/.test(file);
  return [...near.map((file) => [file]), [FOLDED], reaching.filter((file) => !near.includes(file) && isWide(file))];
}

function isNamed(file, end) {
  return file.endsWith(`/${end}.test.ts`) && (end.includes('/') || !/autograd|property/.test(file));
}
