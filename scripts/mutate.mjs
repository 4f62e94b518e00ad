// npm run mutate: puts small mistakes into the shaders, one at a time, and looks whether the tests notice.
//
//   npm run mutate                              every shader, ten mutants each: takes an hour or two
//   npm run mutate -- conv3x3 pool --count 20   these shaders
//   npm run mutate -- --seed 2                  other mutants
//
// A survivor is either equivalent (it computes the same: listed with the reason in mutate/equivalent.json) or shows that
// a test is missing. The exit status is 1 when there are survivors that are not listed.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './adapter/dist.mjs';
import { ensureAdapter } from './adapter/ensure.mjs';
import { mutated, shuffled, sitesOf } from './mutate/mutants.mjs';
import { runMutant } from './mutate/run.mjs';
import { testsOf } from './mutate/tests-of.mjs';

const folder = path.join(root, 'src', 'wgsl');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});
const names = positionals.length > 0 ? positionals : readdirSync(folder).map((file) => path.parse(file).name);
const equivalent = JSON.parse(readFileSync(new URL('mutate/equivalent.json', import.meta.url), 'utf8'));

const adapter = await ensureAdapter();
if (!adapter) process.exit(1);

/** The line of a mutant, before and after, without indentation: how it is known in the list of equivalents. */
function linesOf(text, changed, { line }) {
  return [text.split('\n')[line].trim(), changed.split('\n')[line].trim()];
}

/** Test files that pass without any mutant. */
const sound = new Set();

/** Runs a mutant against `files`, once these are known to pass: tests that fail anyway would kill every mutant. */
async function outcomeOf(name, changed, files) {
  const untried = files.filter((file) => !sound.has(file));
  if (untried.length > 0 && (await runMutant('none', '', untried, adapter.env)) !== 'survived') {
    console.error(`Tests fail without any mutant, mend them first: ${untried.join(', ')}`);
    process.exit(1);
  }
  for (const file of untried) sound.add(file);
  return runMutant(name, changed, files, adapter.env);
}

const report = [];
for (const name of names) {
  const text = readFileSync(path.join(folder, `${name}.wgsl`), 'utf8');
  const [near, far] = testsOf(name);
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
    let outcome = await outcomeOf(name, changed, near);
    if (outcome === 'survived' && far.length > 0) outcome = await outcomeOf(name, changed, far);
    if (outcome === 'survived') found.survived.push({ line: site.line + 1, kind: site.kind, before, after });
    else found[outcome]++;
    if (outcome === 'survived') console.log(`${name}.wgsl:${site.line + 1} survived: ${before}  →  ${after}`);
  }
  const { killed, survived, equivalent: same, invalid } = found;
  console.log(`${name}: ${killed} killed, ${survived.length} survived, ${same} equivalent (${invalid} did not compile)`);
  mkdirSync(path.join(root, 'out'), { recursive: true });
  writeFileSync(path.join(root, 'out', 'mutants.json'), `${JSON.stringify(report, null, 2)}\n`);
}
process.exit(report.some(({ survived }) => survived.length > 0) ? 1 : 0);
