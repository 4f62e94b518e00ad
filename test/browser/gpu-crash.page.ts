// What gpu-crash.test.ts runs in a page: a run that recovers when the browser's GPU process dies.

import { recipes, styleTransfer, WgpuStyleError, type DeviceLostError, type StyleTransferOptions } from 'wgpu-style';

const SIDE = 32;

/** RGBA of a picture that is cheap to make in both places. */
function picture(turn: number): ImageData {
  const data = new Uint8ClampedArray(4 * SIDE * SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    data.set([(8 * x * turn) % 256, (8 * y) % 256, (4 * (x + turn * y)) % 256, 255], 4 * i);
  }
  return new ImageData(data, SIDE, SIDE);
}

/** Iterations that were told of, for whoever waits for some. */
export const told = { iterations: 0, devices: 0 };

function options(more: Partial<StyleTransferOptions>): StyleTransferOptions {
  told.iterations = 0;
  return {
    content: picture(1),
    style: picture(3),
    size: SIDE,
    scales: false,
    recipe: recipes['lecture']!,
    contentLayers: { relu2_1: 1 },
    styleLayers: { relu1_1: 1, relu2_1: 1 },
    optimizer: { name: 'adam', learningRate: 0.02 },
    iterations: 30,
    onProgress: ({ iteration }) => void (told.iterations = iteration),
    ...more,
  };
}

/** How a run ended, and its picture. */
export interface Ended {
  readonly code?: string;
  readonly kept?: number | undefined;
  readonly iterations?: number;
  readonly pixels?: number[];
}

export async function run(more: Partial<StyleTransferOptions>): Promise<Ended> {
  try {
    const { iterations, pixels } = await styleTransfer(options(more));
    return { iterations, pixels: [...pixels] };
  } catch (error) {
    if (!(error instanceof WgpuStyleError)) throw error;
    return { code: error.code, kept: (error as DeviceLostError).kept?.iteration };
  }
}
