// The kernels alone: a Gaussian blur as two convolutions, along rows and along columns. No tape, no network, no session;
// bundled for a page this brings a few kilobytes.
//
// `blur` works on any GPUDevice, in pages too. In Node (after `npm run build`):
//   npx esbuild examples/blur.ts --outfile=dist/blur.mjs && node dist/blur.mjs

import { bytesOf, conv2dForward, kernelTarget, pack, Sequence, unpack, type Conv2dParams } from 'wgpu-style/kernels';

/** RGB in, RGB out: interleaved floats, `deviation` in pixels; the border is that of the picture, repeated. */
export async function blur(
  device: GPUDevice,
  rgb: Float32Array,
  width: number,
  height: number,
  deviation: number,
): Promise<Float32Array> {
  const radius = Math.ceil(3 * deviation);
  const taps = 2 * radius + 1;
  const shape = [height, width, 3] as const;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = (bytes: number): GPUBuffer => device.createBuffer({ size: bytes, usage });
  const [x, between, y] = [buffer(bytesOf(shape)), buffer(bytesOf(shape)), buffer(bytesOf(shape))];
  const w = buffer(bytesOf([taps, 1, 3, 3]));
  device.queue.writeBuffer(x, 0, pack(shape, rgb)); // channels are padded to whole vec4s
  device.queue.writeBuffer(w, 0, pack([taps, 1, 3, 3], gaussian(radius, deviation)));

  const common = { input: shape, output: shape, stride: [1, 1], dilation: [1, 1], mode: 'replicate' } as const;
  const along = (kernel: Conv2dParams['kernel'], pad: Conv2dParams['pad']): Conv2dParams => ({ ...common, kernel, pad });
  const target = kernelTarget(device);
  const sequence = new Sequence(device, 'blur', [
    conv2dForward(along([1, taps], [0, radius]), { x, w, y: between }, target),
    conv2dForward(along([taps, 1], [radius, 0]), { x: between, w, y }, target),
  ]);
  await sequence.ready;

  const staging = device.createBuffer({ size: y.size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  sequence.encode(pass);
  pass.end();
  encoder.copyBufferToBuffer(y, 0, staging, 0, y.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const result = unpack(shape, new Float32Array(staging.getMappedRange()));
  sequence.destroy();
  for (const made of [x, between, y, w, staging]) made.destroy();
  return result;
}

/** Weights [taps, 1, 3, 3]: every channel to itself. Their memory serves [1, taps, 3, 3] too. */
function gaussian(radius: number, deviation: number): Float32Array {
  const values = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)));
  const sum = values.reduce((a, b) => a + b);
  return Float32Array.from(values.flatMap((v) => [v, 0, 0, 0, v, 0, 0, 0, v]), (v) => v / sum);
}

if (globalThis.process?.argv[1]?.includes('blur')) {
  const { requestDevice } = await import('wgpu-style/node');
  const device = await requestDevice();
  const dot = new Float32Array(3 * 15 * 15);
  dot.fill(1, 3 * (7 * 15 + 7), 3 * (7 * 15 + 8));
  const blurred = await blur(device, dot, 15, 15, 2);
  console.log(`a white dot is ${blurred[3 * (7 * 15 + 7)]!.toFixed(4)} at its middle`);
  device.destroy();
}
