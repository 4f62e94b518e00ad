// What the tests of style transfer share: tiny networks with random weights, tiny pictures, sessions on the shared
// device.

import { StyleSession, Vgg, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { joinBytes } from '../../src/image/bytes.ts';
import { fitSize } from '../../src/image/fit-size.ts';
import { resolveOptions } from '../../src/style/options.ts';
import { loadPictures, scalePictures, startPicture, styleFit } from '../../src/style/prepare.ts';
import { resampleOn } from '../../src/style/resampling.ts';
import type { SessionParts } from '../../src/style/session-parts.ts';
import type { Tiling } from '../../src/style/tiled-evaluation.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';

/** Convolutions per block, each with this many channels. */
export type Blocks = readonly (readonly number[])[];

/** Two blocks: relu1_1, relu1_2, relu2_1. */
export const SMALL: Blocks = [[4, 6], [8]];

/** The topology that every published recipe asks for, up to relu5_2. */
export const DEEP: Blocks = [[4, 4], [6, 6], [6, 6, 6], [8, 8], [8, 8]];

/** A VGG with random weights of He's size, so that activations keep theirs. */
export function tinyNetwork(blocks: Blocks = SMALL, seed = 1): Vgg {
  const layers: Vgg['layers'][number][] = [];
  let cin = 3;
  blocks.forEach((widths, block) => {
    widths.forEach((cout, i) => {
      const name = `${block + 1}_${i + 1}`;
      const spread = Math.sqrt((3 * 2) / (9 * cin));
      const weight = randomValues(9 * cin * cout, seed * 1000 + layers.length).map((v) => v * spread);
      const bias = randomValues(cout, seed * 1000 + 500 + layers.length).map((v) => v * 0.1);
      layers.push({ kind: 'conv', name: `conv${name}`, cin, cout, kernel: [3, 3], padding: 'zero', weight, bias });
      layers.push({ kind: 'relu', name: `relu${name}` });
      cin = cout;
    });
    layers.push({ kind: 'pool', name: `pool${block + 1}`, pooling: 'max' });
  });
  return new Vgg({
    layers,
    preprocessing: { order: 'rgb', scale: 1, mean: [0.5, 0.45, 0.4], std: [0.25, 0.25, 0.3] },
    preprocessingSource: 'option',
    metadata: new Map(),
  });
}

export interface RawPicture {
  readonly data: Float32Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

/** Random RGB in [0, 1]. */
export function picture(width: number, height: number, seed: number): RawPicture {
  return { data: randomValues(width * height * 3, seed).map((v) => (v + 1) / 2), width, height };
}

/** Soft gradients with a disc: something that a loss can be lowered on. */
export function scene(width: number, height: number, turn = 0): RawPicture {
  const data = new Float32Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const inDisc = Math.hypot(x - width / 2, y - height / 2) < Math.min(width, height) / 3;
      const u = 0.2 + (0.6 * x) / width;
      const v = 0.2 + (0.6 * y) / height;
      const colour = inDisc ? [0.9, v, 0.3] : [u, 0.4, v];
      for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = colour[(c + turn) % 3]!;
    }
  return { data, width, height };
}

/** Options of a session that costs milliseconds. */
export async function tinyOptions(more: Partial<StyleTransferOptions> = {}): Promise<StyleTransferOptions> {
  return {
    content: scene(24, 20),
    style: picture(20, 26, 5),
    device: await testDevice(),
    network: tinyNetwork(),
    recipe: 'lecture',
    size: 24,
    contentLayers: { relu2_1: 1 },
    styleLayers: { relu1_1: 1, relu2_1: 0.5 },
    optimizer: { name: 'adam', learningRate: 0.02 },
    iterations: 6,
    ...more,
  };
}

/** Runs `work` on a session and destroys it. */
export async function withSession<T>(
  more: Partial<StyleTransferOptions>,
  work: (session: StyleSession) => Promise<T>,
): Promise<T> {
  const session = await StyleSession.create(await tinyOptions(more));
  try {
    return await work(session);
  } finally {
    session.destroy();
  }
}

/** What a session is built from; `options.network` is a {@link Vgg}. */
export async function partsOf(options: StyleTransferOptions): Promise<SessionParts> {
  const resolved = resolveOptions(options);
  const device = options.device ?? (await testDevice());
  const loaded = await loadPictures(options, resolved, device);
  const size = fitSize(loaded.content.width, loaded.content.height, resolved.size);
  const resample = resampleOn(device, resolved);
  const pictures = await scalePictures(loaded, size, styleFit(resolved.recipe, false), resolved, resample);
  const start = await startPicture(resolved, pictures, loaded.init, resample);
  return { device, vgg: options.network as Vgg, options: resolved, pictures, start, preview: undefined };
}

/** A session whose pictures are cut as `tiling` says, built as `more` says; `options.network` is a {@link Vgg}. */
export async function sessionOf(
  options: StyleTransferOptions,
  tiling: Tiling | 'whole' = 'whole',
  more: Partial<SessionParts> = {},
): Promise<StyleSession> {
  return StyleSession.from({ ...(await partsOf(options)), fit: { tiling }, ...more });
}

/** Bytes of GPU buffers that the library holds on the shared device. */
export async function bytesHeld(): Promise<number> {
  return memoryUse(await testDevice()).bytes;
}

/** A checkpoint with another header, and its length put right. */
export function withHeader(bytes: Uint8Array, change: (header: Record<string, unknown>) => unknown): Uint8Array<ArrayBuffer> {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + length))) as Record<string, unknown>;
  const json = new TextEncoder().encode(JSON.stringify(change(header)) ?? '');
  const changed = joinBytes([bytes.subarray(0, 12), json, bytes.subarray(12 + length)]);
  new DataView(changed.buffer).setUint32(8, json.length, true);
  return changed;
}
