// Dispatches are data; a Sequence replays them. Pipelines are shared, and a shader that does not compile says where.

import { describe, expect, it } from 'vitest';
import { createBuffer, destroyBuffer, memoryUse } from '../../src/gpu/buffers.ts';
import { linearWorkgroups, Params, Sequence, totalCost, type Dispatch } from '../../src/gpu/dispatch.ts';
import { pipelineCount } from '../../src/gpu/pipelines.ts';
import { readBuffer, ReadbackRing } from '../../src/gpu/readback.ts';
import { PassTimer } from '../../src/gpu/timing.ts';
import { testDevice } from '../device.ts';

const code = /* wgsl */ `
struct Params { add: u32, scale: f32, signed: i32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = u32(f32(x[id.x] + params.add) * params.scale) + u32(-params.signed);
}`;

function dispatchOf(x: GPUBuffer, y: GPUBuffer): Dispatch<GPUBuffer> {
  return {
    label: 'test',
    shader: { name: 'test-affine', code },
    inputs: [x],
    outputs: [y],
    params: new Params().u32(2).f32(3).i32(-7),
    workgroups: [1, 1, 1],
    cost: { flops: 8, bytes: 32 },
  };
}

describe('linearWorkgroups', () => {
  it('covers every thread within 65,535 groups a dimension', () => {
    for (const count of [1, 64, 65, 65535 * 64, 65535 * 64 + 1, 1e9]) {
      const [x, y, z] = linearWorkgroups(count, 64);
      expect(x * y * z * 64).toBeGreaterThanOrEqual(count);
      expect(Math.max(x, y)).toBeLessThanOrEqual(65535);
      expect(z).toBe(1);
    }
    expect(linearWorkgroups(128, 64)).toEqual([2, 1, 1]);
  });
});

describe('Params', () => {
  it('packs unsigned, signed and float words in order, padded to 16 bytes', () => {
    const { words } = new Params().u32(1, 2).i32(-1).f32(1).u32(5);
    expect([...words]).toEqual([1, 2, 0xffffffff, 0x3f800000, 5, 0, 0, 0]);
  });
});

