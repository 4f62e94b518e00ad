// Where benchmarks can run. A place is opened once; each order to it that says so gets a fresh page or process.

import type { Answer, Order } from './inside.ts';

/** Where things lie, and the scripts that find adapters and browsers (run.mjs brings them: they are no modules of ours). */
export interface Surroundings {
  /** Of the repository. */
  readonly root: string;
  /** Below it, for this run alone. */
  readonly folder: string;
  readonly findAdapter: () => Promise<{ adapter?: Adapter; tried: readonly string[] }>;
  readonly findBrowser: () => Promise<string | undefined>;
  readonly loadSearch: () => Promise<{
    softwareDrivers: () => readonly object[];
    driverEnvironment: (driver: object) => Record<string, string>;
  }>;
}

interface Adapter {
  readonly kind: string;
  /** What makes Dawn take it. */
  readonly env: Readonly<Record<string, string>>;
}

/** An answer, with what can be seen from outside. */
export interface Outcome extends Answer {
  /** Bytes of memory at the highest, of the process or of the browser's processes; undefined where it cannot be seen. */
  readonly resident: number | undefined;
}

/** A browser, or Node. */
export interface Place {
  /** Its name and version. */
  readonly host: string;
  /** Runs an order in a page or process that has done nothing before. `isCold`: shader caches are empty too. */
  run(order: Order, print: (line: string) => void, isCold?: boolean): Promise<Outcome>;
  close(): Promise<void>;
}
