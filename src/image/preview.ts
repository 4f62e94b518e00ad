// A canvas that shows a picture while it forms: through its WebGPU context where the adapter is a GPU, else through a
// 2D context and a read-back.
//
// Why the second way: Chromium 156 without a GPU (headless, SwiftShader; Debian 12, 2026-11-24) has no shared images
// for WebGPU canvases, and the first `getCurrentTexture` kills its GPU process, and every device with it
// ("Could not find SharedImageBackingFactory"). It also serves canvases that have a 2D context already. Delete it when
// Chromium can present such canvases.

import { createBuffer, destroyBuffer, watchMemory } from '../gpu/buffers.ts';
import { isSoftwareAdapter } from '../gpu/device.ts';
import { badOption } from '../gpu/errors.ts';
import { stagingUsage } from '../gpu/readback.ts';
import { Painter, type PaintSource } from './paint.ts';

/** Paints with each iteration that is encoded. */
export interface Preview {
  /** Rejects with `out-of-memory` where there is none for it. */
  readonly ready: Promise<void>;
  /** Records what can be recorded into the caller's encoder. */
  encode(encoder: GPUCommandEncoder): void;
  destroy(): void;
}

/** A canvas of the page or of a worker. */
export type PreviewCanvas = HTMLCanvasElement | OffscreenCanvas;

/**
 * A preview on `canvas`. `texture` is the painted picture (rgba8unorm, COPY_SRC), for canvases that need a read-back.
 *
 * @throws `bad-option` when the canvas gives neither context.
 */
export async function canvasPreview(
  device: GPUDevice,
  source: PaintSource | readonly PaintSource[],
  texture: GPUTexture,
  canvas: PreviewCanvas,
): Promise<Preview> {
  const flat = isSoftwareAdapter(device) ? flatContext(canvas) : undefined;
  const preview = flat ? undefined : await presented(device, source, canvas);
  if (preview) return preview;
  const context = flat ?? flatContext(canvas);
  if (context) return new CanvasCopier(device, texture, context);
  throw badOption('preview', 'the canvas gave no WebGPU context', 'Give a canvas without another context');
}

function flatContext(canvas: PreviewCanvas): FlatContext | undefined {
  return (canvas.getContext('2d') as FlatContext | null) ?? undefined;
}

/** A painter for a canvas: configures its WebGPU context on `device` in the platform's preferred format. */
async function presented(
  device: GPUDevice,
  source: PaintSource | readonly PaintSource[],
  canvas: PreviewCanvas,
): Promise<Preview | undefined> {
  const context = canvas.getContext('webgpu') as GPUCanvasContext | null;
  if (!context) return undefined;
  const format = navigator.gpu.getPreferredCanvasFormat();
  context.configure({ device, format, alphaMode: 'opaque' });
  return Painter.create(device, source, {
    format,
    width: canvas.width,
    height: canvas.height,
    view: () => context.getCurrentTexture().createView(),
  });
}

type FlatContext = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Copies under way at once; more iterations than this in flight are shown by the next copy. */
const COPIES = 3;

/**
 * Shows a texture on a 2D canvas. Each `encode` asks for a copy after the current task, because the caller submits
 * the encoder in between; the picture appears when the copy has come back.
 */
class CanvasCopier implements Preview {
  readonly ready: Promise<void>;
  readonly #device: GPUDevice;
  readonly #texture: GPUTexture;
  readonly #context: FlatContext;
  readonly #rowBytes: number;
  readonly #free: GPUBuffer[];
  readonly #all: readonly GPUBuffer[];
  #isLate = false;
  #destroyed = false;

  constructor(device: GPUDevice, texture: GPUTexture, context: FlatContext) {
    this.#device = device;
    this.#texture = texture;
    this.#context = context;
    this.#rowBytes = Math.ceil((4 * texture.width) / 256) * 256;
    const { result, settled } = watchMemory(device, 'preview', () =>
      Array.from({ length: COPIES }, (_, i) => createBuffer(device, `preview/${i}`, this.#rowBytes * texture.height, stagingUsage())),
    );
    this.#all = result;
    this.ready = settled;
    this.#free = [...this.#all];
  }

  encode(): void {
    queueMicrotask(() => this.#copy());
  }

  /** Copies under way are given up, and so is their picture. */
  destroy(): void {
    this.#destroyed = true;
    this.#all.forEach(destroyBuffer);
  }

  #copy(): void {
    if (this.#destroyed) return;
    const staging = this.#free.pop();
    this.#isLate = staging === undefined;
    if (!staging) return;
    const { width, height } = this.#texture;
    const encoder = this.#device.createCommandEncoder({ label: 'wgpu-style/preview' });
    const to = { buffer: staging, bytesPerRow: this.#rowBytes };
    encoder.copyTextureToBuffer({ texture: this.#texture }, to, [width, height]);
    this.#device.queue.submit([encoder.finish()]);
    staging.mapAsync(GPUMapMode.READ).then(
      () => {
        this.#show(staging);
        staging.unmap();
        this.#free.push(staging);
        if (this.#isLate) this.#copy();
      },
      () => undefined, // the session or its device is gone
    );
  }

  #show(staging: GPUBuffer): void {
    const { width, height } = this.#texture;
    const rows = new Uint8Array(staging.getMappedRange());
    const image = new ImageData(width, height);
    for (let y = 0; y < height; y++) {
      const from = y * this.#rowBytes;
      image.data.set(rows.subarray(from, from + 4 * width), 4 * width * y);
    }
    const { canvas } = this.#context;
    const picture = new OffscreenCanvas(width, height);
    picture.getContext('2d')!.putImageData(image, 0, 0);
    this.#context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  }
}
