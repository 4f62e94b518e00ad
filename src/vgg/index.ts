// `wgpu-style/vgg`: networks of the VGG family as data, from ONNX or safetensors files, and their
// activations.

export type { DownloadProgress } from '../gpu/host.ts';
export type { StoredOptions, VggOptions } from './load.ts';
export type { Origin } from './import.ts';
export { Vgg, type VggReport } from './vgg.ts';
export { defaultNetwork } from './default.ts';
export { buildFeatures, type BuildOptions, type FeatureNetwork, type VariableSpace } from './features.ts';
export type { FeatureMap, FeaturesOptions } from './compute.ts';
export type { ConvLayer, Layer, LayerPadding, PoolLayer, Pooling, ReluLayer } from './layers.ts';
export {
  namedPreprocessing,
  resolvePreprocessing,
  type Preprocessing,
  type PreprocessingMap,
  type PreprocessingName,
  type PreprocessingSource,
  type Triple,
} from './preprocessing.ts';
export type { VggSource } from './source.ts';
