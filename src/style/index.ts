export { styleTransfer } from './transfer.ts';
export { StyleSession, type SessionPlan, type SessionProgress } from './session.ts';
export { requiredLimits, type LimitsRequest } from './limits.ts';
export { recipes, type LayerWeights, type PixelSpace, type Recipe } from './recipes.ts';
export { StyledPicture, type PngOptions, type RunDetails, type Stopped } from './picture.ts';
export type { Settings } from './settings.ts';
export type { Losses } from './losses.ts';
export type {
  CheckpointOptions,
  ColorMode,
  Init,
  Progress,
  StyleInput,
  StyleTransferOptions,
  TermWeights,
} from './options.ts';
export { plan, type RunPlan, type ScalePlan } from './plan.ts';
