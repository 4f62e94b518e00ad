// The worker: owns device, network and painting, so that the page never waits for them.

import { defaultNetwork, encodePng, isSoftwareAdapter, StyleSession, Vgg, WgpuStyleError, type TermWeights } from 'wgpu-style';
import { largestInstead, needsOf, scalesFor, type FitRequest } from './fit.ts';
import { Gpu } from './gpu.ts';
import { bytesOf, Painting } from './painting.ts';
import type { Activity, Command, PageOptions, Report, RunRequest } from './protocol.ts';
import { packRegions, type Regions } from './regions.ts';
import { defaults, REGIONS_KEYWORD } from './settings.ts';
import { longestSide } from './size.ts';

/** What of a dedicated worker's scope is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Command>) => void) | null;
  postMessage(report: Report, transfer: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
const gpu = new Gpu(() => void enqueue('ready', async () => painting?.recover()));
let canvas: OffscreenCanvas | undefined;
let painting: Painting | undefined;
/** The settings of the painting, with the name of its network if that means anything elsewhere. */
let settings: PageOptions & { readonly network?: string } = defaults;
let weights: TermWeights | undefined;
let regions: Regions | undefined;

/** The network of the runs to come: a name or file, and what it was loaded to; nothing for the embedded one. */
let chosen: { readonly source: string | File; readonly network: Vgg } | undefined;
let loading = new AbortController();

function report(message: Report, transfer: Transferable[] = []): void {
  scope.postMessage(message, transfer);
}

function reportFailure(during: Activity, error: unknown): void {
  const code = error instanceof WgpuStyleError ? error.code : 'unknown';
  report({ kind: 'failed', during, code, message: error instanceof Error ? error.message : String(error) });
}

/** Commands are done one after another; a run is begun by one of them, but not waited for. */
let queue: Promise<void> = Promise.resolve();
function enqueue(during: Activity, work: () => Promise<unknown>): Promise<void> {
  queue = queue.then(work).then(
    () => undefined,
    (error: unknown) => reportFailure(during, error),
  );
  return queue;
}

scope.onmessage = ({ data: command }) => {
  switch (command.kind) {
    case 'canvas':
      ({ canvas } = command);
      return;
    case 'set':
      ({ weights } = command);
      painting?.set(command.weights);
      return;
    case 'network':
      void loadNetwork(command.network);
      return;
    case 'lose':
      void gpu.device().then((device) => device.destroy());
      return;
    default:
      void enqueue(command.kind, () => perform(command));
  }
};

async function perform(command: Exclude<Command, { kind: 'canvas' | 'set' | 'network' | 'lose' }>): Promise<void> {
  switch (command.kind) {
    case 'plan':
      await tellNeeds(command);
      return;
    case 'start':
      await start(command);
      return;
    case 'stop':
      await painting?.stop();
      return;
    case 'resume':
      goOn();
      return;
    case 'undo':
      await painting?.undo(command.scale);
      return;
    case 'save':
      await save();
  }
}

/** Decodes the pictures, and has at hand what else the run is made from. */
async function prepare({ content, styles, options, regions }: RunRequest): Promise<FitRequest> {
  const side = longestSide(options.size);
  return {
    content: await decode(content, side, 'The picture'),
    styles: await Promise.all(styles.map((style) => decode(style, side, 'The style'))),
    regions,
    network: chosen?.network ?? (await defaultNetwork()),
    device: await gpu.device(),
    options,
  };
}

/**
 * A picture as the browser decodes it, at most twice as large as the result: as floats a telephone's photograph would
 * take 200 MB.
 */
async function decode(file: Blob, side: number, what: string): Promise<ImageBitmap> {
  const settings = { premultiplyAlpha: 'none', imageOrientation: 'from-image' } as const;
  const full = await createImageBitmap(file, settings).catch((cause: unknown) => {
    throw new Error(`${what} cannot be read as a picture. Choose a JPEG, PNG, WebP or AVIF file.`, { cause });
  });
  const { width, height } = full;
  const factor = (2 * side) / Math.max(width, height);
  if (factor >= 1) return full;
  const [resizeWidth, resizeHeight] = [width, height].map((length) => Math.max(1, Math.round(length * factor)));
  const reduced = await createImageBitmap(full, {
    ...settings,
    resizeWidth: resizeWidth!,
    resizeHeight: resizeHeight!,
    resizeQuality: 'high',
  });
  full.close();
  return reduced;
}

