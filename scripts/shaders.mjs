// How a `.wgsl` import is bundled: the module gives a function that loads the text, `() => Promise<string>`, by a
// dynamic import. So a page loads the shaders that it runs, each as a chunk of its own; without code splitting they are
// all in the one file.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

const TEXT = '?text';

/** The loader's source: what `import code from './name.wgsl'` gives. */
export function shaderLoader(specifier) {
  return `export default () => import(${JSON.stringify(specifier + TEXT)}).then((module) => module.default);`;
}

/**
 * The text without comments and indentation, in every page. Line numbers stay, so that compile errors point at the
 * readable files in src/wgsl. WGSL has no strings that could hold a "//".
 */
export function shortened(code) {
  const lines = code.split('\n').map((line) => line.replace(/\/\/.*$/, '').trim());
  return lines.join('\n');
}

/** The rule as an esbuild plugin. */
export const shaders = {
  name: 'shaders',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.wgsl\?text$/ }, ({ path: specifier, resolveDir }) => {
      return { path: path.join(resolveDir, specifier.slice(0, -TEXT.length)), suffix: TEXT };
    });
    onLoad({ filter: /\.wgsl$/ }, async ({ path: file, suffix }) => {
      if (suffix === TEXT) return { contents: shortened(await readFile(file, 'utf8')), loader: 'text' };
      return { contents: shaderLoader(`./${path.basename(file)}`) };
    });
  },
};
