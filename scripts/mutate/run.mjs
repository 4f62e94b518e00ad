// Runs tests with one shader replaced, in a process of their own: a mutant may never end.

import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../adapter/dist.mjs';

/** Fewer than in the suite: a mistake in a kernel shows in many graphs, or in none. */
const GRAPHS = '200';

const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-mutant-'));
let server;

/** Starts the process where there is none, and waits until it is ready. */
function serverFor(env) {
  server ??= new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), {
      cwd: root,
      env: { ...process.env, ...env, WGPU_STYLE_SHADERS: folder, WGPU_STYLE_GRAPHS: GRAPHS, WGPU_STYLE_NO_BROWSER: 'mutants' },
      // A group of its own: vitest's workers must go with it.
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.once('message', () => resolve(child));
  });
  return server;
}

/** Ends the process and what it started. */
export async function stop() {
  const child = await server;
  server = undefined;
  if (child) process.kill(-child.pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

/**
 * How tests went with `text` in place of a shader: 'killed', 'survived', 'unreached' where no test asked for the shader,
 * or 'invalid' for a text that does not compile. Tests that take longer than `limit` milliseconds are stuck in a loop:
 * killed.
 */
export async function runMutant(name, text, files, env, limit) {
  const child = await serverFor(env);
  const place = path.join(folder, `${name}.wgsl`);
  writeFileSync(place, text);
  child.send({ shader: path.join(root, 'src', 'wgsl', `${name}.wgsl`), files });
  const report = await answerOf(child, limit);
  rmSync(place);
  if (report === undefined) {
    process.kill(-child.pid, 'SIGKILL');
    server = undefined;
    return 'killed';
  }
  if (/the shader does not compile|parsing WGSL/.test(report.failure)) return 'invalid';
  if (report.failure !== undefined) return 'killed';
  if (report.passed === 0) throw new Error(`No tests ran: ${files.join(', ')}`);
  return report.isLoaded ? 'survived' : 'unreached';
}

/** What the process says, or undefined where it says nothing in time or ends. */
function answerOf(child, limit) {
  return new Promise((resolve) => {
    const done = (report) => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(report);
    };
    const timer = setTimeout(done, limit);
    child.once('message', done);
    child.once('exit', () => done());
  });
}
