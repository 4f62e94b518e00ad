// Where a whole run stands, for its checkpoints: which scale, how far, and what it was started with, so that going on
// with another picture or option is refused and not painted over.
//
// Within a scale a checkpoint holds the session's state (checkpoint.ts); between two scales, the picture alone.

import { badOption } from '../gpu/errors.ts';
import { crc32 } from '../image/png-chunks.ts';
import { pixelsFromPlanar, readRows, type Decoded, type Pixels } from '../image/pixels.ts';
import type { Vgg } from '../vgg/index.ts';
import { isRunState, type RunOrigin, type RunState } from './checkpoint-header.ts';
import { carries, momentBuffers, momentsIn, type Moments } from './carry.ts';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from './checkpoint.ts';
import { settingsOf, type ResolvedOptions, type StyleTransferOptions } from './options.ts';
import type { LoadedPictures } from './prepare.ts';
import type { Scale } from './scales.ts';
import type { PixelSpace } from './recipes.ts';
import type { Settings } from './settings.ts';
import { planarFromSpace } from './space.ts';

/** A checkpoint of a run, taken apart. */
export type RunCheckpoint = Checkpoint & { readonly header: { readonly run: RunState } };

/** Sizes and checksums of what a run works with. */
export function originOf(resolved: ResolvedOptions, loaded: LoadedPictures, vgg: Vgg): RunOrigin {
  const first = vgg.layers.find((layer) => layer.kind === 'conv');
  return {
    options: settingsOf(resolved),
    content: printOf(loaded.content, loaded.updateMask),
    styles: loaded.styles.map(({ picture, mask, styleMask }) => printOf(picture, mask, styleMask)),
    network: `${vgg.parameters} ${first ? printed(checksum(first.weight)) : ''}`,
  };
}

/** Masks that are absent leave no trace, so that checkpoints without any stay as they were. */
function printOf(...pictures: readonly (Decoded | undefined)[]): string {
  const present = pictures.flatMap((picture, i) => (picture ? [[i, picture] as const] : []));
  return present.map(([i, picture]) => `${i > 0 ? `mask ${i} ` : ''}${picture.width}x${picture.height} ${printed(sumOf(picture))}`).join(', ');
}

/** The checksum of a picture's floats, however it is kept. */
function sumOf(picture: Decoded): number {
  if (!('bytes' in picture)) return checksum(picture.data);
  const { width, height } = picture;
  const row = new Float32Array(4 * width);
  let sum = 0;
  for (let y = 0; y < height; y++) {
    readRows(picture, y, 1, row);
    sum = checksum(row, sum);
  }
  return sum;
}

function checksum({ buffer, byteOffset, byteLength }: ArrayBufferView, before?: number): number {
  return crc32(new Uint8Array(buffer, byteOffset, byteLength), before);
}

function printed(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}

/** What one scale hands to the next: its picture, and Adam's moments where the recipe carries them on. */
export interface Coarser {
  readonly picture: Pixels;
  readonly moments: Moments | undefined;
}

/** The bytes of a run that stands between two scales. */
export function encodeBetweenScales(
  { picture, moments }: Coarser,
  run: RunState,
  { recipe, optimizer, averaging, weights, seed }: ResolvedOptions,
): Uint8Array<ArrayBuffer> {
  const { width, height, data } = picture;
  const header = { width, height, recipe: recipe.name, optimizer, averaging, weights, seed, steps: 0, run };
  const buffers = [{ name: 'picture', bytes: new Uint8Array(data.buffer) }, ...(moments ? momentBuffers(moments) : [])];
  return encodeCheckpoint({ header, buffers });
}

/** The picture of such a checkpoint; undefined for one from within a scale. */
export function pictureOf({ header, buffers }: Checkpoint): Pixels | undefined {
  const { name, bytes } = buffers[0] ?? {};
  if (name !== 'picture' || !bytes) return undefined;
  const { width, height } = header;
  if (bytes.length !== 16 * width * height) throw wrong('its picture is not whole');
  return { width, height, data: new Float32Array(bytes.slice().buffer) };
}

