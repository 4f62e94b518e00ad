// npm run examples: pages, bundles from dist, and what they load.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

it('the examples are served', async () => {
  const script = path.resolve(import.meta.dirname, '../../scripts/examples.mjs');
  const child = spawn(process.execPath, [script, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const origin = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (text: Buffer) => {
        const [address] = /http:\/\/localhost:\d+/.exec(String(text)) ?? [];
        if (address) resolve(address.replace('localhost', '127.0.0.1'));
      });
      child.on('exit', (status) => reject(new Error(`it ended with ${status}`)));
    });
    const pages = [...(await (await fetch(origin)).text()).matchAll(/href="(\/\w+)"/g)].map((match) => match[1]!);
    expect(pages).toEqual(['/canvas', '/worker', '/three', '/onnxruntime']);
    for (const page of pages) {
      expect(await (await fetch(origin + page)).text()).toContain(`from '${page}.js'`);
      const module = await fetch(`${origin}${page}.js`);
      expect(module.headers.get('content-type')).toBe('text/javascript');
      expect(await module.text()).toMatch(/export\s*\{[^}]*main/);
    }
    for (const file of ['pictures/glass.png', 'weights/default.onnx', 'onnxruntime/ort-wasm-simd-threaded.asyncify.wasm']) {
      const { status, headers } = await fetch(`${origin}/${file}`);
      expect(`${file}: ${status}`).toBe(`${file}: 200`);
      expect(Number(headers.get('content-length'))).toBeGreaterThan(1000);
    }
    expect((await fetch(`${origin}/pictures/../package.json`)).status).toBe(404);
  } finally {
    child.kill();
  }
});