describe('Sequence', () => {
  it('replays dispatches, shares pipelines, takes new params, and gives its memory back', async () => {
    const device = await testDevice();
    const before = memoryUse(device).bytes;
    const x = createBuffer(device, 'x', 16);
    const y = createBuffer(device, 'y', 16);
    device.queue.writeBuffer(x, 0, new Uint32Array([1, 2, 3, 4]));
    const sequence = new Sequence(device, 'test', [dispatchOf(x, y), dispatchOf(x, y)]);
    await sequence.ready;
    const count = pipelineCount(device);
    const again = new Sequence(device, 'test', [dispatchOf(x, y)]);
    await again.ready;
    expect(pipelineCount(device)).toBe(count);
    const run = async (): Promise<number[]> => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      again.encode(pass);
      pass.end();
      device.queue.submit([encoder.finish()]);
      return [...new Uint32Array(await readBuffer(device, y, 0, 16))];
    };
    expect(await run()).toEqual([16, 19, 22, 25]);
    again.setParams(0, new Params().u32(0).f32(1).i32(0));
    expect(await run()).toEqual([1, 2, 3, 4]);
    sequence.destroy();
    again.destroy();
    destroyBuffer(x);
    destroyBuffer(y);
    expect(memoryUse(device).bytes).toBe(before);
  });

  it('shows name, line, column and source line of a shader that does not compile', async () => {
    const device = await testDevice();
    const x = createBuffer(device, 'x', 16);
    const y = createBuffer(device, 'y', 16);
    const shader = { name: 'test-broken', code: code.replace('params.scale', 'params.missing') };
    const sequence = new Sequence(device, 'test', [{ ...dispatchOf(x, y), shader }]);
    await expect(sequence.ready).rejects.toThrow(
      /test-broken\.main: the shader does not compile: test-broken\.wgsl:8:\d+: .*missing.* in «y\[id\.x\] = .*»/,
    );
    sequence.destroy();
    destroyBuffer(x);
    destroyBuffer(y);
  });

  it('loads a shader in parts, once, and again after it did not come', async () => {
    const device = await testDevice();
    const x = createBuffer(device, 'x', 16);
    const y = createBuffer(device, 'y', 16);
    device.queue.writeBuffer(x, 0, new Uint32Array([1, 2, 3, 4]));
    const [head = '', body = ''] = code.split(/(?=@compute)/);
    let loads = 0;
    const load = (): Promise<string> => (++loads === 1 ? Promise.reject(new Error('offline')) : Promise.resolve(body));
    const dispatch = { ...dispatchOf(x, y), shader: { name: 'test-loaded', code: [head, load] } };
    const failed = new Sequence(device, 'test', [dispatch]);
    await expect(failed.ready).rejects.toMatchObject({ code: 'network', where: 'test-loaded.wgsl' });
    const sequences = [new Sequence(device, 'test', [dispatch]), new Sequence(device, 'test', [dispatch])];
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    expect(() => sequences[0]!.encode(pass)).toThrow(/test-loaded\.main: .*before its shader was loaded\. Await `ready`/);
    await Promise.all(sequences.map(({ ready }) => ready));
    expect(loads).toBe(2);
    sequences[0]!.encode(pass); // nothing was recorded by the call that threw
    pass.end();
    device.queue.submit([encoder.finish()]);
    expect([...new Uint32Array(await readBuffer(device, y, 0, 16))]).toEqual([16, 19, 22, 25]);
    for (const sequence of [failed, ...sequences]) sequence.destroy();
    destroyBuffer(x);
    destroyBuffer(y);
  });

  it('adds costs up', () => {
    const dispatch = dispatchOf({} as GPUBuffer, {} as GPUBuffer);
    expect(totalCost([dispatch, dispatch])).toEqual({ dispatches: 2, flops: 16, bytes: 64 });
  });
});

describe('ReadbackRing', () => {
  it('delivers values in order, skips when all buffers are under way, and recovers', async () => {
    const device = await testDevice();
    const source = createBuffer(device, 'source', 16);
    const ring = new ReadbackRing(device, 'ring', 16, 2);
    const read = (value: number): (() => Promise<Float32Array>) | undefined => {
      device.queue.writeBuffer(source, 0, new Float32Array([value, 0, 0, 0]));
      const encoder = device.createCommandEncoder();
      const later = ring.encode(encoder, source);
      device.queue.submit([encoder.finish()]);
      return later;
    };
    const first = read(1)!();
    const second = read(2)!();
    expect(read(3)).toBeUndefined();
    expect((await first)[0]).toBe(1);
    expect((await second)[0]).toBe(2);
    expect((await read(4)!())[0]).toBe(4);
    ring.destroy();
    destroyBuffer(source);
  });
});

describe('PassTimer', () => {
  it('times a pass, or does nothing where the device has no timestamps', async () => {
    const device = await testDevice();
    const plain = new Proxy(device, {
      get: (target, key): unknown => (key === 'features' ? new Set() : Reflect.get(target, key, target)),
    });
    const none = new PassTimer(plain);
    expect(none.available).toBe(false);
    expect(none.writes).toEqual({});
    none.resolve({} as GPUCommandEncoder);
    expect(await none.read()).toBeUndefined();
    none.destroy();

    const timer = new PassTimer(device);
    const encoder = device.createCommandEncoder();
    encoder.beginComputePass(timer.writes).end();
    timer.resolve(encoder);
    device.queue.submit([encoder.finish()]);
    const milliseconds = await timer.read();
    expect(timer.available ? milliseconds! >= 0 : milliseconds === undefined).toBe(true);
    timer.destroy();
  });
});
