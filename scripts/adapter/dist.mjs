// The scripts share code with the library through dist/adapters.js, so they build it when it is missing or old.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

const search = path.join(root, 'dist', 'adapters.js');

/** Runs the build unless dist is complete and newer than every source; false when the build fails. */
export function buildIfStale() {
  const last = path.join(root, 'dist', 'types', 'index.d.ts');
  if (existsSync(last) && statSync(search).mtimeMs > newest(path.join(root, 'src'))) return true;
  const build = path.join(root, 'scripts', 'build.mjs');
  return spawnSync(process.execPath, [build], { stdio: 'inherit' }).status === 0;
}

/** The library's search for software drivers (src/node/adapters.ts). */
export async function loadSearch() {
  if (!existsSync(search)) buildIfStale();
  return import('../../dist/adapters.js');
}

function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const inner = path.join(folder, entry.name);
    time = Math.max(time, entry.isDirectory() ? newest(inner) : statSync(inner).mtimeMs);
  }
  return time;
}
