// What is known of a published file, and whether what came is it. Of a whole file its SHA-256 is
// compared; of a part of it the hash of the weights that were made of it, which the manifest may
// state, or a verified import of the whole file has recorded on this machine.

import { WgpuStyleError } from '../gpu/errors.ts';
import type { KnownNetwork } from './known-networks.ts';
import type { Layer } from './layers.ts';
import { Sha256 } from './sha256.ts';

/** What a download was compared with. */
export type Checked = 'file hash' | 'weights hash' | 'nothing';

/** By the name of a convolution: the hash of all weights up to and including its own. */
export type WeightHashes = Readonly<Record<string, string>>;

/** Remembers the weights of files that were verified as a whole. Nothing of it throws. */
export interface HashRecords {
  readonly read: (fileSha256: string) => Promise<WeightHashes | undefined>;
  readonly write: (fileSha256: string, hashes: WeightHashes) => Promise<void>;
}

/**
 * SHA-256 of the numbers of a network up to each of its convolutions, layer by layer, weight
 * [kh, kw, cin, cout] then bias, as little-endian float32: the same whichever file they came from.
 */
export function weightHashes(layers: readonly Layer[]): WeightHashes {
  const hash = new Sha256();
  const found: [string, string][] = [];
  for (const layer of layers) {
    if (layer.kind !== 'conv') continue;
    for (const { buffer, byteOffset, byteLength } of [layer.weight, layer.bias]) {
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
    found.push([layer.name, hash.hex()]);
  }
  return Object.fromEntries(found);
}

/** The hash of a whole network: the last of its `weightHashes`. */
export function weightsSha256(layers: readonly Layer[]): string {
  return Object.values(weightHashes(layers)).at(-1) ?? new Sha256().hex();
}

/** The hash that the file should have: as somebody here has seen it, else as its publisher says. */
export function fileHash({ sha256, sha256Published }: KnownNetwork): string | null {
  return sha256 ?? sha256Published;
}

/** A network, and the hash of what was read to make it. */
export interface ReadNetwork {
  readonly layers: readonly Layer[];
  readonly sha256: string;
  readonly sha256Of: 'file' | 'weights';
}

/**
 * Compares a network with what is known of it, and records it where its whole file was verified.
 * Throws `bad-model` when it is another.
 */
export async function checkTrust(
  entry: KnownNetwork,
  { layers, sha256, sha256Of }: ReadNetwork,
  records: HashRecords | undefined,
  address: string,
  where: string,
): Promise<Checked> {
  const whole = fileHash(entry);
  if (sha256Of === 'file') {
    if (whole === null) return 'nothing';
    if (whole !== sha256) throw mismatch('file', sha256, whole, address, where);
    await records?.write(whole, weightHashes(layers));
    return 'file hash';
  }
  const last = layers.findLast((layer) => layer.kind === 'conv')!.name;
  const recorded = whole === null ? undefined : await records?.read(whole);
  const known = own(entry.weightsSha256, last) ?? (recorded && own(recorded, last));
  if (known === undefined) return 'nothing';
  if (known !== sha256) throw mismatch('weights', sha256, known, address, where);
  return 'weights hash';
}

/** `bad-model` for a file that is not the one that is known. */
export function wrongFile(got: string, address: string, where: string): WgpuStyleError {
  return new WgpuStyleError('bad-model', {
    what: `another file than the one known: got ${got}, from '${address}'`,
    where,
    fix: 'Take another address of it',
  });
}

function mismatch(
  of: 'file' | 'weights',
  got: string,
  need: string,
  address: string,
  where: string,
): WgpuStyleError {
  return wrongFile(`${of} of sha256 ${got}, need ${need}`, address, where);
}

function own(hashes: WeightHashes, name: string): string | undefined {
  return Object.hasOwn(hashes, name) ? hashes[name] : undefined;
}