async function tellNeeds(request: RunRequest): Promise<void> {
  const prepared = await prepare(request);
  try {
    // Counting would hold up a run.
    report({ kind: 'needs', during: 'plan', needs: await needsOf(prepared, !painting?.isRunning) });
  } finally {
    closeAll(prepared);
  }
}

function closeAll({ content, styles }: Pick<FitRequest, 'content' | 'styles'>): void {
  for (const bitmap of [content, ...styles]) bitmap.close();
}

async function start(request: RunRequest): Promise<void> {
  if (!canvas) return;
  await painting?.stop();
  const before = weights;
  weights = undefined;
  const { source = 'default' } = chosen ?? {};
  const prepared = await prepare(request);
  const largest = largestInstead(prepared);
  if (largest !== undefined) {
    closeAll(prepared);
    weights ??= before;
    report({ kind: 'needs', during: 'start', needs: { fits: false, largest } }); // the painting before stays what it is
    return;
  }
  await painting?.destroy();
  const { options } = request;
  ({ regions } = request);
  settings = { ...options, ...(typeof source === 'string' && { network: source }) };
  const scales = scalesFor(prepared);
  painting = new Painting({ ...prepared, scales, canvas, gpu, report });
  report({ kind: 'started', scales });
  if (weights) painting.set(weights);
  goOn();
}

function goOn(): void {
  painting?.run().catch((error: unknown) => reportFailure('run', error));
}

/** The picture as it stands, as a PNG with the settings that made it: `wgpu-style --config` reads them too. */
async function save(): Promise<void> {
  const pixels = await painting?.read();
  if (!pixels) return;
  const text = {
    Software: 'wgpu-style',
    'wgpu-style': JSON.stringify({ ...settings, ...weights }),
    ...(regions && { [REGIONS_KEYWORD]: packRegions(regions) }),
  };
  const png = await encodePng(pixels.width, pixels.height, bytesOf(pixels), { text });
  report({ kind: 'saved', png }, [png.buffer]);
}

/** Loads another network for the runs to come; whatever was being loaded is given up. */
async function loadNetwork(source: string | File): Promise<void> {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  try {
    const network =
      source === 'default'
        ? await defaultNetwork()
        : await Vgg.load(source, {
            signal,
            onDownload: (progress) => report({ kind: 'download', progress }),
            onWarning: (message) => report({ kind: 'warning', message }),
          });
    if (signal.aborted) return;
    chosen = source === 'default' ? undefined : { source, network };
    const { topology, parameters } = network.report;
    report({ kind: 'network', description: `${topology}, ${(parameters / 1e6).toFixed(1)} million weights` });
  } catch (error) {
    if (!signal.aborted) reportFailure('network', error);
  }
}

/**
 * Compiles what a run needs while its pictures are still being chosen: one iteration on a made-up picture, as large
 * as the first scale. What goes wrong here goes wrong again where somebody waits for it.
 */
async function warmUp(device: GPUDevice, side: number): Promise<void> {
  const size = { width: side, height: Math.round(0.75 * side) };
  const data = new Uint8ClampedArray(4 * size.width * size.height).map((_, i) => (i * 7919) % 251);
  const picture = { ...size, data };
  const network = await defaultNetwork();
  const session = await StyleSession.create({ ...defaults, content: picture, style: picture, size, device, network });
  try {
    await session.step();
  } finally {
    session.destroy();
  }
}

void enqueue('ready', async () => {
  const device = await gpu.device();
  const { vendor, architecture, description } = device.adapterInfo;
  const adapter = description || [vendor, architecture].filter((word) => word !== '').join(' ');
  const isSoftware = isSoftwareAdapter(device);
  report({ kind: 'ready', adapter, isSoftware });
  // The first scales of the sizes that the form begins with.
  warmUp(device, isSoftware ? 96 : 128).catch(() => undefined);
});
