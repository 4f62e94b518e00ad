// The command line around a stand-in for the library, which makes ten steps and pictures of two pixels.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { main } from '../../src/node/main.ts';
import type { Progress, StyleTransferOptions } from '../../src/style/options.ts';
import type { StyledPicture } from '../../src/style/picture.ts';
import { makePng } from '../image/make-png.ts';
import { makeVgg } from '../vgg/make-onnx.ts';

/** A small ONNX file that says nothing of its preprocessing. */
export const networkBytes = async (): Promise<Uint8Array> => (await makeVgg({ blocks: [[2], [3]] })).bytes;

const losses = { total: 3, content: 1, style: 2, tv: 0, layers: { relu4_2: 1 } };
export const adapter = { vendor: 'test', architecture: 'none', description: 'stand-in' };

/** A result of 2x1 pixels after some iterations. */
export function pictureOf(iterations: number, stopped: StyledPicture['stopped'] = 'done'): StyledPicture {
  return {
    width: 2,
    height: 1,
    pixels: Uint8ClampedArray.of(255, 0, 0, 255, 0, 0, iterations % 256, 255),
    losses,
    iterations,
    stopped,
    details: {
      adapter,
      millisecondsPerIteration: 1.5,
      peakBytes: 1024,
      seed: 7,
      recipe: 'default',
      network: 'default',
      options: { recipe: 'default', size: 512, styleWeight: 2, iterations: 10, seed: 7 },
    },
  } as unknown as StyledPicture;
}

/** A library that makes ten steps. */
export async function tenSteps(options: StyleTransferOptions): Promise<StyledPicture> {
  const iterations = options.iterations ?? 10;
  for (let iteration = 1; iteration <= iterations; iteration++) {
    await Promise.resolve();
    if (options.signal?.aborted) return pictureOf(iteration - 1, 'aborted');
    const scale = { index: 0, count: 1, width: 2, height: 1 };
    const picture = (): Promise<StyledPicture> => Promise.resolve(pictureOf(iteration));
    const progress: Progress = {
      iteration,
      iterations,
      losses,
      retries: 0,
      millisecondsPerIteration: 1.5,
      secondsLeft: 1,
      scale,
      picture,
    };
    options.onProgress?.(progress);
  }
  return pictureOf(iterations);
}

/** What came of a command, and what it asked of the library. */
export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  readonly options: StyleTransferOptions | undefined;
}

interface Around {
  readonly library?: (options: StyleTransferOptions) => Promise<StyledPicture>;
  readonly signal?: AbortSignal;
  readonly requestDevice?: () => Promise<GPUDevice>;
}

/** A folder with a.png and b.png (3x2), and the command line to use on them. */
export interface Desk {
  readonly folder: string;
  /** out.png in it. */
  readonly output: string;
  /** Runs words; a.png and b.png are those of the folder. */
  readonly run: (words: readonly string[], around?: Around) => Promise<Ran>;
  /** a.png b.png -o out.png, and more. */
  readonly pair: (...more: string[]) => string[];
}

/** Makes a desk in a new folder; the test removes it. */
export async function desk(): Promise<Desk> {
  const folder = await mkdtemp(path.join(tmpdir(), 'wgpu-style-main-'));
  const sample = (x: number, y: number, c: number): number => 40 * (x + y) + c;
  const png = makePng({ width: 3, height: 2, depth: 8, colourType: 2, sample });
  await writeFile(path.join(folder, 'a.png'), png);
  await writeFile(path.join(folder, 'b.png'), png);
  const output = path.join(folder, 'out.png');
  const run: Desk['run'] = async (
    words,
    { library = tenSteps, signal = new AbortController().signal, requestDevice } = {},
  ) => {
    const text = { out: '', err: '' };
    let options: StyleTransferOptions | undefined;
    const status = await main(
      words.map((word) => (/^[ab]\.png$/.test(word) ? path.join(folder, word) : word)),
      {
        stdout: { write: (s) => void (text.out += s) },
        stderr: { write: (s) => void (text.err += s) },
        signal,
        styleTransfer: (given) => library((options = given)),
        ...(requestDevice && { requestDevice }),
      },
    );
    return { status, ...text, options };
  };
  return { folder, output, run, pair: (...more) => ['a.png', 'b.png', '-o', output, ...more] };
}
