import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin, type ViteUserConfig } from 'vitest/config';
import { shaderLoader } from './scripts/shaders.mjs';

/** The two asset kinds of the build, for vitest: shaders as functions that load their text, weights as bytes. */
const assets: Plugin = {
  name: 'wgpu-style-assets',
  enforce: 'pre',
  load(id) {
    const [file = '', query] = id.split('?');
    if (file.endsWith('.wgsl')) {
      return query === undefined ? shaderLoader(file) : `export default ${JSON.stringify(shaderText(file))};`;
    }
    if (file.endsWith('.safetensors')) {
      const place = JSON.stringify(file);
      return `import { readFileSync } from 'node:fs'; export default new Uint8Array(readFileSync(${place}));`;
    }
    return undefined;
  },
};

/** A shader, or what lies under its name in WGPU_STYLE_SHADERS: a mutant (scripts/mutate.mjs). */
function shaderText(file: string): string {
  const other = path.join(process.env['WGPU_STYLE_SHADERS'] ?? '', path.basename(file));
  return readFileSync(process.env['WGPU_STYLE_SHADERS'] && existsSync(other) ? other : file, 'utf8');
}

function source(file: string): string {
  return fileURLToPath(new URL(`./src/${file}`, import.meta.url));
}

/** A file, or the tests of a folder. */
function testsIn(place: string): string {
  return place.endsWith('.ts') ? place : `${place}/**/*.test.ts`;
}

interface Group {
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const NUMBERS = ['test/kernels', 'test/autograd', 'test/optim', 'test/gpu'];
const RANDOM = ['test/property'];
/** Replaces a module of the library: in a process with others it would have it or be without, whoever comes first. */
const FOLDED = ['test/folded'];
/** The same, with modules that cannot be loaded. */
const ABSENT = ['test/absent'];
/** Kernels that hand values round in a subgroup, once more on lavapipe as it is on processors without AVX: four lanes and not eight. */
const LANES = ['test/lanes/four.test.ts', ...['conv2d', 'winograd', 'gate'].map((kernel) => `test/kernels/${kernel}.test.ts`)];

/**
 * A process for each group, one after another. Mesa's shader compiler leaves a dozen memory mappings for every pipeline as
 * long as its device lives, and Linux allows a process 65,530: the whole suite in one process died of that.
 */
const GROUPS: Readonly<Record<string, Group>> = {
  numbers: { include: NUMBERS },
  random: { include: RANDOM },
  folded: { include: FOLDED },
  absent: { include: ABSENT },
  lanes: { include: LANES, env: { LP_NATIVE_VECTOR_WIDTH: '128' } },
  library: { include: ['test'], exclude: [...NUMBERS, ...RANDOM, ...FOLDED, ...ABSENT, 'test/lanes'] },
};

const config: ViteUserConfig = defineConfig({
  plugins: [assets],
  // Examples and benches import the package by its name; tests run them on the sources, not on an older dist.
  resolve: {
    alias: [
      { find: /^wgpu-style$/, replacement: source('index.ts') },
      { find: /^wgpu-style\/(\w+)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    projects: Object.entries(GROUPS).map(([name, { include, exclude = [], env = {} }]) => ({
      extends: true as const,
      test: { name, include: include.map(testsIn), exclude: exclude.map(testsIn), env },
    })),
    globalSetup: ['test/global.ts'],
    setupFiles: ['test/setup.ts'],
    // One software adapter serves the whole suite: parallel files would only fight for its two cores.
    fileParallelism: false,
    isolate: false,
    pool: 'forks',
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text', 'json-summary'], reportOnFailure: true },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

export default config;
