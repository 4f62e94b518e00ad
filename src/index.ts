// `wgpu-style`: the public face. Re-exports only, and of values from their own files: what a room's index re-exports is
// loaded with it, even where it is imported dynamically elsewhere (esbuild splits by files that are reachable, not used).

export {
  plan,
  recipes,
  requiredLimits,
  scalesOf,
  StyledPicture,
  StyleSession,
  styleTransfer,
  styleTransferTo,
  type ActivationStorage,
  type CheckpointOptions,
  type ColorMode,
  type ColorOptions,
  type DeviceLostError,
  type EncodeOptions,
  type FinishedPicture,
  type Init,
  type Kept,
  type LayerWeights,
  type LimitsRequest,
  type Losses,
  type MaskInput,
  type MaskMode,
  type MaskOptions,
  type PixelSpace,
  type PngOptions,
  type Progress,
  type Recipe,
  type RecoverOptions,
  type RunDetails,
  type RunPlan,
  type Scale,
  type DeviceMemory,
  type ScalePlan,
  type SessionPlan,
  type TilePlan,
  type SessionProgress,
  type Settings,
  type Size,
  type Statistic,
  type Stopped,
  type StyleInput,
  type StyleTransferOptions,
  type TermWeights,
  type Tolerance,
} from './style/index.ts';
export { allowHosts } from './gpu/allow-hosts.ts';
export { defaultNetwork } from './vgg/default.ts';
export { Vgg } from './vgg/vgg.ts';
export type {
  DownloadProgress,
  FeatureMap,
  Layer,
  Origin,
  Preprocessing,
  VggOptions,
  VggReport,
  VggSource,
} from './vgg/index.ts';
export type { OptimizerOptions } from './optim/index.ts';
export type {
  BufferFormat,
  BufferImage,
  ColorMatch,
  ColorSpace,
  Drawable,
  ImageSource,
  LightnessSpace,
  Pixels,
  RawImage,
  TextureImage,
} from './image/index.ts';
export { encodePng, estimateTime, readPngText, tune } from './later.ts';
export type { ScaleTime, TimeEstimate } from './style/time.ts';
export type { TuneOptions } from './kernels/tune.ts';
export type { TuningTable } from './kernels/tuning.ts';
export {
  isSoftwareAdapter,
  requestDevice,
  requiredFeatures,
  type AdapterDescription,
  type DeviceRequest,
} from './gpu/device.ts';
export { WgpuStyleError, type ErrorCode, type ErrorDetail, type Shortage } from './gpu/errors.ts';
