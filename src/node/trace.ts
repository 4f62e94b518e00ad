// One line of JSON for each iteration, written as the run goes: to be watched with `tail -f`, read by any plotting tool,
// and whole up to the last iteration when the process is killed.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Progress } from '../style/options.ts';
import { cannotWrite } from './files.ts';

/** A line of the trace. */
export interface TraceLine {
  readonly iteration: number;
  readonly scale: Progress['scale'];
  /** Before the update of this iteration, weighted; `layers` are the content and style losses of each layer. */
  readonly losses: Progress['losses'];
  /** From the iteration before to this one. */
  readonly milliseconds: number;
}

/** A trace file that is open. */
export class Trace {
  readonly #file: string;
  readonly #descriptor: number;
  #isNew: boolean;
  #isOpen = true;

  /** Opens the file; `goesOn` keeps the lines of a run that is resumed. Throws `bad-option` where it cannot. */
  constructor(file: string, goesOn: boolean) {
    this.#file = file;
    this.#isNew = !goesOn;
    try {
      this.#descriptor = openSync(file, goesOn ? 'a+' : 'w');
    } catch (cause) {
      throw cannotWrite(file, '--trace', cause);
    }
  }

  /** Appends a line. */
  add({ iteration, scale, losses }: Omit<TraceLine, 'milliseconds'>, milliseconds: number): void {
    this.#dropFrom(iteration);
    const line: TraceLine = { iteration, scale, losses, milliseconds: Number(milliseconds.toFixed(3)) };
    try {
      writeSync(this.#descriptor, `${JSON.stringify(line)}\n`);
    } catch (cause) {
      throw cannotWrite(this.#file, '--trace', cause);
    }
  }

  /** What an earlier run wrote after the checkpoint that this one goes on from happens again: out with it. */
  #dropFrom(iteration: number): void {
    if (this.#isNew) return;
    this.#isNew = true;
    const kept = readFileSync(this.#file, 'utf8')
      .split('\n')
      .filter((line) => (iterationOf(line) ?? Infinity) < iteration);
    ftruncateSync(this.#descriptor, 0);
    if (kept.length > 0) writeSync(this.#descriptor, `${kept.join('\n')}\n`);
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }
}

function iterationOf(line: string): number | undefined {
  try {
    return (JSON.parse(line) as Partial<TraceLine>).iteration;
  } catch {
    return undefined; // cut off when the process died
  }
}
