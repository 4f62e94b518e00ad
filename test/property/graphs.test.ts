// Random graphs: value and gradients equal a float64 evaluation, whatever ops meet in whatever order, and whatever the
// compiler joins, fuses, folds and places. WGPU_STYLE_GRAPHS=50000 tries more of them; a failure names its seed.

import { describe, it } from 'vitest';
import { checkGraphs } from './check-graphs.ts';
import { seeds } from './dice.ts';

const COUNT = Number(process.env['WGPU_STYLE_GRAPHS'] ?? 1000);

describe(`${COUNT} random graphs`, () => {
  it('have the values and the gradients of float64, and leave nothing behind', { timeout: 60_000 + 40 * COUNT }, async () => {
    await checkGraphs(seeds(COUNT), 'test/property/graphs.test.ts');
  });
});
