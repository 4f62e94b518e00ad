// A known network by its name: from the cache, else from the first mirror that gives it. Only what
// the wanted layers need is downloaded; what a broken download brought is used by the next.

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { usualDepth } from '../vgg/known-networks.ts';
import { fetchFromMirrors, type Checked, type MirrorOptions } from '../vgg/mirrors.ts';
import { Vgg } from '../vgg/vgg.ts';
import { readFileBytes, writeFileAtomic } from './files.ts';
import { cachedFile, knownNetwork } from './known-networks.ts';
import { remembered } from './part-file.ts';

/** How to fetch. */
export interface FetchOptions extends Partial<Omit<MirrorOptions, 'fix' | 'remember' | 'upTo'>> {
  /** Default: relu5_1, the deepest layer of the known recipes. */
  readonly upTo?: string | undefined;
  readonly dtype?: 'f16' | 'f32' | undefined;
  /** Downloads even what is in the cache. */
  readonly again?: boolean | undefined;
}

/** What came of it. */
export interface FetchedNetwork {
  readonly file: string;
  readonly vgg: Vgg;
  /** False when it was in the cache. */
  readonly isNew: boolean;
  /** What the bytes were checked against. */
  readonly checked: Checked;
  readonly address?: string;
}

/**
 * Fetches a known network into the cache, unless it is there. Throws `bad-option` for an unknown
 * name, `network` or `bad-model` saying what the last mirror did, `aborted`.
 */
export async function fetchNetwork(
  name: string,
  options: FetchOptions = {},
  where: string = `fetch ${name}`,
): Promise<FetchedNetwork> {
  const entry = knownNetwork(name, where);
  const { upTo = usualDepth, dtype = 'f16', again = false } = options;
  const file = cachedFile(name, upTo, dtype);
  if (!again && existsSync(file)) {
    const vgg = await Vgg.fromSafetensors(
      await readFileBytes(file, { where, code: 'bad-weights' }),
    ).catch(() => undefined);
    // A file that was damaged is fetched again.
    if (vgg) {
      const checked = (vgg.metadata.get('checked') ?? 'nothing') as Checked;
      return { file, vgg, isNew: false, checked };
    }
  }
  await mkdir(path.dirname(file), { recursive: true });
  const { title } = entry;
  const fix =
    `If you are offline or behind a proxy, get ${title} by other means and run ` +
    `wgpu-style import <file.onnx> -o ${name}.safetensors; or give another address with --url`;
  const remember: MirrorOptions['remember'] = (source, address) =>
    remembered(source, address, `${file}.part`);
  const found = await fetchFromMirrors(entry, { ...options, upTo, fix, remember }, where);
  const { network, checked, address } = found;
  const vgg = new Vgg(network);
  await writeFileAtomic(file, await vgg.toSafetensors({ dtype }), where);
  return { file, vgg, isNew: true, checked, address };
}
