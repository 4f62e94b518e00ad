// A network by itself: the activations of one picture, read back. What stands behind `vgg.features`.

import { Tape } from '../autograd/index.ts';
import { loadImage, type ImageSource } from '../image/index.ts';
import { buildFeatures, deepest, type FeatureNetwork } from './features.ts';
import type { Pooling } from './layers.ts';

/** Activations of one layer: `shape` is [h, w, c], `data` row-major. */
export interface FeatureMap {
  readonly shape: readonly [number, number, number];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Options of `vgg.features`. */
export interface FeaturesOptions {
  /** Replaces the network's own pooling. */
  readonly pooling?: Pooling;
  readonly signal?: AbortSignal;
}

/** Loads a picture, runs the network on it once, and reads the wanted layers back. */
export async function computeFeatures<Name extends string>(
  device: GPUDevice,
  vgg: FeatureNetwork,
  source: ImageSource,
  names: readonly Name[],
  { pooling, signal }: FeaturesOptions,
): Promise<Record<Name, FeatureMap>> {
  const where = 'vgg.features';
  deepest(vgg, names, where);
  const picture = await loadImage(source, { where, signal, device });
  const rgb = new Float32Array(picture.width * picture.height * 3);
  for (let i = 0; i < rgb.length; i++) rgb[i] = picture.data[Math.floor(i / 3) * 4 + (i % 3)]!;
  const tape = new Tape(device);
  try {
    const image = tape.variable([picture.height, picture.width, 3], rgb, 'picture');
    const tensors = buildFeatures(tape, vgg, image, names, { pooling });
    const program = tape.compile([...tensors.values()]);
    try {
      await program.run();
      const maps: [string, FeatureMap][] = [];
      for (const name of names) {
        const tensor = tensors.get(name)!;
        const shape = tensor.shape as FeatureMap['shape'];
        maps.push([name, { shape: [...shape], data: await program.read(tensor) }]);
      }
      return Object.fromEntries(maps) as Record<Name, FeatureMap>;
    } finally {
      program.destroy();
    }
  } finally {
    tape.destroy();
  }
}
