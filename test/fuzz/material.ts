// How the checkpoints of the corpus were made, so that they can be gone on from, and made again when their form changes:
//   WGPU_STYLE_WRITE_CORPUS=1 npm test -- test/fuzz/material.test.ts

import type { StyleTransferOptions } from '../../src/index.ts';
import { scene, tinyNetwork } from '../style/setting.ts';

/** The run: 8, then 12 pixels. */
export function checkpointOptions(device: GPUDevice): StyleTransferOptions {
  return {
    content: scene(12, 10),
    style: scene(10, 12, 1),
    device,
    network: tinyNetwork([[4]]),
    recipe: 'lecture',
    size: 12,
    contentLayers: { relu1_1: 1 },
    styleLayers: { relu1_1: 1 },
    optimizer: { name: 'adam', learningRate: 0.02 },
    averaging: 0.9,
    iterations: 8,
    scales: [8, 12],
    tolerance: 1e-6,
  };
}
