// A whole iteration as Gatys et al. have it: features, content and style losses, total variation, gradient, one Adam
// update, the picture's texture. With the embedded network, and with a VGG-19 of random weights (the same arithmetic
// as the published one; its numbers mean nothing). Wall time by differencing: an iteration is several passes.

import { recipes, StyleSession, Vgg, type Layer, type Recipe, type StyleTransferOptions } from 'wgpu-style';
import type { Bench, Work } from './harness.ts';

export async function benchStep({ device, side, measure }: Bench): Promise<void> {
  const { gatys } = recipes;
  const recipe: Recipe = { ...gatys!, tv: { weight: 1e-3, form: 'squared' } };
  const data = new Uint8Array(side * side * 3).map((_, i) => (i * 2654435761) >>> 24);
  const image = { data, width: side, height: side };
  const networks = { embedded: 'default', 'vgg19-random': randomVgg19() } as const;
  for (const [name, network] of Object.entries(networks)) {
    const options: StyleTransferOptions = {
      content: image,
      style: image,
      size: side,
      device,
      network,
      recipe,
      init: 'noise',
      optimizer: { name: 'adam', learningRate: 1e-3 },
    };
    const started = performance.now();
    const session = await StyleSession.create(options);
    const { plan } = session;
    const work: Work = {
      cost: { flops: plan.flops, bytes: plan.bytesMoved },
      takesTimestamps: false,
      record(encoder, count) {
        for (let i = 0; i < count; i++) session.encode(encoder);
      },
      destroy: () => session.destroy(),
    };
    const ready = ((performance.now() - started) / 1000).toFixed(1);
    const arena = (plan.bytes.arena / 2 ** 20).toFixed(1);
    const facts = `${plan.dispatches} dispatches, arena ${arena} MiB, ready in ${ready} s`;
    await measure('step', `${name} ${side}x${side}`, facts, work);
    work.destroy();
  }
}

/** VGG-19 to relu5_1 with weights from a seed, scaled as He et al. so that activations stay of one size. */
function randomVgg19(): Vgg {
  const blocks = [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512]];
  const layers: Layer[] = [];
  let cin = 3;
  let state = 7;
  for (const [b, widths] of blocks.entries()) {
    for (const [i, cout] of widths.entries()) {
      const spread = Math.sqrt(6 / (9 * cin));
      const weight = new Float32Array(9 * cin * cout);
      for (let k = 0; k < weight.length; k++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        weight[k] = spread * ((2 * state) / 2 ** 32 - 1);
      }
      const name = `${b + 1}_${i + 1}`;
      const bias = new Float32Array(cout);
      layers.push({ kind: 'conv', name: `conv${name}`, cin, cout, kernel: [3, 3], padding: 'zero', weight, bias });
      layers.push({ kind: 'relu', name: `relu${name}` });
      cin = cout;
    }
    if (b < 4) layers.push({ kind: 'pool', name: `pool${b + 1}`, pooling: 'max' });
  }
  const preprocessing = { order: 'rgb', scale: 1, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
  return new Vgg({ layers, preprocessing, preprocessingSource: 'option', metadata: new Map() });
}
