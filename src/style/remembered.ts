// What was read of style pictures before: many contents in one style, weights that are tried out, frames of a film all ask for
// the same numbers. Kept in memory of the host, for a network on a device: both may go, and what is known of them goes too.

import type { Pixels } from '../image/index.ts';
import type { KernelTarget } from '../kernels/target.ts';
import type { Vgg } from '../vgg/index.ts';
import type { StylePart } from './statistics.ts';
import type { FeatureRequest } from './network.ts';

/** Values by shape, row-major. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Of each comparison the tensors that its target consists of. */
export type Reading = readonly (readonly Values[])[];

interface Entry {
  readonly key: string;
  /** Copies of the pictures, which are compared number by number. */
  readonly seen: readonly Float32Array[];
  readonly values: Reading;
  readonly bytes: number;
}

/** Bytes that are kept for a network on a device; the oldest go first. */
const MOST_BYTES = 64 * 2 ** 20;

const known = new WeakMap<GPUDevice, WeakMap<Vgg, Entry[]>>();


/**
 * What decides, beside a picture's pixels, about what is read of it for `parts`; `kind` tells readings of them apart. Other
 * kernels round in another way, and a run that is resumed elsewhere has to meet the same numbers.
 */
export function keyOf(
  kind: string,
  parts: readonly StylePart[],
  { width, height }: Pick<Pixels, 'width' | 'height'>,
  { vgg, pooling, space, storage = 'f32' }: FeatureRequest,
  { tuned }: KernelTarget,
): string {
  const first = vgg.layers.find((layer) => layer.kind === 'conv');
  return JSON.stringify([kind, parts.map(({ statistic, layer }) => [statistic, layer]), width, height, pooling, space, first?.padding, storage, tuned]);
}

/** What `make` gives, or gave before for the same `key` and pictures. */
export async function remembered(
  device: GPUDevice,
  network: Vgg,
  key: string,
  seen: readonly Float32Array[],
  make: () => Promise<Reading>,
): Promise<Reading> {
  const ofDevice = known.get(device) ?? new WeakMap<Vgg, Entry[]>();
  known.set(device, ofDevice);
  const entries = ofDevice.get(network) ?? [];
  ofDevice.set(network, entries);
  // The key has their sizes.
  const isSame = (entry: Entry): boolean => entry.seen.every((data, i) => data.every((value, k) => value === seen[i]![k]));
  const found = entries.find((entry) => entry.key === key && isSame(entry));
  if (found) return found.values;
  const values = await make();
  const bytes = [...seen, ...values.flat().map(({ data }) => data)].reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (bytes > MOST_BYTES) return values;
  entries.push({ key, seen: seen.map((data) => data.slice()), values, bytes });
  while (entries.reduce((sum, entry) => sum + entry.bytes, 0) > MOST_BYTES) entries.shift();
  return values;
}
