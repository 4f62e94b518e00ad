// A checkpoint's header comes from a file: every field is looked at before anything is made of it. Whether it belongs to
// the run at hand is another question (checkpoint.ts, run-state.ts).

import type { OptimizerOptions } from '../optim/index.ts';
import type { Losses } from './losses.ts';
import type { TermWeights } from './options.ts';
import type { PlateauState } from './plateau.ts';
import type { Settings } from './settings.ts';

/** What a run was started with, in short: checksums tell pictures and networks apart, they keep none. */
export interface RunOrigin {
  readonly options: Settings;
  readonly content: string;
  readonly styles: readonly string[];
  readonly network: string;
}

/** The state of a run beside that of its session. */
export interface RunState extends RunOrigin {
  /** Index of the scale that goes on, and iterations that were done before it. */
  readonly scale: number;
  readonly before: number;
  /** Iterations of earlier scales that were not needed, the loss having come to rest. */
  readonly skipped: number;
  readonly milliseconds: number;
  /** Losses of the last iteration. */
  readonly losses: Losses;
}

/** What a checkpoint says about its session. */
export interface CheckpointHeader {
  readonly width: number;
  readonly height: number;
  readonly recipe: string;
  readonly optimizer: OptimizerOptions;
  readonly averaging: number;
  readonly weights: TermWeights;
  readonly seed: number;
  /** Updates that the optimiser has made. */
  readonly steps: number;
  /** What the early stop has seen. */
  readonly plateau?: PlateauState;
  /** Where the run stands that the session is a scale of. */
  readonly run?: RunState;
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
/** JSON has no NaN: a loss that is none comes back as null. */
const isLoss = (value: unknown): boolean => value === null || isNumber(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isSide = (value: unknown): boolean => isCount(value) && (value as number) >= 1 && (value as number) <= 65536;
const isText = (value: unknown): boolean => typeof value === 'string';

/** A buffer in the list at the end of the header. */
export interface BufferEntry {
  readonly name: string;
  readonly byteLength: number;
}

/** Whether this is a list of buffers. */
export function isBufferList(value: unknown): value is readonly BufferEntry[] {
  return Array.isArray(value) && value.every((entry) => isObject(entry) && isText(entry['name']) && isCount(entry['byteLength']));
}

function isPlateau(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { lowest, rests, isOver } = value;
  return Array.isArray(lowest) && lowest.every(isNumber) && typeof rests === 'boolean' && typeof isOver === 'boolean';
}

/** Whether every field of a header is there and of its kind; `run` is {@link isRunState}'s. */
export function isHeader(value: unknown): value is CheckpointHeader {
  if (!isObject(value)) return false;
  const { width, height, recipe, optimizer, averaging, weights, seed, steps, plateau } = value;
  return (
    [width, height].every(isSide) &&
    isText(recipe) &&
    isObject(optimizer) &&
    isNumber(averaging) &&
    isObject(weights) &&
    [seed, steps].every(isCount) &&
    (plateau === undefined || isPlateau(plateau))
  );
}

/** Whether every field of a run's state is there and of its kind. */
export function isRunState(value: unknown): value is RunState {
  if (!isObject(value)) return false;
  const { options, content, styles, network, scale, before, skipped, milliseconds, losses } = value;
  return (
    isObject(options) &&
    [content, network].every(isText) &&
    Array.isArray(styles) &&
    styles.every(isText) &&
    [scale, before, skipped].every(isCount) &&
    isNumber(milliseconds) &&
    isObject(losses) &&
    [losses['total'], losses['content'], losses['style'], losses['tv']].every(isLoss) &&
    isObject(losses['layers']) &&
    Object.values(losses['layers']).every(isLoss)
  );
}
