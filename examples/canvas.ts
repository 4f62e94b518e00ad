// A page with a canvas that shows the picture while it forms. To look at it: `npm run examples`.

import { styleTransfer, type StyleTransferOptions } from 'wgpu-style';

/** Paints on the canvas; the losses are those at the end. */
export async function main(canvas: HTMLCanvasElement, more: Partial<StyleTransferOptions> = {}): Promise<number> {
  const { losses } = await styleTransfer({
    content: 'pictures/landscape.png',
    style: 'pictures/glass.png',
    size: 256,
    preview: canvas,
    ...more,
    onProgress: ({ iteration, iterations }) => (document.title = `${iteration} of ${iterations}`),
  });
  return losses.total;
}
