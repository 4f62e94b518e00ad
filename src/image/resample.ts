// Resampling on the GPU: what `resize` and `resizeLight` do on the host, in bands of rows, so that it takes no more memory
// for a large picture than for one of middling size. A chunk of its own, for runs that change the size of a picture.
//
//   band    rows of the result that are made and read back together
//   piece   input rows that are uploaded together, resampled across, and added to the band

import { createBuffer, destroyBuffer, watchMemory } from '../gpu/buffers.ts';
import { Sequence, type Dispatch } from '../gpu/dispatch.ts';
import { throwIfAborted } from '../gpu/errors.ts';
import { readThrough, stagingUsage } from '../gpu/readback.ts';
import {
  prepareTexels,
  prepareUniforms,
  resampleForward,
  resampleUniforms,
  type AxisTable,
  type ResampleParams,
  type TexelKind,
} from '../kernels/resample.ts';
import { resizeOnHost } from './linear-light.ts';
import { checkSides, isOpaque, readRows, toPixels, type Decoded, type Pixels } from './pixels.ts';
import { tapsOf, type ResizeFilter, type Sides, type Taps } from './taps.ts';

/** How a picture is resampled. */
export interface ResampleOptions {
  /** Default `bicubic`. */
  readonly filter?: ResizeFilter;
  /** True: the light is resampled that the sRGB values stand for. Default: the values as they are encoded. */
  readonly light?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Most bytes of GPU memory, where a row each of picture and result fits. Never more than 32 MiB, less for small results (2 MiB, say). */
  readonly scratch?: number;
}

/** Most bytes of GPU memory that resampling takes. */
const MOST_SCRATCH = 2 ** 25;

/** Bytes for each pixel of the result that are as fast as more: small pictures then need no more than the session that follows … */
const SCRATCH_PER_PIXEL = 64;

/**
 * … and beside the tables at least these: a large picture that becomes a small one would go in pieces of a row or two else, each a
 * submit. The weights of a network take more.
 */
const LEAST_SCRATCH = 2 ** 21;

/** RGBA in float. */
const TEXEL = 16;

/** More than the uniforms of three dispatches take. */
const UNIFORMS = 1024;

/** How the work is cut. */
export interface Bands {
  /** Rows of a band, and input rows of a piece. */
  readonly rows: number;
  readonly inputRows: number;
  /** Bytes of all rows that are held. */
  readonly bytes: number;
}

/** The largest bands and pieces within `scratch` bytes, half of which are a band's and what it is read through; at least one row each. */
export function bandsOf(from: Sides, to: Sides, down: readonly Taps[], scratch: number): Bands {
  const inputRow = TEXEL * (from.width + (from.width === to.width ? 0 : to.width));
  const outputRow = 2 * TEXEL * to.width;
  const rows = between(1, Math.floor(scratch / 2 / outputRow), to.height);
  let needed = 1;
  for (let top = 0; top < to.height; top += rows) {
    needed = Math.max(needed, lengthOf(inputsOf(down, { first: top, end: Math.min(to.height, top + rows) })));
  }
  const inputRows = between(1, Math.floor((scratch - rows * outputRow) / inputRow), needed);
  return { rows, inputRows, bytes: rows * outputRow + inputRows * inputRow };
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}

/** Indices from `first` to before `end`. */
interface Range {
  readonly first: number;
  readonly end: number;
}

function lengthOf({ first, end }: Range): number {
  return end - first;
}

/** Input rows that the rows of a band are made of: both go down together. */
function inputsOf(down: readonly Taps[], band: Range): Range {
  return { first: down[band.first]!.first, end: endOf(down[band.end - 1]!) };
}

function endOf({ first, weights }: Taps): number {
  return first + weights.length;
}

/** The output rows of a band that take from a piece. */
function takersOf(down: readonly Taps[], band: Range, piece: Range): Range {
  let { first, end } = band;
  while (endOf(down[first]!) <= piece.first) first++;
  while (down[end - 1]!.first >= piece.end) end--;
  return { first, end };
}

/** The weights of an axis as the kernel has them. */
interface Table {
  readonly spans: Uint32Array<ArrayBuffer>;
  readonly weights: Float32Array<ArrayBuffer>;
  readonly bytes: number;
}

function tableOf(taps: readonly Taps[]): Table {
  const spans = new Uint32Array(2 * taps.length + 2);
  const weights = new Float32Array(taps.reduce((sum, { weights: { length } }) => sum + length, 0));
  let at = 0;
  for (const [i, tap] of taps.entries()) {
    spans.set([tap.first, at], 2 * i);
    weights.set(tap.weights, at);
    at += tap.weights.length;
  }
  spans[2 * taps.length + 1] = at;
  return { spans, weights, bytes: spans.byteLength + weights.byteLength };
}

