// The safetensors container: eight bytes of header length, a JSON header, the tensors one after
// another, little-endian. Which tensors make a network is weights.ts. Format:
// huggingface/safetensors, README "Format".

import { WgpuStyleError } from '../gpu/errors.ts';
import { widenBfloat, widenHalf } from './half.ts';

/** A tensor of a file, widened to float32. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** The contents of a file: text metadata, and tensors that are decoded when asked for. */
export interface SafetensorsFile {
  readonly metadata: ReadonlyMap<string, string>;
  readonly names: readonly string[];
  /**
   * Throws `bad-weights` when there is no such tensor, or its numbers are of another type or not
   * finite.
   */
  readonly tensor: (name: string) => StoredTensor;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const bytesPerNumber: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };
const longestHeader = 100_000_000;

/**
 * Reads a file's header and checks every entry against the data. Throws `bad-weights`, saying what
 * is wrong.
 */
export function readSafetensors(bytes: Uint8Array, where: string): SafetensorsFile {
  const { header, dataStart } = readHeader(bytes, where);
  const dataLength = bytes.length - dataStart;
  const entries = new Map<string, Entry>();
  let metadata = new Map<string, string>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = readMetadata(value, where);
    else entries.set(name, readEntry(name, value, dataLength, where));
  }
  const tensor = (name: string): StoredTensor => {
    const entry = entries.get(name);
    if (!entry) throw badWeights(`no tensor '${name}' in the file`, where);
    // A copy: a tensor starts at any offset of the caller's bytes, and those may change later.
    const raw = new Uint8Array(bytes.subarray(dataStart + entry.begin, dataStart + entry.end));
    return { shape: entry.shape, data: decode(name, entry.dtype, raw, where) };
  };
  return { metadata, names: [...entries.keys()], tensor };
}

/** Whether bytes begin like a safetensors file: a plausible header length and an opening brace. */
export function looksLikeSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return length <= BigInt(longestHeader) && bytes[8] === 0x7b;
}

/** `bad-weights` with the remedy that fits most causes. */
export function badWeights(
  what: string,
  where: string,
  fix: string = 'Give a file that toSafetensors or wgpu-style import has written, whole',
  cause?: unknown,
): WgpuStyleError {
  return new WgpuStyleError('bad-weights', {
    what,
    where,
    fix,
    ...(cause !== undefined && { cause }),
  });
}

function readHeader(
  bytes: Uint8Array,
  where: string,
): { header: Readonly<Record<string, unknown>>; dataStart: number } {
  if (bytes.length < 8) {
    throw badWeights(`not a safetensors file: got ${bytes.length} bytes, need at least 8`, where);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(Math.min(longestHeader, bytes.length - 8))) {
    const got = `a header of ${length} bytes in a file of ${bytes.length}`;
    throw badWeights(`not a whole safetensors file: got ${got}`, where);
  }
  const dataStart = 8 + Number(length);
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, dataStart));
    header = JSON.parse(text);
  } catch (cause) {
    throw badWeights('not a safetensors file: its header is not JSON', where, undefined, cause);
  }
  if (!isRecord(header)) {
    throw badWeights('not a safetensors file: its header is not a JSON object', where);
  }
  return { header, dataStart };
}

function readMetadata(value: unknown, where: string): Map<string, string> {
  const entries = isRecord(value) ? Object.entries(value) : [];
  if (!isRecord(value) || entries.some(([, text]) => typeof text !== 'string')) {
    throw badWeights('__metadata__ is not an object of texts', where);
  }
  return new Map(entries as [string, string][]);
}

function readEntry(name: string, value: unknown, dataLength: number, where: string): Entry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  if (typeof dtype !== 'string' || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw badWeights(`tensor '${name}' is not described by dtype, shape and data_offsets`, where);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataLength) {
    const got = `bytes ${begin} to ${end} of ${dataLength}`;
    throw badWeights(`tensor '${name}' lies outside the file (cut short?): ${got}`, where);
  }
  const count = shape.reduce((product, side) => product * side, 1);
  const width = Object.hasOwn(bytesPerNumber, dtype) ? bytesPerNumber[dtype] : undefined;
  if (width !== undefined && count * width !== end - begin) {
    const got = `${end - begin} bytes for [${shape.join(', ')}] ${dtype}`;
    throw badWeights(`tensor '${name}' has ${got}, need ${count * width}`, where);
  }
  return { dtype, shape, begin, end };
}

function decode(
  name: string,
  dtype: string,
  raw: Uint8Array<ArrayBuffer>,
  where: string,
): Float32Array<ArrayBuffer> {
  const data =
    dtype === 'F32'
      ? new Float32Array(raw.buffer)
      : dtype === 'F16'
        ? widenHalf(new Uint16Array(raw.buffer))
        : dtype === 'BF16'
          ? widenBfloat(new Uint16Array(raw.buffer))
          : undefined;
  if (!data) throw badWeights(`tensor '${name}' is of type ${dtype}, need F32, F16 or BF16`, where);
  const wrong = data.findIndex((number) => !Number.isFinite(number));
  if (wrong >= 0)
    throw badWeights(`tensor '${name}' holds ${data[wrong]} at index ${wrong}`, where);
  return data;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
