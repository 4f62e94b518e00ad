// Budgets of work: dispatches, arithmetic, traffic and memory of one iteration, counted on a device that computes nothing.
// A change that costs more shows here, whatever the machine.

import { beforeAll, describe, expect, it } from 'vitest';
import { recipes, StyleSession, Vgg, type Layer, type Recipe } from '../../src/index.ts';
import { Tape } from '../../src/autograd/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { countingDevice, DEFAULT_LIMITS } from '../../src/gpu/counting.ts';
import { host } from '../../src/gpu/host.ts';
import { pipelineCount } from '../../src/gpu/pipelines.ts';
import { defaultNetwork } from '../../src/vgg/index.ts';
import '../../src/node/index.ts'; // WebGPU's constants, in Node

const MIB = 2 ** 20;

const GPU = { vendor: 'acme', architecture: 'gpu', device: '', description: 'a GPU' } as unknown as GPUAdapterInfo;

beforeAll(async () => host.loadNames?.());

/** VGG-19 to relu5_1 with zeros for weights: nothing is computed here. */
function vgg19(): Vgg {
  const layers: Layer[] = [];
  let cin = 3;
  [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512]].forEach((widths, block) => {
    widths.forEach((cout, i) => {
      const name = `${block + 1}_${i + 1}`;
      const weight = new Float32Array(9 * cin * cout);
      const bias = new Float32Array(cout);
      layers.push({ kind: 'conv', name: `conv${name}`, cin, cout, kernel: [3, 3], padding: 'zero', weight, bias });
      layers.push({ kind: 'relu', name: `relu${name}` });
      cin = cout;
    });
    if (block < 4) layers.push({ kind: 'pool', name: `pool${block + 1}`, pooling: 'max' });
  });
  const preprocessing = { order: 'rgb', scale: 1, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
  return new Vgg({ layers, preprocessing, preprocessingSource: 'option', metadata: new Map() });
}

/** Multiply-adds of VGG-19 to relu5_1 forward, and of its five Gram matrices, in flops per pixel of the picture. */
function flopsPerPixel(): number {
  const blocks = [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512]];
  let [flops, cin] = [0, 3];
  blocks.forEach((widths, block) => {
    widths.forEach((cout, i) => {
      flops += (18 * cin * cout) / 4 ** block;
      if (i === 0) flops += (2 * cout * cout) / 4 ** block;
      cin = cout;
    });
  });
  return flops;
}

/** Gatys' loss with total variation, and Adam: what the figures of bench/ are about. */
const RECIPE: Recipe = { ...recipes.gatys!, tv: { weight: 1e-3, form: 'squared' }, scales: false };

interface Counted {
  readonly session: StyleSession;
  readonly device: GPUDevice;
  /** Bytes held that are neither weights, nor what is folded from them, nor the optimiser's. */
  readonly working: number;
}

async function count(side: number, network: Vgg, recipe = RECIPE, storage: 'f32' | 'f16' = 'f32'): Promise<Counted> {
  const device = countingDevice({ ...DEFAULT_LIMITS, maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 32 }, GPU);
  const picture = { data: new Uint8Array(3 * side * side), width: side, height: side };
  const session = await StyleSession.create({
    device, network, recipe, content: picture, style: picture, size: side, optimizer: { name: 'adam' }, storage,
  });
  const weights = network.layers.reduce(
    (sum, layer) => sum + (layer.kind === 'conv' ? 4 * (layer.weight.length + layer.bias.length) : 0),
    0,
  );
  const { folded, optimizer } = session.plan.bytes;
  return { session, device, working: memoryUse(device).bytes - weights - folded - optimizer };
}

