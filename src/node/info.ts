// What `wgpu-style info` prints: the adapter that a run would take, and what it allows.

import { describeAdapter, isSoftwareAdapter, type AdapterDescription } from '../gpu/device.ts';
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

/** Adapter, limits and features of a device. */
export function deviceInfo(device: GPUDevice): DeviceInfo {
  return {
    version: packageVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    adapter: describeAdapter(device),
    isSoftware: isSoftwareAdapter(device),
    limits: Object.fromEntries(limits.map(([name]) => [name, Number(device.limits[name])])),
    features: [...device.features].sort(),
  };
}

function inUnits(value: number, unit: 'bytes' | ''): string {
  if (unit === '') return String(value);
  const power = value >= 2 ** 30 ? 3 : value >= 2 ** 20 ? 2 : 1;
  return `${Number((value / 2 ** (10 * power)).toFixed(1))} ${['', 'KiB', 'MiB', 'GiB'][power]}`;
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
    '',
    'Limits',
    ...limits.map(([name, unit]) => row(name, inUnits(info.limits[name]!, unit))),
    '',
    'Features',
    ...info.features.map((feature) => `  ${feature}`),
    '',
  ].join('\n');
}
