// What a run leaves: names, panels, the chart.

import { describe, expect, test } from 'vitest';
import type { Row } from '../../bench/harness/rows.ts';
import { peakOf as peakOfStatus } from '../../bench/host/memory.ts';
import { chartOf } from '../../bench/report/chart.ts';
import { panelsOf } from '../../bench/report/panels.ts';
import { adapterLine, adapterWords, resultName, type ResultFile } from '../../bench/report/report.ts';

const lavapipe = {
  vendor: 'mesa',
  architecture: 'software',
  device: 'llvmpipe-llvm',
  description: 'llvmpipe: Mesa 25.0.7 (LLVM 15.0.6) <0.0.1>',
};
const nvidia = { vendor: 'nvidia', architecture: 'hopper', device: '', description: 'NVIDIA H100' };

function row(family: string, name: string, variant: string, milliseconds: number, more: Partial<Row> = {}): Row {
  return {
    family, name, variant, milliseconds,
    side: 64, spread: 0.1, fastest: milliseconds, samples: 5, dropped: 0, clock: 'wall',
    gflops: 100 / milliseconds, gigabytesPerSecond: 10 / milliseconds,
    ...more,
  };
}

const rows: Row[] = [
  row('probe', 'multiply-adds', 'fma_scalars', 1, { gflops: 80 }),
  row('probe', 'copy 64 MiB', 'copy_vectors', 1, { gflops: 0, gigabytesPerSecond: 5 }),
  row('conv2d', 'conv1_2', 'forward, naive', 20),
  row('conv2d', 'conv1_2', 'forward, ours: run', 2),
  row('pool', 'pool1', 'forward, ours', 4),
  row('step', 'VGG-19 32x32', 'iteration', 50, { side: 32 }),
  row('step', 'VGG-19 64x64', 'iteration', 200),
  row('peers', 'VGG-19 64x64 iteration', 'wgpu-style', 200),
  row('peers', 'VGG-19 64x64 iteration', 'jax-js', 900, { facts: { 'times ours': 4.5 } }),
  row('start', 'VGG-19 32x32', 'wgpu-style, cold', 2500),
];

const result: ResultFile = {
  version: '0.1.0', date: '2026-11-24T01:02:03.000Z', host: 'Node v20', command: 'npm run bench -- --node', cpu: 'CPU & co',
  cores: 2, memoryGiB: 8, system: 'Linux', load: [0, 0, 0], note: '', adapter: lavapipe, isSoftware: true, features: [],
  subgroups: [8, 8], clocks: { hasTimestamps: true, quantum: 1, wallStep: 0.1 }, peers: {}, skipped: [], failed: [], rows,
};

describe('names', () => {
  test('adapters in words for a file', () => {
    expect(adapterWords(lavapipe)).toBe('mesa-llvmpipe');
    expect(adapterWords(nvidia)).toBe('nvidia-hopper');
    expect(adapterWords({ vendor: '', architecture: '', device: '', description: '' })).toBe('unknown');
  });

  test('results: date, adapter, place, what was asked for', () => {
    expect(resultName(result, true, [])).toBe('2026-11-24-mesa-llvmpipe-node');
    expect(resultName({ ...result, adapter: nvidia }, false, ['peers'])).toBe('2026-11-24-nvidia-hopper-peers');
  });

  test('a software adapter is named loudly', () => {
    expect(adapterLine(result)).toMatch(/^SOFTWARE ADAPTER, on the CPU: says nothing of a GPU: mesa/);
    expect(adapterLine({ adapter: nvidia, isSoftware: false })).toBe('Adapter: nvidia, hopper, NVIDIA H100');
  });
});

describe('panels', () => {
  const panels = panelsOf(rows);

  test('peers first, then iterations, starts and kernels; probes are limits', () => {
    expect(panels.map(({ title }) => title)).toEqual([
      'VGG-19 64x64 iteration',
      'VGG-19, whole iteration',
      'VGG-19 32x32, to the first iteration',
      'conv2d, conv1_2',
      'pool, pool1',
    ]);
    expect(panels[3]!.limit).toEqual({ value: 80, label: 'peak 80' });
    expect(panels[4]!.limit).toEqual({ value: 5, label: 'copy 5' });
  });

  test('know which bars are ours', () => {
    expect(panels[0]!.bars).toEqual([
      { label: 'wgpu-style', value: 200, text: '200 ms', isOurs: true },
      { label: 'jax-js', value: 900, text: '900 ms (4.50x)', isOurs: false },
    ]);
    expect(panels[3]!.bars.map(({ isOurs }) => isOurs)).toEqual([false, true]);
  });

  test('sizes of an iteration stand together, as rates', () => {
    expect(panels[1]!.bars.map(({ label, value }) => [label, value])).toEqual([['32x32', 2], ['64x64', 0.5]]);
  });
});

describe('the chart', () => {
  const svg = chartOf(result);

  test('is well-formed: every tag is closed, every text escaped', () => {
    const open: string[] = [];
    for (const [, slash, tag, closed] of svg.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)) {
      if (slash) expect(open.pop()).toBe(tag);
      else if (!closed) open.push(tag!);
    }
    expect(open).toEqual([]);
    expect(svg).toContain('CPU &amp; co');
    expect(svg).toContain('&lt;0.0.1&gt;');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('says that the adapter is software, and how it was made', () => {
    expect(svg).toContain('SOFTWARE ADAPTER');
    expect(svg).toContain('npm run bench -- --node');
    expect(chartOf({ ...result, isSoftware: false, adapter: nvidia })).not.toContain('SOFTWARE');
  });

  test('has bars as long as their values', () => {
    const widths = [...svg.matchAll(/class="(ours|other)" [^>]*width="([\d.]+)"/g)].map((match) => Number(match[2]));
    expect(widths[0]! / widths[1]!).toBeCloseTo(200 / 900, 2);
  });

  test('stays inside its picture', () => {
    const [, width, height] = /viewBox="0 0 (\d+) ([\d.]+)"/.exec(svg)!.map(Number) as [number, number, number];
    for (const match of svg.matchAll(/ x="([\d.]+)" y="([\d.]+)"/g)) {
      expect(Number(match[1])).toBeLessThanOrEqual(width);
      expect(Number(match[2])).toBeLessThan(height);
    }
  });

  test('follows the dark scheme', () => {
    expect(svg).toContain('prefers-color-scheme: dark');
  });
});

test('memory of a process at its highest, by /proc', () => {
  expect(peakOfStatus('Name:\tchrome\nPPid:\t12\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n')).toBe(2 * 2 ** 20);
  expect(peakOfStatus('')).toBe(0);
});
