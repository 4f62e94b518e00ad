// Shapes, and the one memory layout of the library.
//
// A tensor [d0, …, dn] is stored row-major with its LAST axis padded with zeros to a multiple of four floats, so that
// every row is whole vec4s: an activation [h, w, c] is NHWC with c padded, an image [h, w, 3] is RGBA with alpha 0,
// weights [kh, kw, cin, cout] are rows of output channels, a scalar [1] is one vec4. Kernels may rely on the padding
// lanes being zero and must leave them zero.

import { badOption } from '../gpu/errors.ts';

/** Sizes along each axis, outermost first; e.g. [height, width, channels]. */
export type Shape = readonly number[];

/** A callback that makes a temporary buffer of a shape. */
export type ScratchOf<B> = (shape: Shape, label?: string) => B;

/** `channels` rounded up to a multiple of 4: the stride of one row in floats. */
export function lanes(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

/** The last axis: channels of an activation, output channels of weights. */
export function channelsOf(shape: Shape): number {
  return shape[shape.length - 1]!;
}

/** Number of rows: the product of all axes but the last. */
export function rowsOf(shape: Shape): number {
  return shape.slice(0, -1).reduce((product, size) => product * size, 1);
}

/** Number of elements, padding not counted. */
export function elementsOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Number of vec4s in memory, padding counted. */
export function vectorsOf(shape: Shape): number {
  return (rowsOf(shape) * lanes(channelsOf(shape))) / 4;
}

/** Bytes in memory, padding counted. */
export function bytesOf(shape: Shape): number {
  return vectorsOf(shape) * 16;
}

/** True when two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** `[2, 3, 4]` for messages. */
export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Throws `bad-option` unless every axis is a positive whole number and there are one to four of them. */
export function checkShape(shape: Shape, where: string): void {
  const whole = shape.every((size) => Number.isInteger(size) && size > 0);
  if (shape.length >= 1 && shape.length <= 4 && whole) return;
  throw badOption(
    where,
    `the shape ${showShape(shape)} is not one to four positive whole numbers`,
    'Give sizes such as [height, width, channels]',
  );
}

/** Row-major values without padding → the padded memory layout. */
export function pack(shape: Shape, data: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const c = channelsOf(shape);
  const stride = lanes(c);
  const rows = rowsOf(shape);
  const packed = new Float32Array(rows * stride);
  if (c === stride) {
    packed.set(data);
    return packed;
  }
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < c; i++) packed[row * stride + i] = data[row * c + i]!;
  }
  return packed;
}

/** The padded memory layout → row-major values without padding. */
export function unpack(shape: Shape, packed: Float32Array): Float32Array<ArrayBuffer> {
  const c = channelsOf(shape);
  const stride = lanes(c);
  const rows = rowsOf(shape);
  if (c === stride) return packed.slice(0, rows * c) as Float32Array<ArrayBuffer>;
  const data = new Float32Array(rows * c);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < c; i++) data[row * c + i] = packed[row * stride + i]!;
  }
  return data;
}
