// `wgpu-style/kernels`: the kernels by themselves. Each takes shapes and buffers and returns dispatches; a `Sequence`
// binds dispatches to a device's buffers and records them into any compute pass.

export {
  Params,
  Sequence,
  totalCost,
  type BufferRange,
  type Cost,
  type Dispatch,
  type GateWords,
  type Pointwise,
  type Unpool,
  type Workgroups,
} from '../gpu/dispatch.ts';
export type { Shader, ShaderText } from '../gpu/pipelines.ts';
export { bytesOf, lanes, pack, unpack, type ScratchOf, type Shape } from './shape.ts';
export { kernelTarget, type KernelTarget } from './target.ts';
export { binary, binaryCost, broadcastOf, type BinaryParams, type Broadcast } from './binary.ts';
export {
  conv2dCost,
  conv2dForward,
  conv2dTransposed,
  conv2dMethod,
  conv2dVariant,
  type Conv2dBuffers,
  type Conv2dEpilogue,
  type Conv2dMethod,
  type Conv2dParams,
  type Conv2dVariant,
  type PaddingMode,
} from './conv2d.ts';
export { conv2dBackwardData, convolve } from './convolve.ts';
export { conv2dBackwardWeights, weightsVariant, type WeightsVariant } from './conv2d-weights.ts';
export { copyBox, copyCost, copyVariant, reshapeCopy, type CopyParams, type CopyVariant } from './copy.ts';
export type { Gate } from './gate.ts';
export { gramBackward, gramCost, gramForward, type GramParams } from './gram.ts';
export {
  matmul,
  matmulCost,
  matmulSplits,
  matmulVariant,
  type MatmulBuffers,
  type MatmulParams,
  type MatmulVariant,
} from './matmul.ts';
export { meanStdBackward, meanStdCost, meanStdForward, type MeanStdParams } from './mean-std.ts';
export { padBackward, padCost, paddedShape, padForward, type PadParams } from './pad.ts';
export {
  nearestCost,
  nearestForward,
  patchDistanceBackward,
  patchDistanceCost,
  patchDistanceForward,
  type NearestParams,
  type PatchDistanceBuffers,
  type PatchDistanceParams,
} from './patches.ts';
export { permuteWeights, permuteWeightsCost, type PermuteWeightsParams } from './permute.ts';
export { poolBackward, poolCost, pooledShape, poolForward, type PoolParams } from './pool.ts';
export {
  columnSum,
  columnSumCost,
  reduceBackward,
  reduceCost,
  reduceForward,
  type ReduceBackwardBuffers,
  type ReduceOp,
  type ReduceParams,
} from './reduce.ts';
export {
  prepareTexels,
  prepareUniforms,
  resampleCost,
  resampleForward,
  resampleUniforms,
  type AxisTable,
  type ResampleParams,
  type TexelKind,
} from './resample.ts';
export {
  sortCost,
  sortedRows,
  sortForward,
  sortPasses,
  takeBackward,
  takeCost,
  takeForward,
  type SortParams,
  type SortPass,
} from './sort.ts';
export { sqrtmBackward, sqrtmBackwardCommuting, sqrtmCost, sqrtmForward, type SqrtmParams } from './sqrtm.ts';
export {
  totalVariationBackward,
  totalVariationCost,
  totalVariationForward,
  type TotalVariationParams,
  type VariationForm,
  type VariationWindow,
} from './total-variation.ts';
export { tune, type TuneOptions } from './tune.ts';
export { type TuningTable } from './tuning.ts';
export { unaryBackward, unaryCost, unaryForward, unarySaves, type UnaryOp, type UnaryParams } from './unary.ts';
export {
  upsampleBackward,
  upsampleCost,
  upsampledShape,
  upsampleForward,
  type UpsampleParams,
} from './upsample.ts';
export { weighBackward, weighForward } from './weigh.ts';
export {
  hasWinograd,
  winograd,
  winogradBands,
  winogradWeights,
  winogradWeightsShape,
  type WinogradBands,
} from './winograd.ts';
export type { Storage, Stored, StoredBindings, StoredShader } from '../gpu/storage.ts';
