// `wgpu-style`: the public face. Re-exports only.

export {
  plan,
  recipes,
  requiredLimits,
  scalesOf,
  StyledPicture,
  StyleSession,
  styleTransfer,
  type CheckpointOptions,
  type ColorMode,
  type ColorOptions,
  type Init,
  type LayerWeights,
  type LimitsRequest,
  type Losses,
  type PixelSpace,
  type PngOptions,
  type Progress,
  type Recipe,
  type RunDetails,
  type RunPlan,
  type Scale,
  type ScalePlan,
  type SessionPlan,
  type SessionProgress,
  type Settings,
  type Statistic,
  type Stopped,
  type StyleInput,
  type StyleTransferOptions,
  type TermWeights,
  type Tolerance,
} from './style/index.ts';
export {
  defaultNetwork,
  Vgg,
  type DownloadProgress,
  type FeatureMap,
  type Layer,
  type Preprocessing,
  type VggOptions,
  type VggReport,
  type VggSource,
} from './vgg/index.ts';
export type { OptimizerOptions } from './optim/index.ts';
export { encodePng, readPngText, type ImageSource } from './image/index.ts';
export { tune, type TuneOptions, type TuningTable } from './kernels/index.ts';
export { isSoftwareAdapter, requestDevice, type DeviceRequest } from './gpu/device.ts';
export { WgpuStyleError, type ErrorCode } from './gpu/errors.ts';
