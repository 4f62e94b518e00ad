// What Adam takes along from one scale to the next, as crowsonkb's style-transfer-pytorch does: the first moments interpolated
// bicubic, the second bilinear and not below 0, both as PyTorch does it, the count of updates as it is. The average of the iterates
// begins anew, from the coarser one. A chunk of its own.

import { badOption } from '../gpu/errors.ts';
import { readBuffer, readFloats } from '../gpu/readback.ts';
import { joinBytes } from '../image/bytes.ts';
import { interpolated } from '../image/interpolate.ts';
import type { Optimizer } from '../optim/index.ts';
import type { Checkpoint, NamedBytes } from './checkpoint.ts';
import type { Band } from './evaluation.ts';
import type { ResolvedOptions } from './options.ts';

/** Adam's state at a size: moments [h, w, 4] in memory layout, and its scalars. */
export interface Moments {
  readonly width: number;
  readonly height: number;
  readonly mean: Float32Array<ArrayBuffer>;
  readonly square: Float32Array<ArrayBuffer>;
  readonly scalars: Uint8Array<ArrayBuffer>;
}

/** Adam's buffers by name, a mean and a square for each band. */
const [MEAN, SQUARE, SCALARS] = [/^mean\d+$/, /^square\d+$/, /^scalars$/];

/** Where the picture is larger than a binding its bands of rows lie one after another. */
function joined(buffers: readonly NamedBytes[], name: RegExp): Uint8Array<ArrayBuffer> {
  return joinBytes(buffers.flatMap((buffer) => (name.test(buffer.name) ? [buffer.bytes] : [])));
}

/** Whether a run takes moments along: only Adam has them. */
export function carries({ recipe, optimizer }: Pick<ResolvedOptions, 'recipe' | 'optimizer'>): boolean {
  return recipe.carry === 'moments' && optimizer.name === 'adam';
}

/** The moments of a session that stands still; undefined of an optimiser without any. Takes no more memory than its picture does. */
export async function readMoments(
  device: GPUDevice,
  optimizer: Optimizer,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<Moments | undefined> {
  const named = (name: RegExp): GPUBuffer[] => optimizer.state().flatMap((entry) => (name.test(entry.name) ? [entry.buffer] : []));
  const means = named(MEAN);
  if (means.length === 0) return undefined;
  const floats = 4 * width * height;
  const mean = await readFloats(device, means, floats);
  const square = await readFloats(device, named(SQUARE), floats);
  return { width, height, mean, square, scalars: new Uint8Array(await readBuffer(device, named(SCALARS)[0]!)) };
}

/** The moments in a checkpoint from between two scales. Throws `bad-option` where they are not whole. */
export function momentsIn({ header: { width, height }, buffers }: Checkpoint): Moments {
  const bytes = [MEAN, SQUARE].map((name) => joined(buffers, name));
  const scalars = joined(buffers, SCALARS);
  if (bytes.some(({ length }) => length !== 16 * width * height) || scalars.length === 0) {
    throw badOption('resume', 'not a checkpoint of a run: its moments are not whole', 'Give the bytes that a checkpoint was saved with');
  }
  const [mean, square] = bytes.map(({ buffer }) => new Float32Array(buffer));
  return { width, height, mean: mean!, square: square!, scalars };
}

/** The same as buffers of a checkpoint. */
export function momentBuffers({ mean, square, scalars }: Moments): NamedBytes[] {
  return [
    { name: 'mean0', bytes: new Uint8Array(mean.buffer) },
    { name: 'square0', bytes: new Uint8Array(square.buffer) },
    { name: 'scalars', bytes: scalars },
  ];
}

/** The moments at another size. */
export function resizeMoments({ mean, square, scalars, ...from }: Moments, to: { readonly width: number; readonly height: number }): Moments {
  return {
    width: to.width,
    height: to.height,
    mean: interpolated(mean, from, to, 'bicubic'),
    square: interpolated(square, from, to, 'bilinear').map((value) => Math.max(value, 0)),
    scalars,
  };
}

/**
 * Has `optimizer`, an Adam that has not begun, go on with moments of the size of its picture. A first update that has to be
 * taken back goes back to that picture.
 */
export function giveMoments(device: GPUDevice, optimizer: Optimizer, bands: readonly Band[], { width, mean, square, scalars }: Moments): void {
  const state = new Map(optimizer.state().map(({ name, buffer }) => [name, buffer]));
  const encoder = device.createCommandEncoder({ label: 'wgpu-style/carry' });
  for (const [i, { first, rows, value }] of bands.entries()) {
    const [from, floats] = [4 * width * first, 4 * width * rows];
    device.queue.writeBuffer(state.get(`mean${i}`)!, 0, mean, from, floats);
    device.queue.writeBuffer(state.get(`square${i}`)!, 0, square, from, floats);
    encoder.copyBufferToBuffer(value.buffer!, 0, state.get(`before${i}`)!, 0, 4 * floats);
  }
  device.queue.writeBuffer(state.get('scalars')!, 0, scalars);
  device.queue.submit([encoder.finish()]);
}