/** The picture that a session showed when its checkpoint was made: the average of the iterates where one is kept. */
export function shownIn({ header: { width, height }, buffers }: Checkpoint, space: PixelSpace): Pixels {
  const average = buffers.filter(({ name }) => /^average\d*$/.test(name));
  // Where the picture is larger than a binding its bands of rows lie one after another.
  const shown = average.length > 0 ? average : buffers.filter(({ name }) => /^image\d*$/.test(name));
  const packed = new Float32Array(4 * width * height);
  let at = 0;
  for (const { bytes } of shown) {
    packed.set(new Float32Array(bytes.slice().buffer), at);
    at += bytes.length / 4;
  }
  return pixelsFromPlanar(width, height, planarFromSpace(packed, width * height, space));
}

/** What the scale before such a checkpoint handed over; undefined for one from within a scale. */
export function coarserIn(checkpoint: Checkpoint, resolved: ResolvedOptions): Coarser | undefined {
  const picture = pictureOf(checkpoint);
  return picture && { picture, moments: carries(resolved) ? momentsIn(checkpoint) : undefined };
}

function wrong(what: string): Error {
  return badOption('resume', `not a checkpoint of a run: ${what}`, 'Give the bytes that a checkpoint was saved with');
}

/** Takes the bytes of a run's checkpoint apart. Throws `bad-option` for anything else, a session's included. */
export function decodeRun(bytes: Uint8Array): RunCheckpoint {
  if (!(bytes instanceof Uint8Array)) throw wrong(`got ${typeof bytes}, need its bytes as a Uint8Array`);
  const { header, buffers } = decodeCheckpoint(bytes, 'resume');
  const { run } = header;
  if (!run) throw wrong('it is of a session: use StyleSession.restore');
  if (!isRunState(run)) throw wrong('its header is not whole');
  return { header: { ...header, run }, buffers };
}

/** The options to go on with: the checkpoint's where the caller gives none. */
export function resumedOptions(given: StyleTransferOptions, checkpoint: RunCheckpoint): StyleTransferOptions {
  return { ...checkpoint.header.run.options, ...given };
}

/** Throws `bad-option` naming what is not as it was when the checkpoint was made. */
export function checkOrigin(run: RunState, now: RunOrigin): void {
  const refuse = (name: string, was: unknown, is: unknown): Error =>
    badOption(
      'resume',
      `${name} is not as in the checkpoint: got ${short(is)}, need ${short(was)}`,
      'Give what the run was started with, or leave the option out',
    );
  for (const [name, was] of Object.entries(run.options)) {
    const is = now.options[name as keyof Settings];
    if (JSON.stringify(was) !== JSON.stringify(is)) throw refuse(name, was, is);
  }
  for (const name of ['content', 'network'] as const) {
    if (run[name] !== now[name]) throw refuse(name, run[name], now[name]);
  }
  if (run.styles.length !== now.styles.length)
    throw refuse('the number of styles', run.styles.length, now.styles.length);
  run.styles.forEach((was, i) => {
    if (was !== now.styles[i]) throw refuse(run.styles.length > 1 ? `style[${i}]` : 'style', was, now.styles[i]);
  });
}

/** Throws `bad-option` when the run's scales have no such place. */
export function checkPlace({ header: { run, steps } }: RunCheckpoint, scales: readonly Scale[]): void {
  const before = scales.slice(0, run.scale).reduce((sum, { iterations }) => sum + iterations, 0);
  const fits = run.scale < scales.length && run.before + run.skipped === before && steps < scales[run.scale]!.iterations;
  if (!fits) throw wrong(`it stands at iteration ${run.before + steps}, scale ${run.scale + 1} of ${scales.length}`);
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
