// npm run mutate: puts small mistakes into the shaders, one at a time, and looks whether the tests notice.
//
//   npm run mutate                              every shader, ten mutants each: takes an hour or two
//   npm run mutate -- conv3x3 pool --count 20   these shaders
//   npm run mutate -- --seed 2                  other mutants
//   npm run mutate -- --quick                   only the tests of the shader itself and of large grids
//   npm run mutate -- --verbose                 says how every mutant went
//
// A survivor is either equivalent (it computes the same: listed with the reason in mutate/equivalent.json) or shows that
// a test is missing. The exit status is 1 when there are survivors that are not listed.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './adapter/dist.mjs';
import { ensureAdapter } from './adapter/ensure.mjs';
import { mutated, shuffled, sitesOf } from './mutate/mutants.mjs';
import { runMutant, stop } from './mutate/run.mjs';
import { testsOf } from './mutate/tests-of.mjs';

const folder = path.join(root, 'src', 'wgsl');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const names = positionals.length > 0 ? positionals : readdirSync(folder).map((file) => path.parse(file).name);
const equivalent = JSON.parse(readFileSync(new URL('mutate/equivalent.json', import.meta.url), 'utf8'));

const adapter = await ensureAdapter();
if (!adapter) process.exit(1);

/** The line of a mutant, before and after, without indentation: how it is known in the list of equivalents. */
function linesOf(text, changed, { line }) {
  return [text.split('\n')[line].trim(), changed.split('\n')[line].trim()];
}

/** How long tests may take without any mutant. */
const FIRST_LIMIT = 1_800_000;

/** Milliseconds that tests may take, by their names; they are known to pass: what fails anyway would kill every mutant. */
const limits = new Map();

/** Runs a mutant against `files`, once these have run without one. */
async function outcomeOf(name, text, changed, files) {
  const key = files.join(', ');
  if (!limits.has(key)) {
    const begin = performance.now();
    if ((await runMutant(name, text, files, adapter.env, FIRST_LIMIT)) === 'killed') {
      console.error(`Tests fail without any mutant, mend them first: ${key}`);
      await stop();
      process.exit(1);
    }
    limits.set(key, 60_000 + 6 * (performance.now() - begin));
  }
  return runMutant(name, changed, files, adapter.env, limits.get(key));
}

/** What the tests of a shader say to a mutant of it, the nearest first; 'unreached' where none asked for it. */
async function trial(name, text, changed) {
  let all = 'unreached';
  const stages = testsOf(name);
  for (const files of values.quick ? stages.slice(0, -1) : stages) {
    const outcome = await outcomeOf(name, text, changed, files);
    if (outcome === 'killed' || outcome === 'invalid') return outcome;
    if (outcome === 'survived') all = outcome;
  }
  return all;
}

const report = [];
for (const name of names) {
  const text = readFileSync(path.join(folder, `${name}.wgsl`), 'utf8');
  const found = { shader: name, killed: 0, survived: [], equivalent: 0, invalid: 0 };
  report.push(found);
  for (const site of shuffled(sitesOf(text), Number(values.seed))) {
    if (found.killed + found.survived.length + found.equivalent >= Number(values.count)) break;
    const changed = mutated(text, site);
    const [before, after] = linesOf(text, changed, site);
    const isKnown = equivalent.some((entry) => entry.shader === name && entry.before === before && entry.after === after);
    if (isKnown) {
      found.equivalent++;
      continue;
    }
    const outcome = await trial(name, text, changed);
    if (values.verbose) console.log(`${outcome}: ${name}.wgsl:${site.line + 1} ${after}`);
    if (outcome === 'killed' || outcome === 'invalid') {
      found[outcome]++;
      continue;
    }
    found.survived.push({ line: site.line + 1, kind: site.kind, before, after });
    console.log(`${name}.wgsl:${site.line + 1} ${outcome}: ${before}  →  ${after}`);
  }
  const { killed, survived, equivalent: same, invalid } = found;
  console.log(`${name}: ${killed} killed, ${survived.length} survived, ${same} equivalent (${invalid} did not compile)`);
  mkdirSync(path.join(root, 'out'), { recursive: true });
  writeFileSync(path.join(root, 'out', 'mutants.json'), `${JSON.stringify(report, null, 2)}\n`);
}
await stop();
process.exit(report.some(({ survived }) => survived.length > 0) ? 1 : 0);
