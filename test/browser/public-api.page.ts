// What a page does with the public API, for public-api.test.ts: bundled, served and called in headless Chrome. The same
// module runs in the page and in a worker.

import { recipes, requestDevice, StyleSession, styleTransfer, WgpuStyleError } from 'wgpu-style';
import type { StyleTransferOptions } from 'wgpu-style';

const SIDE = 32;

/** Uncaptured errors of every device that anybody requests in this realm. */
export const gpuErrors: string[] = [];
if (typeof GPUAdapter !== 'undefined') {
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, ...descriptor) {
    const device = await request.apply(this, descriptor);
    device.addEventListener('uncapturederror', ({ error }) => gpuErrors.push(error.message));
    return device;
  };
}

function drawn(paint: (context: OffscreenCanvasRenderingContext2D) => void): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(SIDE, SIDE).getContext('2d', { willReadFrequently: true })!;
  paint(context);
  return context;
}

/** A dark house on a light ground. */
function contentPicture(): ImageData {
  const context = drawn((c) => {
    c.fillStyle = '#cfe3f4';
    c.fillRect(0, 0, SIDE, SIDE);
    c.fillStyle = '#5a3d2b';
    c.fillRect(8, 12, 16, 20);
  });
  return context.getImageData(0, 0, SIDE, SIDE);
}

/** Orange and blue stripes, as a PNG file. */
function stylePicture(): Promise<Blob> {
  const { canvas } = drawn((c) => {
    for (let y = 0; y < SIDE; y += 4) {
      c.fillStyle = y % 8 === 0 ? '#e07a1f' : '#1f3fe0';
      c.fillRect(0, y, SIDE, 4);
    }
  });
  return canvas.convertToBlob({ type: 'image/png' });
}

async function pictures(): Promise<StyleTransferOptions> {
  return { content: contentPicture(), style: await stylePicture(), size: SIDE };
}

function pixelsOf(source: OffscreenCanvas | ImageBitmap): Uint8ClampedArray {
  const copy = drawn((c) => c.drawImage(source, 0, 0));
  return copy.getImageData(0, 0, SIDE, SIDE).data;
}

/** Mean absolute difference of two RGBA pictures in steps of 8 bits, alpha left out. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) if (i % 4 < 3) sum += Math.abs(a[i]! - b[i]!);
  return a.length === b.length ? sum / ((a.length / 4) * 3) : Infinity;
}

let shared: Promise<GPUDevice> | undefined;

/** One device for everything in a page: SwiftShader needs seconds to compile the pipelines. */
function pageDevice(): Promise<GPUDevice> {
  shared ??= requestDevice({ label: 'page' });
  return shared;
}

/** What {@link transfer} saw; differences are those of {@link difference} from `picture.pixels`. */
export interface TransferReport {
  readonly totals: readonly number[];
  readonly size: readonly [number, number];
  readonly stopped: string;
  readonly pixels: readonly number[];
  readonly fromContent: number;
  readonly fromBlob: number;
  readonly fromImageData: number;
}

/** A whole transfer of ImageData and a PNG Blob with the embedded network, painted on `preview`. */
async function transfer(
  preview: HTMLCanvasElement | OffscreenCanvas,
  more: Partial<StyleTransferOptions>,
): Promise<TransferReport> {
  const totals: number[] = [];
  const onProgress: StyleTransferOptions['onProgress'] = ({ losses }) => totals.push(losses.total);
  const picture = await styleTransfer({ ...(await pictures()), preview, onProgress, ...more });
  const decoded = await createImageBitmap(await picture.toBlob());
  const compare = (other: ArrayLike<number>): number => difference(other, picture.pixels);
  return {
    totals,
    size: [picture.width, picture.height],
    stopped: picture.stopped,
    pixels: [...picture.pixels],
    fromContent: compare(contentPicture().data),
    fromBlob: compare(pixelsOf(decoded)),
    fromImageData: compare(picture.toImageData().data),
  };
}

