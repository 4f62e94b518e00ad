// The page: pictures in, commands to the worker, reports onto the screen.

import { BeforePicture } from './before.ts';
import { LossChart } from './chart.ts';
import { element, say } from './dom.ts';
import { Form } from './form.ts';
import { megabytes, NetworkChoice } from './network.ts';
import type { Command, Report, RunRequest } from './protocol.ts';
import { RegionEditor } from './region-editor.ts';
import { problemOf } from './regions.ts';
import { ScaleStrip } from './scales.ts';
import { defaults, readSettings } from './settings.ts';
import { Slots } from './slots.ts';

/** Longest side and iterations where the CPU computes: minutes, where the defaults would take hours. */
const ON_CPU = { size: 96, iterations: 100 };

/** What the page is at; style.css goes by it. */
type State = 'empty' | 'starting' | 'running' | 'stopped' | 'done' | 'failed';

const toggle = element('toggle', HTMLButtonElement);
const save = element('save', HTMLButtonElement);
const restart = element('restart', HTMLButtonElement);
const compare = element('compare', HTMLInputElement);
const canvas = element('canvas', HTMLCanvasElement);
/** Shows the picture while there is no device. */
const still = element('still', HTMLCanvasElement);
const status = element('status', HTMLElement);
const alert = element('alert', HTMLElement);

let state: State = 'empty';
/** Whether the worker has a run that can go on. */
let hasRun = false;
/** Runs asked for that the worker has not come to yet. Until it has, the one before reports on, but does not say the state. */
let asked = 0;

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
function send(command: Command, transfer: Transferable[] = []): void {
  worker.postMessage(command, transfer);
}

const before = new BeforePicture();
const chart = new LossChart();
const strip = new ScaleStrip((scale) => send({ kind: 'undo', scale }));
const form = new Form(defaults, {
  onWeights: (weights) => send({ kind: 'set', weights }),
  onChange: () => {
    tell('');
    askNeeds();
  },
});
const networks = new NetworkChoice((network) => send({ kind: 'network', network }));
const slots = new Slots({
  onPicture: (name) => {
    tell('');
    if (name === 'content') regions.take();
    else regions.takeStyle();
    // In the slot the picture of the next run; before and after are of this one.
    if (request()) start();
    else askNeeds();
  },
  onRemoval: () => {
    tell('');
    regions.takeStyle();
    askNeeds();
  },
  takes: takeFile,
  onError: (message) => tell(message),
});
const regions = new RegionEditor({
  content: () => slots.image('content'),
  styles: () => slots.styleImages,
  onChange: () => {
    tell('');
    askNeeds();
  },
  onStart: start,
});

const PAINTING = 'Painting …';

const LABELS: Readonly<Record<State, string>> = {
  empty: 'Stop',
  starting: 'Stop',
  running: 'Stop',
  stopped: 'Resume',
  done: 'Paint again',
  failed: 'Try again',
};

function enter(entered: State): void {
  state = entered;
  document.documentElement.dataset['state'] = entered;
  toggle.textContent = LABELS[entered];
  toggle.disabled = entered === 'starting';
  restart.disabled = !request();
}

/** An error, with a button that does something about it where there is a way. */
function tell(message: string, action?: { readonly label: string; readonly run: () => void }): void {
  say(alert, message);
  const button = element('action-button', HTMLButtonElement);
  say(button, action?.label ?? '');
  element('action', HTMLElement).hidden = !action;
  button.onclick = () => {
    tell('');
    action?.run();
  };
}

function request(): RunRequest | undefined {
  const { content, styles } = slots;
  if (!content || styles.length === 0) return undefined;
  return { content, styles, regions: regions.regions, options: form.options };
}

/** Whether the painted parts allow a run; says why not. */
function isPaintable({ regions: painted, styles }: RunRequest): boolean {
  const problem = painted && problemOf(painted, styles.length);
  if (problem) tell(problem, { label: 'Paint parts of the picture …', run: () => void regions.open() });
  return !problem;
}

/** Also with one picture alone: what the other will be matters little. */
function askNeeds(): void {
  const wanted = request();
  if (wanted) {
    if (isPaintable(wanted)) send({ kind: 'plan', ...wanted });
    return;
  }
  const only = slots.content ?? slots.styles[0];
  if (only) send({ kind: 'plan', content: only, styles: [only], regions: undefined, options: form.options });
}

