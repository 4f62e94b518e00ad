export { styleTransfer, styleTransferTo } from './transfer.ts';
export type { FinishedPicture } from './finished.ts';
export { StyleSession, type EncodeOptions } from './session.ts';
export type { SessionPlan } from './session-plan.ts';
export type { TilePlan } from './session-plan.ts';
export { requiredLimits, type LimitsRequest, type Size } from './limits.ts';
export { recipes, type LayerWeights, type PixelSpace, type Recipe, type Statistic } from './recipes.ts';
export { StyledPicture, type PngOptions, type RunDetails, type Stopped } from './picture.ts';
export type { ActivationStorage, Init, Settings } from './settings.ts';
export type { Losses, SessionProgress } from './losses.ts';
export type { Tolerance } from './plateau.ts';
export type {
  CheckpointOptions,
  Progress,
  StyleInput,
  StyleTransferOptions,
  TermWeights,
} from './options.ts';
export type { MaskInput, MaskMode, MaskOptions } from './mask-options.ts';
export type { ColorMode, ColorOptions } from './color-options.ts';
export type { DeviceLostError, Kept, RecoverOptions } from './recover.ts';
export { scalesOf, type Scale } from './scales.ts';
export { plan, type DeviceMemory, type RunPlan, type ScalePlan } from './plan.ts';
