// The peers by name. Each is imported when it is wanted; nothing else imports them.

import type { Peer, PeerSurroundings } from './contestant.ts';
import type { PeerName } from './names.ts';

/** Starts a library on a device of its own. */
export type StartPeer = (surroundings: PeerSurroundings) => Promise<Omit<Peer, 'version'>>;

/** Imports a peer. */
export async function importPeer(name: PeerName): Promise<StartPeer> {
  switch (name) {
    case 'tfjs':
      return (await import('./tfjs.ts')).startTfjs;
    case 'jax':
      return (await import('./jax.ts')).startJax;
    case 'onnxruntime':
      return (await import('./onnxruntime.ts')).startOnnxRuntime;
  }
}
