// The peers by name. Each is loaded when it is wanted; nothing else imports them.

import type { Peer, PeerLoader, PeerSurroundings } from './contestant.ts';
import type { PeerName } from './names.ts';

const LOADERS: Readonly<Record<PeerName, PeerLoader>> = {
  tfjs: async () => (await import('./tfjs.ts')).loadTfjs(),
  jax: async () => (await import('./jax.ts')).loadJax(),
  onnxruntime: async (surroundings) => (await import('./onnxruntime.ts')).loadOnnxRuntime(surroundings),
};

/** Loads peers one after another: each starts a device of its own. */
export async function loadPeers(
  names: readonly PeerName[],
  versions: Readonly<Record<PeerName, string>>,
  surroundings: PeerSurroundings,
): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const name of names) peers.push({ ...(await LOADERS[name](surroundings)), version: versions[name] });
  return peers;
}
