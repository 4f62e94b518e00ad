// Which adapter Dawn can use on this machine, and the environment variables that make it do so.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSearch } from './dist.mjs';

const PROBE = fileURLToPath(new URL('probe.mjs', import.meta.url));
/** A driver that needs longer than this for a device is no use; a good one takes a third of a second. */
const PROBE_TIMEOUT = 30_000;

/**
 * Tries, each in a child process of its own, what the machine offers by itself and then every software driver found.
 * The best working one is `adapter`: { kind, sentence, env }. `isMissing` says that the webgpu package itself cannot
 * be loaded; `tried` lists what was refused and why.
 */
export async function findAdapter() {
  const { adapterKind, adapterSentence, driverEnvironment, softwareDrivers } = await loadSearch();
  const tried = [];
  const attempts = [{ name: 'the system', env: {} }];
  for (const driver of softwareDrivers()) {
    const env = driverEnvironment(driver);
    attempts.push({ name: driver.manifest, env });
    // Chrome brings its own Vulkan loader, for machines that have none.
    const folder = path.dirname(driver.manifest);
    if (driver.kind === 'swiftshader' && existsSync(path.join(folder, 'libvulkan.so.1'))) {
      const libraries = [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
      attempts.push({ name: `${driver.manifest} with its own loader`, env: { ...env, LD_LIBRARY_PATH: libraries } });
    }
  }
  for (const { name, env } of attempts) {
    const { info, reason, isMissing } = probe(env);
    if (isMissing) return { isMissing, tried: [`the webgpu package: ${reason}`] };
    if (!info) tried.push(`${name}: ${reason}`);
    else if (adapterKind(info) === 'null') tried.push(`${name}: Dawn's null backend, which computes nothing`);
    else return { adapter: { kind: adapterKind(info), sentence: adapterSentence(info), env }, tried };
  }
  return { tried };
}

function probe(env) {
  const child = spawnSync(process.execPath, [PROBE], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: PROBE_TIMEOUT,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const line = child.stdout?.trim().split('\n').at(-1);
  if (line) {
    try {
      return JSON.parse(line);
    } catch {
      // Half a line, from a child that crashed while printing.
    }
  }
  if (child.error?.code === 'ETIMEDOUT') return { reason: `no answer in ${PROBE_TIMEOUT / 1000} s` };
  return { reason: `the driver crashed (${child.signal ?? `exit status ${child.status}`})` };
}
