// The page of benchmarks: what to measure, a table that grows, and the report as JSON. The method is bench/bench.ts.

import type { Row } from '../bench/harness/rows.ts';
import { COLUMNS, numbersOf } from '../bench/harness/table.ts';
import { adapterLine, type BenchReport } from '../bench/report/report.ts';
import { FAMILIES } from '../bench/request.ts';
import type { BenchAnswer, BenchCommand } from './bench-protocol.ts';
import { element, say } from './dom.ts';

const start = element('start', HTMLButtonElement);
const copy = element('copy', HTMLButtonElement);
const side = element('side', HTMLInputElement);
const seconds = element('seconds', HTMLInputElement);
const status = element('status', HTMLElement);
const alert = element('alert', HTMLElement);

/** Undefined before the first worker, and where there is no device. */
let worker: Worker | undefined;
let isRunning = false;
let request: BenchCommand = {};
let report: BenchReport | undefined;

/** A worker with a device of its own; the one before ends, whatever it is doing. */
function renew(): void {
  worker?.terminate();
  worker = new Worker(new URL('./bench-worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<BenchAnswer>) => take(data);
  worker.onerror = ({ message }) => fail(message ?? 'The worker of this page could not be started.');
}

function take(answer: BenchAnswer): void {
  switch (answer.kind) {
    case 'ready':
      say(element('adapter', HTMLElement), adapterLine(answer));
      element('adapter', HTMLElement).classList.toggle('software', answer.isSoftware);
      if (!isRunning) status.textContent = '';
      start.disabled = false;
      return;
    case 'row':
      addRow(answer.row);
      return;
    case 'done':
      finish(answer.report);
      return;
    case 'failed':
      fail(answer.message);
  }
}

function fail(message: string): void {
  say(alert, message);
  rest('');
}

function begin(): void {
  if (![side, seconds].every((input) => input.reportValidity())) return;
  const chosen = [...document.querySelectorAll<HTMLInputElement>('#families input:checked')].map(({ value }) => value);
  request = {
    families: FAMILIES.filter((family) => chosen.includes(family)),
    sides: Number.isNaN(side.valueAsNumber) ? [] : [side.valueAsNumber],
    seconds: seconds.valueAsNumber,
  };
  report = undefined;
  copy.disabled = true;
  isRunning = true;
  start.textContent = 'Stop';
  say(alert, '');
  element('notes', HTMLElement).hidden = true;
  element('rows', HTMLElement).replaceChildren();
  element('scroll', HTMLElement).hidden = true;
  status.textContent = 'Measuring …';
  worker?.postMessage(request);
}

function rest(text: string): void {
  isRunning = false;
  start.textContent = 'Measure';
  status.textContent = text;
}

function addRow(row: Row): void {
  element('scroll', HTMLElement).hidden = false;
  const line = document.createElement('tr');
  const head = document.createElement('th');
  head.scope = 'row';
  head.textContent = row.family;
  line.append(head, ...[row.name, row.variant, ...numbersOf(row)].map(cell));
  element('rows', HTMLElement).append(line);
}

function cell(text: string): HTMLElement {
  const made = document.createElement('td');
  made.textContent = text;
  return made;
}

function finish(done: BenchReport): void {
  report = done;
  copy.disabled = false;
  const { rows, skipped, failed, clocks } = done;
  const notes = [
    ...failed.map(({ what, why }) => `Failed: ${what}: ${why}`),
    ...skipped.map(({ what, why }) => `Skipped: ${what}: ${why}`),
    `Kernels by ${clocks.hasTimestamps ? 'timestamps' : 'wall time'}, iterations by wall time in steps of ${clocks.wallStep.toFixed(3)} ms.`,
  ];
  const list = element('notes', HTMLElement);
  list.replaceChildren(
    ...notes.map((note) => {
      const item = document.createElement('li');
      item.textContent = note;
      return item;
    }),
  );
  list.hidden = false;
  const measured = rows.length > 0 ? `${rows.length} rows` : 'What was computed was checked, and nothing measured';
  rest(failed.length > 0 ? `${failed.length} failed` : `Done: ${measured}.`);
}

/** Where and when it was measured, what was asked for, and the report. */
function json(): string {
  return JSON.stringify({ date: new Date().toISOString(), host: navigator.userAgent, request, ...report }, null, 2);
}

element('families', HTMLElement).append(
  ...FAMILIES.map((family) => {
    const box = document.createElement('input');
    Object.assign(box, { type: 'checkbox', value: family });
    const label = document.createElement('label');
    label.append(box, family);
    return label;
  }),
);
element('columns', HTMLElement).append(
  ...['family', 'what', 'variant', ...COLUMNS].map((title) => {
    const head = document.createElement('th');
    head.scope = 'col';
    head.textContent = title;
    return head;
  }),
);
start.addEventListener('click', () => {
  if (!isRunning) {
    begin();
    return;
  }
  rest('Stopped');
  start.disabled = true; // until the next worker has a device
  renew();
});
copy.addEventListener('click', () => {
  navigator.clipboard.writeText(json()).then(
    () => (status.textContent = 'Copied'),
    () => say(alert, 'This browser does not let the page copy: allow it the clipboard.'),
  );
});

if ('gpu' in navigator) renew();
else fail(isSecureContext ? 'This browser has no WebGPU.' : 'WebGPU needs a secure connection, and this page came without one.');
