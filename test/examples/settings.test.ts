// The settings files among the examples: the command line takes them, and they differ from the default recipe in what they say.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readSettings } from '../../src/node/settings.ts';
import { resolveOptions } from '../../src/style/options.ts';
import { recipes, type Recipe } from '../../src/style/recipes.ts';

const folder = path.resolve(import.meta.dirname, '../../examples');
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
const gray = { width: 32, height: 32, data: new Uint8Array(32 * 32) };

test('there are some', () => expect(files).toContain('mrf.json'));

test.each(files)('%s is the default recipe with other statistics', async (file) => {
  const { options } = await readSettings(path.join(folder, file), '--config');
  const { recipe } = resolveOptions({ ...options, content: gray, style: gray });
  const ours = recipes['default'] as Recipe;
  const { name, source } = ours;
  expect({ ...recipe, name, source, style: { ...recipe.style, statistics: undefined } }).toEqual(ours);
  expect(Object.keys(recipe.style.statistics!)).toHaveLength(2);
});
