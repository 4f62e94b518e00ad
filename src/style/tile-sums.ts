// Statistics of a layer that are added up over tiles. A Gram matrix is a sum over pixels, so the matrices of the cores add up
// to the picture's: G = Σ F·Fᵀ. Means and deviations are put together from those of the cores (Chan, Golub and LeVeque
// 1979): μ = Σ wᵢ·μᵢ, σ² = Σ wᵢ·(σᵢ² + (μᵢ − μ)²), wᵢ the core's share of the pixels; no digits are lost to large means. With
// a guide T all of it is of T∘F, and wᵢ is the core's share of ΣT².

import type { Tape, Tensor } from '../autograd/index.ts';
import { copyBox } from '../kernels/copy.ts';
import type { Dispatch } from '../gpu/dispatch.ts';
import { vectorsOf } from '../kernels/shape.ts';
import { EPSILON, layerStatistics, type Moments } from './statistics.ts';
import type { StylePart } from './statistics.ts';
import type { CoreGuide, GuideSlots } from './tile-planes.ts';

/** What of a tile's core goes into the sums. */
export interface CoreStatistics {
  /** FFᵀ over the pixels of the whole layer, [c, c]. */
  readonly second: Tensor | undefined;
  /** μ and √(σ² + ε) of the core, [2, c]. */
  readonly moments: Tensor | undefined;
}

/** The sums of one layer: variables on the tape, filled tile by tile. */
export class LayerSums {
  readonly layer: string;
  readonly channels: number;
  /** Pixels of the whole layer. */
  readonly pixels: number;
  /** Σ F·Fᵀ / M, [c, c]: to be cleared before the first tile. */
  readonly second: Tensor | undefined;
  /** μ and σ of each tile's core, [tiles, 2, c]. */
  readonly table: Tensor | undefined;
  /** How much each feature counts; undefined where all count alike. */
  readonly guide: GuideSlots | undefined;
  readonly #tape: Tape;
  readonly #shares: Float32Array;

  /** `cores` are the pixels of each tile's core at the layer. */
  constructor(
    tape: Tape,
    layer: string,
    channels: number,
    cores: readonly number[],
    parts: readonly StylePart[],
    guide?: GuideSlots,
  ) {
    const statistics = new Set(parts.filter((part) => part.layer === layer).map(({ statistic }) => statistic));
    const wants = (...names: readonly StylePart['statistic'][]): boolean => names.some((name) => statistics.has(name));
    this.layer = layer;
    this.channels = channels;
    this.pixels = cores.reduce((sum, count) => sum + count, 0);
    this.#tape = tape;
    this.guide = guide;
    this.#shares = guide?.shares ?? Float32Array.from(cores, (count) => count / this.pixels);
    if (wants('gram', 'covariance', 'wasserstein')) {
      this.second = tape.variable([channels, channels], undefined, `${layer}/second moment`);
    }
    if (wants('covariance', 'mean', 'std', 'wasserstein')) {
      this.table = tape.variable([cores.length, 2, channels], undefined, `${layer}/moments of tiles`);
    }
  }

  /** Variables whose gradients say how the loss depends on the layer. */
  get variables(): readonly Tensor[] {
    return [this.second, this.table].filter((tensor) => tensor !== undefined);
  }

  /** Records the statistics of a core [h, w, c] of a tile of `kind`. */
  ofCore(core: Tensor, kind: number): CoreStatistics {
    if (this.guide) return this.#guided(core, this.guide.on(kind));
    return {
      second: this.second && this.#tape.gram(core, 1 / this.pixels),
      moments: this.table && this.#tape.meanStd(core, { epsilon: EPSILON }),
    };
  }

  #guided(core: Tensor, { plane, own }: CoreGuide): CoreStatistics {
    const tape = this.#tape;
    const of = layerStatistics(tape, core, 'pixels', own);
    return {
      second: this.second && tape.gram(tape.mul(core, plane), 1 / this.pixels),
      moments: this.table && tape.concat([of('mean'), of('std')], 0),
    };
  }

  /** second += a core's share of it. */
  add({ second }: CoreStatistics): Dispatch<Tensor>[] {
    return second ? [copyAll(second, this.second!, true)] : [];
  }

  /** The statistics of the whole layer, once every tile is in. */
  moments(): Moments {
    const tape = this.#tape;
    const [tiles, , c] = (this.table?.shape ?? [0, 0, 0]) as [number, number, number];
    const column = (i: 0 | 1): Tensor => tape.reshape(tape.slice(this.table!, [0, i, 0], [tiles, 1, c]), [tiles, c]);
    let known: { readonly mean: Tensor; readonly means: Tensor; readonly shares: Tensor } | undefined;
    const first = (): NonNullable<typeof known> => {
      if (known) return known;
      const shares = tape.constant([1, tiles], this.#shares, 'shares of tiles');
      const means = column(0);
      return (known = { shares, means, mean: tape.matmul(shares, means) });
    };
    return {
      channels: this.channels,
      second: () => this.second!,
      mean: () => first().mean,
      std: () => {
        const { shares, means, mean } = first();
        const apart = tape.sub(means, tape.reshape(mean, [c]));
        return tape.sqrt(tape.matmul(shares, tape.add(tape.square(column(1)), tape.square(apart))));
      },
    };
  }
}

/** y (+)= x, both of one shape. */
export function copyAll<B extends Tensor>(x: B, y: B, accumulate = false): Dispatch<B> {
  const flat = [4 * vectorsOf(x.shape)];
  return copyBox({ from: flat, to: flat, begin: [0], size: flat, shift: [0] }, { x, y }, accumulate);
}
