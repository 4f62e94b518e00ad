// Node on Dawn: every order gets a process of its own.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { nodeModule } from './bundle.ts';
import { versionOf } from './machine.ts';
import type { Order } from './inside.ts';
import type { Outcome, Place, Surroundings } from './place.ts';

type Message = { readonly line: string } | { readonly answer: Outcome & { readonly error?: string } };

/** Finds the adapter; `software` takes a software adapter even where there is a GPU. */
export async function openNode(surroundings: Surroundings, software: boolean): Promise<Place> {
  const { root, folder, findAdapter, loadSearch } = surroundings;
  const { adapter, tried } = await findAdapter();
  if (!adapter) throw new Error(`Dawn has no adapter here (npm run ensure-adapter gets one): ${tried.join('; ')}`);
  const env: Record<string, string> = { ...adapter.env };
  if (software && adapter.kind === 'gpu') {
    const { driverEnvironment, softwareDrivers } = await loadSearch();
    const driver = softwareDrivers()[0];
    if (!driver) throw new Error('no software adapter is installed: Mesa lavapipe, or the SwiftShader of a Chrome');
    Object.assign(env, driverEnvironment(driver));
  }
  const file = await nodeModule(surroundings);
  return {
    host: `Node ${process.version}, Dawn of webgpu ${versionOf(root, 'webgpu')}`,
    async run(order, print, isCold = false) {
      // Mesa keeps compiled shaders on disk: a cold start begins without any.
      const cache = isCold ? mkdtempSync(path.join(folder, 'shaders-')) : undefined;
      try {
        return await runChild(file, { ...env, ...(cache && { MESA_SHADER_CACHE_DIR: cache }) }, order, print);
      } finally {
        if (cache) rmSync(cache, { recursive: true, force: true });
      }
    },
    async close() {},
  };
}

function runChild(
  file: string,
  env: Readonly<Record<string, string>>,
  order: Order,
  print: (line: string) => void,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    // Drivers and libraries chatter there; it is of interest only when something fails.
    let chatter = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (chatter = `${chatter}${text}`.slice(-4000)));
    let outcome: Outcome | undefined;
    let error: string | undefined;
    child.on('message', (message: Message) => {
      if ('line' in message) print(message.line);
      else if (message.answer.error === undefined) outcome = message.answer;
      else error = message.answer.error;
    });
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      const ending = `the process ended without an answer (${signal ?? `status ${status}`})`;
      if (outcome) resolve(outcome);
      else reject(new Error(`${error ?? ending}\n${chatter}`));
    });
    child.send(order);
  });
}