function start(): void {
  const wanted = request();
  if (!wanted) return;
  tell('');
  if (!isPaintable(wanted)) return;
  enter('starting');
  status.textContent = 'Preparing …';
  before.propose(wanted.content);
  asked++;
  send({ kind: 'start', ...wanted });
}

/** The worker has come to a run that was asked for. */
function answered(hasBegun: boolean): void {
  asked--;
  before.settle(hasBegun);
}

/** Nothing is being painted; unless another run was asked for in the meantime. */
function rest(entered: 'stopped' | 'done' | 'failed'): void {
  if (asked > 0) return;
  enter(entered);
  status.textContent = { stopped: 'Stopped', done: 'Done', failed: '' }[entered];
}

function showNeeds({ needs, during }: Extract<Report, { kind: 'needs' }>): void {
  const place = element('needs', HTMLElement);
  if (needs.fits) {
    const sizes = needs.scales.map(({ width, height }) => `${width} × ${height}`);
    const memory = needs.peakBytes === undefined ? '' : `Needs ${megabytes(needs.peakBytes)} of graphics memory: `;
    place.textContent = `${memory}${sizes.join(', then ')}.`;
    return;
  }
  place.textContent = '';
  const { largest } = needs;
  if (during === 'start') {
    answered(false);
    rest(hasRun ? 'stopped' : 'failed');
  }
  tell(`The graphics card cannot hold this size as a whole. The largest that it can for these pictures is ${largest} pixels.`, {
    label: `Use ${largest} pixels`,
    run: () => {
      form.show({ ...form.options, size: largest });
      start();
    },
  });
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s left`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min left` : `${(seconds / 3600).toFixed(1)} h left`;
}

worker.onmessage = ({ data }: MessageEvent<Report>) => take(data);
worker.onerror = ({ message }) => explain(message ?? 'The worker of this page could not be started.');

function take(report: Report): void {
  switch (report.kind) {
    case 'ready':
      showAdapter(report);
      return;
    case 'needs':
      showNeeds(report);
      return;
    case 'started': {
      const { width, height } = report.scales.at(-1)!;
      element('frame', HTMLElement).style.setProperty('--ratio', String(width / height));
      answered(true);
      hasRun = true;
      save.disabled = true;
      element('progress', HTMLProgressElement).value = 0;
      element('count', HTMLElement).textContent = '';
      chart.clear();
      strip.begin(report.scales);
      status.textContent = 'Compiling …';
      return;
    }
    case 'opened':
      still.hidden = true;
      strip.mark(report.scale);
      if (state === 'starting' && asked === 0) {
        enter('running');
        status.textContent = PAINTING;
      }
      return;
    case 'progress':
      showProgress(report);
      return;
    case 'kept':
      strip.keep(report.scale, report.picture);
      return;
    case 'stopped':
      rest(report.isDone ? 'done' : 'stopped');
      save.disabled = false;
      strip.mark(report.scale);
      element('count', HTMLElement).textContent = `${report.iteration} iterations`;
      return;
    case 'lost':
      if (report.picture) {
        still.getContext('bitmaprenderer')!.transferFromImageBitmap(report.picture);
        still.hidden = false;
      }
      status.textContent = 'The graphics card was lost; asking for it again …';
      return;
    case 'recovered':
      status.textContent = 'The graphics card is back, and so is the picture';
      return;
    case 'saved':
      download(report.png);
      return;
    case 'download':
      networks.showDownload(report);
      return;
    case 'network':
      networks.show(networks.name === 'default' ? '' : `${report.description}: ready for the next run`);
      askNeeds();
      return;
    case 'warning':
      tell(report.message);
      return;
    case 'failed':
      showFailure(report);
  }
}

function showAdapter({ adapter, isSoftware }: Extract<Report, { kind: 'ready' }>): void {
  const place = element('adapter', HTMLElement);
  place.textContent = adapter;
  if (!isSoftware) return;
  place.classList.add('software');
  place.textContent =
    `This browser computes on the CPU (${adapter}): small pictures take minutes. ` +
    'If there is a graphics card, switch on hardware acceleration in the settings.';
  if (form.options === defaults) form.show({ ...defaults, ...ON_CPU });
}

function showProgress({ iteration, iterations, scale, losses, secondsLeft }: Extract<Report, { kind: 'progress' }>): void {
  save.disabled = false;
  // Unchanged text is not said again by screen readers.
  if (state === 'running' && status.textContent !== PAINTING) status.textContent = PAINTING;
  chart.add({ iteration, scale, losses });
  strip.mark(scale);
  const bar = element('progress', HTMLProgressElement);
  Object.assign(bar, { max: iterations, value: iteration });
  element('count', HTMLElement).textContent = `${iteration} of ${iterations}, ${duration(secondsLeft)}`;
}

