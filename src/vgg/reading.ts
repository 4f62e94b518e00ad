// From a file, an address, bytes or a name to a network: what stands behind `Vgg.fromOnnx`,
// `Vgg.fromSafetensors` and `Vgg.load`.

import { badOption, type WgpuStyleError } from '../gpu/errors.ts';
import { host } from '../gpu/host.ts';
import { besideOpener } from './beside.ts';
import { peeking, readAll, type ByteSource } from './byte-source.ts';
import { layersUpTo, unknownLayer } from './layers.ts';
import { resolvePreprocessing } from './preprocessing.ts';
import { shortened } from './range-source.ts';
import { looksLikeSafetensors } from './safetensors.ts';
import { looksLikeName, openSource, type ReadContext, type VggSource } from './source.ts';
import type { Network, VggOptions } from './vgg.ts';
import { decodeNetwork, storedNetwork, type StoredNetwork } from './weights.ts';

/** Reads an ONNX file; see `Vgg.fromOnnx`. */
export async function readOnnxFile(source: VggSource, options: VggOptions): Promise<Network> {
  const context = readContext('Vgg.fromOnnx', 'bad-model', options);
  return closing(await openSource(source, context), (opened) =>
    fromOpened(opened, source, options, context),
  );
}

/** Reads a weights file; see `Vgg.fromSafetensors`. */
export async function readWeightsFile(source: VggSource, options: VggOptions): Promise<Network> {
  const context = readContext('Vgg.fromSafetensors', 'bad-weights', options);
  return closing(await openSource(source, context), async (opened) =>
    fromStored(decodeNetwork(await readAll(opened), context.where), options, context.where),
  );
}

/** Reads either, or finds a known network by its name; see `Vgg.load`. */
export async function readNetwork(source: VggSource, options: VggOptions): Promise<Network> {
  const context = readContext('Vgg.load', 'bad-model', options);
  const known = typeof source === 'string' ? await findNamed(source, options) : undefined;
  if (known) {
    if (options.preprocessing !== undefined) throw unwantedPreprocessing('known network', context);
    return fromStored(known, options, context.where);
  }
  return closing(peeking(await openSource(source, context)), async (opened) => {
    const isStored = looksLikeSafetensors(await opened.head());
    if (!isStored) return fromOpened(opened, source, options, context);
    if (options.preprocessing !== undefined) {
      throw unwantedPreprocessing('safetensors file', context);
    }
    return fromStored(decodeNetwork(await readAll(opened), context.where), options, context.where);
  });
}

function readContext(
  where: string,
  code: ReadContext['code'],
  { upTo, preprocessing, signal }: VggOptions,
): ReadContext {
  // Wrong options are told before half a gigabyte is downloaded.
  if (upTo !== undefined && typeof upTo !== 'string') {
    throw badOption(
      where,
      `upTo: got ${JSON.stringify(upTo)}`,
      "Give a layer's name, such as 'relu5_1'",
    );
  }
  if (preprocessing !== undefined) resolvePreprocessing(preprocessing, where);
  return { where, code, signal };
}

/** A known network, where `name` is the name of one. */
async function findNamed(
  name: string,
  { upTo, signal }: VggOptions,
): Promise<StoredNetwork | undefined> {
  const where = `network '${shortened(name)}'`;
  if (host.findNetwork) {
    const bytes = await host.findNetwork(name, { upTo, signal });
    return bytes && decodeNetwork(bytes, where);
  }
  if (!looksLikeName(name)) return undefined;
  // A chunk of its own, as the reading of ONNX is.
  const { loadKnown } = await import('./network-cache.ts');
  return loadKnown(name, { ...(upTo !== undefined && { upTo }), ...(signal && { signal }) }, where);
}

function unwantedPreprocessing(what: string, { where }: ReadContext): WgpuStyleError {
  const fix = `Leave preprocessing out: a ${what} carries its own`;
  return badOption(where, `preprocessing was given for a ${what}`, fix);
}

/** A stored network, no deeper than `upTo`. */
function fromStored(stored: StoredNetwork, { upTo }: VggOptions, where: string): Network {
  const network = storedNetwork(stored);
  if (upTo === undefined) return network;
  const layers = layersUpTo(network.layers, upTo);
  if (!layers) throw unknownLayer(network.layers, upTo, where);
  return { ...network, layers };
}

async function fromOpened(
  opened: ByteSource,
  source: VggSource,
  options: VggOptions,
  context: ReadContext,
): Promise<Network> {
  // A chunk of its own: not needed for safetensors.
  const { importOnnx } = await import('./import.ts');
  const beside = besideOpener(source, options.externalData, context);
  try {
    return await importOnnx(opened, { ...options, openBeside: beside.open }, context.where);
  } finally {
    await beside.close();
  }
}

async function closing<Source extends ByteSource, T>(
  source: Source,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}
