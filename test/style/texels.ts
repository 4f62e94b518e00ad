// Reading painted textures back.

import { expect } from 'vitest';

/** The bytes of an 8-bit texture, row by row. */
export async function texels(device: GPUDevice, texture: GPUTexture): Promise<Uint8Array> {
  const { width, height } = texture;
  const bytesPerRow = Math.ceil((4 * width) / 256) * 256;
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
  const buffer = device.createBuffer({ size: bytesPerRow * height, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [width, height]);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const padded = new Uint8Array(buffer.getMappedRange().slice(0));
  buffer.destroy();
  const tight = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) tight.set(padded.subarray(y * bytesPerRow, y * bytesPerRow + 4 * width), 4 * width * y);
  return tight;
}

/** What a texture of 8 bits should hold for planar RGB. */
function bytesOf(planar: Float32Array): number[] {
  const count = planar.length / 3;
  return Array.from({ length: 4 * count }, (_, i) => {
    if (i % 4 === 3) return 255;
    return Math.min(1, Math.max(0, planar[(i % 4) * count + Math.floor(i / 4)]!)) * 255;
  });
}

/** The texture shows planar RGB, rounded. */
export function expectTexture(got: Uint8Array, planar: Float32Array): void {
  const exact = bytesOf(planar);
  // Rounding to nearest is the adapter's; it may be off by a little at a half.
  const worst = Math.max(...exact.map((value, i) => Math.abs(value - got[i]!)));
  expect(worst).toBeLessThan(0.51);
}
