// What a network wants to see, as data: which channel comes first, and an affine map per channel
// from RGB in [0, 1]. Nothing here touches pixels: features.ts puts the map on the tape, style/
// chooses the space of its variable.

import { WgpuStyleError, badOption, type ErrorCode } from '../gpu/errors.ts';

/** Three numbers, one per channel, in the network's own channel order. */
export type Triple = readonly [number, number, number];

/**
 * Network input channel i, in `order`, is `(x * scale - mean[i]) / std[i]`, where x is that channel
 * of the picture in [0, 1]. `mean` and `std` are listed in the network's channel order.
 */
export interface PreprocessingMap {
  readonly order: 'rgb' | 'bgr';
  readonly scale: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/** The names of the two spaces in common use. */
export type PreprocessingName = 'rgb-mean-std' | 'bgr-255';

/** A preprocessing as callers give it: one of the two common ones by name, or the map itself. */
export type Preprocessing = PreprocessingName | PreprocessingMap;

/**
 * Where a network's preprocessing was learnt from. `option`: the caller said so; `manifest`: the
 * list of known networks; `graph`: nodes in front of the first layer; `file`: the file's metadata;
 * `assumed`: nobody, and `rgb-mean-std` was taken.
 */
export type PreprocessingSource = 'option' | 'manifest' | 'graph' | 'file' | 'assumed';

/**
 * The two conventions by name: torchvision's and the ONNX model zoo's (RGB, ImageNet mean and
 * deviation), and that of the original Caffe networks and of Keras (BGR, 0..255, minus the ImageNet
 * mean).
 */
export const namedPreprocessing: Readonly<Record<PreprocessingName, PreprocessingMap>> = {
  'rgb-mean-std': {
    order: 'rgb',
    scale: 1,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  'bgr-255': { order: 'bgr', scale: 255, mean: [103.939, 116.779, 123.68], std: [1, 1, 1] },
};

const shapeOfMap =
  "'rgb-mean-std', 'bgr-255' or { order: 'rgb' | 'bgr', scale, mean: [3], std: [3] } " +
  'with finite numbers, std not 0';

/**
 * The map behind a name, or the given map checked. Throws `code` (`bad-option` unless told) when it
 * is neither.
 */
export function resolvePreprocessing(
  preprocessing: unknown,
  where: string,
  code: ErrorCode = 'bad-option',
): PreprocessingMap {
  if (preprocessing === 'rgb-mean-std' || preprocessing === 'bgr-255') {
    return namedPreprocessing[preprocessing];
  }
  if (typeof preprocessing === 'object' && preprocessing !== null) {
    const { order, scale, mean, std } = preprocessing as Record<string, unknown>;
    if (
      (order === 'rgb' || order === 'bgr') &&
      isFiniteNumber(scale) &&
      scale !== 0 &&
      isTriple(mean) &&
      isTriple(std) &&
      std.every((value) => value !== 0)
    ) {
      return { order, scale, mean: [...mean], std: [...std] };
    }
  }
  const fix = `Give ${shapeOfMap}`;
  const what = `preprocessing is not one: got ${show(preprocessing)}`;
  throw code === 'bad-option'
    ? badOption(where, what, fix)
    : new WgpuStyleError(code, { what, where, fix });
}

/** The common name of a map, or undefined when it has none. */
export function preprocessingName(map: PreprocessingMap): PreprocessingName | undefined {
  for (const name of ['rgb-mean-std', 'bgr-255'] as const) {
    const known = namedPreprocessing[name];
    const isSame =
      known.order === map.order &&
      [0, 1, 2].every(
        (i) =>
          closeTo(map.scale / map.std[i]!, known.scale / known.std[i]!) &&
          closeTo(map.mean[i]! / map.std[i]!, known.mean[i]! / known.std[i]!),
      );
    if (isSame) return name;
  }
  return undefined;
}

/** A per-channel affine map `gain[i] * u[from[i]] + shift[i]` found at the front of a graph. */
export interface ChannelAffine {
  readonly from: Triple;
  readonly gain: Triple;
  readonly shift: Triple;
}

/**
 * The preprocessing of what stands behind `affine`, when the input of `affine` is given by `input`.
 * Undefined when the channels end up in an order that is neither RGB nor BGR, or when a channel is
 * multiplied by zero.
 */
export function composePreprocessing(
  input: PreprocessingMap,
  { from, gain, shift }: ChannelAffine,
): PreprocessingMap | undefined {
  const isStraight = from.every((source, i) => source === i);
  const isReversed = from.every((source, i) => source === 2 - i);
  if ((!isStraight && !isReversed) || gain.includes(0)) return undefined;
  const other = input.order === 'rgb' ? 'bgr' : 'rgb';
  const order = isStraight ? input.order : other;
  // y = slope * x + offset with x in [0, 1]
  const slope = perChannel((i) => (gain[i]! * input.scale) / input.std[from[i]!]!);
  const offset = perChannel(
    (i) => shift[i]! - (gain[i]! * input.mean[from[i]!]!) / input.std[from[i]!]!,
  );
  if (slope[0] === slope[1] && slope[1] === slope[2]) {
    return { order, scale: slope[0], mean: perChannel((i) => 0 - offset[i]!), std: [1, 1, 1] };
  }
  return {
    order,
    scale: 1,
    mean: perChannel((i) => (0 - offset[i]!) / slope[i]!),
    std: perChannel((i) => 1 / slope[i]!),
  };
}

/**
 * The RGB input range that an affine map at the front of a graph expects, told by its own numbers:
 * a gain well above 1 stretches 0..1; a gain well below 1, or a gain of about 1 with a shift in the
 * tens, brings 0..255 down.
 */
export function inputRangeOf({
  gain,
  shift,
}: Pick<ChannelAffine, 'gain' | 'shift'>): PreprocessingMap {
  const slope = Math.max(...gain.map(Math.abs));
  const offset = Math.max(...shift.map(Math.abs));
  const isBytes = slope < 0.5 || (slope < 1.5 && offset > 2);
  return { order: 'rgb', scale: isBytes ? 255 : 1, mean: [0, 0, 0], std: [1, 1, 1] };
}

function perChannel(value: (i: 0 | 1 | 2) => number): Triple {
  return [value(0), value(1), value(2)];
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isTriple(value: unknown): value is [number, number, number] {
  return Array.isArray(value) && value.length === 3 && value.every(isFiniteNumber);
}

function closeTo(a: number, b: number): boolean {
  // Graph constants are float32, names are decimal: 1e-5 tells the two conventions apart from any
  // third.
  return Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b));
}

function show(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 120);
  } catch {
    return String(value).slice(0, 120);
  }
}
