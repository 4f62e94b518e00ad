// What the command line can ask for, as data: words (arguments.ts) and files (settings.ts) become one of these.

import type { Preprocessing } from '../vgg/preprocessing.ts';
import type { PlainOptions } from '../style/settings.ts';
import type { StylePath } from './settings.ts';
import type { Axis } from './sweep-axes.ts';
import type { FetchCommand, ImportCommand } from './weights-arguments.ts';

interface Shown {
  readonly isQuiet: boolean;
  readonly wantsJson: boolean;
}

/** What a run, a plan and a sweep have in common. `network` and `init` are words, paths or URLs still. */
export interface Painting extends Shown {
  readonly styles: readonly StylePath[];
  readonly network?: string;
  /** What the network expects, where its file does not say. Checked. */
  readonly preprocessing?: Preprocessing;
  readonly init?: string;
  readonly updateMask?: string;
  readonly options: PlainOptions;
}

/** One or more runs: what to read, what to do, where to write. */
export interface TransferCommand extends Painting {
  readonly command: 'transfer';
  /** Paths, URLs, folders or patterns. */
  readonly contents: readonly string[];
  /** A picture file, or the folder of many. */
  readonly output: string;
  readonly bits?: 8 | 16;
  readonly saveEvery?: number;
  readonly checkpoint?: string;
  readonly checkpointEvery?: number;
  readonly resume?: Uint8Array;
  readonly plot?: string;
  readonly trace?: string;
  readonly format?: string;
  readonly frames?: { readonly iterations?: number };
}

/** What a run would need. */
export interface PlanCommand extends Painting {
  readonly command: 'plan';
  readonly content: string;
}

/** Runs side by side on one sheet. */
export interface SweepCommand extends Painting {
  readonly command: 'sweep';
  readonly content: string;
  readonly output: string;
  readonly axes: readonly Axis[];
}

/** What the command line asks for. */
export type Command =
  | TransferCommand
  | PlanCommand
  | SweepCommand
  | ImportCommand
  | FetchCommand
  | ({ readonly command: 'info'; readonly tunes?: boolean } & Shown)
  | { readonly command: 'help' }
  | { readonly command: 'version' };
