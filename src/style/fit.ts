// What a session does with the memory there is: the whole picture at once where that fits, else tiles, the largest that
// fit. Nothing is estimated: each way is built on a device that only counts (gpu/counting.ts), by the code of the real one,
// with pictures that have sizes and no pixels.

import { mebibytes, memoryUse } from '../gpu/buffers.ts';
import { counterFor } from '../gpu/counting.ts';
import { WgpuStyleError } from '../gpu/errors.ts';
import { pieceBytes } from '../gpu/readback.ts';
import type { Pixels } from '../image/index.ts';
import { fitSize } from '../image/fit-size.ts';
import { Belongings } from './belongings.ts';
import { checkDemands, fitsLimits, wantedOf } from './demands.ts';
import { requestOf } from './evaluation.ts';
import type { BuildIteration, Fit, Iteration, SessionParts } from './session-parts.ts';
import type { Size } from './limits.ts';
import type { Plane } from './masks.ts';
import type { FeatureNetwork } from './network.ts';
import type { Guidance } from './regions.ts';
import { cutAxis, cuts, type TileDemand } from './tile-grid.ts';
import { factsOf, resultDemand, styleDemand } from './tile-layers.ts';
import { checkTileable, untileable, type Cut, type Tiling } from './tiled-evaluation.ts';

/** Memory and work of a session built in some way. */
interface Counted {
  /** Highest sum of GPU buffers, to the reading of the finished picture; of several devices on the one that has most. */
  readonly peakBytes: number;
  readonly flops: number;
}

/** A picture that takes no memory on the host: only its size is asked. */
export function blank({ width, height }: Size): Pixels {
  return { width, height, data: new Float32Array(0) };
}

/** What masks say, for a result of `size` whose pictures are blank. */
function blankGuidance({ regions, paintable }: Guidance, size: Size, vgg: FeatureNetwork): Guidance {
  const planeAt = (plane: Plane, stride: number): Plane => {
    const [width, height] = [Math.floor(size.width / stride), Math.floor(size.height / stride)];
    const isSame = plane.width === width && plane.height === height;
    return isSame ? plane : { width, height, values: new Float32Array(width * height) };
  };
  return {
    regions: regions.map(({ share, guides, styles }) => ({
      share,
      guides: guides && new Map([...guides].map(([layer, plane]) => [layer, planeAt(plane, factsOf(vgg, layer).stride)])),
      styles: styles.map((style) => ({ ...style, picture: blank(style.picture) })),
    })),
    paintable: paintable && planeAt(paintable, 1),
  };
}

/** Tells whoever wants warnings; the console, where nobody does. */
export function warn({ onWarning }: Pick<SessionParts, 'onWarning'>, message: string): void {
  if (onWarning) onWarning(message);
  else console.warn(message); // eslint-disable-line no-console
}

/**
 * Decides how to build a session, and warns where L-BFGS keeps less than was asked for. Throws `limit-exceeded` where even the smallest tiles do not fit, with what is needed, what
 * there is, and the longest side that fits.
 */
export async function fitIteration(parts: SessionParts, build: BuildIteration): Promise<Fit> {
  const fit = await fittingWay(parts, build);
  const { history } = fit;
  if (history === undefined) return fit;
  const limit = parts.deviceBytes === undefined ? 'memoryLimit' : 'out of memory';
  const size = mebibytes(stateImages(parts, history) * imageBytes(parts));
  warn(parts, `${limit}: L-BFGS keeps ${history} pairs of pictures (${size}), fewer than asked for; adam needs far less memory`);
  return fit;
}

