// Bundles what runs where the GPU is, from the sources as they are: what is measured is never an older dist.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { shaders } from '../../scripts/shaders.mjs';
import type { Surroundings } from './place.ts';

function options({ root }: Pick<Surroundings, 'root'>, entry: string): BuildOptions & { write: false } {
  return {
    entryPoints: [path.join(root, 'bench', 'host', entry)],
    tsconfig: path.join(root, 'tsconfig.json'),
    bundle: true,
    write: false,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    loader: { '.safetensors': 'binary' },
    plugins: [shaders],
    logLevel: 'error',
  };
}

/** The page's modules by their paths: `/inside-page.js` and its chunks. */
export async function pageModules(surroundings: Surroundings): Promise<ReadonlyMap<string, string>> {
  const outdir = path.join(surroundings.folder, 'page');
  const { outputFiles } = await build({ ...options(surroundings, 'inside-page.ts'), outdir, platform: 'browser' });
  return new Map(outputFiles.map((file) => [`/${path.relative(outdir, file.path).replaceAll('\\', '/')}`, file.text]));
}

/** tfjs' files for Node know no gradients: its modules are bundled, and load Node's own by `require`. */
const NODE: BuildOptions = {
  platform: 'node',
  mainFields: ['module', 'main'],
  external: ['webgpu', 'sharp', 'onnx-proto', 'upng-js', 'onnxruntime-web', '@jax-js/jax'],
  banner: {
    js: "import { createRequire as makeRequire } from 'node:module';\nconst require = makeRequire(import.meta.url);",
  },
  outExtension: { '.js': '.mjs' },
};

/** The file that a Node process starts with. */
export async function nodeModule(surroundings: Surroundings): Promise<string> {
  const outdir = path.join(surroundings.folder, 'node');
  const { outputFiles } = await build({ ...options(surroundings, 'inside-node.ts'), ...NODE, outdir, write: false });
  mkdirSync(outdir, { recursive: true });
  for (const file of outputFiles) writeFileSync(file.path, file.text);
  return path.join(outdir, 'inside-node.mjs');
}
