// What `wgpu-style info` prints: the adapter that a run would take, and what it allows.

import { tuningOf, type TuningTable } from '../kernels/tuning.ts';
import { describeAdapter, isSoftwareAdapter, type AdapterDescription } from '../gpu/device.ts';
import type { Peak } from './peak.ts';
import { packageVersion } from './version.ts';

/** The `--json` object of `info`. */
export interface DeviceInfo {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly adapter: AdapterDescription;
  readonly isSoftware: boolean;
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
  /** Measured with our own kernels. */
  readonly peak: Peak;
  /** The fastest convolution by class of shapes, where it was measured on this adapter (`info --tune`). */
  readonly tuning?: TuningTable;
}

/** The limits that decide which sizes fit and how fast kernels can be; bytes where the unit says so. */
const limits: readonly (readonly [name: keyof GPUSupportedLimits & string, unit: 'bytes' | ''])[] =
  [
    ['maxBufferSize', 'bytes'],
    ['maxStorageBufferBindingSize', 'bytes'],
    ['maxStorageBuffersPerShaderStage', ''],
    ['maxComputeWorkgroupStorageSize', 'bytes'],
    ['maxComputeInvocationsPerWorkgroup', ''],
    ['maxComputeWorkgroupSizeX', ''],
    ['maxComputeWorkgroupsPerDimension', ''],
    ['maxTextureDimension2D', ''],
  ];

/** Adapter, limits and features of a device, and how fast it was. */
export function deviceInfo(device: GPUDevice, peak: Peak): DeviceInfo {
  const tuning = tuningOf(device);
  return {
    version: packageVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    adapter: describeAdapter(device),
    isSoftware: isSoftwareAdapter(device),
    limits: Object.fromEntries(limits.map(([name]) => [name, Number(device.limits[name])])),
    features: [...device.features].sort(),
    peak,
    ...(tuning && { tuning }),
  };
}

function inUnits(value: number, unit: 'bytes' | ''): string {
  if (unit === '') return String(value);
  const power = value >= 2 ** 30 ? 3 : value >= 2 ** 20 ? 2 : 1;
  return `${Number((value / 2 ** (10 * power)).toFixed(1))} ${['', 'KiB', 'MiB', 'GiB'][power]}`;
}

function significant(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** The same for people. */
export function infoText(info: DeviceInfo): string {
  const { vendor, architecture, description } = info.adapter;
  const row = (name: string, value: string): string => `  ${name.padEnd(36)}${value || '-'}`;
  return [
    `wgpu-style ${info.version}, Node ${info.node}, ${info.platform}`,
    '',
    'Adapter',
    row('vendor', vendor),
    row('architecture', architecture),
    row('description', description),
    row('kind', info.isSoftware ? 'software, on the CPU' : 'GPU'),
    row('arithmetic (convolution, measured)', `${significant(info.peak.flopsPerSecond / 1e9)} GFLOP/s`),
    row('memory (measured)', `${significant(info.peak.bytesPerSecond / 1e9)} GB/s`),
    '',
    'Kernels',
    ...(info.tuning ? Object.entries(info.tuning).map(([name, kernel]) => row(name, kernel)) : ['  chosen by rule; info --tune measures them']),
    '',
    'Limits',
    ...limits.map(([name, unit]) => row(name, inUnits(info.limits[name]!, unit))),
    '',
    'Features',
    ...info.features.map((feature) => `  ${feature}`),
    '',
  ].join('\n');
}