/**
 * Resamples to exactly `width` x `height` on a device, as {@link resizeOnHost} does and within 1e-5 of it; the same device
 * gives the same bits whatever the bands. The same size returns the picture itself. Holds up to 32 MiB on the device, or
 * as much as a binding may have, and nothing when it is over; pictures whose rows alone are wider than that are left to the host.
 *
 * @throws `bad-image` for a result without area, or with too much of it; `aborted` when the signal fires; `out-of-memory`,
 *   `device-lost`.
 */
export async function resample(
  device: GPUDevice,
  picture: Decoded,
  width: number,
  height: number,
  { filter = 'bicubic', light = false, signal, scratch = Infinity }: ResampleOptions = {},
): Promise<Pixels> {
  checkSides(width, height, 'resample');
  if (width === picture.width && height === picture.height) return toPixels(picture);
  throwIfAborted(signal, 'resample');
  const across = picture.width === width ? undefined : tapsOf(picture.width, width, filter);
  // Where nothing changes down, each row is its own and only what finishes a picture is left to do.
  const down = tapsOf(picture.height, height, picture.height === height ? 'nearest' : filter);
  const tables = { across: across && tableOf(across), down: tableOf(down) };
  const rest = UNIFORMS + tables.down.bytes + (tables.across?.bytes ?? 0);
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const ceiling = Math.min(MOST_SCRATCH, maxBufferSize, maxStorageBufferBindingSize);
  const most = Math.min(ceiling, scratch, Math.max(SCRATCH_PER_PIXEL * width * height, LEAST_SCRATCH + rest));
  const bands = bandsOf(picture, { width, height }, down, most - rest);
  if (bands.bytes + rest > ceiling) return resizeOnHost(picture, width, height, { filter, light });
  const work = new Resampling(device, picture, { width, height }, { bands, down, tables, light });
  try {
    await work.ready;
    return { width, height, data: await work.run(signal) };
  } finally {
    work.destroy();
  }
}

/** How a picture is to be resampled, decided. */
interface ResamplingPlan {
  readonly bands: Bands;
  readonly down: readonly Taps[];
  readonly tables: { readonly across: Table | undefined; readonly down: Table };
  readonly light: boolean;
}

/** One picture on its way to another size. Owns its buffers until it is destroyed. */
class Resampling {
  /** Settles when the memory is there and the pipelines are compiled. */
  readonly ready: Promise<unknown>;
  readonly #device: GPUDevice;
  readonly #from: Decoded;
  readonly #to: Sides;
  readonly #plan: ResamplingPlan;
  readonly #kind: TexelKind;
  readonly #buffers: GPUBuffer[] = [];
  /** Rows of a piece in floats, where the picture is bytes. */
  #floats: Float32Array<ArrayBuffer> | undefined;
  readonly #source: GPUBuffer;
  readonly #result: GPUBuffer;
  readonly #staging: GPUBuffer;
  readonly #sequence: Sequence;

