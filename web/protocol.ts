// What page and worker say to each other. The page has the controls, the worker the device and the run.

import type {
  DownloadProgress,
  Init,
  LayerWeights,
  Losses,
  OptimizerOptions,
  Scale,
  StyleTransferOptions,
  TermWeights,
} from 'wgpu-style';
import type { Regions } from './regions.ts';

/** The options of a run that are plain data, as a form holds them and a PNG carries them. */
export type PageOptions = Pick<
  StyleTransferOptions,
  'recipe' | 'size' | 'iterations' | 'color' | 'seed' | 'pooling' | 'scales' | 'averaging' | 'tolerance'
> &
  TermWeights & {
    readonly init?: Init;
    readonly optimizer?: OptimizerOptions;
    readonly contentLayers?: LayerWeights;
    readonly styleLayers?: LayerWeights;
  };

/** Picture files and what to do with them. */
export interface RunRequest {
  readonly content: Blob;
  readonly styles: readonly Blob[];
  /** What goes where; undefined where nobody has painted parts. */
  readonly regions: Regions | undefined;
  readonly options: PageOptions;
}

/** From the page to the worker. */
export type Command =
  | { readonly kind: 'canvas'; readonly canvas: OffscreenCanvas }
  | ({ readonly kind: 'plan' } & RunRequest)
  | ({ readonly kind: 'start' } & RunRequest)
  | { readonly kind: 'stop' | 'resume' | 'save' }
  /** Back to the picture that ended this scale. */
  | { readonly kind: 'undo'; readonly scale: number }
  | { readonly kind: 'set'; readonly weights: TermWeights }
  /** `default`, the name of a known network, or an ONNX or safetensors file. */
  | { readonly kind: 'network'; readonly network: string | File }
  /** Destroys the device, as a driver does that crashes: for tests. */
  | { readonly kind: 'lose' };

/** What a run needs, or that it does not fit. */
export type Needs =
  | { readonly fits: true; readonly scales: readonly Scale[]; readonly peakBytes: number | undefined }
  | { readonly fits: false; readonly largest: number };

/** What the worker was at: a command, a run that had begun, or getting ready. */
export type Activity = Command['kind'] | 'run' | 'ready';

/** From the worker to the page. */
export type Report =
  | { readonly kind: 'ready'; readonly adapter: string; readonly isSoftware: boolean }
  /** `during` `start`: the run does not begin. Each `start` is answered once, by this, by `started` or by `failed`. */
  | { readonly kind: 'needs'; readonly during: 'plan' | 'start'; readonly needs: Needs }
  | { readonly kind: 'started'; readonly scales: readonly Scale[] }
  /** A scale's first picture is on the canvas. */
  | { readonly kind: 'opened'; readonly scale: number }
  | {
      readonly kind: 'progress';
      readonly iteration: number;
      readonly iterations: number;
      readonly scale: number;
      readonly losses: Losses;
      readonly secondsLeft: number;
    }
  /** The picture that ended a scale. */
  | { readonly kind: 'kept'; readonly scale: number; readonly picture: ImageBitmap }
  /** The run rests, after `iteration` iterations; `scale` is the one that the picture is of. */
  | { readonly kind: 'stopped'; readonly iteration: number; readonly scale: number; readonly isDone: boolean }
  /** The device was lost, which may take the canvas with it: the picture as it was last looked at. */
  | { readonly kind: 'lost'; readonly picture: ImageBitmap | undefined }
  /** There is another device. */
  | { readonly kind: 'recovered' }
  | { readonly kind: 'saved'; readonly png: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'download'; readonly progress: DownloadProgress }
  | { readonly kind: 'network'; readonly description: string }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'failed'; readonly during: Activity; readonly code: string; readonly message: string };
