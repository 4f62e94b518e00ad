// Gate words: one bit for each element of an activation behind a ReLU, or behind a ReLU and 2x2 pooling, that says
// whether a gradient passes. They take a 32nd of the activation's memory and are all that a reverse pass with frozen
// weights needs of it. Convolutions write and apply them as they store; these are the same steps by themselves.
// Shapes in, dispatches out; the layout is described in gate.wgsl.

import { linearWorkgroups, Params, type Dispatch, type Pointwise, type Unpool } from '../gpu/dispatch.ts';
import { storedShader, storing } from '../gpu/storage.ts';
import code from '../wgsl/gate.wgsl';
import gateWordCode from '../wgsl/gate_word.wgsl';
import { lanes, vectorsOf, type Shape } from './shape.ts';

const shader = storedShader('gate', [code, gateWordCode], ['DY', 'DX']);

/** [h, w, c] */
export type ImageShape = readonly [number, number, number];

/** The shape of the tensor that holds the gate words of an activation [h, w, c]; its elements are u32. */
export function gateWordsShape([h, w, c]: ImageShape): Shape {
  return [Math.ceil(h / 2), Math.ceil(w / 4), lanes(c) / 4];
}

/** What closes: where values of the same shape are not positive, or where bits of gate words are 0. */
export type Gate<B> = Exclude<Pointwise<B>, { readonly kind: 'relu' }>;

/** A shader's `gateKind` and `width`: 0 for no gate, 1 for values, 2 for words of an image so many pixels wide. */
export function gateParams<B>(gate: Gate<B> | undefined): readonly [kind: number, width: number] {
  if (!gate) return [0, 0];
  return gate.kind === 'gate words' ? [2, gate.shape[1]] : [1, 0];
}

function gate<B>(
  entryPoint: 'relu' | 'unpool',
  shape: ImageShape,
  io: { words: B; dY: B; dX: B },
  accumulate: boolean,
  factor: number,
): Dispatch<B> {
  const [h, w, c] = shape;
  const vectors = vectorsOf(shape);
  const read = entryPoint === 'unpool' ? vectors / 4 : vectors;
  return {
    label: entryPoint === 'unpool' ? 'unpool' : 'gate',
    ...storing(shader, [undefined, 'DY'], ['DX']),
    entryPoint,
    inputs: [io.words, io.dY],
    outputs: [io.dX],
    updates: accumulate,
    params: new Params().u32(h, w, lanes(c) / 4, accumulate ? 1 : 0).f32(factor),
    workgroups: linearWorkgroups(vectors, 64),
    cost: { flops: 4 * vectors, bytes: 16 * (read + (accumulate ? 2 : 1) * vectors) + vectors / 2 },
  };
}

/** dX (+)= dY where the bit is 1; all of `shape`, the activation's. */
export function gateBackward<B>(
  shape: ImageShape,
  io: { words: B; dY: B; dX: B },
  accumulate: boolean,
): Dispatch<B> {
  const dispatch = gate('relu', shape, io, accumulate, 1);
  if (accumulate) return dispatch;
  return { ...dispatch, pointwise: { kind: 'gate words', by: io.words, shape, of: io.dY } };
}

/** dX (+)= dY of each 2x2 window where the bit is 1, a quarter of it for means; `shape` is dX's. */
export function unpoolBackward<B>(
  kind: Unpool<B>['kind'],
  shape: ImageShape,
  io: { words: B; dY: B; dX: B },
  accumulate: boolean,
): Dispatch<B> {
  const dispatch = gate('unpool', shape, io, accumulate, kind === 'max' ? 1 : 1 / 4);
  return accumulate ? dispatch : { ...dispatch, unpool: { kind, of: io.dY, words: io.words } };
}
