// Runs once before all tests. `npm test` has named a browser, or the reason why there is none, in the environment;
// where vitest is run by itself, one is looked for here (but none is installed).

import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { findBrowser } from '../scripts/adapter/browser.mjs';

/** Called by vitest before it starts the process that runs the tests; gives what tidies up after them. */
export async function setup(): Promise<() => void> {
  const folder = separateCache();
  await nameBrowser();
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Kernels that the user has tuned, and networks that he has fetched, are not to decide what tests see. */
function separateCache(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-cache-'));
  // Mesa's compiled shaders are good for all.
  process.env['MESA_SHADER_CACHE_DIR'] ??= process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  process.env['XDG_CACHE_HOME'] = folder;
  process.env['LOCALAPPDATA'] = folder;
  return folder;
}

async function nameBrowser(): Promise<void> {
  if (process.env['PUPPETEER_EXECUTABLE_PATH'] ?? process.env['WGPU_STYLE_NO_BROWSER']) return;
  const executable = await findBrowser();
  if (executable) process.env['PUPPETEER_EXECUTABLE_PATH'] = executable;
  else process.env['WGPU_STYLE_NO_BROWSER'] = 'no Chrome or Chromium; "npm run ensure-adapter -- --browser" gets one';
}
