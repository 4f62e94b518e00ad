// What the page of benchmarks and its worker say to each other: the worker asks for a device at once, then is sent requests.

import type { Row } from '../bench/harness/rows.ts';
import type { BenchReport } from '../bench/report/report.ts';
import type { BenchRequest } from '../bench/request.ts';

/** From the page: measure this. */
export type BenchCommand = Partial<BenchRequest>;

/** From the worker. */
export type BenchAnswer =
  | ({ readonly kind: 'ready' } & Pick<BenchReport, 'adapter' | 'isSoftware'>)
  | { readonly kind: 'row'; readonly row: Row }
  | { readonly kind: 'done'; readonly report: BenchReport }
  | { readonly kind: 'failed'; readonly message: string };