async function fittingWay(parts: SessionParts, build: BuildIteration): Promise<Fit> {
  const { device, helpers = [], vgg, options, pictures } = parts;
  const memoryLimit = limitOf(parts);
  const wanted = wantedOf(options);
  checkDemands(device, vgg, pictures, wanted);
  // Devices share tiles: a whole picture is one's.
  const mayBeWhole = helpers.length === 0;
  const mayBeFull = mayBeWhole && options.storage !== 'f16' && fitsLimits(device, vgg, pictures, wanted);
  if (mayBeFull && memoryLimit === Infinity) return { tiling: 'whole' };
  const counted = new Counting(parts, build);
  const mayBeHalved = mayBeWhole && options.storage !== 'f32';
  const wholes = [...(mayBeFull ? ['f32' as const] : []), ...(mayBeHalved ? ['f16' as const] : [])].flatMap((storage): Fit[] => {
    return [{ tiling: 'whole', storage }, { tiling: 'whole', storage, recomputes: true }];
  });
  const whole = await counted.firstOf(wholes, memoryLimit);
  if (whole) return whole;
  const ways = waysOf(parts);
  const history = await fittingHistory(counted, smallestOf(parts, ways), memoryLimit, parts);
  // Tiles are computed twice: where a shorter history makes room for the whole, and half of it is left, that comes first.
  for (const fit of history === undefined ? [] : wholes) {
    const pairs = (await fittingHistory(counted, fit, memoryLimit, parts))!;
    const shorter = 2 * pairs < history! ? undefined : await counted.firstOf([{ ...fit, history: pairs }], memoryLimit);
    if (shorter) return shorter;
  }
  checkTileable(parts);
  const rest = { storage: leastStorage(options), ...(history !== undefined && { history }) };
  const fits: { readonly fit: Fit; readonly flops: number }[] = [];
  for (const keepsContent of [true, false]) {
    const tilings = (i: number): Tiling => tilingOf(parts, ways[i]!, keepsContent);
    const found = await firstFitting(ways.length, tilings, rest, counted, memoryLimit);
    if (found) fits.push(found);
  }
  const [best] = fits.sort((a, b) => a.flops - b.flops);
  if (best) return best.fit;
  throw await tooLarge(parts, counted, memoryLimit);
}

/**
 * The error of a session for which a device with so many bytes is too small, however it is built: what is needed, what there
 * is, and the longest side that fits.
 */
export async function refusal(parts: SessionParts, build: BuildIteration, deviceBytes: number, cause: unknown): Promise<WgpuStyleError> {
  const small = { ...parts, deviceBytes };
  return tooLarge(small, new Counting(small, build), limitOf(small), cause);
}

/** Bytes that the least of all ways to build a session takes. Throws `limit-exceeded` where the device's limits forbid even that. */
export async function leastBytes(parts: SessionParts, build: BuildIteration): Promise<number> {
  const counted = new Counting(parts, build);
  const least = await counted.of({ ...smallestOf(parts), ...leastHistory(parts) });
  if (!least) throw counted.failure!;
  return least.peakBytes;
}

/** What the caller allows, or what the device was found to have where that is less. */
function limitOf({ options: { memoryLimit = Infinity }, deviceBytes = Infinity }: SessionParts): number {
  return Math.min(memoryLimit, deviceBytes);
}

/** How activations of tiles are kept, and of whatever has to take least. */
function leastStorage({ storage }: SessionParts['options']): NonNullable<Fit['storage']> {
  return storage === 'f32' ? 'f32' : 'f16';
}

/** Cuts of the result from coarse to fine, without the one that cuts nothing where that was tried already. */
function waysOf({ start, options, vgg, helpers = [] }: SessionParts): readonly Cut[] {
  const all = cuts(start, resultDemand(requestOf({ vgg, options }).vgg, wantedOf(options)));
  const shared = all.filter(({ rows, columns }) => rows * columns > helpers.length);
  return shared.length > 0 ? shared : all.slice(-1);
}

/** Styles in tiles that are no larger than the result's: less is kept of them, so they fit where those do. */
function tilingOf({ pictures, options, vgg, start }: SessionParts, result: Cut, keepsContent: boolean): Tiling {
  const wanted = wantedOf(options);
  const { vgg: network } = requestOf({ vgg, options });
  const most = largestExtent(start, result, resultDemand(network, wanted));
  const demand = styleDemand(network, wanted.style);
  const styles = pictures.styles.map(({ picture }) => {
    const all = cuts(picture, demand);
    return all.find((cut) => largestExtent(picture, cut, demand) <= most) ?? all.at(-1)!;
  });
  return { result, styles, keepsContent };
}

