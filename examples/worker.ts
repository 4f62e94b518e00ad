// Painting in a worker, so that the page stays free: the canvas goes there, losses come back. To look at it:
// `npm run examples`.
//
// One file for both sides. An app with a bundler has two, and `new Worker(new URL('./painter.ts', import.meta.url))`.

import { styleTransfer } from 'wgpu-style';

/** The page's side: hands the canvas over; settles when the picture is painted. */
export function main(
  canvas: HTMLCanvasElement,
  { size = 256, iterations = 300 }: { readonly size?: number; readonly iterations?: number } = {},
): Promise<number> {
  const offscreen = canvas.transferControlToOffscreen();
  const worker = new Worker(import.meta.url, { type: 'module' });
  worker.postMessage({ canvas: offscreen, size, iterations, base: location.href } satisfies Wish, [offscreen]);
  return new Promise((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data }: MessageEvent<Said>) => {
      if ('error' in data) reject(new Error(data.error));
      else if (!('done' in data)) document.title = `${data.iteration}: ${data.total.toFixed(3)}`;
      else resolve(data.done);
      if ('error' in data || 'done' in data) worker.terminate();
    };
  });
}

/** What the worker is told, and what it says. */
interface Wish {
  readonly canvas: OffscreenCanvas;
  readonly size: number;
  readonly iterations: number;
  readonly base: string;
}
type Said = { readonly iteration: number; readonly total: number } | { readonly done: number } | { readonly error: string };

/** The worker's side: `preview` is the canvas that was handed over. */
async function paint({ canvas, size, iterations, base }: Wish): Promise<number> {
  const { losses } = await styleTransfer({
    content: new URL('pictures/landscape.png', base),
    style: new URL('pictures/glass.png', base),
    size,
    iterations,
    preview: canvas,
    onProgress: ({ iteration, losses: { total } }) => postMessage({ iteration, total } satisfies Said),
  });
  return losses.total;
}

if (typeof document === 'undefined' && typeof addEventListener === 'function') {
  addEventListener('message', ({ data }: MessageEvent<Wish>) => {
    paint(data).then(
      (done) => postMessage({ done } satisfies Said),
      (error: unknown) => postMessage({ error: String(error) } satisfies Said),
    );
  });
}
