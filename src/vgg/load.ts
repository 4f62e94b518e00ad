// From whatever a user has to the layers of a network: ONNX, a weights file, or the name of a known
// network. What was not known and had to be assumed is said here, once.

import { badOption } from '../gpu/errors.ts';
import { host, type DownloadProgress, type NetworkOptions } from '../gpu/host.ts';
import { besideOpener } from './beside.ts';
import { peeking, readAll, wrapped, type ByteSource } from './byte-source.ts';
import type { Origin } from './import.ts';
import { usualDepth } from './known-networks.ts';
import { layersUpTo, unknownLayer } from './layers.ts';
import { pieced, watched } from './parts.ts';
import {
  preprocessingName,
  resolvePreprocessing,
  type Preprocessing,
  type PreprocessingSource,
} from './preprocessing.ts';
import { shortened } from './range-source.ts';
import { looksLikeSafetensors } from './safetensors.ts';
import { looksLikeName, openSource, type ReadContext, type VggSource } from './source.ts';
import { decodeNetwork, storedNetwork, type StoredNetwork } from './weights.ts';

/** Options of `Vgg.fromOnnx` and `Vgg.load`. */
export interface VggOptions {
  /**
   * The last layer to keep, such as 'relu5_1'; default: all up to the classifier. Weights behind it
   * stay unread.
   */
  readonly upTo?: string;
  /**
   * What the file's own input expects. Default: what the file or its graph says, else
   * 'rgb-mean-std', with a warning, and then `vgg.preprocessingSource` is 'assumed'. Scaling nodes at the front of
   * the graph are added to what is given here.
   */
  readonly preprocessing?: Preprocessing;
  /** Who says so, for the report. Default: 'option', the caller. */
  readonly preprocessingFrom?: 'option' | 'manifest';
  /** Texts to keep with the weights: name, licence, source; `toSafetensors` writes them. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * The files that hold the tensors of an ONNX file with external data, by the names it gives them.
   * Not needed for paths and addresses: there they are looked for beside the file.
   */
  readonly externalData?: Readonly<Record<string, VggSource>>;
  readonly signal?: AbortSignal;
  /** Told while bytes come from a server, also of known networks. */
  readonly onDownload?: (progress: DownloadProgress) => void;
  /**
   * Takes what a caller should know though it is no error: that nothing says what the input looks
   * like, that a download could not be kept. Default: `console.warn`.
   */
  readonly onWarning?: (message: string) => void;
}

/** Options for files that carry their own preprocessing. */
export type StoredOptions = Pick<VggOptions, 'upTo' | 'signal' | 'onDownload' | 'onWarning'>;

/** A network, where its preprocessing is known from, and what was read to make it. */
export interface LoadedNetwork extends StoredNetwork {
  readonly preprocessingSource: PreprocessingSource;
  readonly origin?: Origin | undefined;
}

/** The network in an ONNX file. Errors as of `Vgg.fromOnnx`. */
export async function loadOnnx(
  source: VggSource,
  options: VggOptions,
  where: string,
): Promise<LoadedNetwork> {
  const context = readContext(where, 'bad-model', options);
  const network = await closing(await openSource(source, context), (opened) =>
    fromOnnx(opened, source, options, context),
  );
  return said(network, options, where);
}

/** The network in a weights file. Errors as of `Vgg.fromSafetensors`. */
export async function loadSafetensors(
  source: VggSource,
  options: StoredOptions,
  where: string,
): Promise<LoadedNetwork> {
  const context = readContext(where, 'bad-weights', options);
  const network = await closing(await openSource(source, context), (opened) =>
    fromSafetensors(opened, source, options, where),
  );
  return said(network, options, where);
}

/** Either of the two, or a known network. Errors as of `Vgg.load`. */
export async function loadAny(
  source: VggSource,
  options: VggOptions,
  where: string,
): Promise<LoadedNetwork> {
  const context = readContext(where, 'bad-model', options);
  const fetchKnown = typeof source === 'string' ? await knownNetwork(source) : undefined;
  if (fetchKnown) {
    refusePreprocessing('known network', options, where);
    const known = await fetchKnown(options);
    return fromStored(known, { ...options, upTo: options.upTo ?? usualDepth }, where);
  }
  const network = await closing(peeking(await openSource(source, context)), async (opened) => {
    const isStored = looksLikeSafetensors(await opened.head());
    if (!isStored) return fromOnnx(opened, source, options, context);
    refusePreprocessing('safetensors file', options, where);
    return fromSafetensors(opened, source, options, where);
  });
  return said(network, options, where);
}

