// A checkpoint on disk: the library's bytes behind a head with the settings of the command line, so that
// `wgpu-style --resume out.checkpoint` needs no other word. It holds whole paths: a file for this machine, not for
// sharing.
//
// Layout: 8 bytes "wgpucli1", u32 length of the head, the head as JSON, then what `styleTransfer` gave to `save`.

import { badOption } from '../gpu/errors.ts';

const MAGIC = 'wgpucli1';
/** How the library's own begin: a checkpoint that an API user saved. */
const BARE = 'wgpusty1';

function begins(bytes: Uint8Array, magic: string): boolean {
  return bytes.length >= 12 && new TextDecoder('latin1').decode(bytes.subarray(0, 8)) === magic;
}

/** True for a checkpoint with or without a head. */
export function isCheckpointFile(bytes: Uint8Array): boolean {
  return begins(bytes, MAGIC) || begins(bytes, BARE);
}

/** The parts of a checkpoint file, to be written one after the other. */
export function checkpointFile(settings: object, state: Uint8Array): readonly Uint8Array[] {
  const json = new TextEncoder().encode(JSON.stringify(settings));
  const head = new Uint8Array(12 + json.length);
  head.set(new TextEncoder().encode(MAGIC));
  new DataView(head.buffer).setUint32(8, json.length, true);
  head.set(json, 12);
  return [head, state];
}

/** Takes a checkpoint file apart. Throws `bad-option` naming `where` when its head is cut or damaged. */
export function splitCheckpointFile(
  bytes: Uint8Array,
  where: string,
): { readonly settings: unknown; readonly state: Uint8Array } {
  if (begins(bytes, BARE)) return { settings: {}, state: bytes };
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  try {
    const settings: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(12, 12 + length)),
    );
    return { settings, state: bytes.subarray(12 + length) };
  } catch (cause) {
    throw badOption(
      where,
      `not a checkpoint: its head cannot be read (${String(cause)})`,
      'Give a file that --checkpoint wrote',
    );
  }
}
