// Tuning: what is decided from measurements, what is remembered, and that nothing bad in storage does harm.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { host, type TextStorage } from '../../src/gpu/host.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import {
  conv2dCandidates,
  conv2dClass,
  conv2dMethod,
  conv2dVariant,
  type Conv2dParams,
} from '../../src/kernels/conv2d.ts';
import { kernelTarget } from '../../src/kernels/target.ts';
import { fastest, tune } from '../../src/kernels/tune.ts';
import { readTable, rememberTuning, showTable } from '../../src/kernels/tuning.ts';
import { freshDevice } from '../device.ts';

const before = host.storage;
afterEach(() => {
  if (before) host.storage = before;
  else delete host.storage;
});

function memory(): TextStorage & { readonly texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return { texts, read: (key) => texts.get(key), write: (key, text) => void texts.set(key, text) };
}

const params: Conv2dParams = {
  input: [64, 64, 128], output: [64, 64, 128], kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1], mode: 'zero',
};
const GPU = { software: false, subgroupSize: 32 };

describe('a table of measurements', () => {
  it('goes before the rule, for its class and for kernels that can compute it', () => {
    const name = conv2dClass(params)!;
    expect(name).toBe('3x3 many>many medium');
    expect(conv2dMethod(params, GPU)).toBe('tile3x3');
    expect(conv2dMethod(params, { ...GPU, tuned: { [name]: 'winograd' } })).toBe('winograd');
    expect(conv2dVariant(params, { ...GPU, tuned: { [name]: 'winograd' } })).toBe('tile3x3');
    expect(conv2dVariant(params, { ...GPU, tuned: { [name]: 'run' } })).toBe('run');
    expect(conv2dVariant(params, { ...GPU, tuned: { [name]: 'patch' } })).toBe('tile3x3');
    expect(conv2dVariant(params, { ...GPU, tuned: { [name]: 'nonsense' } })).toBe('tile3x3');
    expect(conv2dVariant({ ...params, output: [64, 64, 64] }, { ...GPU, tuned: { [name]: 'run' } })).toBe('tile3x3');
  });

  it('has no class for what one kernel alone computes', () => {
    const strided: Conv2dParams = { ...params, stride: [2, 2] };
    expect(conv2dClass(strided)).toBeUndefined();
    expect(conv2dCandidates(strided, GPU)).toEqual(['general']);
    expect(conv2dVariant(strided, { ...GPU, tuned: { '3x3 many>many medium': 'run' } })).toBe('general');
  });

  it('is ignored where it is broken or of other kernels', () => {
    const table = { '3x3 many>many medium': 'run' };
    expect(readTable(showTable(table))).toEqual(table);
    expect(readTable(undefined)).toBeUndefined();
    for (const text of ['', '{', 'null', '7', '[]', '{}', '{"generation":1}', '{"generation":1,"conv2d":null}']) {
      expect(readTable(text), text).toBeUndefined();
    }
    expect(readTable('{"generation":1,"conv2d":{"a":7}}')).toBeUndefined();
    expect(readTable(JSON.stringify({ ...JSON.parse(showTable(table)), generation: -1 }))).toBeUndefined();
  });

  it('names the kernel of the least time', () => {
    expect(fastest(new Map([['run', 3], ['tile3x3', 1], ['winograd', 2]]))).toBe('tile3x3');
    expect(fastest(new Map())).toBeUndefined();
  });
});

describe('tune', () => {
  it('measures once, remembers for the adapter, and leaves no memory behind', { timeout: 120_000 }, async () => {
    const storage = memory();
    host.storage = storage;
    const device = await freshDevice();
    const { bytes } = memoryUse(device);
    const table = await tune(device, { milliseconds: 300 });
    expect(memoryUse(device).bytes).toBe(bytes);
    const target = kernelTarget(device);
    expect(target.tuned).toEqual(table);
    const [name, method] = Object.entries(table)[0]!;
    expect(conv2dCandidates({ ...params, input: [32, 32, 128], output: [32, 32, 128] }, target)).toContain(method);
    expect(name).toBe('3x3 many>many medium');
    expect(storage.texts.size).toBe(1);
    expect(readTable([...storage.texts.values()][0])).toEqual(table);
    device.destroy();

    // Another device of the same adapter knows, and does not measure again.
    const other = await freshDevice();
    expect(kernelTarget(other).tuned).toEqual(table);
    expect(await tune(other)).toEqual(table);
    other.destroy();
  });

  it('does without storage that fails', async () => {
    host.storage = {
      read: () => { throw new Error('forbidden'); },
      write: () => { throw new Error('full'); },
    };
    const device = await freshDevice();
    expect(kernelTarget(device).tuned).toBeUndefined();
    const table = await tune(device, { milliseconds: 0 });
    expect(table).toEqual({});
    expect(kernelTarget(device).tuned).toEqual({});
    device.destroy();
  });
});

describe('where tables are kept in a page', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is localStorage; one that may not be used is none', async () => {
    delete host.storage;
    const texts = new Map<string, string>();
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => texts.get(key) ?? null,
      setItem: (key: string, text: string) => void texts.set(key, text),
    });
    const device = await freshDevice();
    rememberTuning(device, { '3x3 many>many medium': 'winograd' });
    expect([...texts.keys()]).toEqual([expect.stringMatching(/^wgpu-style\/tuning\/.+/)]);
    const other = await freshDevice();
    expect(kernelTarget(other).tuned).toEqual({ '3x3 many>many medium': 'winograd' });
    vi.stubGlobal('localStorage', {
      getItem: () => { throw new Error('forbidden'); },
      setItem: () => { throw new Error('forbidden'); },
    });
    const third = await freshDevice();
    expect(kernelTarget(third).tuned).toBeUndefined();
    expect(() => rememberTuning(third, {})).not.toThrow();
    for (const one of [device, other, third]) one.destroy();
  });
});
