// Damage: to bytes as disks and networks do it, and to JSON as people and other programs do it. What is damaged lies in
// test/fuzz/corpus, small files of our own; a file that once did harm is kept there too.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import type { Dice } from '../property/dice.ts';

/** Inputs for one parser. WGPU_STYLE_FUZZ=100000 tries more; a failure names its seed. */
export const ROUNDS: number = Number(process.env['WGPU_STYLE_FUZZ'] ?? 600);

const folder = path.join(import.meta.dirname, 'corpus');

/** Files of the corpus with this ending. */
export function corpus(extension: string): readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(extension));
  return names.map((name) => ({ name, bytes: new Uint8Array(readFileSync(path.join(folder, name))) }));
}

/** One to six injuries: bits, bytes, runs, cuts, insertions. */
export function damagedBytes(bytes: Uint8Array, dice: Dice): Uint8Array<ArrayBuffer> {
  let result = new Uint8Array(bytes);
  for (let i = dice.whole(1, 6); i > 0 && result.length > 0; i--) {
    const at = dice.whole(0, result.length - 1);
    const kind = dice.whole(0, 5);
    if (kind === 0) result[at]! ^= 1 << dice.whole(0, 7);
    else if (kind === 1) result[at] = dice.whole(0, 255);
    else if (kind === 2) result = result.slice(0, at);
    else if (kind === 3) result.fill(dice.pick([0, 255]), at, at + dice.whole(1, 9));
    else if (kind === 4) result.copyWithin(at, dice.whole(0, result.length - 1), dice.whole(0, result.length - 1));
    else {
      const more = Uint8Array.from({ length: dice.whole(1, 20) }, () => dice.whole(32, 126));
      result = new Uint8Array(Buffer.concat([result.subarray(0, at), more, result.subarray(at)]));
    }
  }
  return result;
}

/** What stands where something else belongs. */
const STRANGE: readonly unknown[] = [
  ...[null, true, false, 0, -1, 0.5, 1e9, 1e308, -1e308, 2 ** 53, 4294967296],
  ...['', 'x', 'constructor', '../../x', 'x'.repeat(5000), '\u0000', [], {}, [[]], [null], { length: 1e9 }],
  ...[{ toString: null }, { name: 'adam' }, JSON.parse('{"__proto__":{"polluted":1}}') as unknown],
];

type Json = Record<string, unknown> | unknown[];

function isBranch(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

/** JSON with one to three values replaced, lost, doubled or moved to another name, at any depth. */
export function damagedJson(value: unknown, dice: Dice): unknown {
  const whole: { root: unknown } = { root: structuredClone(value) };
  for (let i = dice.whole(1, 3); i > 0; i--) {
    let parent: Json = whole;
    let key: string = 'root';
    for (;;) {
      const child: unknown = (parent as Record<string, unknown>)[key];
      const keys: string[] = isBranch(child) ? Object.keys(child) : [];
      if (keys.length === 0 || (parent !== whole && dice.chance(0.3))) break;
      parent = child as Json;
      key = dice.pick(keys);
    }
    const place = parent as Record<string, unknown>;
    const kind = dice.whole(0, 5);
    if (kind === 0 && parent !== whole) delete place[key];
    else if (kind === 1 && parent !== whole) place[dice.pick(['', 'x', 'name', 'toString', `${key}x`])] = place[key];
    else if (kind === 2) place[key] = [place[key], place[key]];
    else place[key] = structuredClone(dice.pick(STRANGE));
  }
  return whole.root;
}

const before = Object.getOwnPropertyNames(Object.prototype).length;

/** Either all goes well or it is a WgpuStyleError that can be read; nothing else, and no prototype is touched. */
export async function outcome(work: () => unknown): Promise<'taken' | 'refused'> {
  let result: 'taken' | 'refused' = 'taken';
  try {
    await work();
  } catch (error) {
    if (!(error instanceof WgpuStyleError)) throw error;
    expect(error.message.length).toBeLessThan(3000);
    result = 'refused';
  }
  expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  return result;
}
