// Tiles are exact: cut into pieces, a picture has the losses and the gradient that it has as a whole. The pieces are small
// and ragged here, and the networks tiny.

import { describe, expect, it } from 'vitest';
import { recipes, StyleSession, type Losses, type Recipe, type StyleTransferOptions, type Vgg } from '../../src/index.ts';
import { loadPictures, scalePictures, startPicture, styleFit } from '../../src/style/prepare.ts';
import { resolveOptions } from '../../src/style/options.ts';
import { fitSize } from '../../src/image/resize.ts';
import type { Tiling } from '../../src/style/tiled-evaluation.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { DEEP, picture, scene, tinyNetwork, type RawPicture } from './setting.ts';

/** A session whose pictures are cut as `tiling` says. */
async function sessionOf(options: StyleTransferOptions, tiling: Tiling | 'whole' = 'whole'): Promise<StyleSession> {
  const resolved = resolveOptions(options);
  const device = await testDevice();
  const loaded = await loadPictures(options, resolved, device);
  const size = fitSize(loaded.content.width, loaded.content.height, resolved.size);
  const pictures = await scalePictures(loaded, size, styleFit(resolved.recipe, false), resolved.color);
  const start = await startPicture(resolved, pictures, loaded.init);
  const vgg = options.network as Vgg;
  return StyleSession.from({ device, vgg, options: resolved, pictures, start, preview: undefined, fit: { tiling } });
}

/** Two or three tiles a side, with sides that no pooling divides. */
const RAGGED: Tiling = { result: { rows: 2, columns: 3 }, styles: [{ rows: 3, columns: 2 }, { rows: 2, columns: 2 }], keepsContent: true };

const KINDS = ['content', 'style', 'tv', 'total'] as const;

function deviation(got: Losses, expected: Losses): Record<(typeof KINDS)[number], number> {
  const of = (kind: (typeof KINDS)[number]): number => Math.abs(got[kind] - expected[kind]) / (expected[kind] || 1);
  return { content: of('content'), style: of('style'), tv: of('tv'), total: of('total') };
}

/** Options of a problem with deep layers: 70 pixels of reach, and pictures that need two tiles at least. */
function problem(recipe: Recipe, more: Partial<StyleTransferOptions> = {}): StyleTransferOptions {
  const size = { width: 361, height: 245 };
  return {
    content: scene(size.width, size.height),
    style: picture(recipe.style.size === 'stretched' ? size.width : 270, recipe.style.size === 'stretched' ? size.height : 331, 2),
    network: tinyNetwork(DEEP, 3),
    size,
    recipe,
    init: grainy(scene(size.width, size.height, 1)),
    ...more,
  };
}

/** With some noise: without it whole channels are as good as constant, and their deviations all rounding. */
function grainy({ data, width, height }: RawPicture): RawPicture {
  const noise = randomValues(data.length, 7);
  return { data: data.map((value, i) => value + 0.1 * noise[i]!), width, height };
}

async function compare(options: StyleTransferOptions, tiling: Tiling, forTerms = 1e-6, forGradient = 1e-5): Promise<void> {
  const whole = await sessionOf(options);
  const tiled = await sessionOf(options, tiling);
  try {
    const [expected, got] = [await whole.evaluate(), await tiled.evaluate()];
    const [gradient, found] = [await whole.gradient(), await tiled.gradient()];
    console.log(JSON.stringify(expected), JSON.stringify(got));
    console.log(deviation(got, expected), relativeError(found, gradient));
    for (const kind of KINDS) expect(deviation(got, expected)[kind], kind).toBeLessThan(forTerms);
    expect(relativeError(found, gradient)).toBeLessThan(forGradient);
  } finally {
    whole.destroy();
    tiled.destroy();
  }
}

describe('losses and gradient by tiles', () => {
  for (const name of ['gatys', 'neural-style', 'default', 'spst', 'lecture', 'keras', 'anishathalye', 'pytorch-tutorial']) {
    it(`recipe ${name}`, () => compare(problem(recipes[name]!), RAGGED));
  }
  it('recipe wasserstein', () => compare(problem(recipes['wasserstein']!), RAGGED));
});
