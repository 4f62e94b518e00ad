// The numbers of one ONNX tensor, whichever of its fields holds them. Lengths are checked against
// the shape before anything is allocated, so a file cannot make us allocate more than it contains.

import type { onnx } from 'onnx-proto';
import { WgpuStyleError } from '../gpu/errors.ts';
import { widenBfloat, widenHalf } from './half.ts';
import type { OnnxTensor } from './onnx-types.ts';

/** Values of TensorProto.DataType that weights and shapes come in. */
const dataType = {
  float: 1,
  int32: 6,
  int64: 7,
  float16: 10,
  double: 11,
  bfloat16: 16,
} as const;

const bytesPerFloat: ReadonlyMap<number, number> = new Map([
  [dataType.float, 4],
  [dataType.double, 8],
  [dataType.float16, 2],
  [dataType.bfloat16, 2],
]);

/**
 * The name, shape and element type of a tensor, without reading its numbers. Throws `bad-model` on
 * impossible shapes.
 */
export function tensorDims(tensor: onnx.ITensorProto, where: string): readonly number[] {
  const dims = (tensor.dims ?? []).map(toInteger);
  const count = dims.reduce((product, side) => product * side, 1);
  const isPossible = dims.every((side) => Number.isSafeInteger(side) && side >= 0);
  if (!isPossible || count > 2 ** 31) {
    throw badTensor(tensor, `has the impossible shape [${dims.join(', ')}]`, where);
  }
  return dims;
}

/** About how many bytes the numbers of a tensor take in the file. Errors as of `tensorDims`. */
export function tensorBytes(tensor: onnx.ITensorProto, where: string): number {
  const count = tensorDims(tensor, where).reduce((product, side) => product * side, 1);
  return count * (bytesPerFloat.get(tensor.dataType ?? 0) ?? 4);
}

/**
 * The numbers of a float tensor: float32, float16, bfloat16 from `raw_data` or typed fields, double
 * kept as double. May be a view of the tensor's bytes: not to be written to. Throws `bad-model` when
 * length and shape disagree or a number is not finite, `unsupported-op` on other types.
 */
export function tensorFloats(
  tensor: OnnxTensor,
  where: string,
): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
  const count = checkedCount(tensor, where);
  const values = readFloats(tensor, count, where);
  if (values.length !== count) {
    throw badTensor(tensor, `holds ${values.length} numbers, its shape needs ${count}`, where);
  }
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) {
      throw badTensor(tensor, `holds ${values[i]} at index ${i}, need finite numbers`, where);
    }
  }
  return values;
}

/**
 * The numbers of an int64 or int32 tensor. Throws `bad-model`, or `unsupported-op` on other types.
 */
export function tensorIntegers(tensor: OnnxTensor, where: string): readonly number[] {
  const count = checkedCount(tensor, where);
  const raw = tensor.rawData?.length ? copyOf(tensor.rawData) : undefined;
  let values: readonly number[];
  if (tensor.dataType === dataType.int64) {
    if (raw && raw.length % 8 !== 0) throw badTensor(tensor, `has ${raw.length} bytes`, where);
    values = raw
      ? Array.from(new BigInt64Array(raw.buffer), Number)
      : (tensor.int64Data ?? []).map(toInteger);
  } else if (tensor.dataType === dataType.int32) {
    if (raw && raw.length % 4 !== 0) throw badTensor(tensor, `has ${raw.length} bytes`, where);
    values = raw ? Array.from(new Int32Array(raw.buffer)) : [...(tensor.int32Data ?? [])];
  } else {
    throw wrongType(tensor, 'int64 or int32', where);
  }
  if (values.length !== count) {
    throw badTensor(tensor, `holds ${values.length} numbers, its shape needs ${count}`, where);
  }
  return values;
}

/**
 * protobuf int64 as a number: the decoder gives a Long where the `long` package is present, else a
 * number.
 */
export function toInteger(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'object' && value !== null && 'toNumber' in value) {
    return (value as { toNumber(): number }).toNumber();
  }
  return Number.NaN;
}

function checkedCount(tensor: OnnxTensor, where: string): number {
  const count = tensorDims(tensor, where).reduce((product, side) => product * side, 1);
  if (!tensor.load) return count;
  // Weights are loaded before they are read; anything else of this size is none of a VGG's.
  throw new WgpuStyleError('unsupported-op', {
    what: `not a VGG: tensor '${tensor.name ?? ''}' has ${count} numbers where few are needed`,
    where,
    fix: 'Export the model without it, or stop before with upTo',
  });
}

function readFloats(
  tensor: onnx.ITensorProto,
  count: number,
  where: string,
): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
  const { rawData: raw, dataType: type } = tensor;
  const hasRaw = raw !== undefined && raw !== null && raw.length > 0;
  const bytesEach = bytesPerFloat.get(type ?? 0);
  if (bytesEach === undefined) {
    throw wrongType(tensor, 'float, float16, bfloat16 or double', where);
  }
  if (hasRaw && raw.length !== count * bytesEach) {
    throw badTensor(tensor, `has ${raw.length} bytes, its shape needs ${count * bytesEach}`, where);
  }
  switch (type) {
    case dataType.float:
      return hasRaw ? floatView(raw) : Float32Array.from(tensor.floatData ?? []);
    case dataType.double:
      return hasRaw
        ? new Float64Array(copyOf(raw).buffer)
        : Float64Array.from(tensor.doubleData ?? []);
    case dataType.float16:
      return widenHalf(hasRaw ? new Uint16Array(copyOf(raw).buffer) : typedHalves(tensor));
    default:
      return widenBfloat(hasRaw ? new Uint16Array(copyOf(raw).buffer) : typedHalves(tensor));
  }
}

/** `int32_data` carries 16-bit floats as bit patterns, one per entry. */
function typedHalves(tensor: onnx.ITensorProto): Uint16Array {
  return Uint16Array.from(tensor.int32Data ?? []);
}

/** A view of the bytes where they are aligned (weights are large), else of a copy. */
function floatView(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (!(buffer instanceof ArrayBuffer) || byteOffset % 4 !== 0) {
    return new Float32Array(copyOf(bytes).buffer);
  }
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}

/**
 * A copy of its own: a field's bytes start at any offset of the file, typed arrays want aligned
 * ones.
 */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function badTensor(tensor: onnx.ITensorProto, what: string, where: string): WgpuStyleError {
  return new WgpuStyleError('bad-model', {
    what: `tensor '${tensor.name ?? ''}' ${what}`,
    where,
    fix: 'Export the model again with its weights inside one .onnx file',
  });
}

function wrongType(tensor: onnx.ITensorProto, needed: string, where: string): WgpuStyleError {
  return new WgpuStyleError('unsupported-op', {
    what: `tensor '${tensor.name ?? ''}' has data type ${tensor.dataType ?? 0}, need ${needed}`,
    where,
    fix: 'Export the model with float weights (no quantisation)',
  });
}