/** {@link transfer} with a canvas element, which stays in the page: `#preview`. */
export async function transferOnCanvas(): Promise<TransferReport> {
  const preview = document.createElement('canvas');
  preview.id = 'preview';
  preview.width = preview.height = SIDE;
  preview.style.display = 'block';
  document.body.append(preview);
  return transfer(preview, { iterations: 16, device: await pageDevice() });
}

/** {@link transfer} in a worker, on a device of its own; few layers, so that few pipelines are compiled again. */
export async function transferInWorker(): Promise<TransferReport & { fromPreview: number; gpuErrors: string[] }> {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const report = await transfer(canvas, {
    iterations: 4,
    contentLayers: { relu1_2: 1 },
    styleLayers: { relu1_1: 1, relu2_1: 1 },
    optimizer: { name: 'adam', learningRate: 0.02 },
  });
  return { ...report, fromPreview: difference(pixelsOf(canvas), report.pixels), gpuErrors };
}

/** Aborts from outside after two iterations, and before the start. */
export async function abort(): Promise<{ stopped: string; iterations: number; early: string }> {
  const controller = new AbortController();
  const options = { ...(await pictures()), device: await pageDevice(), iterations: 1000, signal: controller.signal };
  const onProgress: StyleTransferOptions['onProgress'] = ({ iteration }) => {
    if (iteration === 2) controller.abort();
  };
  const { stopped, iterations } = await styleTransfer({ ...options, onProgress });
  return { stopped, iterations, early: await codeOf(styleTransfer(options)) };
}

/** What {@link session} saw. */
export interface SessionReport {
  readonly before: number;
  readonly after: number;
  readonly dispatches: number;
  /** Mean difference of the session's texture from its image, in steps of 8 bits. */
  readonly fromTexture: number;
  readonly deviceLives: boolean;
}

/** Three iterations in the page's own encoder, on the page's own device. */
export async function session(): Promise<SessionReport> {
  const device = await pageDevice();
  const { content, style } = await pictures();
  const recipe = recipes['gatys'] ?? 'gatys';
  const optimizer = { name: 'adam', learningRate: 2 } as const;
  const painting = await StyleSession.create({ content, style, size: SIDE, device, recipe, optimizer });
  const before = await painting.evaluate();
  for (let i = 0; i < 3; i++) {
    const encoder = device.createCommandEncoder({ label: 'the page' });
    painting.encode(encoder);
    device.queue.submit([encoder.finish()]);
  }
  const after = await painting.evaluate();
  const shown = await readTexture(device, painting.texture);
  const image = await painting.readImage();
  const count = SIDE * SIDE;
  const byte = (v: number): number => 255 * Math.min(1, Math.max(0, v));
  const expected = shown.map((v, i) => (i % 4 === 3 ? v : byte(image[(i % 4) * count + (i >> 2)]!)));
  const { dispatches } = painting.plan;
  painting.destroy();
  const lost = device.lost.then(() => true);
  const ended = await Promise.race([lost, device.queue.onSubmittedWorkDone().then(() => false)]);
  return {
    before: before.total,
    after: after.total,
    dispatches,
    fromTexture: difference(shown, expected),
    deviceLives: !ended,
  };
}

async function readTexture(device: GPUDevice, texture: GPUTexture): Promise<number[]> {
  const bytesPerRow = 256; // at least 4 * SIDE, and what WebGPU asks for
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
  const buffer = device.createBuffer({ size: bytesPerRow * SIDE, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [SIDE, SIDE]);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const rows = new Uint8Array(buffer.getMappedRange());
  const row = (y: number): number[] => [...rows.subarray(256 * y, 256 * y + 4 * SIDE)];
  const pixels = Array.from({ length: SIDE }, (_, y) => row(y)).flat();
  buffer.destroy();
  return pixels;
}

/** The code of the error that a promise rejects with. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error instanceof WgpuStyleError ? error.code : String(error);
  }
}

/** How a page without WebGPU is told. */
export async function withoutWebGpu(): Promise<string[]> {
  const options = await pictures();
  const calls = [styleTransfer(options), StyleSession.create(options), requestDevice()];
  return Promise.all(calls.map(codeOf));
}
