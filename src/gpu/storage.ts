// How activations and gradients are stored: as f32, or in half the memory. Arithmetic is in f32 whatever the storage, and
// no feature of the device is needed; see stored_f32.wgsl, stored_f16.wgsl and stored_bf16.wgsl.

import type { Shader } from './pipelines.ts';
import bf16Code from '../wgsl/stored_bf16.wgsl';
import f16Code from '../wgsl/stored_f16.wgsl';
import f32Code from '../wgsl/stored_f32.wgsl';

/** Four bytes an element, or two: `f16` has 11 bits of precision and ends at 65504, `bf16` 8 bits and the range of f32. */
export type Storage = 'f32' | 'f16' | 'bf16';

type Text = () => Promise<string>;

const CODE: Readonly<Record<Storage, Text>> = { f32: f32Code, f16: f16Code, bf16: bf16Code };

/** Storage by the name that a shader's text gives to a binding's type, such as `X` of `x: array<X>`; f32 where absent. */
export type Stored = Readonly<Record<string, Storage>>;

/** A shader whose text leaves open how some of its bindings are stored. */
export type StoredShader = (stored?: Stored) => Shader;

/** The name of a binding that a dispatch does not look at: it may be stored in any way. */
export const UNREAD = '';

/** How the bindings of a dispatch may be stored. */
export interface StoredBindings {
  readonly shader: StoredShader;
  /** The type of each input in the shader's text, '' where it is not looked at, or undefined where it is f32 or no floats at all. */
  readonly inputs: readonly (string | undefined)[];
  /** The same of each output. */
  readonly outputs: readonly (string | undefined)[];
}

/** What a dispatch over bindings that may be stored in several ways says of itself: see {@link Dispatch.stored}. */
export function storing(
  shader: StoredShader,
  inputs: readonly (string | undefined)[],
  outputs: readonly (string | undefined)[],
): { readonly shader: Shader; readonly stored: StoredBindings } {
  return { shader: shader(), stored: { shader, inputs, outputs } };
}

/**
 * A shader for every way to store what its text calls `types`. The text reads `fromX(x[i])` and writes `toY(…)` where it
 * means four channels of the bindings x and y.
 */
export function storedShader(name: string, code: readonly Text[], types: readonly string[]): StoredShader {
  const made = new Map<string, Shader>();
  return (stored = {}) => {
    const ways = types.map((type) => stored[type] ?? 'f32');
    const isPlain = ways.every((way) => way === 'f32');
    const full = isPlain ? name : `${name}_${ways.join('_')}`;
    const shader = made.get(full) ?? { name: full, code: [...code, ...types.map((type, i) => textFor(type, ways[i]!))] };
    made.set(full, shader);
    return shader;
  };
}

const texts = new Map<string, Text>();

/** The text of a way to store, for the type `type`: one object for each, since texts are kept by what loads them. */
function textFor(type: string, way: Storage): Text {
  const key = `${way} ${type}`;
  const text = texts.get(key) ?? (async () => (await CODE[way]()).replaceAll('Stored', type));
  texts.set(key, text);
  return text;
}
