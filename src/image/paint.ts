// From an image buffer to a texture or canvas without leaving the GPU. For canvases see preview.ts.

import { createBuffer, destroyBuffer, watchMemory } from '../gpu/buffers.ts';
import { loadShader } from '../gpu/pipelines.ts';
import code from '../wgsl/paint.wgsl';
import type { ColorSpace, TextureImage } from './texture-image.ts';

/** Rows of an image in GPU memory: [rows, width, 3] in rows of vec4s; colour in [0, 1] is (value + mean) / scale. */
export interface PaintSource {
  readonly buffer: GPUBuffer;
  /** Of the whole image. */
  readonly width: number;
  readonly height: number;
  /** Which of its rows these are; default all. */
  readonly first?: number;
  readonly rows?: number;
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

/** What is painted on: `view` gives it anew each time, since a canvas has another texture each frame. */
export interface PaintTarget {
  readonly format: GPUTextureFormat;
  readonly width: number;
  readonly height: number;
  readonly view: () => GPUTextureView;
  /** Default `srgb`. */
  readonly colorSpace?: ColorSpace | undefined;
}

function texturePainted({ texture, colorSpace }: TextureImage): PaintTarget {
  const { format, width, height } = texture;
  const view = texture.createView({ dimension: '2d', mipLevelCount: 1, arrayLayerCount: 1 });
  return { format, width, height, colorSpace, view: () => view };
}

/**
 * Paints an image, in one source or several, into one target (usage RENDER_ATTACHMENT), as often as wanted. Owns its uniforms
 * only.
 */
export class Painter {
  /** Rejects with `out-of-memory` where there is none. */
  readonly ready: Promise<void>;
  readonly #view: () => GPUTextureView;
  readonly #pipeline: GPURenderPipeline;
  #groups!: readonly GPUBindGroup[];
  readonly #uniforms: GPUBuffer[] = [];

  private constructor(
    device: GPUDevice,
    sources: readonly PaintSource[],
    target: PaintTarget,
    pipeline: GPURenderPipeline,
  ) {
    this.#view = target.view;
    this.#pipeline = pipeline;
    this.ready = watchMemory(device, 'paint', () => {
      this.#groups = sources.map((source) => this.#bind(device, source, target));
    }).settled;
  }

  #bind(device: GPUDevice, source: PaintSource, { format, width, height, colorSpace }: PaintTarget): GPUBindGroup {
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const uniform = createBuffer(device, 'paint/params', 64, usage);
    this.#uniforms.push(uniform);
    const { first = 0, rows = source.height } = source;
    const words = new ArrayBuffer(64);
    new Uint32Array(words, 0, 2).set([source.height, source.width]);
    const gain = 1 / source.scale;
    new Float32Array(words, 8, 10).set([height, width, ...source.mean, 0, gain, gain, gain, 0]);
    new Uint32Array(words, 48, 3).set([colorSpace === 'srgb-linear' || format.endsWith('-srgb') ? 1 : 0, first, rows]);
    device.queue.writeBuffer(uniform, 0, words);
    return device.createBindGroup({
      label: 'wgpu-style/paint',
      layout: this.#pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: source.buffer } },
        { binding: 1, resource: { buffer: uniform } },
      ],
    });
  }

  /**
   * A painter from `source`, or several that are the image together, to a target, once its shader is loaded. Of a texture it
   * paints level 0, layer 0.
   */
  static async create(
    device: GPUDevice,
    source: PaintSource | readonly PaintSource[],
    target: PaintTarget | TextureImage,
  ): Promise<Painter> {
    const sources = 'buffer' in source ? [source] : source;
    const resolved = 'view' in target ? target : texturePainted(target);
    return new Painter(device, sources, resolved, await pipelineFor(device, resolved.format));
  }

  /** Records the painting into the caller's encoder. */
  encode(encoder: GPUCommandEncoder): void {
    const pass = encoder.beginRenderPass({
      label: 'wgpu-style/paint',
      colorAttachments: [{ view: this.#view(), loadOp: 'clear', storeOp: 'store' }],
    });
    pass.setPipeline(this.#pipeline);
    for (const group of this.#groups) {
      pass.setBindGroup(0, group);
      pass.draw(3);
    }
    pass.end();
  }

  destroy(): void {
    this.#uniforms.forEach(destroyBuffer);
  }
}
