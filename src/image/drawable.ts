// Which objects are pictures that a canvas can draw; canvas.ts draws them.

/** What a 2D canvas can draw, of the things that users hand over. */
export type Drawable =
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas
  | VideoFrame;

const drawableTags = [
  'ImageBitmap',
  'HTMLImageElement',
  'HTMLCanvasElement',
  'HTMLVideoElement',
  'OffscreenCanvas',
  'VideoFrame',
] as const;

/** The class name of an object, the same across frames and realms. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Whether {@link Drawable}, of whatever realm. */
export function isDrawable(value: unknown): value is Drawable {
  return (drawableTags as readonly string[]).includes(tagOf(value));
}
