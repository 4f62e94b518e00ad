// That headless Chrome has WebGPU at all, so that other failures in a page are ours.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noBrowser, openPage, type OpenPage } from './page.ts';

describe('headless Chrome', () => {
  let open: OpenPage | undefined;
  beforeAll(async () => {
    if (noBrowser !== undefined) return;
    open = await openPage({ module: `export { requestDevice } from 'wgpu-style';` });
  });
  afterAll(() => open?.close());

  test('gives a device that computes', async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    const { page, errors } = open!;
    const doubled = await page.evaluate(async () => {
      const { requestDevice } = (globalThis as unknown as { library: typeof import('wgpu-style') }).library;
      const device = await requestDevice();
      const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) { x[id.x] *= 2.0; }`;
      const pipeline = await device.createComputePipelineAsync({
        layout: 'auto',
        compute: { module: device.createShaderModule({ code }) },
      });
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      const buffer = device.createBuffer({ size: 16, usage });
      const staging = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      device.queue.writeBuffer(buffer, 0, new Float32Array([1, 2, 3, 4]));
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      const entries = [{ binding: 0, resource: { buffer } }];
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(1);
      pass.end();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, 16);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const values = [...new Float32Array(staging.getMappedRange())];
      device.destroy();
      return values;
    });
    expect(doubled).toEqual([2, 4, 6, 8]);
    expect(errors).toEqual([]);
  });
});