  constructor(device: GPUDevice, from: Decoded, to: Sides, plan: ResamplingPlan) {
    this.#device = device;
    this.#from = from;
    this.#to = to;
    this.#plan = plan;
    this.#kind = { light: plan.light, alpha: !isOpaque(from) };
    const { rows, inputRows } = plan.bands;
    try {
      const { result, settled } = watchMemory(device, 'resample', () => {
        const source = this.#buffer('source', inputRows * TEXEL * from.width);
        const wide = plan.tables.across ? this.#buffer('across', inputRows * TEXEL * to.width) : source;
        const target = this.#buffer('result', rows * TEXEL * to.width);
        const staging = this.#buffer('staging', rows * TEXEL * to.width, stagingUsage());
        return { source, target, staging, sequence: new Sequence(device, 'resample', this.#dispatches(source, wide, target)) };
      });
      this.#source = result.source;
      this.#result = result.target;
      this.#staging = result.staging;
      this.#sequence = result.sequence;
      this.ready = Promise.all([settled, result.sequence.ready]);
    } catch (error) {
      this.#destroyBuffers();
      throw error;
    }
  }

  /** All bands, one after another, as one picture. */
  async run(signal: AbortSignal | undefined): Promise<Float32Array<ArrayBuffer>> {
    const { width, height } = this.#to;
    const { down, bands: { rows, inputRows } } = this.#plan;
    const data = new Float32Array(4 * width * height);
    let before: Promise<unknown> | undefined;
    for (let top = 0; top < height; top += rows) {
      const band = { first: top, end: Math.min(height, top + rows) };
      const inputs = inputsOf(down, band);
      for (let { first } = inputs; first < inputs.end; first += inputRows) {
        throwIfAborted(signal, 'resample');
        this.#submit(band, { first, end: Math.min(inputs.end, first + inputRows) });
        // Two pieces are under way at most: what is uploaded waits in memory of the device's.
        const done = this.#device.queue.onSubmittedWorkDone().catch(() => undefined);
        await before;
        before = done;
      }
      await readThrough(this.#device, this.#staging, this.#result, 0, TEXEL * width * lengthOf(band), (bytes) =>
        data.set(new Float32Array(bytes), 4 * width * top),
      );
    }
    return data;
  }

  destroy(): void {
    this.#sequence.destroy();
    this.#destroyBuffers();
  }

  #destroyBuffers(): void {
    for (const buffer of this.#buffers) destroyBuffer(buffer);
  }

  #buffer(name: string, bytes: number, usage?: GPUBufferUsageFlags): GPUBuffer {
    const buffer = createBuffer(this.#device, `resample/${name}`, bytes, usage);
    this.#buffers.push(buffer);
    return buffer;
  }

  #table(name: string, { spans, weights }: Table): AxisTable<GPUBuffer> {
    const table = { spans: this.#buffer(`${name}/spans`, spans.byteLength), weights: this.#buffer(`${name}/weights`, weights.byteLength) };
    this.#device.queue.writeBuffer(table.spans, 0, spans);
    this.#device.queue.writeBuffer(table.weights, 0, weights);
    return table;
  }

  /** Whether texels are not resampled as they come. */
  get #isPrepared(): boolean {
    return this.#kind.light || this.#kind.alpha;
  }

  /** The dispatches of a piece, for the largest there can be. */
  #dispatches(source: GPUBuffer, wide: GPUBuffer, target: GPUBuffer): Dispatch<GPUBuffer>[] {
    const { tables, bands: { rows, inputRows } } = this.#plan;
    const params = this.#params({ first: 0, end: rows }, { first: 0, end: rows }, { first: 0, end: inputRows });
    return [
      ...(this.#isPrepared ? [prepareTexels(params.texels, this.#kind, source)] : []),
      ...(tables.across ? [resampleForward(params.across, { ...this.#table('across', tables.across), x: source, y: wide })] : []),
      resampleForward(params.down, { ...this.#table('down', tables.down), x: wide, y: target }),
    ];
  }

  /** What the dispatches do with a piece: `takers` are the rows of the band that it is added to. */
  #params(band: Range, takers: Range, piece: Range): { readonly texels: number; readonly across: ResampleParams; readonly down: ResampleParams } {
    const [{ width }, rows] = [this.#to, lengthOf(piece)];
    return {
      texels: rows * this.#from.width,
      across: { axis: 'across', width, rows, begin: 0, end: this.#from.width },
      down: { axis: 'down', width, rows: lengthOf(takers), first: takers.first, origin: band.first, begin: piece.first, end: piece.end, finish: this.#kind },
    };
  }

  #upload(piece: Range): void {
    const row = 4 * this.#from.width;
    const [first, count] = [piece.first, lengthOf(piece)];
    if (!('bytes' in this.#from)) {
      this.#device.queue.writeBuffer(this.#source, 0, this.#from.data, row * first, row * count);
      return;
    }
    this.#floats ??= new Float32Array(row * this.#plan.bands.inputRows);
    readRows(this.#from, first, count, this.#floats);
    this.#device.queue.writeBuffer(this.#source, 0, this.#floats, 0, row * count);
  }

  /** Adds a piece to a band. */
  #submit(band: Range, piece: Range): void {
    this.#upload(piece);
    const params = this.#params(band, takersOf(this.#plan.down, band, piece), piece);
    const blocks = [
      ...(this.#isPrepared ? [prepareUniforms(params.texels, this.#kind)] : []),
      ...(this.#plan.tables.across ? [resampleUniforms(params.across)] : []),
      resampleUniforms(params.down),
    ];
    for (const [i, block] of blocks.entries()) this.#sequence.setParams(i, block);
    const encoder = this.#device.createCommandEncoder({ label: 'wgpu-style/resample' });
    const pass = encoder.beginComputePass({ label: 'wgpu-style/resample' });
    this.#sequence.encode(pass);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }
}
