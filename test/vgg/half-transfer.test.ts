// Weights kept as float16: a style transfer with them against the same one with float32.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { StyleSession, type Losses, type StyleTransferOptions } from '../../src/style/index.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { sharedMissing, sharedPath } from '../shared.ts';
import { floatTensor, encodeModel, node } from './make-onnx.ts';

function picture(seed: number): { width: number; height: number; data: Uint8ClampedArray } {
  const data = Uint8ClampedArray.from(
    randomValues(32 * 24 * 4, seed),
    (value) => (value + 1) * 127,
  );
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return { width: 32, height: 24, data };
}

/** VGG-19 to relu4_2 with random weights that float16 does not hold exactly. */
async function randomNetwork(): Promise<Vgg> {
  const nodes = [];
  const initializers = [];
  let last = 'input';
  let cin = 3;
  let n = 0;
  for (const width of [8, 8, 0, 8, 8, 0, 12, 12, 12, 12, 0, 16, 16]) {
    const name = `t${n++}`;
    if (width === 0)
      nodes.push(node('MaxPool', [last], [name], { kernel_shape: [2, 2], strides: [2, 2] }));
    else {
      // He's rule keeps activations of one size through the layers.
      const spread = Math.sqrt(6 / (9 * cin));
      const weight = randomValues(width * cin * 9, n).map((value) => value * spread);
      initializers.push(floatTensor(`${name}w`, [width, cin, 3, 3], weight));
      initializers.push(
        floatTensor(
          `${name}b`,
          [width],
          randomValues(width, n + 100).map((v) => v / 10),
        ),
      );
      nodes.push(
        node('Conv', [last, `${name}w`, `${name}b`], [`${name}c`], { pads: [1, 1, 1, 1] }),
      );
      nodes.push(node('Relu', [`${name}c`], [name]));
      cin = width;
    }
    last = name;
  }
  return Vgg.fromOnnx(await encodeModel({ nodes, initializers }), {
    preprocessing: 'rgb-mean-std',
  });
}

const terms = ['total', 'content', 'style'] as const;

function expectWithinOnePercent(f16: Losses, f32: Losses): void {
  for (const term of terms) expect(Math.abs(f16[term] / f32[term] - 1)).toBeLessThan(0.01);
}

async function sessions(
  networks: readonly Vgg[],
  more: Partial<StyleTransferOptions>,
): Promise<readonly StyleSession[]> {
  const device = await testDevice();
  const pictures = { content: picture(1), style: picture(2), init: picture(3), size: 32 };
  return Promise.all(
    networks.map((network) => StyleSession.create({ device, network, ...pictures, ...more })),
  );
}

test('f16 weights keep every loss of a picture within 1 % of f32', async () => {
  const full = await randomNetwork();
  const half = await Vgg.fromSafetensors(await full.toSafetensors({ dtype: 'f16' }));
  expect(half.layers).not.toEqual(full.layers);
  const [a, b] = (await sessions([full, half], {
    contentLayers: { relu4_2: 1 },
    styleLayers: { relu1_1: 1, relu2_1: 1, relu3_1: 1, relu4_1: 1 },
    optimizer: { name: 'adam', learningRate: 0.02 },
    pooling: 'average',
  })) as [StyleSession, StyleSession];
  expectWithinOnePercent(await b.evaluate(), await a.evaluate());
  // At the picture that float32 painted: left to themselves, the two runs part on noise and random
  // weights (7 % after twenty steps), for every step of Adam is as long as the last.
  await a.step(20);
  await b.writeImage(await a.readImage());
  expectWithinOnePercent(await b.evaluate(), await a.evaluate());
  a.destroy();
  b.destroy();
});

test('f16 weights of the real VGG-19 keep every loss of a run within 1 % of f32', async ({
  skip,
}) => {
  const reason = sharedMissing('data/vgg19-conv3_4.onnx');
  skip(reason !== undefined, reason);
  const bytes = new Uint8Array(readFileSync(sharedPath('data', 'vgg19-conv3_4.onnx')));
  const full = await Vgg.fromOnnx(bytes, { preprocessing: 'bgr-255', upTo: 'relu3_2' });
  const half = await Vgg.fromSafetensors(await full.toSafetensors({ dtype: 'f16' }));
  const [a, b] = (await sessions([full, half], {
    contentLayers: { relu3_2: 1 },
    styleLayers: { relu1_1: 1, relu2_1: 1, relu3_1: 1 },
    optimizer: { name: 'lbfgs' },
  })) as [StyleSession, StyleSession];
  for (const iterations of [0, 20]) {
    // At the picture that float32 painted: L-BFGS left to itself parts on any rounding (2 to 11 % after twenty steps).
    if (iterations > 0) {
      await a.step(iterations);
      await b.writeImage(await a.readImage());
    }
    expectWithinOnePercent(await b.evaluate(), await a.evaluate());
  }
  a.destroy();
  b.destroy();
});
