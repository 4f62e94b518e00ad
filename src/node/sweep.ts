// The command sweep: the same pictures with one or two options varied, side by side on a labelled sheet, as in the
// figures of the paper. Network, device and pictures are loaded once; a cell that fails leaves a hole with its reason.

import path from 'node:path';
import { WgpuStyleError } from '../gpu/errors.ts';
import type { Painting, SweepCommand } from './commands.ts';
import { drawSheet, type Cell } from './contact-sheet.ts';
import { checkWritable } from './files.ts';
import { checkFormat, writeImageFile } from './images.ts';
import { loadSharp } from './sharp.ts';
import { Inputs } from './inputs.ts';
import type { StyledPicture } from '../style/picture.ts';
import { settingsOf, settingsText, shown } from './report.ts';
import type { Axis, Change } from './sweep-axes.ts';
import type { TransferServices } from './transfer.ts';

/** Longest side of a cell, where nothing else is said. */
const CELL_SIZE = 256;

/** A cell of the sweep's `--json` object. */
export interface SweptCell {
  /** Option → value, as they were given. */
  readonly values: Readonly<Record<string, string>>;
  readonly losses?: {
    readonly total: number;
    readonly content: number;
    readonly style: number;
    readonly tv: number;
  };
  readonly iterations?: number;
  /** Why there is no picture. */
  readonly failed?: string;
}

/** The sweep's `--json` object. */
export interface SweepReport {
  readonly output: string;
  readonly width: number;
  readonly height: number;
  readonly cells: readonly SweptCell[];
}

/** What came of a sweep. */
export interface SweepOutcome {
  readonly report: SweepReport;
  readonly failed: readonly SweptCell[];
  readonly wasInterrupted: boolean;
}

type Varied = Pick<SweepCommand, 'content'> & Painting;

/** The command with what a cell changes. */
export function changed(command: Varied, changes: readonly Change[]): Varied {
  return changes.reduce<Varied>(
    (painting, { options, content, style, network, init }) => ({
      ...painting,
      ...(content !== undefined && { content }),
      ...(style !== undefined && { styles: [{ path: style, weight: 1 }] }),
      ...(network !== undefined && { network }),
      ...(init !== undefined && { init }),
      options: { ...painting.options, ...options },
    }),
    command,
  );
}

/** What the cells have in common, for the foot of the sheet. */
function caption(
  { content, styles, options, axes }: SweepCommand,
  size: string,
  iterations: number | undefined,
): string {
  const varies = (name: string): boolean => axes.some((axis) => axis.name === name);
  const base = (file: string): string => path.basename(file);
  const { recipe = 'default' } = options;
  const what = varies('content') ? '' : `${base(content)} `;
  const how = varies('style')
    ? ''
    : `in the style of ${styles.map(({ path: file }) => base(file)).join(', ')}`;
  return [
    ...(what + how === '' ? [] : [(what + how).trim()]),
    ...(varies('recipe') ? [] : [`recipe ${typeof recipe === 'string' ? recipe : recipe.name}`]),
    ...(varies('iterations') || iterations === undefined ? [] : [`${iterations} iterations`]),
    ...(varies('size') ? [] : [size]),
  ].join(' · ');
}

/** A cell that is to be painted. */
interface Planned {
  readonly values: Readonly<Record<string, string>>;
  readonly painting: Varied;
}

/** Every cell, row by row. */
function plannedCells(
  command: SweepCommand,
  [columns, rows]: readonly [Axis, Axis?],
): readonly (readonly Planned[])[] {
  const varied = { ...command, options: { size: CELL_SIZE, ...command.options } };
  return (rows?.values ?? [undefined]).map((row) =>
    columns.values.map((column) => ({
      values: { [columns.name]: column.label, ...(rows && row && { [rows.name]: row.label }) },
      painting: changed(varied, [column.change, ...(row ? [row.change] : [])]),
    })),
  );
}

/** One cell's trouble, as opposed to everyone's: a loss without bounds, a picture too large. */
function isOfCell(error: unknown): error is WgpuStyleError {
  const codes = ['non-finite', 'bad-image', 'limit-exceeded', 'out-of-memory'];
  return error instanceof WgpuStyleError && codes.includes(error.code);
}

