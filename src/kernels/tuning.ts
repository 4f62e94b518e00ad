// What was measured on an adapter before: which kernel is fastest for a class of shapes. `tune` makes these tables; every
// choice of a variant reads them through the kernel target. Kept per device in memory, and per adapter in the platform's
// storage (a browser's localStorage, in Node the cache folder). A table that cannot be read is as good as none.

import { describeAdapter, type AdapterDescription } from '../gpu/device.ts';
import { host, type TextStorage } from '../gpu/host.ts';

/** The fastest kernel for each class of shapes. */
export type TuningTable = Readonly<Record<string, string>>;

/** Raised whenever a kernel becomes faster or slower than another: older tables are then ignored. */
const GENERATION = 1;

const tables = new WeakMap<GPUDevice, TuningTable | undefined>();

function keyOf({ vendor, architecture, description }: AdapterDescription): string {
  return `wgpu-style/tuning/${vendor}/${architecture}/${description}`;
}

/** The platform's storage; undefined where there is none or it may not be used. */
function platformStorage(): TextStorage | undefined {
  if (host.storage) return host.storage;
  try {
    const { localStorage } = globalThis as { localStorage?: Storage };
    if (!localStorage) return undefined;
    return { read: (key) => localStorage.getItem(key) ?? undefined, write: (key, text) => localStorage.setItem(key, text) };
  } catch {
    return undefined; // a page without an origin of its own
  }
}

/** A table as it is stored. */
export function showTable(table: TuningTable): string {
  return JSON.stringify({ generation: GENERATION, conv2d: table });
}

/** A stored table; undefined when it is no table, or one of another generation of kernels. */
export function readTable(text: string | undefined): TuningTable | undefined {
  if (text === undefined) return undefined;
  try {
    const { generation, conv2d } = JSON.parse(text) as { generation?: unknown; conv2d?: unknown };
    if (generation !== GENERATION || typeof conv2d !== 'object' || conv2d === null) return undefined;
    return Object.values(conv2d).every((value) => typeof value === 'string') ? (conv2d as TuningTable) : undefined;
  } catch {
    return undefined;
  }
}

/** What is known of the device's adapter, from memory or from storage. */
export function tuningOf(device: GPUDevice, storage: TextStorage | undefined = platformStorage()): TuningTable | undefined {
  if (!tables.has(device)) {
    let text: string | undefined;
    try {
      text = storage?.read(keyOf(describeAdapter(device)));
    } catch {
      // Storage that fails is none.
    }
    tables.set(device, readTable(text));
  }
  return tables.get(device);
}

/** Remembers a table for the device, and for its adapter where storage allows. */
export function rememberTuning(
  device: GPUDevice,
  table: TuningTable,
  storage: TextStorage | undefined = platformStorage(),
): void {
  tables.set(device, table);
  try {
    storage?.write(keyOf(describeAdapter(device)), showTable(table));
  } catch {
    // A full or forbidden storage only means that the next run measures again.
  }
}