function showFailure({ during, code, message }: Extract<Report, { kind: 'failed' }>): void {
  if (during === 'start') answered(false);
  if (hasRun && (code === 'no-adapter' || code === 'device-lost')) {
    // What was painted is there, to be saved, and to go on from when the graphics card is back.
    tell(message);
    rest('stopped');
    return;
  }
  if (during === 'ready' || code === 'no-webgpu' || code === 'no-adapter') {
    explain(message);
    return;
  }
  tell(message);
  if (during === 'network') {
    networks.take('default');
  } else if (during !== 'plan' && during !== 'save') {
    rest('failed');
  }
}

/** There is no WebGPU, or no adapter: what can be done about that, in place of controls that would do nothing. */
function explain(reason: string): void {
  element('explanation-reason', HTMLElement).textContent = reason;
  element('explanation', HTMLElement).hidden = false;
  // A picture that is there stays in sight.
  if (state !== 'empty') tell(reason);
  else document.documentElement.dataset['state'] = 'unable';
}

function download(png: Uint8Array<ArrayBuffer>): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([png], { type: 'image/png' }));
  const stems = [slots.content, ...slots.styles].map((file) =>
    file instanceof File ? file.name.replace(/\.[^.]*$/, '') : '',
  );
  link.download = `${stems.filter((stem) => stem !== '').join('-') || 'wgpu-style'}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Settings and networks among dropped files. */
async function takeFile(file: File): Promise<boolean> {
  if (/\.(onnx|safetensors)$/i.test(file.name)) {
    networks.take(file);
    return true;
  }
  return takeSettings(file);
}

async function takeSettings(file: File): Promise<boolean> {
  const settings = await readSettings(file);
  if (!settings) return false;
  form.show(settings.options);
  regions.show(settings.regions);
  send({ kind: 'set', weights: form.weights });
  tell('');
  takeNamedNetwork(settings.network ?? 'default');
  status.textContent = `The settings of “${file.name}” are loaded`;
  element('needs', HTMLElement).textContent = status.textContent;
  askNeeds();
  return true;
}

/** The network of loaded settings; nothing is downloaded without having been asked for. */
function takeNamedNetwork(name: string): void {
  if (name === networks.name) return;
  const run = (): void => networks.take(name);
  if (name === 'default') run();
  else {
    const action = networks.offers(name) ? { label: 'Load it', run } : undefined;
    tell(`These settings were made with the network “${name}”.`, action);
  }
}

async function tryExample(): Promise<void> {
  for (const [slot, file] of [['content', 'content.png'], ['style', 'style.png']] as const) {
    const response = await fetch(new URL(`./examples/${file}`, import.meta.url));
    await slots.put(slot, await response.blob());
  }
}

toggle.addEventListener('click', () => {
  if (state === 'running') send({ kind: 'stop' });
  else if (state === 'stopped') {
    enter('running');
    status.textContent = PAINTING;
    send({ kind: 'resume' });
  } else start();
});
restart.addEventListener('click', start);
save.addEventListener('click', () => send({ kind: 'save' }));
compare.addEventListener('input', () => {
  element('frame', HTMLElement).style.setProperty('--split', `${compare.value}%`);
});
const settingsFile = element('settings-file', HTMLInputElement);
settingsFile.addEventListener('change', () => {
  const [file] = settingsFile.files ?? [];
  settingsFile.value = '';
  if (!file) return;
  void takeSettings(file).then((isOurs) => {
    if (!isOurs) tell(`“${file.name}” carries no settings. PNG files that were saved here do.`);
  });
});
element('example', HTMLButtonElement).addEventListener('click', () => {
  tryExample().catch(() => tell('The example pictures could not be fetched.'));
});

if ('transferControlToOffscreen' in canvas && 'gpu' in navigator) {
  const offscreen = canvas.transferControlToOffscreen();
  send({ kind: 'canvas', canvas: offscreen }, [offscreen]);
} else {
  worker.terminate();
  explain(isSecureContext ? 'It has no WebGPU.' : 'WebGPU needs a secure connection, and this page came without one.');
}

if ('serviceWorker' in navigator) {
  // Without it everything works, but only online.
  navigator.serviceWorker.register(new URL('./service-worker.js', import.meta.url)).catch(() => undefined);
}
