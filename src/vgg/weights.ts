// A network as a safetensors file and back. Tensors `conv1_1.weight` [3, 3, cin, cout] and
// `conv1_1.bias` [cout]; metadata, all texts: format 'wgpu-style', version '1', layout 'hwio',
// topology (a JSON list of layer names), preprocessing (JSON), padding and pooling (a word, or a
// JSON object of words by layer), and name, licence, source.

import type { ConvLayer, Layer, LayerPadding, Pooling } from './layers.ts';
import { resolvePreprocessing, type PreprocessingMap, type PreprocessingSource } from './preprocessing.ts';
import {
  badWeights,
  readSafetensors,
  type SafetensorsFile,
} from './safetensors.ts';

/** What a weights file holds. */
export interface StoredNetwork {
  readonly layers: readonly Layer[];
  readonly preprocessing: PreprocessingMap;
  /** Texts that say what the network is and where it comes from: name, licence, source, … */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Keys that the format itself uses; the rest of the metadata is the network's own. */
export const reserved: ReadonlySet<string> = new Set([
  'format',
  'version',
  'layout',
  'topology',
  'preprocessing',
  'padding',
  'pooling',
]);

/** Key in a weights file's metadata that says that its preprocessing was a guess. */
export const assumedKey = 'preprocessing_source';

/** A network as a `Vgg` takes it. A guess at its preprocessing does not become a fact by being written down. */
export function storedNetwork({ metadata: stored, ...network }: StoredNetwork): StoredNetwork & {
  readonly preprocessingSource: PreprocessingSource;
} {
  const metadata = new Map(stored);
  const isAssumed = metadata.get(assumedKey) === 'assumed';
  metadata.delete(assumedKey);
  return { ...network, metadata, preprocessingSource: isAssumed ? 'assumed' : 'file' };
}

/** Reads a weights file. Throws `bad-weights`, saying what is wrong with which entry. */
export function decodeNetwork(bytes: Uint8Array, where: string): StoredNetwork {
  const file = readSafetensors(bytes, where);
  const { metadata } = file;
  const isOurs = metadata.get('format') === 'wgpu-style' && metadata.get('layout') === 'hwio';
  if (!isOurs || metadata.get('version') !== '1') {
    const got = ['format', 'version', 'layout']
      .map((key) => `${key} '${metadata.get(key) ?? ''}'`)
      .join(', ');
    throw badWeights(`not weights of a VGG: got ${got}, need 'wgpu-style', '1', 'hwio'`, where);
  }
  const paddings = wordReader(metadata, 'padding', ['zero', 'reflect', 'replicate'], where);
  const poolings = wordReader(metadata, 'pooling', ['max', 'average'], where);
  let channels = 3;
  const layers = topologyOf(metadata, where).map((name): Layer => {
    if (name.startsWith('relu')) return { kind: 'relu', name };
    if (name.startsWith('pool')) return { kind: 'pool', name, pooling: poolings(name) as Pooling };
    const conv = readConv(file, name, channels, paddings(name) as LayerPadding, where);
    channels = conv.cout;
    return conv;
  });
  const preprocessing = resolvePreprocessing(
    parseJson(metadata, 'preprocessing', where),
    where,
    'bad-weights',
  );
  return {
    layers,
    preprocessing,
    metadata: new Map([...metadata].filter(([key]) => !reserved.has(key))),
  };
}

function readConv(
  file: SafetensorsFile,
  name: string,
  cin: number,
  padding: LayerPadding,
  where: string,
): ConvLayer {
  const weight = file.tensor(`${name}.weight`);
  const bias = file.tensor(`${name}.bias`);
  const side = name === 'conv0' ? 1 : 3;
  const [kh, kw, givenCin, cout] = weight.shape;
  const isRight =
    weight.shape.length === 4 && kh === side && kw === side && givenCin === cin && cout;
  if (!isRight) {
    const got = `[${weight.shape.join(', ')}]`;
    throw badWeights(`${name}.weight is ${got}, need [${side}, ${side}, ${cin}, cout]`, where);
  }
  if (bias.shape.length !== 1 || bias.shape[0] !== cout) {
    throw badWeights(`${name}.bias is [${bias.shape.join(', ')}], need [${cout}]`, where);
  }
  return {
    kind: 'conv',
    name,
    cin,
    cout,
    kernel: [side, side],
    padding,
    weight: weight.data,
    bias: bias.data,
  };
}

/** Layer names: conv0 or convB_I, reluB_I (relu0), poolB; each once, a convolution first. */
function topologyOf(metadata: ReadonlyMap<string, string>, where: string): readonly string[] {
  const names = parseJson(metadata, 'topology', where);
  const isName = (name: unknown): boolean =>
    typeof name === 'string' && /^(conv0|relu0|(conv|relu)\d{1,2}_\d{1,2}|pool\d{1,2})$/.test(name);
  const isChain =
    Array.isArray(names) &&
    names.every(isName) &&
    new Set(names).size === names.length &&
    String(names[0]).startsWith('conv') &&
    names.lastIndexOf('conv0') <= 0;
  if (!isChain) {
    throw badWeights('topology is not a list of layers such as ["conv1_1", "relu1_1", …]', where);
  }
  return names as readonly string[];
}

function parseJson(metadata: ReadonlyMap<string, string>, key: string, where: string): unknown {
  try {
    return JSON.parse(metadata.get(key) ?? '');
  } catch (cause) {
    const got = metadata.get(key)?.slice(0, 80) ?? 'nothing';
    throw badWeights(`${key} in the metadata is not JSON: got ${got}`, where, undefined, cause);
  }
}


/** Looks up a layer's word; the first of `allowed` where the metadata says nothing. */
function wordReader(
  metadata: ReadonlyMap<string, string>,
  key: string,
  allowed: readonly [string, ...string[]],
  where: string,
): (layer: string) => string {
  const text = metadata.get(key);
  const isObject = text?.startsWith('{') === true;
  const given = isObject ? parseJson(metadata, key, where) : {};
  const words = new Map(Object.entries(given as Readonly<Record<string, unknown>>));
  return (layer) => {
    const word = words.get(layer) ?? (isObject ? undefined : text) ?? allowed[0];
    if (allowed.includes(word as string)) return word as string;
    const got = JSON.stringify(word);
    throw badWeights(`${key} of ${layer} is ${got}, need ${allowed.join(' or ')}`, where);
  };
}
