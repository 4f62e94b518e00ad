// The network that ships with the library. Bundlers make its 2 MB a chunk of its own, fetched when
// first asked for.

import { Vgg } from './vgg.ts';

let loading: Promise<Vgg> | undefined;

/** The embedded network (weights/README.md says how it was made); read once, then shared. */
export function defaultNetwork(): Promise<Vgg> {
  loading ??= import('../../weights/default.safetensors').then((module) =>
    Vgg.fromSafetensors(module.default),
  );
  // A chunk that could not be fetched may come at the next attempt.
  loading.catch(() => (loading = undefined));
  return loading;
}