/** Paints cells one after the other; `aborted` ends them, and those left stay empty. */
class Painter {
  readonly swept: SweptCell[] = [];
  last: StyledPicture | undefined;
  wasInterrupted = false;
  readonly #inputs: Inputs;
  readonly #services: TransferServices;
  readonly #device: GPUDevice;

  constructor(inputs: Inputs, services: TransferServices, device: GPUDevice) {
    this.#inputs = inputs;
    this.#services = services;
    this.#device = device;
  }

  async paint({ values, painting }: Planned, count: number): Promise<Cell> {
    const { styleTransfer, signal, printer } = this.#services;
    this.wasInterrupted ||= signal.aborted;
    if (this.wasInterrupted) return { missing: 'not painted' };
    const words = Object.entries(values).map(([name, value]) => `${name} ${value}`);
    printer.say(`${this.swept.length + 1} of ${count}: ${words.join(', ')}`);
    try {
      const content = await this.#inputs.content(painting.content);
      const shared = await this.#inputs.shared(painting);
      const picture = await styleTransfer({
        ...shared,
        ...content,
        device: this.#device,
        signal,
        onProgress: printer.show,
      });
      const { total, content: contentLoss, style, tv } = picture.losses;
      this.wasInterrupted = picture.stopped === 'aborted';
      this.swept.push({
        values,
        losses: { total, content: contentLoss, style, tv },
        iterations: picture.iterations,
      });
      this.last = picture;
      return picture;
    } catch (error) {
      if (error instanceof WgpuStyleError && error.code === 'aborted' && this.swept.length > 0) {
        this.wasInterrupted = true;
        return { missing: 'not painted' };
      }
      if (!isOfCell(error)) throw error;
      this.swept.push({ values, failed: error.message });
      printer.say(`Failed: ${error.message}`);
      return { missing: `failed: ${error.code}` };
    }
  }
}

/**
 * Paints every cell and writes the sheet; what an interrupted sweep has painted is on it all the same.
 *
 * @throws what no cell could be painted with: unreadable pictures, wrong options, no adapter; the reason of the first
 *   cell when every one failed.
 */
export async function runSweep(command: SweepCommand, services: TransferServices): Promise<SweepOutcome> {
  const { output } = command;
  const { signal, printer } = services;
  const axes = command.axes as readonly [Axis, Axis?];
  await checkFormat(output, '-o');
  await checkWritable(output, '-o');
  await loadSharp('-o', 'a contact sheet'); // told now, not after the last cell
  const planned = plannedCells(command, axes);
  const cells = planned.flat();
  const inputs = new Inputs(signal, printer);
  for (const { painting } of cells) {
    await inputs.content(painting.content);
    await inputs.shared(painting);
  }
  const device = await services.requestDevice();
  const painter = new Painter(inputs, services, device);
  const grid: Cell[][] = [];
  try {
    for (const row of planned) {
      const list: Cell[] = [];
      grid.push(list);
      for (const cell of row) list.push(await painter.paint(cell, cells.length));
    }
  } finally {
    printer.finish();
    device.destroy();
  }
  const { swept, last, wasInterrupted } = painter;
  const failed = swept.filter((cell) => cell.failed !== undefined);
  if (!last)
    throw new WgpuStyleError('non-finite', {
      what: `no cell could be painted: ${failed[0]!.failed}`,
      where: 'sweep',
      fix: 'Vary less',
    });
  const labels = ({ title, values }: Axis): { title: string; labels: readonly string[] } => ({
    title,
    labels: values.map(({ label }) => label),
  });
  const [columns, rows] = axes;
  const size = `${last.width} × ${last.height}`;
  const sheet = {
    columns: labels(columns),
    ...(rows && { rows: labels(rows) }),
    cells: grid,
    caption: caption(command, size, last.iterations),
  };
  const drawn = await drawSheet(sheet, '-o');
  const vary = command.axes.map(({ name, values }) => ({ name, values: values.map(({ label }) => label) }));
  const settings = settingsOf(cells[0]!.painting, command.content, undefined, shown);
  const text = settingsText({ ...settings, ...command.options, vary });
  await writeImageFile(output, drawn, { text, where: '-o' });
  return {
    report: { output, width: drawn.width, height: drawn.height, cells: swept },
    failed,
    wasInterrupted,
  };
}
