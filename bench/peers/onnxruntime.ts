// ONNX Runtime's WebGPU provider, forward only: it has no gradients. Input and output stay on the GPU.

import * as ort from 'onnxruntime-web/webgpu';
import { unit } from '../problem/pictures.ts';
import type { StepProblem } from '../problem/problem.ts';
import type { ForwardContestant, Peer, PeerSurroundings } from './contestant.ts';
import { encodeChain } from './onnx.ts';

/** Its device comes with the first session. */
export async function startOnnxRuntime({ wasmPaths }: PeerSurroundings): Promise<Omit<Peer, 'version'>> {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths;
  return { name: 'onnxruntime-web', forward };
}

async function forward({ chain, side, pooling, start }: StepProblem): Promise<ForwardContestant> {
  const model = await encodeChain(chain, side, pooling);
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['webgpu'],
    preferredOutputLocation: 'gpu-buffer',
    graphOptimizationLevel: 'all',
  });
  const device = await ort.env.webgpu.device;
  const interleaved = unit(start);
  const pixels = side * side;
  const planar = Float32Array.from(interleaved, (_, i) => interleaved[(i % pixels) * 3 + Math.floor(i / pixels)]!);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const gpuBuffer = device.createBuffer({ label: 'bench', size: 16 * Math.ceil(planar.byteLength / 16), usage });
  device.queue.writeBuffer(gpuBuffer, 0, planar);
  const picture = ort.Tensor.fromGpuBuffer(gpuBuffer, { dataType: 'float32', dims: [1, 3, side, side] });
  const pass = async (): Promise<ort.Tensor> => (await session.run({ picture }))['relu5_1']!;
  return {
    async run(n) {
      for (let i = 0; i < n; i++) (await pass()).dispose();
      await device.queue.onSubmittedWorkDone();
    },
    async features() {
      const result = await pass();
      const [, c, h, w] = result.dims as readonly [number, number, number, number];
      const values = (await result.getData(true)) as Float32Array;
      return Float32Array.from({ length: h * w * c }, (_, i) => values[(i % c) * h * w + Math.floor(i / c)]!);
    },
    destroy() {
      void session.release();
      gpuBuffer.destroy();
    },
  };
}
