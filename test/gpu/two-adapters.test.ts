// Two adapters, say Mesa lavapipe and SwiftShader: other compilers, other sizes of subgroups, other kernels chosen, the
// same results within rounding.

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { adapterKind, driverEnvironment, softwareDrivers, type SoftwareDriver } from '../../src/node/adapters.ts';
import { shaders } from '../../scripts/shaders.mjs';
import { relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { adapterResults, type AdapterResults } from './adapter-results.ts';

// Sums of up to a few thousand float32 products, in other orders.
const TOLERANCE = 2e-5;
/** Losses behind a dozen ops, and behind iterations of Adam, which divides by roots of small numbers. */
const LOOSE = 1e-3;

const root = path.resolve(import.meta.dirname, '..', '..');

/** The same results by another driver, in a process of its own. */
async function resultsBy(driver: SoftwareDriver): Promise<AdapterResults> {
  // Inside the repository, so that the bundle finds its dependencies; ignored by git.
  await mkdir(path.join(root, 'out'), { recursive: true });
  const folder = await mkdtemp(path.join(root, 'out', 'test-adapter-'));
  try {
    const outfile = path.join(folder, 'child.js');
    await build({
      entryPoints: [path.join(import.meta.dirname, 'adapter-child.ts')],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'neutral',
      target: 'es2022',
      packages: 'external',
      loader: { '.safetensors': 'binary' },
      plugins: [shaders],
      logLevel: 'error',
    });
    const child = spawn(process.execPath, [outfile], { env: { ...process.env, ...driverEnvironment(driver) }, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(status, output).toBe(0);
    return JSON.parse(output) as AdapterResults;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('two adapters', () => {
  it('agree on values and gradients, and on losses over several iterations', async ({ skip }) => {
    const device = await testDevice();
    const driver = softwareDrivers().find(({ kind }) => kind !== adapterKind(device.adapterInfo));
    skip(driver === undefined, 'this machine has one driver only');
    const [ours, theirs] = await Promise.all([adapterResults(device), resultsBy(driver!)]);
    expect(theirs.adapter).not.toBe(ours.adapter);
    ours.network.forEach((values, i) => expect(relativeError(theirs.network[i]!, values)).toBeLessThan(TOLERANCE));
    expect(relativeError(theirs.gradient, ours.gradient)).toBeLessThan(TOLERANCE);
    const pairs = [...ours.graphs, ...ours.losses].map((loss, i) => [loss, [...theirs.graphs, ...theirs.losses][i]!] as const);
    for (const [one, other] of pairs) expect(Math.abs(one - other)).toBeLessThan(LOOSE * (1 + Math.abs(one)));
  });
});
