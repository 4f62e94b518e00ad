// What a page does with the examples, for in-page.test.ts: bundled, served and called in headless Chrome.

import { RenderTarget, UnsignedByteType } from 'three/webgpu';
import { main as canvas } from '../../examples/canvas.ts';
import { main as onnxruntime } from '../../examples/onnxruntime.ts';
import { main as three } from '../../examples/three.ts';
import { main as worker } from '../../examples/worker.ts';
import { requestDevice, StyleSession, Vgg } from 'wgpu-style';

/** Small: these run on SwiftShader. */
const SIZE = 32;

function element(size = SIZE): HTMLCanvasElement {
  return Object.assign(document.createElement('canvas'), { width: size, height: size });
}

/** How many different colours a canvas shows, of those that matter: 5 bits a channel. */
function colours(shown: HTMLCanvasElement): number {
  const copy = new OffscreenCanvas(shown.width, shown.height).getContext('2d')!;
  copy.drawImage(shown, 0, 0);
  const { data } = copy.getImageData(0, 0, shown.width, shown.height);
  const seen = new Set<number>();
  for (let i = 0; i < data.length; i += 4) seen.add(((data[i]! >> 3) << 10) | ((data[i + 1]! >> 3) << 5) | (data[i + 2]! >> 3));
  return seen.size;
}

export interface Painted {
  readonly loss: number;
  readonly colours: number;
}

export async function onCanvas(): Promise<Painted> {
  const shown = element();
  const loss = await canvas(shown, { size: SIZE, iterations: 8 });
  return { loss, colours: colours(shown) };
}

export async function inWorker(): Promise<Painted> {
  const shown = element();
  document.body.append(shown);
  const loss = await worker(shown, { size: SIZE, iterations: 8 });
  await new Promise((resolve) => requestAnimationFrame(resolve)); // the worker's last frame
  return { loss, colours: colours(shown) };
}

/** RGBA of the picture as three shows it, in linear light, after so many iterations. */
export async function inThree(iterations: number): Promise<number[]> {
  const target = new RenderTarget(SIZE, SIZE, { type: UnsignedByteType });
  const renderer = await three(element(), { size: SIZE, iterations, target });
  const pixels = (await renderer.readRenderTargetPixelsAsync(target, 0, 0, SIZE, SIZE)) as Uint8Array;
  return [...pixels];
}

export interface Compared {
  readonly dims: readonly number[];
  /** Largest difference of the two libraries' activations, relative to their root mean square. */
  readonly difference: number;
}

/** ONNX Runtime's activations of what we painted, against ours of the same pixels. */
export async function besideOnnxRuntime(): Promise<Compared> {
  const model = 'network.onnx';
  const { activations, dims, image } = await onnxruntime(element(), { size: SIZE, iterations: 3, model });
  const [, c, h, w] = dims as [number, number, number, number];
  const device = await requestDevice();
  const output = 'relu2_1';
  const preprocessing = { order: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const network = await Vgg.fromOnnx(model, { upTo: output, preprocessing });
  const count = image.length / 3;
  // As the texture holds them: 8 bits.
  const side = { width: SIZE, height: count / SIZE };
  const data = Uint8Array.from(image, (_, i) => Math.round(255 * Math.min(1, Math.max(0, image[(i % 3) * count + Math.floor(i / 3)]!))));
  const ours = (await network.features(device, { data, ...side }, [output]))[output]!.data;
  let [worst, sum] = [0, 0];
  for (let i = 0; i < ours.length; i++) {
    const theirs = activations[(i % c) * h * w + Math.floor(i / c)]!;
    worst = Math.max(worst, Math.abs(ours[i]! - theirs));
    sum += ours[i]! ** 2;
  }
  device.destroy();
  return { dims, difference: worst / Math.sqrt(sum / ours.length) };
}

/** What was painted from content of a kind: pictures of the same pixels give the same picture. */
export async function fromSource(kind: 'canvas' | 'offscreen' | 'frame' | 'bitmap' | 'data'): Promise<number[]> {
  const picture = new OffscreenCanvas(SIZE, SIZE);
  const context = picture.getContext('2d')!;
  for (let i = 0; i < SIZE; i++) {
    context.fillStyle = `rgb(${8 * i} ${255 - 8 * i} 128)`;
    context.fillRect(i, 0, 1, SIZE);
  }
  const style = context.getImageData(0, 0, SIZE, SIZE);
  const copy = element();
  copy.getContext('2d')!.drawImage(picture, 0, 0);
  const sources = {
    canvas: () => copy,
    offscreen: () => picture,
    frame: () => new VideoFrame(picture, { timestamp: 0 }),
    bitmap: () => createImageBitmap(picture),
    data: () => style,
  };
  const content = await sources[kind]();
  const device = (shared ??= await requestDevice());
  const options = { device, content, style, size: SIZE, contentLayers: { relu1_1: 1 }, styleLayers: { relu1_1: 1 } };
  const session = await StyleSession.create({ ...options, optimizer: { name: 'adam' } });
  await session.step(2);
  const image = await session.readImage();
  session.destroy();
  if (content instanceof VideoFrame) content.close(); // ours to close: the session only read it
  return [...image];
}
let shared: GPUDevice | undefined;
