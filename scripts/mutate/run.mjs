// Runs tests with one shader replaced, in a process of their own: a mutant may never end.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from '../adapter/dist.mjs';

/** A mutant whose tests take longer than this is stuck in a loop: found out. */
const TIMEOUT = 400_000;
/** Fewer than in the suite: a mistake in a kernel shows in many graphs, or in none. */
const GRAPHS = '200';

/** 'killed', 'survived', or 'invalid' for a text that does not compile. */
export async function runMutant(name, text, files, env) {
  const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-mutant-'));
  const file = path.join(folder, `${name}.wgsl`);
  writeFileSync(file, text);
  try {
    const { status, output, isLate } = await vitest(files, { ...env, WGPU_STYLE_SHADERS: folder, WGPU_STYLE_GRAPHS: GRAPHS });
    if (/the shader does not compile/.test(output)) return 'invalid';
    return status === 0 && !isLate ? 'survived' : 'killed';
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function vitest(files, env) {
  const words = [path.join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--bail=1', '--reporter=dot', ...files];
  const child = spawn(process.execPath, words, {
    cwd: root,
    env: { ...process.env, ...env, WGPU_STYLE_NO_BROWSER: 'mutants' },
    // A group of its own: vitest's workers must go with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  return new Promise((resolve) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      process.kill(-child.pid, 'SIGKILL');
    }, TIMEOUT);
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, output, isLate });
    });
  });
}
