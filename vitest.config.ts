import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin, type ViteUserConfig } from 'vitest/config';

/** The two asset kinds that esbuild loads by extension, for vitest: shaders as text, weights as bytes. */
const assets: Plugin = {
  name: 'wgpu-style-assets',
  enforce: 'pre',
  load(id) {
    const file = id.split('?')[0]!;
    if (file.endsWith('.wgsl')) {
      return `export default ${JSON.stringify(readFileSync(file, 'utf8'))};`;
    }
    if (file.endsWith('.safetensors')) {
      const path = JSON.stringify(file);
      return `import { readFileSync } from 'node:fs'; export default new Uint8Array(readFileSync(${path}));`;
    }
    return undefined;
  },
};

const config: ViteUserConfig = defineConfig({
  plugins: [assets],
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    // One software adapter serves the whole suite: parallel files would only fight for its two cores.
    fileParallelism: false,
    isolate: false,
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

export default config;
