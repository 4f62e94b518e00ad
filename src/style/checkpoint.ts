// A session's state as bytes: everything that changes while it runs. The pictures, the network and the device are the
// caller's to bring again; targets are computed anew and are the same, so a restored run ends with the same bytes.
//
// Layout: 8 bytes "wgpusty1", u32 length of the header, the header as JSON, then the buffers one after another.

import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import type { StateBuffer } from '../optim/index.ts';
import { isBufferList, isHeader, type CheckpointHeader } from './checkpoint-header.ts';

const MAGIC = 'wgpusty1';

/** A buffer of the state by its name. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A checkpoint taken apart. */
export interface Checkpoint {
  readonly header: CheckpointHeader;
  readonly buffers: readonly NamedBytes[];
  /** Pairs that its L-BFGS keeps, which may be fewer than were asked for: told when it is taken apart. Undefined for others. */
  readonly pairs?: number | undefined;
}

/** The bytes of a checkpoint. */
export function encodeCheckpoint({ header, buffers }: Checkpoint): Uint8Array<ArrayBuffer> {
  const sizes = buffers.map(({ name, bytes }) => ({ name, byteLength: bytes.byteLength }));
  const json = new TextEncoder().encode(JSON.stringify({ ...header, buffers: sizes }));
  const total = buffers.reduce((sum, { bytes }) => sum + bytes.byteLength, 12 + json.byteLength);
  const out = new Uint8Array(total);
  out.set(new TextEncoder().encode(MAGIC));
  new DataView(out.buffer).setUint32(8, json.byteLength, true);
  out.set(json, 12);
  let at = 12 + json.byteLength;
  for (const { bytes } of buffers) {
    out.set(bytes, at);
    at += bytes.byteLength;
  }
  return out;
}

/** Takes a checkpoint apart. Throws `bad-option` naming `where` when the bytes are something else or cut short. */
export function decodeCheckpoint(bytes: Uint8Array, where = 'StyleSession.restore'): Checkpoint {
  const wrong = (what: string, cause?: unknown): WgpuStyleError =>
    new WgpuStyleError('bad-option', {
      what: `not a checkpoint: ${what}`,
      where,
      fix: 'Give the bytes that a checkpoint was saved with',
      ...(cause !== undefined && { cause }),
    });
  if (bytes.byteLength < 12 || new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC) {
    throw wrong('it does not begin as one');
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + length)));
  } catch (cause) {
    throw wrong('its header cannot be read', cause);
  }
  const { buffers: sizes, ...header } = (parsed ?? {}) as Readonly<Record<string, unknown>>;
  if (!isBufferList(sizes)) throw wrong('its header names no buffers');
  if (!isHeader(header)) throw wrong('its header is not whole');
  let at = 12 + length;
  const buffers = sizes.map(({ name, byteLength }) => {
    const part = bytes.slice(at, (at += byteLength));
    if (part.byteLength !== byteLength) throw wrong('it is cut short');
    return { name, bytes: part };
  });
  return { header, buffers, pairs: pairsIn(buffers) };
}

/** Pairs in an L-BFGS's state. */
function pairsIn(buffers: readonly NamedBytes[]): number | undefined {
  const slots = buffers.flatMap(({ name }) => /^s(\d+)(\.\d+)?$/.exec(name)?.[1] ?? []);
  return slots.length > 0 ? new Set(slots).size : undefined;
}

/** Throws `bad-option` unless the checkpoint is of a session of this size and recipe with these state buffers. */
export function checkFits(
  { header, buffers }: Checkpoint,
  width: number,
  height: number,
  recipe: string,
  own: readonly StateBuffer[],
): void {
  const fits =
    header.width === width &&
    header.height === height &&
    header.recipe === recipe &&
    own.length === buffers.length &&
    own.every(({ name, buffer }, i) => name === buffers[i]!.name && buffer.size === buffers[i]!.bytes.length);
  if (fits) return;
  throw badOption(
    'StyleSession.restore',
    `the checkpoint is of ${header.width}x${header.height}, recipe ${header.recipe}, optimizer ` +
      `${JSON.stringify(header.optimizer)}; the options give ${width}x${height}, recipe ${recipe}`,
    'Give the options that the session was created with',
  );
}
