// The network that ships with the library. Bundlers make its 2 MB a chunk of its own, fetched when
// first asked for.

import { loadChunk } from '../gpu/chunk.ts';
import { Vgg } from './vgg.ts';

const WHERE = 'the embedded network';
let loading: Promise<Vgg> | undefined;

/** The embedded network (weights/README.md says how it was made); read once, then shared. */
export function defaultNetwork(): Promise<Vgg> {
  loading ??= load();
  // A chunk that could not be fetched may come at the next attempt.
  loading.catch(() => (loading = undefined));
  return loading;
}

async function load(): Promise<Vgg> {
  const parts = Promise.all([import('../../weights/default.safetensors'), import('./weights.ts')]);
  const [{ default: bytes }, { decodeNetwork, storedNetwork }] = await loadChunk(WHERE, parts);
  return new Vgg(storedNetwork(decodeNetwork(bytes, WHERE)));
}
