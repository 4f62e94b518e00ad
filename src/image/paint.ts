// From an image buffer to a texture or canvas without leaving the GPU. For canvases see preview.ts.

import { createBuffer, destroyBuffer } from '../gpu/buffers.ts';
import { loadShader } from '../gpu/pipelines.ts';
import code from '../wgsl/paint.wgsl';

/** An image in GPU memory: [height, width, 3] in rows of vec4s; colour in [0, 1] is (value + mean) / scale. */
export interface PaintSource {
  readonly buffer: GPUBuffer;
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  readonly mean: readonly [number, number, number];
}

const pipelines = new WeakMap<GPUDevice, Map<GPUTextureFormat, GPURenderPipeline>>();

async function pipelineFor(device: GPUDevice, format: GPUTextureFormat): Promise<GPURenderPipeline> {
  const text = await loadShader({ name: 'paint', code });
  let ofDevice = pipelines.get(device);
  if (!ofDevice) pipelines.set(device, (ofDevice = new Map<GPUTextureFormat, GPURenderPipeline>()));
  let pipeline = ofDevice.get(format);
  if (!pipeline) {
    const module = device.createShaderModule({ label: 'wgpu-style/paint.wgsl', code: text });
    pipeline = device.createRenderPipeline({
      label: `wgpu-style/paint/${format}`,
      layout: 'auto',
      vertex: { module, entryPoint: 'cover' },
      fragment: { module, entryPoint: 'colour', targets: [{ format }] },
    });
    ofDevice.set(format, pipeline);
  }
  return pipeline;
}

/** A texture, or what gives the current one (a canvas has a new one each frame). */
export type PaintTarget =
  | GPUTexture
  | {
      readonly format: GPUTextureFormat;
      readonly width: number;
      readonly height: number;
      readonly texture: () => GPUTexture;
    };

/** Paints one source into one texture (usage RENDER_ATTACHMENT), as often as wanted. Owns its uniform only. */
export class Painter {
  readonly #texture: () => GPUTexture;
  readonly #pipeline: GPURenderPipeline;
  readonly #group: GPUBindGroup;
  readonly #uniform: GPUBuffer;

  private constructor(device: GPUDevice, source: PaintSource, target: PaintTarget, pipeline: GPURenderPipeline) {
    const { format, width, height } = target;
    this.#texture = 'texture' in target ? target.texture : () => target;
    this.#pipeline = pipeline;
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#uniform = createBuffer(device, 'paint/params', 64, usage);
    const words = new ArrayBuffer(64);
    new Uint32Array(words, 0, 2).set([source.height, source.width]);
    const gain = 1 / source.scale;
    new Float32Array(words, 8, 10).set([height, width, ...source.mean, 0, gain, gain, gain, 0]);
    new Uint32Array(words, 48, 1).set([format.endsWith('-srgb') ? 1 : 0]);
    device.queue.writeBuffer(this.#uniform, 0, words);
    this.#group = device.createBindGroup({
      label: 'wgpu-style/paint',
      layout: this.#pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: source.buffer } },
        { binding: 1, resource: { buffer: this.#uniform } },
      ],
    });
  }

  /** A painter from `source` to `target`, once its shader is loaded. */
  static async create(device: GPUDevice, source: PaintSource, target: PaintTarget): Promise<Painter> {
    return new Painter(device, source, target, await pipelineFor(device, target.format));
  }

  /** Records the painting into the caller's encoder. */
  encode(encoder: GPUCommandEncoder): void {
    const pass = encoder.beginRenderPass({
      label: 'wgpu-style/paint',
      colorAttachments: [{ view: this.#texture().createView(), loadOp: 'clear', storeOp: 'store' }],
    });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#group);
    pass.draw(3);
    pass.end();
  }

  destroy(): void {
    destroyBuffer(this.#uniform);
  }
}
