// From ONNX bytes to a network: the walk finds the layers, this file settles what the first of them
// sees: what the caller says, else what the file says, else what nodes in front of it say, else the
// usual, and then it is called assumed.

import { WgpuStyleError } from '../gpu/errors.ts';
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
import type { StoredNetwork } from './weights.ts';

/** Key in an ONNX file's `metadata_props` under which its preprocessing may stand, as JSON. */
const preprocessingKey = 'wgpu-style.preprocessing';

/** The options of `Vgg.fromOnnx` that matter once the bytes are there. */
export interface ImportOptions {
  readonly upTo?: string;
  readonly preprocessing?: Preprocessing;
}

/**
 * The network in the bytes of an ONNX file, and where its preprocessing is known from. Throws
 * `bad-model`, `unsupported-op`, `bad-option` as `Vgg.fromOnnx` says.
 */
export async function importOnnx(
  bytes: Uint8Array,
  { upTo, preprocessing: option }: ImportOptions,
  where: string,
): Promise<StoredNetwork & { readonly preprocessingSource: PreprocessingSource }> {
  const graph = await readOnnx(bytes, where);
  const { layers, front } = findNetwork(graph, upTo, where);
  const stated = statedPreprocessing(graph.metadata.get(preprocessingKey), where);
  const given = option === undefined ? stated : resolvePreprocessing(option, where);
  const preprocessing = foundPreprocessing(given, front, layers, where);
  const source =
    option !== undefined ? 'option' : stated ? 'file' : preprocessing ? 'graph' : 'assumed';
  const metadata = new Map([...graph.metadata].filter(([key]) => key !== preprocessingKey));
  return {
    layers,
    preprocessing: preprocessing ?? namedPreprocessing['rgb-mean-std'],
    preprocessingSource: source,
    metadata,
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
  const composed = composePreprocessing(given ?? inputRangeOf(front), front);
  if (composed) return composed;
  throw new WgpuStyleError('unsupported-op', {
    what: 'the nodes before the first convolution multiply a channel by zero',
    where,
    fix: 'Export the network without them and say what it expects with preprocessing',
  });
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