function largestExtent({ width, height }: Size, { rows, columns }: Cut, demand: TileDemand): number {
  const longest = (length: number, count: number): number =>
    Math.max(...cutAxis(length, count, demand).map(({ extent }) => extent.size));
  return longest(height, rows) * longest(width, columns);
}

/** The coarsest of as many `tilings` that fits; finer ones need less. */
async function firstFitting(
  ways: number,
  tilings: (i: number) => Tiling,
  rest: Omit<Fit, 'tiling'>,
  counted: Counting,
  limit: number,
): Promise<{ readonly fit: Fit; readonly flops: number } | undefined> {
  let [fails, found] = [-1, ways];
  let best: { readonly fit: Fit; readonly flops: number } | undefined;
  while (found - fails > 1) {
    const middle = Math.floor((found + fails) / 2);
    const fit = { tiling: tilings(middle), ...rest };
    const count = await counted.of(fit);
    if (count && count.peakBytes <= limit) {
      found = middle;
      best = { fit, flops: count.flops };
    } else fails = middle;
  }
  return best;
}

/** What takes least: the smallest tiles, or the whole picture where there can be none. */
function smallestOf(parts: SessionParts, ways: readonly Cut[] = waysOf(parts)): Fit {
  const storage = leastStorage(parts.options);
  if (untileable(parts).length > 0) return { tiling: 'whole', storage, recomputes: true };
  return { tiling: tilingOf(parts, ways.at(-1)!, false), storage };
}

/** L-BFGS may take this part of the memory, where the rest is enough for what takes least, before its history is cut. */
const SHARE = 0.5;

/** Pairs that L-BFGS can keep beside `fit`, where that is fewer than were asked for; at least one. */
async function fittingHistory(
  counted: Counting,
  fit: Fit,
  limit: number,
  parts: SessionParts,
): Promise<number | undefined> {
  const { optimizer } = parts.options;
  if (optimizer.name !== 'lbfgs' || limit === Infinity || parts.history !== undefined) return undefined;
  const { history = 100 } = optimizer;
  const pairs = Math.max(1, Math.min(history, (parts.maxIterations ?? Infinity) - 1));
  const bytes = imageBytes(parts);
  // With one pair: what is left beside it goes to more pairs, up to the share.
  const least = await counted.of({ ...fit, history: 1 });
  const isTooMuch = least !== undefined && least.peakBytes + 2 * (pairs - 1) * bytes > limit;
  if (!isTooMuch && stateImages(parts, pairs) * bytes <= SHARE * limit) return undefined;
  const left = Math.min(limit - (least?.peakBytes ?? limit), SHARE * limit - stateImages(parts, 1) * bytes);
  return Math.min(pairs, Math.max(1, 1 + Math.floor(left / (2 * bytes))));
}

/** Bytes of a picture on the GPU. */
function imageBytes({ start: { width, height } }: SessionParts): number {
  return 16 * width * height;
}

/** Pictures that L-BFGS with so many pairs keeps, and an average of the iterates. */
function stateImages({ options: { averaging } }: SessionParts, pairs: number): number {
  return 2 * pairs + 3 + (averaging > 0 ? 2 : 0);
}

/** The error of a picture that no tiles make fit. */
async function tooLarge(parts: SessionParts, counted: Counting, limit: number, cause?: unknown): Promise<WgpuStyleError> {
  const needed = await counted.of({ ...smallestOf(parts), ...leastHistory(parts) });
  if (!needed) return counted.failure!;
  const { width, height } = parts.start;
  const longest = Math.max(width, height);
  let [fits, fails] = [0, longest];
  while (fails - fits > Math.max(1, longest / 256)) {
    const side = Math.floor((fits + fails) / 2);
    if (await counted.fitsAt(fitSize(width, height, side), limit)) fits = side;
    else fails = side;
  }
  const isFound = limit === parts.deviceBytes;
  // What was held when the device gave out is there; there may be more.
  const none = isFound ? 'No size is known to fit; take a smaller one' : 'No size fits with this network; take another';
  const largest = fits > 0 ? `The longest side that fits is about ${fits}; take that` : none;
  const how = untileable(parts).length > 0 ? `(${untileable(parts).join(', ')} cannot go in tiles)` : 'in the smallest tiles';
  const what = `${width}x${height} pixels need ${mebibytes(needed.peakBytes)} of GPU buffers ${how}`;
  if (isFound) {
    return new WgpuStyleError('out-of-memory', {
      what: `${what}, the device ran out of memory with ${mebibytes(limit)} held`,
      where: 'StyleSession.create',
      fix: `${largest}, an optimizer with less state (gd, adam), or free other GPU memory`,
      cause,
    });
  }
  return new WgpuStyleError('limit-exceeded', {
    what: `${what}, memoryLimit is ${mebibytes(limit)}`,
    where: 'memoryLimit',
    fix: `${largest}, an optimizer with less state (gd, adam), or a higher limit`,
  });
}