function readContext(
  where: string,
  code: ReadContext['code'],
  { upTo, preprocessing, signal, onDownload, onWarning }: VggOptions,
): ReadContext {
  // Wrong options are told before half a gigabyte is downloaded.
  if (upTo !== undefined && typeof upTo !== 'string') {
    const fix = "Give a layer's name, such as 'relu5_1'";
    throw badOption(where, `upTo: got ${JSON.stringify(upTo)}`, fix);
  }
  for (const [name, value] of Object.entries({ onDownload, onWarning })) {
    if (value === undefined || typeof value === 'function') continue;
    throw badOption(where, `${name}: got ${JSON.stringify(value)}`, 'Give a function');
  }
  if (preprocessing !== undefined) resolvePreprocessing(preprocessing, where);
  return { where, code, signal };
}

/** Says aloud what had to be assumed. */
function said(
  network: LoadedNetwork,
  { onWarning = warnOnConsole }: Pick<VggOptions, 'onWarning'>,
  where: string,
): LoadedNetwork {
  const { preprocessing, preprocessingSource } = network;
  if (preprocessingSource === 'assumed') {
    const assumed = preprocessingName(preprocessing) ?? JSON.stringify(preprocessing);
    onWarning(
      `${where}: nothing says what the network's input looks like; ${assumed} was assumed. Import ` +
        "it with preprocessing 'rgb-mean-std' or, of Caffe and Keras, 'bgr-255'.",
    );
  }
  return network;
}

function warnOnConsole(message: string): void {
  // The one place where the library speaks by itself: an unasked-for guess is never silent.
  console.warn(message); // eslint-disable-line no-console
}

type FetchKnown = (options: VggOptions) => Promise<StoredNetwork>;

/** How to come by the known network of that name; undefined for other words. */
async function knownNetwork(name: string): Promise<FetchKnown | undefined> {
  const where = `network '${shortened(name)}'`;
  const spoken = ({ onWarning = warnOnConsole, ...options }: VggOptions): NetworkOptions => {
    const { upTo, signal, onDownload } = options;
    return { upTo, signal, onDownload, onWarning };
  };
  if (host.findNetwork) {
    const find = await host.findNetwork(name);
    return find && (async (options) => decodeNetwork(await find(spoken(options)), where));
  }
  if (!looksLikeName(name)) return undefined;
  return async (options) => {
    // A chunk of its own, as the reading of ONNX is.
    const { loadKnown } = await import('./network-cache.ts');
    return loadKnown(name, spoken(options), where);
  };
}

function refusePreprocessing(what: string, { preprocessing }: VggOptions, where: string): void {
  if (preprocessing === undefined) return;
  const fix = `Leave preprocessing out: a ${what} carries its own`;
  throw badOption(where, `preprocessing was given for a ${what}`, fix);
}

function fromStored(
  stored: StoredNetwork,
  { upTo }: Pick<VggOptions, 'upTo'>,
  where: string,
): LoadedNetwork {
  const network = storedNetwork(stored);
  if (upTo === undefined) return network;
  const layers = layersUpTo(network.layers, upTo);
  if (!layers) throw unknownLayer(network.layers, upTo, where);
  return { ...network, layers };
}

async function fromSafetensors(
  opened: ByteSource,
  source: VggSource,
  options: StoredOptions,
  where: string,
): Promise<LoadedNetwork> {
  const { size } = opened;
  const counted = download(opened, source, options);
  if (size !== undefined) counted.expect?.(size);
  return fromStored(decodeNetwork(await readAll(counted), where), options, where);
}

async function fromOnnx(
  opened: ByteSource,
  source: VggSource,
  options: VggOptions,
  context: ReadContext,
): Promise<LoadedNetwork> {
  // A chunk of its own: pages that keep to the embedded network never load the reading of ONNX.
  const { importOnnx } = await import('./import.ts');
  const beside = besideOpener(source, options.externalData, context);
  const counted = download(opened, source, options);
  const onPlan = opened.isSeekable ? counted.expect : undefined;
  try {
    return await importOnnx(counted, { ...options, onPlan, openBeside: beside.open }, context.where);
  } finally {
    await beside.close();
  }
}

/** What comes from a server comes in pieces, and is counted. */
function download(
  opened: ByteSource,
  source: VggSource,
  { onDownload }: Pick<VggOptions, 'onDownload'>,
): ByteSource & { readonly expect?: (bytes: number) => void } {
  if (!opened.isRemote) return opened;
  const address = source instanceof URL ? source.href : typeof source === 'string' ? source : '';
  const counted = watched(opened, shortened(address), onDownload);
  return wrapped(pieced(counted), { expect: counted.expect });
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
