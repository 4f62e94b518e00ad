// A GPU error that no error scope caught fails the test it happens in, on whichever device: this is proven here, for the
// rest of the suite relies on it.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { requestDevice as requestAnywhere } from '../../src/gpu/device.ts';
import { installHost } from '../../src/node/host.ts';
import { requestDevice } from '../../src/node/index.ts';
import { freshDevice, takeUncapturedErrors, testDevice } from '../device.ts';

const root = path.resolve(import.meta.dirname, '..', '..');

/** A buffer that is mapped for reading cannot be a storage buffer. */
function makeMistake(device: GPUDevice): void {
  device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.MAP_READ, label: 'mistake' });
}

if (process.env['WGPU_STYLE_LEAVE_ERROR']) {
  it('leaves an error behind', async () => makeMistake(await requestDevice({ log: () => undefined })));
}

describe('an error that nobody captured', () => {
  it.each([
    ['the shared device', testDevice],
    ['a fresh one', freshDevice],
    ['one that was requested as users do', () => requestDevice({ log: () => undefined })],
    ['one that the library requested for itself', () => (installHost(() => undefined), requestAnywhere())],
  ] as const)('is seen on %s', async (_, get) => {
    const device = await get();
    expect(await takeUncapturedErrors()).toEqual([]);
    makeMistake(device);
    expect(await takeUncapturedErrors()).toEqual([expect.stringMatching(/^GPUValidationError on ".*": .*mistake/s)]);
    if (device !== (await testDevice())) device.destroy();
  });

  it('fails the suite', async () => {
    const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const words = [vitest, 'run', 'test/gpu/uncaptured.test.ts', '-t', 'leaves an error behind'];
    const child = spawn(process.execPath, words, { cwd: root, env: { ...process.env, WGPU_STYLE_LEAVE_ERROR: '1' } });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(output).toContain('uncaptured GPU errors');
    expect(output).toContain('mistake');
    expect(status).toBe(1);
  });
});