/** One pair, where there are pairs and it is not said how many. */
function leastHistory({ options, history }: SessionParts): Pick<Fit, 'history'> {
  return options.optimizer.name === 'lbfgs' && history === undefined ? { history: 1 } : {};
}

/** Builds sessions on devices that count. */
class Counting {
  /** What the last way that could not be built at all was refused with. */
  failure: WgpuStyleError | undefined;
  readonly #parts: SessionParts;
  readonly #build: BuildIteration;

  constructor(parts: SessionParts, build: BuildIteration) {
    this.#parts = parts;
    this.#build = build;
  }

  /** Undefined where the device's limits forbid it. */
  async of(fit: Fit, parts: SessionParts = this.#parts): Promise<Counted | undefined> {
    const { device, helpers = [], pictures, start } = parts;
    const counter = counterFor(device);
    const counters = fit.tiling === 'whole' ? [] : helpers.map(counterFor);
    const belongings = new Belongings();
    try {
      const styles = pictures.styles.map(({ picture, weight }) => ({ picture: blank(picture), weight }));
      const iteration: Iteration = await this.#build(
        {
          ...parts,
          device: counter,
          helpers: counters,
          preview: undefined,
          signal: undefined,
          moments: undefined,
          deviceBytes: undefined,
          pictures: { content: blank(pictures.content), styles },
          start: blank(start),
          ...(parts.guidance && { guidance: blankGuidance(parts.guidance, start, requestOf(parts).vgg) }),
          fit,
        },
        belongings,
      );
      const staging = pieceBytes(imageBytes(parts)) + 3 * STAGED;
      // What devices tell each other is a band of the picture at a time, at most.
      const band = counters.length > 0 ? Math.max(...iteration.shown.map(({ size }) => size)) : 0;
      const peaks = [counter, ...counters].map((each, i) => {
        const { bytes, peakBytes } = memoryUse(each);
        return Math.max(peakBytes, bytes + Math.max(band, i === 0 ? staging : 0));
      });
      return { peakBytes: Math.max(...peaks), flops: iteration.plan.flops };
    } catch (error) {
      if (!(error instanceof WgpuStyleError) || error.code !== 'limit-exceeded') throw error;
      this.failure = error;
      return undefined;
    } finally {
      belongings.destroy();
    }
  }

  /** The first of `fits` that gets along with `limit`. */
  async firstOf(fits: readonly Fit[], limit: number): Promise<Fit | undefined> {
    for (const fit of fits) {
      const count = await this.of(fit);
      if (count && count.peakBytes <= limit) return fit;
    }
    return undefined;
  }

  /** Whether a result of `size` fits in the smallest tiles. */
  async fitsAt(size: Size, limit: number): Promise<boolean> {
    const { pictures } = this.#parts;
    const parts = { ...this.#parts, start: blank(size), pictures: { ...pictures, content: blank(size) } };
    try {
      checkDemands(parts.device, parts.vgg, parts.pictures, wantedOf(parts.options));
    } catch {
      return false; // too small for the network
    }
    const count = await this.of({ ...smallestOf(parts), ...leastHistory(parts) }, parts);
    return count !== undefined && count.peakBytes <= limit;
  }
}

/** Bytes of one staging buffer for losses, at most. */
const STAGED = 1024;
