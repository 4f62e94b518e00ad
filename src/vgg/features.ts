// A network on the tape: from an RGB picture in any variable's space to the activations that a loss
// wants. Only layers up to the deepest wanted one are recorded. The tape sees RGB order always: a
// BGR network's first weights are turned once.

import type { Tape, Tensor } from '../autograd/index.ts';
import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import { minimumSide, unknownLayer, type ConvLayer, type Layer, type Pooling } from './layers.ts';
import type { PreprocessingMap, Triple } from './preprocessing.ts';

/** What is needed of a network to run it; every `Vgg` has it. */
export interface FeatureNetwork {
  readonly layers: readonly Layer[];
  readonly preprocessing: PreprocessingMap;
}

/** Where a picture's values live: v = scale * x - mean, x in [0, 1]; channels red, green, blue. */
export interface VariableSpace {
  readonly scale: number;
  readonly mean: Triple;
}

/** Options of `buildFeatures`. */
export interface BuildOptions {
  /** Replaces the network's own pooling. */
  readonly pooling?: Pooling | undefined;
  /** Default: RGB in [0, 1]. */
  readonly space?: VariableSpace | undefined;
  /** What is kept of a wanted layer, such as a part of it; recorded right behind the layer. `stride`: pixels to one of it. */
  readonly keep?: ((feature: Tensor, stride: number) => Tensor) | undefined;
}

const unitSpace: VariableSpace = { scale: 1, mean: [0, 0, 0] };

/**
 * Records the network on `image` ([h, w, 3], RGB, in `space`) and returns the tensors of the wanted
 * layers, each [h', w', c]. Weights become constants of the tape, once per tape.
 *
 * @throws `bad-option` on unknown layers or an empty list, `bad-image` when the picture is too
 *   small for the deepest.
 */
export function buildFeatures(
  tape: Tape,
  vgg: FeatureNetwork,
  image: Tensor,
  wanted: readonly string[],
  { pooling, space = unitSpace, keep = (feature) => feature }: BuildOptions = {},
): ReadonlyMap<string, Tensor> {
  const where = 'vgg.features';
  const [h, w, c] = image.shape;
  if (image.shape.length !== 3 || !h || !w || c !== 3) {
    throw badOption(where, `image: got shape [${image.shape.join(', ')}]`, 'Give [h, w, 3]');
  }
  const layers = vgg.layers.slice(0, deepest(vgg, wanted, where) + 1);
  const side = minimumSide(layers);
  if (Math.min(h, w) < side) {
    throw new WgpuStyleError('bad-image', {
      what:
        `the picture is too small for ${layers.at(-1)!.name}: got ${w}x${h}, ` +
        `need at least ${side}x${side}`,
      where,
      fix: 'Take a larger picture, or layers before it',
    });
  }
  const found = new Map<string, Tensor>();
  const first = layers.find((layer) => layer.kind === 'conv');
  let x = normalized(tape, image, vgg.preprocessing, space);
  let stride = 1;
  for (const layer of layers) {
    if (layer.kind === 'pool') stride *= 2;
    if (layer.kind === 'conv') {
      const isTurned = layer === first && vgg.preprocessing.order === 'bgr';
      const { kernel, bias } = weightsOn(tape, isTurned ? turnInput(layer) : layer);
      x = tape.conv2d(x, kernel, { bias, padding: layer.padding });
    } else if (layer.kind === 'relu') x = tape.relu(x);
    else x = (pooling ?? layer.pooling) === 'max' ? tape.maxPool(x) : tape.avgPool(x);
    if (wanted.includes(layer.name)) found.set(layer.name, keep(x, stride));
  }
  return found;
}

/** Index of the deepest of `wanted`. Throws `bad-option` for an empty list and unknown names. */
export function deepest(vgg: FeatureNetwork, wanted: readonly string[], where: string): number {
  if (!Array.isArray(wanted) || wanted.length === 0) {
    throw badOption(where, 'no layer was asked for', "Give a list such as ['relu4_2']");
  }
  const indices = wanted.map((name) => vgg.layers.findIndex((layer) => layer.name === name));
  const unknown = indices.indexOf(-1);
  if (unknown >= 0) throw unknownLayer(vgg.layers, String(wanted[unknown]), where);
  return Math.max(...indices);
}

/** The network's input, still in RGB order: (x * scale - mean) / std with x = (v + m) / s. */
function normalized(
  tape: Tape,
  image: Tensor,
  { order, scale, mean, std }: PreprocessingMap,
  space: VariableSpace,
): Tensor {
  const channel = (i: 0 | 1 | 2): 0 | 1 | 2 => (order === 'bgr' ? ((2 - i) as 0 | 1 | 2) : i);
  const factor = space.scale / scale;
  const each = (value: (i: 0 | 1 | 2) => number): Triple => [value(0), value(1), value(2)];
  const center = each((i) => mean[channel(i)]! * factor - space.mean[i]!);
  const spread = each((i) => std[channel(i)]! * factor);
  // A recipe whose space is the network's own: nothing to do, up to rounding of the decimals above.
  const isSame = center.every(
    (value, i) => Math.abs(value) < 1e-9 && Math.abs(spread[i]! - 1) < 1e-12,
  );
  return isSame ? image : tape.normalize(image, { mean: center, std: spread });
}

interface ConvTensors {
  readonly kernel: Tensor;
  readonly bias: Tensor;
}

/**
 * Weights by tape, so that content, style and picture share one copy; they go when the tape goes.
 */
const uploaded = new WeakMap<Tape, Map<ConvLayer, ConvTensors>>();

function weightsOn(tape: Tape, layer: ConvLayer): ConvTensors {
  let ofTape = uploaded.get(tape);
  if (!ofTape) uploaded.set(tape, (ofTape = new Map<ConvLayer, ConvTensors>()));
  let tensors = ofTape.get(layer);
  if (!tensors) {
    const { name, kernel, cin, cout, weight, bias } = layer;
    tensors = {
      kernel: tape.constant([...kernel, cin, cout], weight, `${name}/weight`),
      bias: tape.constant([cout], bias, `${name}/bias`),
    };
    ofTape.set(layer, tensors);
  }
  return tensors;
}

const turned = new WeakMap<ConvLayer, ConvLayer>();

/** A first layer with its input channels in the opposite order; made once. */
function turnInput(layer: ConvLayer): ConvLayer {
  const known = turned.get(layer);
  if (known) return known;
  const { kernel, cin, cout } = layer;
  const weight = new Float32Array(layer.weight.length);
  for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
    for (let ci = 0; ci < cin; ci++) {
      const from = (tap * cin + ci) * cout;
      weight.set(layer.weight.subarray(from, from + cout), (tap * cin + cin - 1 - ci) * cout);
    }
  }
  const result = { ...layer, weight };
  turned.set(layer, result);
  return result;
}
