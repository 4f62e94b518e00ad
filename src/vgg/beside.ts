// The files beside a network file that hold its external data: opened when first asked for, once.

import type { ByteSource, OpenBeside } from './byte-source.ts';
import { besideSource, openSource, type ReadContext, type VggSource } from './source.ts';

/** Finds files by the names in `given`, else beside `source` where that has a place. */
export function besideOpener(
  source: VggSource,
  given: Readonly<Record<string, VggSource>> | undefined,
  context: ReadContext,
): { readonly open: OpenBeside; readonly close: () => Promise<void> } {
  const opened = new Map<string, Promise<ByteSource>>();
  const open: OpenBeside = (name) => {
    const known = opened.get(name);
    if (known) return known;
    const other = given && Object.hasOwn(given, name) ? given[name] : besideSource(source, name);
    if (other === undefined) return undefined;
    const opening = openSource(other, context);
    opened.set(name, opening);
    return opening;
  };
  const close = async (): Promise<void> => {
    const done = await Promise.allSettled(opened.values());
    for (const result of done) if (result.status === 'fulfilled') await result.value.close();
  };
  return { open, close };
}
