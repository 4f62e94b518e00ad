// Beside onnxruntime-web, on one device: we paint, a model in ONNX Runtime looks at the picture, and the pixels stay on
// the GPU. The model here is our own network as an ONNX file; any other that takes [1, 3, h, w] will do. To look at it:
// `npm run examples`.
//
// ONNX Runtime takes a device with the execution provider (1.30; it does not heed `env.webgpu.device`), and then accepts
// buffers of that device only. Releasing its session leaves the device.

import * as ort from 'onnxruntime-web/webgpu';
import { requestDevice, StyleSession } from 'wgpu-style';

export interface Looks {
  readonly size?: number;
  readonly iterations?: number;
  /** Default: our own network, whose weights are float16: ONNX Runtime wants `shader-f16` for it. */
  readonly model?: string;
  /** Where onnxruntime-web's .wasm and .mjs files are, ending in a slash. */
  readonly wasmPaths?: string;
}

/** Activations of the model on the painted picture, planar, and that picture. */
export async function main(
  canvas: HTMLCanvasElement,
  { size = 128, iterations = 20, model: file = 'weights/default.onnx', wasmPaths = '/onnxruntime/' }: Looks = {},
): Promise<{ activations: Float32Array; dims: readonly number[]; image: Float32Array }> {
  const device = await requestDevice();
  ort.env.wasm.wasmPaths = wasmPaths;
  ort.env.wasm.numThreads = 1;
  const model = await ort.InferenceSession.create(file, { executionProviders: [{ name: 'webgpu', device }] });

  const style = 'pictures/glass.png';
  const session = await StyleSession.create({ device, content: 'pictures/landscape.png', style, size, preview: canvas });
  await session.step(iterations);

  const { width, height } = session;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const planar = device.createBuffer({ size: 16 * Math.ceil((12 * width * height) / 16), usage });
  toPlanar(device, session.texture, planar);
  const input = ort.Tensor.fromGpuBuffer(planar, { dataType: 'float32', dims: [1, 3, height, width] });
  const outputs = await model.run({ [model.inputNames[0]!]: input });
  const { [model.outputNames[0]!]: result } = outputs;
  const activations = (await result!.getData()) as Float32Array;
  const { dims } = result!;
  const image = await session.readImage();

  planar.destroy();
  session.destroy();
  await model.release();
  return { activations, dims, image };
}

/** The texture's texels as ONNX models want them: [3, h, w], in [0, 1]. */
function toPlanar(device: GPUDevice, texture: GPUTexture, planar: GPUBuffer): void {
  const code = `
    @group(0) @binding(0) var picture: texture_2d<f32>;
    @group(0) @binding(1) var<storage, read_write> planar: array<f32>;
    @compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {
      let size = textureDimensions(picture);
      if (any(id.xy >= size)) { return; }
      let rgb = textureLoad(picture, id.xy, 0);
      for (var c = 0u; c < 3u; c++) { planar[(c * size.y + id.y) * size.x + id.x] = rgb[c]; }
    }`;
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const layout = pipeline.getBindGroupLayout(0);
  const entries = [{ binding: 0, resource: texture.createView() }, { binding: 1, resource: { buffer: planar } }];
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  pass.dispatchWorkgroups(Math.ceil(texture.width / 8), Math.ceil(texture.height / 8));
  pass.end();
  device.queue.submit([encoder.finish()]);
}
