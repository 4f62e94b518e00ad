// The program as users start it, for tests: bundled the way the build does it, in processes of their own, in a folder
// with two small pictures.

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { build } from 'esbuild';
import { makePng } from '../image/make-png.ts';
import { shaders } from '../../scripts/shaders.mjs';

const root = path.resolve(import.meta.dirname, '..', '..');

/** How a process ended. */
export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** The process of a run. */
export type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Sees a process while it runs; `err` gives what it has said on stderr. */
export type Watch = (child: Child, err: () => string) => void;

/** The program, bundled once. */
export interface Program {
  /** Where it runs; has a.png (48x32) and b.png (40x40). */
  readonly folder: string;
  /** Runs it with words; `watch` is told whenever it says something, `started` once. */
  readonly cli: (words: readonly string[], watch?: Watch, started?: (child: Child) => void) => Promise<Ended>;
  readonly remove: () => Promise<void>;
}

/** A picture of waves; others with other periods. */
export function wavePng(width: number, height: number, period: number): Uint8Array {
  const sample = (x: number, y: number, c: number): number =>
    Math.round(127 + 127 * Math.sin((x + (c + 1) * y) / period));
  return makePng({ width, height, depth: 8, colourType: 2, sample });
}

/** Bundles the program and makes its folder. */
export async function buildProgram(): Promise<Program> {
  const folder = await mkdtemp(path.join(tmpdir(), 'wgpu-style-cli-'));
  // Inside the repository, so that the bundle finds its dependencies; ignored by git.
  const built = path.join(root, 'out', `test-${path.basename(folder)}`);
  await build({
    entryPoints: { cli: path.join(root, 'src/node/cli.ts') },
    outdir: built,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    packages: 'external',
    loader: { '.safetensors': 'binary' },
    plugins: [shaders],
    logLevel: 'error',
  });
  await writeFile(path.join(folder, 'a.png'), wavePng(48, 32, 9));
  await writeFile(path.join(folder, 'b.png'), wavePng(40, 40, 2));
  const cli: Program['cli'] = async (words, watch, started) => {
    const child = spawn(process.execPath, [path.join(built, 'cli.js'), ...words], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    started?.(child);
    const text = { out: '', err: '' };
    child.stdout.on('data', (data) => void (text.out += data));
    child.stderr.on('data', (data) => {
      text.err += data;
      watch?.(child, () => text.err);
    });
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    return { status, ...text };
  };
  const remove = async (): Promise<void> => {
    await rm(built, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, cli, remove };
}

/** Sends a signal as soon as the first iteration is reported. */
export function stopWith(signal: NodeJS.Signals): Watch {
  let wasSent = false;
  return (child, err) => {
    if (wasSent || !err().includes(' ms/iteration')) return;
    wasSent = true;
    child.kill(signal);
  };
}
