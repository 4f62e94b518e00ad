// From ONNX bytes to a network: the walk finds the layers, this file settles what the first of them
// sees: what the caller says, else what the file says, else what nodes in front of it say, else the
// usual, and then it is called assumed.

import { WgpuStyleError } from '../gpu/errors.ts';
import type { ByteSource, OpenBeside } from './byte-source.ts';
import type { Layer } from './layers.ts';
import { readOnnx } from './onnx.ts';
import {
  composePreprocessing,
  inputRangeOf,
  namedPreprocessing,
  resolvePreprocessing,
  type ChannelAffine,
  type Preprocessing,
  type PreprocessingMap,
  type PreprocessingSource,
} from './preprocessing.ts';
import { findNetwork } from './topology.ts';
import { weightsSha256 } from './trust.ts';
import type { StoredNetwork } from './weights.ts';

/** Key in an ONNX file's `metadata_props` under which its preprocessing may stand, as JSON. */
const preprocessingKey = 'wgpu-style.preprocessing';

/** The options of an import that matter once the file is open. */
export interface ImportOptions {
  readonly upTo?: string;
  readonly preprocessing?: Preprocessing;
  /** Who says so: the caller, or the list of known networks. */
  readonly preprocessingFrom?: 'option' | 'manifest';
  /** Texts to keep with the weights: name, licence, source. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Reads a stream to its end, for the hash of the whole file. */
  readonly readsAll?: boolean;
  /** Told how many bytes of weights are still to be read, once that is known. */
  readonly onPlan?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly openBeside?: OpenBeside | undefined;
}

/** How much of a file an import read, and a hash to know it by. */
export interface Origin {
  /** Bytes that came from disk or network. */
  readonly bytesRead: number;
  /** Size of the file; undefined where nobody told and the end was not reached. */
  readonly bytesTotal: number | undefined;
  readonly sha256: string;
  /**
   * What `sha256` is of: the whole 'file', where all of it was read; else the imported 'weights',
   * layer by layer, weight [kh, kw, cin, cout] then bias, as little-endian float32.
   */
  readonly sha256Of: 'file' | 'weights';
}

/** A network, where its preprocessing is known from, and what it was made of. */
export interface ImportedNetwork extends StoredNetwork {
  readonly preprocessingSource: PreprocessingSource;
  readonly origin: Origin;
}

/**
 * The network in an ONNX file, of which no more is read than it needs. Throws `bad-model`,
 * `unsupported-op`, `bad-option` as `Vgg.fromOnnx` says.
 */
export async function importOnnx(
  source: ByteSource,
  options: ImportOptions,
  where: string,
): Promise<ImportedNetwork> {
  const { upTo, preprocessing: option, preprocessingFrom = 'option', signal, openBeside } = options;
  // What the file itself says of its preprocessing stands at its end.
  const needsEnd = option === undefined || options.readsAll === true;
  const graph = await readOnnx(source, { where, signal, upTo, needsEnd, openBeside });
  const { layers, front } = await findNetwork(graph, upTo, where, options.onPlan);
  if (options.readsAll) await readToEnd(source);
  const stated = statedPreprocessing(graph.metadata.get(preprocessingKey), where);
  const given = option === undefined ? stated : resolvePreprocessing(option, where);
  const found = foundPreprocessing(given, front, layers, where);
  const from = option !== undefined ? preprocessingFrom : stated ? 'file' : 'graph';
  const origin = originOf(source, layers);
  const hashKey = origin.sha256Of === 'file' ? 'source_sha256' : 'source_weights_sha256';
  const metadata = new Map([
    ...[...graph.metadata].filter(([key]) => key !== preprocessingKey),
    ...Object.entries(options.metadata ?? {}),
    [hashKey, origin.sha256] as const,
  ]);
  return {
    layers,
    preprocessing: found ?? assumedPreprocessing(front),
    preprocessingSource: found ? from : 'assumed',
    metadata,
    origin,
  };
}

/** Whatever the walk through the file had no use for is part of its hash. */
async function readToEnd(source: ByteSource): Promise<void> {
  if (!source.isSeekable) await source.read(Infinity, 1);
}

function originOf(source: ByteSource, layers: readonly Layer[]): Origin {
  const whole = source.sha256();
  const { bytesRead } = source;
  return {
    bytesRead,
    bytesTotal: source.size ?? (whole === undefined ? undefined : bytesRead),
    sha256: whole ?? weightsSha256(layers),
    sha256Of: whole === undefined ? 'weights' : 'file',
  };
}

function statedPreprocessing(
  text: string | undefined,
  where: string,
): PreprocessingMap | undefined {
  if (text === undefined) return undefined;
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    // A bare name is no JSON; resolvePreprocessing refuses the rest.
  }
  return resolvePreprocessing(value, where, 'bad-model');
}

/** What the first layer sees, as far as the caller, the file or nodes before that layer say so. */
function foundPreprocessing(
  given: PreprocessingMap | undefined,
  front: ChannelAffine | undefined,
  layers: readonly Layer[],
  where: string,
): PreprocessingMap | undefined {
  if (!front) return given ?? colourConvInput(layers[0]);
  if (!given && !tellsRange(front)) return undefined;
  const composed = composePreprocessing(given ?? inputRangeOf(front), front);
  if (composed) return composed;
  throw new WgpuStyleError('unsupported-op', {
    what: 'the nodes before the first convolution multiply a channel by zero',
    where,
    fix: 'Export the network without them and say what it expects with preprocessing',
  });
}

/** Channels that only change places say nothing about the range of their numbers. */
function tellsRange({ gain, shift }: ChannelAffine): boolean {
  return gain.some((value) => value !== 1) || shift.some((value) => value !== 0);
}

/** Nobody said anything: RGB, mean and deviation of ImageNet at the file's own input. */
function assumedPreprocessing(front: ChannelAffine | undefined): PreprocessingMap {
  const assumed = namedPreprocessing['rgb-mean-std'];
  return (front && composePreprocessing(assumed, front)) ?? assumed;
}

/**
 * A leading 1x1 convolution that mixes colours takes plain RGB; its own numbers say in which range.
 */
function colourConvInput(layer: Layer | undefined): PreprocessingMap | undefined {
  if (layer?.kind !== 'conv' || layer.name !== 'conv0') return undefined;
  const slope = layer.weight.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const offset = layer.bias.reduce((most, bias) => Math.max(most, Math.abs(bias)), 0);
  return inputRangeOf({ gain: [slope, slope, slope], shift: [offset, offset, offset] });
}
