// The GPU process of the browser dies in the middle of a run, as it does when a driver fails: runs that recover end with the
// picture of an undisturbed one, the others say what was lost and what was kept.

import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noBrowser, openPage, type OpenPage } from './page.ts';
import type * as PageModule from './gpu-crash.page.ts';

/** The page's globals, as the functions below see them after they were sent there. */
declare const library: typeof PageModule;

/** The GPU process of the browser: a child of its own that was started for it. */
function gpuProcess({ page }: OpenPage): number {
  const browser = page.browser().process()!.pid!;
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args=']).toString().split('\n');
  const processes = lines.map((line) => /^ *(\d+) +(\d+) (.*)$/.exec(line)).filter((match) => match !== null);
  const parents = new Map(processes.map(([, pid, parent]) => [Number(pid), Number(parent)]));
  const isOurs = (pid: number | undefined): boolean => pid === browser || (pid !== undefined && pid > 1 && isOurs(parents.get(pid)));
  const found = processes.find(([, pid, , words]) => words!.includes('--type=gpu-process') && isOurs(Number(pid)));
  return Number(found![1]);
}

describe.skipIf(noBrowser)('the GPU process dies', () => {
  let open: OpenPage;
  beforeAll(async () => {
    open = await openPage({ module: `export * from './gpu-crash.page.ts';` });
  });
  afterAll(() => open?.close());

  /** Starts a run, kills the GPU process when it has made ten iterations, and waits for the end. */
  async function interrupted(more: string): Promise<PageModule.Ended> {
    const { page } = open;
    await page.evaluate(`globalThis.ended = library.run(${more})`.concat('; 0'));
    await page.waitForFunction(() => library.told.iterations >= 10, { polling: 5 });
    process.kill(gpuProcess(open), 'SIGKILL');
    return page.evaluate(`globalThis.ended`) as Promise<PageModule.Ended>;
  }

  test('with recover the run goes on in another and ends with the very picture', async () => {
    const undisturbed = await open.page.evaluate(() => library.run({}));
    const ended = await interrupted('{ recover: { every: 4 }, iterations: 30 }');
    expect(ended).toEqual({ iterations: 30, pixels: undisturbed.pixels });
  });

  test('without it the promise rejects once, with what a checkpoint has kept', async () => {
    const ended = await interrupted('{ checkpoint: { every: 5, save: () => undefined }, iterations: 400 }');
    expect(ended.code).toBe('device-lost');
    expect(ended.kept).toBeGreaterThanOrEqual(5);
    expect(open.errors).toEqual([]);
  });
});