describe('one iteration of Gatys\' loss with VGG-19 and Adam, on a GPU', () => {
  it.each([64, 256, 512, 1024, 1000])('takes at most 50 dispatches at %i px, and the arithmetic of the formula', async (side) => {
    const { session } = await count(side, vgg19());
    expect(session.plan.dispatches).toBeLessThanOrEqual(49);
    // Forward and back: what is not convolution or Gram matrix is below one per cent. Odd sides lose a row at poolings.
    const formula = 2 * flopsPerPixel() * side * side;
    expect(session.plan.flops / formula).toBeGreaterThan(0.98);
    expect(session.plan.flops / formula).toBeLessThan(1.01);
    session.destroy();
  });

  it('moves at most 1.7 GB at 512 px, each tensor counted once for each kernel that touches it', async () => {
    const { session } = await count(512, vgg19());
    expect(session.plan.bytesMoved).toBeLessThan(1.7e9);
    session.destroy();
  });

  it('holds at most 205 MiB at 512 px beside weights and optimiser', async () => {
    const { session, working } = await count(512, vgg19());
    expect(session.plan.bytes.arena).toBeLessThan(185 * MIB);
    expect(working).toBeLessThan(205 * MIB);
    session.destroy();
  });

  it('needs memory in proportion to the pixels', async () => {
    const [small, large] = [await count(512, vgg19()), await count(1024, vgg19())];
    expect(large.session.plan.bytes.arena / small.session.plan.bytes.arena).toBeLessThan(4.05);
    small.session.destroy();
    large.session.destroy();
  });

  it('records an iteration without allocating, binding or reading back', async () => {
    const { session, device } = await count(64, vgg19());
    const calls: string[] = [];
    for (const method of ['createBuffer', 'createBindGroup', 'createComputePipeline', 'createTexture'] as const) {
      Object.assign(device, { [method]: () => calls.push(method) });
    }
    const encoder = device.createCommandEncoder();
    const copies: string[] = [];
    Object.assign(encoder, { copyBufferToBuffer: () => copies.push('copy') });
    session.encode(encoder); // the first one also folds constants
    session.encode(encoder);
    expect(calls).toEqual([]);
    expect(copies).toEqual([]);
    session.destroy();
  });
});

describe('the default run', () => {
  it('has at most 15 pipelines, shared by all layers', async () => {
    const device = countingDevice(undefined, GPU);
    const picture = { data: new Uint8Array(3 * 256 * 256), width: 256, height: 256 };
    const session = await StyleSession.create({ device, content: picture, style: picture, size: 256 });
    expect(pipelineCount(device)).toBeLessThanOrEqual(15);
    session.destroy();
  });

  it('runs the embedded network at 512 px in at most 125 MiB beside weights and optimiser', async () => {
    const { session, working } = await count(512, await defaultNetwork());
    expect(working).toBeLessThan(125 * MIB);
    session.destroy();
  });
});

describe('the 2-Wasserstein distance with VGG-19 at 512 px', () => {
  it('takes no more memory than Gram matrices, and four dispatches a step of a root, its gradient included', async () => {
    const { session } = await count(512, vgg19(), { ...recipes.wasserstein!, scales: false });
    expect(session.plan.bytes.arena).toBeLessThan(190 * MIB);
    // Five layers; the roots of the targets are folded, and the gradient of a trace is its inverse root.
    expect(session.plan.dispatches).toBeLessThan(5 * 16 * 4 + 280);
    session.destroy();
  });
});

describe('other graphs', () => {
  it('a chain of convolutions, ReLU and pooling: one dispatch a layer forward, one back', () => {
    const tape = new Tape(countingDevice(undefined, GPU));
    let x = tape.variable([64, 64, 16]);
    const image = x;
    const kernel = tape.constant([3, 3, 16, 16], new Float32Array(9 * 256));
    for (let layer = 0; layer < 4; layer++) {
      x = tape.relu(tape.conv2d(x, kernel));
      if (layer % 2 === 1) x = tape.maxPool(x);
    }
    const program = tape.compile(tape.meanSquared(x), [image]);
    // Beside the layers: two for the mean of squares, one for its gradient, one where that is unpooled.
    expect(program.cost.dispatches).toBe(4 + 2 + 1 + 4);
    program.destroy();
    tape.destroy();
  });

  it('training: gates and unpooled gradients are shared by the three gradients of a layer', () => {
    const tape = new Tape(countingDevice(undefined, GPU));
    const x = tape.constant([32, 32, 3], new Float32Array(32 * 32 * 3));
    const k = tape.variable([3, 3, 3, 16]);
    const b = tape.variable([16]);
    const loss = tape.meanSquared(tape.maxPool(tape.relu(tape.conv2d(x, k, { bias: b }))));
    const program = tape.compile(loss, [k, b]);
    // Forward 1, loss 2, its gradient 1, unpooling 1, weights 2, bias 2 (partial sums, then their sum).
    expect(program.cost.dispatches).toBe(9);
    program.destroy();
    tape.destroy();
  });
});

describe('the same iteration with activations in 16 bits', () => {
  it('holds at most 110 MiB at 512 px beside weights and optimiser, in as many dispatches', async () => {
    const { session, working } = await count(512, vgg19(), RECIPE, 'f16');
    expect(session.plan.dispatches).toBeLessThanOrEqual(49);
    expect(session.plan.bytes.arena).toBeLessThan(98 * MIB);
    expect(working).toBeLessThan(110 * MIB);
    session.destroy();
  });
});
