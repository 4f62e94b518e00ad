// The command line's flags, as one table: parsing, help and suggestions all read it.

import { recipes } from '../style/recipes.ts';
import { editDistance } from './nearest.ts';

/** The commands that share these flags; `import` and `fetch` have their own. */
export type FlaggedCommand = 'transfer' | 'plan' | 'sweep' | 'info';

/** A flag; `value` is the word that stands for its value in the help, absent for switches. */
export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly value?: string;
  readonly help: string;
  /** Which commands take it; absent for all. */
  readonly of?: readonly FlaggedCommand[];
  /** May be given several times, and each counts; of other flags the last one does. */
  readonly repeats?: boolean;
}

const runs: readonly FlaggedCommand[] = ['transfer'];
const writes: readonly FlaggedCommand[] = ['transfer', 'sweep'];

/** Flags by section of the help. */
export const sections: Readonly<Record<string, readonly Flag[]>> = {
  'The result': [
    {
      name: 'output',
      short: 'o',
      value: 'file',
      help: '.png, .jpg, .webp, .avif or .tiff; a folder/ for several contents',
      of: writes,
    },
    { name: 'size', value: 'n', help: 'longest side in pixels, or WIDTHxHEIGHT (512)' },
    {
      name: 'color',
      value: 'mode',
      help: "style (default), luminance (keep the content's), match or histogram, with settings: match:method=cholesky,when=after",
    },
    { name: 'seamless', help: 'opposite sides fit together: the result tiles' },
    { name: 'resampling', value: 'light', help: 'in which pictures are resized: srgb (encoded, default) or linear' },
    { name: 'bits', value: 'n', help: 'bits a sample of a PNG: 8 (default) or 16', of: runs },
  ],
  'The recipe': [
    { name: 'recipe', value: 'name', help: Object.keys(recipes).join(', ') },
    {
      name: 'network',
      value: 'file',
      help: 'ONNX or safetensors file or URL, or a known name such as vgg19 (default: the embedded network)',
    },
    {
      name: 'preprocessing',
      value: 'name',
      help: "the network's input, where its file does not say: rgb-mean-std, bgr-255, or the map as JSON",
    },
    { name: 'pooling', value: 'kind', help: 'max or average' },
    { name: 'content-layers', value: 'list', help: 'such as relu4_2, or relu3_1=0.5,relu4_2=1' },
    { name: 'style-layers', value: 'list', help: 'such as relu1_1,relu2_1=0.5' },
    { name: 'content-weight', value: 'x', help: "multiplies the recipe's content term (1)" },
    { name: 'style-weight', value: 'x', help: "multiplies the recipe's style term (1)" },
    { name: 'tv-weight', value: 'x', help: "multiplies the recipe's total variation (1)" },
    { name: 'style-weights', value: 'list', help: 'one number per style picture, such as 2,1' },
    {
      name: 'mask',
      value: 'file',
      help: 'where in the result a style paints: white counts; m.png#ff8000 for what has this colour, #alpha, #invert; one for each style, - for none (repeats)',
      repeats: true,
    },
    { name: 'style-mask', value: 'file', help: 'which part of a style picture counts, as --mask (repeats)', repeats: true },
    { name: 'update-mask', value: 'file', help: 'where the picture is painted; outside it stays the content' },
    { name: 'mask-mode', value: 'mode', help: 'features that masks let count: simple (default), inside, all' },
    { name: 'config', value: 'file', help: 'settings from JSON, or from a PNG made here; flags win' },
  ],
  'The run': [
    { name: 'iterations', value: 'n', help: 'in all; a ladder of scales shares them out' },
    {
      name: 'optimizer',
      value: 'name',
      help: 'lbfgs, adam or gd, with settings: adam:learningRate=0.02,beta1=0.9',
    },
    { name: 'averaging', value: 'decay', help: 'of an exponential average of the iterates, such as 0.99 (0: none)' },
    { name: 'tolerance', value: 'x', help: 'end a scale when the loss falls by less than this part in 50 iterations (0: never)' },
    { name: 'init', value: 'start', help: 'content, style, noise, gray, or a picture file' },
    { name: 'seed', value: 'n', help: 'of the noise (0)' },
    {
      name: 'scales',
      value: 'list',
      help: 'auto (coarse to fine), off, or longest sides: 128,256,512',
    },
    { name: 'storage', value: 'kind', help: 'of activations: f32 (default), f16 (half the memory), auto (f16 where f32 does not fit)' },
    { name: 'memory-limit', value: 'bytes', help: 'GPU memory to get along with, such as 2GiB: large pictures then go in tiles' },
  ],
  'Saving and going on': [
    {
      name: 'save-every',
      value: 'n',
      help: 'also write out-0050.png, … every n iterations',
      of: runs,
    },
    { name: 'checkpoint', value: 'file', help: 'save the state of the run as it goes', of: runs },
    {
      name: 'checkpoint-every',
      value: 'n',
      help: 'iterations between two saves of it (50)',
      of: runs,
    },
    {
      name: 'resume',
      value: 'file',
      help: 'go on from a checkpoint to the very same result; needs no other word',
      of: runs,
    },
  ],
  'Watching it': [
    { name: 'plot', value: 'file', help: 'losses by iteration as .svg or .png', of: runs },
    { name: 'trace', value: 'file', help: 'a line of JSON for each iteration, as it runs', of: runs },
  ],
  'Many pictures': [
    {
      name: 'style',
      value: 'file',
      help: 'a style picture; all other words are then contents (repeats)',
      repeats: true,
    },
    { name: 'format', value: 'ext', help: 'of pictures in an output folder (png)', of: runs },
    { name: 'frames', help: 'contents are frames: each begins as the last one ended', of: runs },
    {
      name: 'frame-iterations',
      value: 'n',
      help: "of all frames but the first (the first's at full size)",
      of: runs,
    },
    {
      name: 'vary',
      value: 'axis',
      help: 'columns, then rows of a sweep: "styleWeight=0.1,1,10" (repeats)',
      of: ['sweep'],
      repeats: true,
    },
  ],
  'What it prints': [
    { name: 'tune', help: 'finds the fastest kernels of this adapter once, for every later run', of: ['info'] },
    { name: 'json', help: 'one JSON object as the last line of stdout, nothing else there' },
    { name: 'quiet', short: 'q', help: 'no progress' },
    { name: 'help', short: 'h', help: 'this text' },
    { name: 'version', help: 'the version' },
  ],
};

/** All flags. */
export const flags: readonly Flag[] = Object.values(sections).flat();

/** The flag that was probably meant by an unknown name; undefined when none is near. */
export function nearestFlag(name: string): string | undefined {
  const typed = name.toLowerCase().replaceAll('_', '-');
  // Spelled as in the API, or British.
  const spelled = name
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    .replace('colour', 'color');
  const ranked = flags
    .map((flag) => ({
      name: flag.name,
      distance: Math.min(editDistance(typed, flag.name), editDistance(spelled, flag.name)),
    }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0]!;
  if (best.distance <= Math.max(1, Math.floor(typed.length / 3))) return best.name;
  return typed.length >= 3 ? flags.find((flag) => flag.name.startsWith(typed))?.name : undefined;
}
