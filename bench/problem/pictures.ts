// Pictures of any size without files: smooth colours for content, stripes for style, noise to start from. Samples are
// 8-bit, so that x / 255 is the same number in every library.

import { seeded } from '../harness/values.ts';

/** Interleaved RGB. */
export interface Picture {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

function painted(side: number, value: (x: number, y: number, c: number) => number): Picture {
  const data = new Uint8Array(3 * side * side);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    const level = value((pixel % side) / side, Math.floor(pixel / side) / side, i % 3);
    data[i] = Math.round(255 * Math.min(1, Math.max(0, level)));
  }
  return { data, width: side, height: side };
}

/** Soft blobs. */
export function contentPicture(side: number): Picture {
  return painted(side, (x, y, c) => 0.5 + 0.25 * Math.sin(7 * x + 2 * c) + 0.25 * Math.cos(9 * y - c + 5 * x * y));
}

/** Slanted stripes with hard edges. */
export function stylePicture(side: number): Picture {
  return painted(side, (x, y, c) => (Math.sin(40 * (x + 0.4 * y)) > 0 ? 0.9 - 0.3 * c : 0.2 + 0.35 * c * y));
}

/** White noise around gray. */
export function startPicture(side: number): Picture {
  const noise = seeded(3 * side * side, 5);
  let i = 0;
  return painted(side, () => 0.5 + 0.6 * noise[i++]!);
}

/** Interleaved RGB in [0, 1]. */
export function unit({ data }: Picture): Float32Array<ArrayBuffer> {
  return Float32Array.from(data, (value) => value / 255);
}
