// A VGG in memory: named layers with float32 weights, what its input must look like, where that is
// known from. It holds no GPU memory; features.ts puts it on a tape, as deep as wanted. What reads and
// writes files (load.ts, encode.ts) are chunks of their own: pages that keep to the embedded network
// never load them.

import { badOption } from '../gpu/errors.ts';
import type { ImageSource } from '../image/index.ts';
import type { FeatureMap, FeaturesOptions } from './compute.ts';
import type { Origin } from './import.ts';
import {
  blockWidths,
  layersUpTo,
  minimumSide,
  topologyName,
  unknownLayer,
  type Layer,
} from './layers.ts';
import type { LoadedNetwork, StoredOptions, VggOptions } from './load.ts';
import {
  preprocessingName,
  type PreprocessingMap,
  type PreprocessingSource,
} from './preprocessing.ts';
import type { VggSource } from './source.ts';

/** What an import found, in words and numbers for people. */
export interface VggReport {
  /** 'VGG-19 to relu5_1' */
  readonly topology: string;
  readonly layers: number;
  readonly parameters: number;
  /** Channels of each block. */
  readonly widths: readonly number[];
  /** 'rgb-mean-std', 'bgr-255' or the map as JSON. */
  readonly preprocessing: string;
  readonly preprocessingSource: PreprocessingSource;
  /** Of an import: bytes read, of how many (undefined: not known), and the hash of what. */
  readonly bytesRead?: number;
  readonly bytesTotal?: number | undefined;
  readonly sha256?: string;
  readonly sha256Of?: 'file' | 'weights';
}

/**
 * A convolutional network of the VGG family: 3x3 convolutions, ReLU and 2x2 pools, of any width and
 * depth.
 */
export class Vgg {
  /** In order; names are `conv1_1`, `relu1_1`, … `pool1`, `conv2_1`, … */
  readonly layers: readonly Layer[];
  readonly preprocessing: PreprocessingMap;
  readonly preprocessingSource: PreprocessingSource;
  /** Texts that travel with the weights: name, licence, source, … */
  readonly metadata: ReadonlyMap<string, string>;
  /** What was read to make it; only of networks from ONNX files. */
  readonly origin: Origin | undefined;

  constructor(network: LoadedNetwork) {
    this.layers = network.layers;
    this.preprocessing = network.preprocessing;
    this.preprocessingSource = network.preprocessingSource;
    this.metadata = network.metadata;
    this.origin = network.origin;
  }

  /**
   * Imports the VGG in an ONNX file: VGG-11, -13, -16 or -19, any width, with or without batch norm
   * (folded in), float32, float16, bfloat16 or double weights. Layers are found by walking the
   * graph, not by names. Of files, Blobs and servers that honour Range requests only what the
   * wanted layers need is read; a stream is left when it has come (with `preprocessing` given: what
   * the file says of it stands at its end).
   *
   * @throws `bad-model` for what is not a whole ONNX file, `unsupported-op` naming the first node
   *   that no VGG has, `bad-option` for an unknown `upTo` or preprocessing, `network` for failed
   *   downloads, `aborted`.
   */
  static async fromOnnx(source: VggSource, options: VggOptions = {}): Promise<Vgg> {
    const { loadOnnx } = await import('./load.ts');
    return new Vgg(await loadOnnx(source, options, 'Vgg.fromOnnx'));
  }

  /**
   * Reads a file that `toSafetensors` or `wgpu-style import` has written.
   *
   * @throws `bad-weights` saying what is wrong with the file, `bad-option`, `network`, `aborted`.
   */
  static async fromSafetensors(
    source: VggSource,
    options: StoredOptions = {},
  ): Promise<Vgg> {
    const { loadSafetensors } = await import('./load.ts');
    return new Vgg(await loadSafetensors(source, options, 'Vgg.fromSafetensors'));
  }

  /**
   * Reads an ONNX or safetensors file, telling them apart by their first bytes; or a known network
   * by its name ('vgg19'): from the cache, else downloaded, once. In browsers every bare word is
   * such a name ('./vgg19' is an address), in Node only those for which there is no file. Errors as
   * of the two; `bad-option` for an unknown name, and for `preprocessing` of what carries its own.
   */
  static async load(source: VggSource, options: VggOptions = {}): Promise<Vgg> {
    const { loadAny } = await import('./load.ts');
    return new Vgg(await loadAny(source, options, 'Vgg.load'));
  }

  /** How many numbers all weights and biases hold. */
  get parameters(): number {
    return this.layers.reduce(
      (sum, layer) => (layer.kind === 'conv' ? sum + layer.weight.length + layer.bias.length : sum),
      0,
    );
  }

  /** Channels of each block: [64, 128, 256, 512, 512] for the published networks. */
  get widths(): readonly number[] {
    return blockWidths(this.layers);
  }

  /** Topology, layers, parameters and preprocessing, for people. */
  get report(): VggReport {
    return {
      topology: topologyName(this.layers),
      layers: this.layers.length,
      parameters: this.parameters,
      widths: this.widths,
      preprocessing: preprocessingName(this.preprocessing) ?? JSON.stringify(this.preprocessing),
      preprocessingSource: this.preprocessingSource,
      ...this.origin,
    };
  }

  /**
   * The same network without the layers behind `name`; weights are shared. Throws `bad-option` on
   * unknown names.
   */
  upTo(name: string): Vgg {
    return new Vgg({ ...this, layers: this.#layersUpTo(name, 'vgg.upTo') });
  }

  /**
   * The smallest side in pixels that leaves at least one pixel at `layer` (default: the last).
   * Throws `bad-option` on unknown names.
   */
  minimumSize(layer?: string): number {
    return minimumSide(
      layer === undefined ? this.layers : this.#layersUpTo(layer, 'vgg.minimumSize'),
    );
  }

  /**
   * The network as the bytes of a safetensors file; float16 (the default) halves it, rounded to
   * nearest even.
   *
   * @throws `bad-weights` when a number is too large for float16, `bad-option` for another dtype.
   */
  async toSafetensors({ dtype = 'f16' }: { readonly dtype?: 'f16' | 'f32' } = {}): Promise<
    Uint8Array<ArrayBuffer>
  > {
    const where = 'vgg.toSafetensors';
    if (dtype !== 'f16' && dtype !== 'f32') {
      throw badOption(where, `dtype: got ${JSON.stringify(dtype)}`, "Give 'f16' or 'f32'");
    }
    const { encodeNetwork } = await import('./encode.ts');
    return encodeNetwork(this, dtype, where);
  }

  /**
   * Activations of a picture at the named layers, each `{ shape: [h, w, c], data }`, row-major. The
   * picture is taken at its own size; alpha is ignored.
   *
   * @throws `bad-option` on unknown layers, `bad-image` when the picture is too small for the
   *   deepest of them.
   */
  async features<Name extends string>(
    device: GPUDevice,
    image: ImageSource,
    names: readonly Name[],
    options: FeaturesOptions = {},
  ): Promise<Record<Name, FeatureMap>> {
    const { computeFeatures } = await import('./compute.ts');
    return computeFeatures(device, this, image, names, options);
  }

  #layersUpTo(name: string, where: string): readonly Layer[] {
    const layers = layersUpTo(this.layers, name);
    if (layers) return layers;
    throw unknownLayer(this.layers, name, where);
  }
}
