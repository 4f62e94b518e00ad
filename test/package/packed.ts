// The package as npm would publish it, unpacked into a project of its own.

import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';

export const root: string = path.resolve(import.meta.dirname, '../..');

/** Child processes give their stdout. */
export const quiet: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };

/** What `npm pack` says, and where it is. */
export interface Packed {
  /** The project: `node_modules/wgpu-style` is the package in `package`. */
  readonly folder: string;
  /** The tarball, in `folder`. */
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** Packs dist as it is, and makes a project that has the package and its dependencies. */
export function packed(): Packed {
  const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-package-'));
  expect(existsSync(path.join(root, 'dist/index.js')), 'dist is there: npm run build').toBe(true);
  // Without scripts: "prepare" would build again, under the feet of other tests.
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const shell = process.platform === 'win32'; // npm is a script there
  const output = execFileSync('npm', args, { cwd: root, shell, ...quiet });
  const [said] = JSON.parse(output) as [Omit<Packed, 'folder'>];
  const modules = path.join(folder, 'node_modules');
  mkdirSync(modules);
  execFileSync('tar', ['-xzf', said.filename], { cwd: folder });
  symlinkSync(path.join(folder, 'package'), path.join(modules, 'wgpu-style'), 'junction');
  // The package's own place is in `folder`, so its dependencies have to be there too.
  const text = readFileSync(path.join(root, 'package.json'), 'utf8');
  const { dependencies, optionalDependencies } = JSON.parse(text) as Record<string, Record<string, string>>;
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) install(folder, name);
  return { folder, ...said };
}

/** Lends the project a package of ours. */
export function install(folder: string, name: string): void {
  const place = path.join(folder, 'node_modules', name);
  mkdirSync(path.dirname(place), { recursive: true });
  const installed = path.join(root, 'node_modules', name);
  if (existsSync(installed)) symlinkSync(installed, place, 'junction');
}

export function unpack({ folder }: Packed): void {
  rmSync(folder, { recursive: true, force: true });
}
