// Pictures that only a browser can read (elements, bitmaps, video frames, formats other than PNG): drawn onto a 2D
// canvas in sRGB and read back, 8 bits per channel. The browser applies orientation and colour profiles.

import { WgpuStyleError } from '../gpu/errors.ts';
import type { Drawable } from './drawable.ts';
import { checkSides, type BytePixels } from './pixels.ts';

/** The picture's own size in pixels, whatever size it is shown at. */
function sizeOf(source: Drawable): readonly [number, number] {
  if ('naturalWidth' in source) return [source.naturalWidth, source.naturalHeight];
  if ('videoWidth' in source) return [source.videoWidth, source.videoHeight];
  if ('displayWidth' in source) return [source.displayWidth, source.displayHeight];
  return [source.width, source.height];
}

/**
 * Reads what the source shows now. An image element that is still loading is waited for. Throws `bad-image` for broken
 * images, videos without a frame, closed bitmaps, and pictures of another origin that may not be read.
 */
export async function pixelsFromDrawable(source: Drawable, where: string): Promise<BytePixels> {
  if ('naturalWidth' in source) await finishLoading(source, where);
  const [width, height] = sizeOf(source);
  checkSides(width, height, where);
  if ('videoWidth' in source && source.readyState < 2) {
    throw new WgpuStyleError('bad-image', {
      what: 'a video without a picture: got no frame yet, need readyState 2 or more',
      where,
      fix: "Wait for its 'loadeddata' event",
    });
  }
  return readCanvas(width, height, where, (context) =>
    context.drawImage(source, 0, 0, width, height),
  );
}

async function finishLoading(image: HTMLImageElement, where: string): Promise<void> {
  try {
    await image.decode();
  } catch (cause) {
    throw new WgpuStyleError('bad-image', {
      what: `an image element without a picture: got "${image.currentSrc.slice(0, 120)}", need one that loads`,
      where,
      fix: 'Check its src',
      cause,
    });
  }
}

/** An ImageData in another colour space (display-p3), converted to sRGB. */
export async function pixelsFromWideImageData(image: ImageData, where: string): Promise<BytePixels> {
  // putImageData copies into the canvas's own space; a p3 canvas drawn onto an sRGB one is converted.
  const wide = new OffscreenCanvas(image.width, image.height);
  contextOf(wide, where, image.colorSpace).putImageData(image, 0, 0);
  return pixelsFromDrawable(wide, where);
}

/** Decodes encoded bytes (JPEG, WebP, AVIF, GIF, …) as the browser does; undefined where there is no browser. */
export async function decodeInBrowser(
  bytes: Uint8Array<ArrayBuffer>,
  where: string,
): Promise<BytePixels | undefined> {
  if (typeof createImageBitmap === 'undefined') return undefined;
  const bitmap = await createImageBitmap(new Blob([bytes]), {
    premultiplyAlpha: 'none',
    colorSpaceConversion: 'default',
    imageOrientation: 'from-image',
  });
  try {
    return await pixelsFromDrawable(bitmap, where);
  } finally {
    bitmap.close();
  }
}

function contextOf(
  canvas: OffscreenCanvas,
  where: string,
  colorSpace: PredefinedColorSpace = 'srgb',
): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext('2d', { colorSpace, willReadFrequently: true });
  if (context) return context;
  throw new WgpuStyleError('bad-image', {
    what: `no canvas of this size: got ${canvas.width}x${canvas.height}, need less`,
    where,
    fix: 'Scale the picture down before handing it over',
  });
}

function readCanvas(
  width: number,
  height: number,
  where: string,
  draw: (context: OffscreenCanvasRenderingContext2D) => void,
): BytePixels {
  if (typeof OffscreenCanvas === 'undefined') {
    throw new WgpuStyleError('bad-image', {
      what: 'this platform has no OffscreenCanvas to read elements and bitmaps with',
      where,
      fix: 'Hand over { data, width, height } or encoded bytes',
    });
  }
  const context = contextOf(new OffscreenCanvas(width, height), where);
  try {
    draw(context);
    return { width, height, bytes: context.getImageData(0, 0, width, height).data };
  } catch (cause) {
    if (cause instanceof WgpuStyleError) throw cause;
    throw new WgpuStyleError('bad-image', {
      what: `the picture may not be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      where,
      fix: 'For pictures of another origin set crossOrigin before src, and let their server allow it (CORS)',
      cause,
    });
  }
}
