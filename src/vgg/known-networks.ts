// The published networks that weights/manifest.json lists: entries completed, and found by name.
// Node reads the file, pages a chunk of their own; both come through here.

import { badOption } from '../gpu/errors.ts';
import { resolvePreprocessing, type Preprocessing } from './preprocessing.ts';

/** One entry of the manifest. */
export interface KnownNetwork {
  readonly name: string;
  readonly title: string;
  /** Mirrors, best first. */
  readonly urls: readonly string[];
  readonly bytes: number | null;
  /** Hash of the whole file as somebody here has seen it; null where nobody has. */
  readonly sha256: string | null;
  /** The same as its publisher states it. */
  readonly sha256Published: string | null;
  /** Hashes of the imported weights by last convolution (see `weightHashes`), where known. */
  readonly weightsSha256: Readonly<Record<string, string>>;
  readonly preprocessing: Preprocessing;
  readonly licence: string;
}

/** The entries of a manifest. Throws `bad-option` for a preprocessing that is none. */
export function readManifest(
  manifest: Readonly<Record<string, unknown>>,
): readonly KnownNetwork[] {
  return Object.entries(manifest).map(([name, value]) => {
    const entry = value as Partial<KnownNetwork>;
    return {
      name,
      title: entry.title ?? name,
      urls: entry.urls ?? [],
      bytes: entry.bytes ?? null,
      sha256: entry.sha256 ?? null,
      sha256Published: entry.sha256Published ?? null,
      weightsSha256: entry.weightsSha256 ?? {},
      preprocessing: resolvePreprocessing(entry.preprocessing, `manifest.json, ${name}`),
      licence: entry.licence ?? 'unknown',
    };
  });
}

/** The entry of that name. Throws `bad-option` listing those there are; `hint` says what else fits. */
export function findKnown(
  all: readonly KnownNetwork[],
  name: string,
  where: string,
  hint: string = '',
): KnownNetwork {
  const found = all.find((entry) => entry.name === name);
  if (found) return found;
  const names =
    all.map((entry) => entry.name).join(', ') || 'none: weights/manifest.json is missing';
  throw badOption(where, `there is no known network "${name}"`, `Take one of ${names}${hint}`);
}

/** The deepest layer of the known recipes: as far as networks are fetched unless more is wanted. */
export const usualDepth = 'relu5_1';

/**
 * Whether a network up to layer `depth` has the layer `wanted`, told by their names alone: relu5_2
 * lies behind conv5_2, pool5 behind all of block 5.
 */
export function reaches(depth: string, wanted: string): boolean {
  const place = (layer: string): number => {
    const [, kind, block, index = 99] = /^(conv|relu|pool)(\d+)(?:_(\d+))?$/.exec(layer) ?? [];
    return Number(block) * 1000 + Number(index) * 2 + (kind === 'relu' ? 1 : 0);
  };
  return depth === wanted || place(depth) >= place(wanted);
}

/** How deep to fetch for a wish: shallower ones are served from the usual depth, once for all. */
export function fetchedDepth(upTo: string | undefined): string {
  return upTo !== undefined && /^(?:conv5_[2-9]|relu5_[2-9]|pool5)$/.test(upTo) ? upTo : usualDepth;
}
