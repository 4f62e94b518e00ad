// A chunk of the library that cannot be had any more when it is needed: the page went offline, or the site was deployed anew.

import { expect, it, vi } from 'vitest';
import { StyleSession } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { freshDevice } from '../device.ts';
import { makeScarce } from '../style/scarce.ts';
import { tinyOptions } from '../style/setting.ts';

const asked = vi.hoisted(() => ({ count: 0 }));

vi.mock('../../src/style/replan.ts', () => {
  asked.count++;
  throw new TypeError('Failed to fetch dynamically imported module');
});

it('a session for which memory ran out says that, where what would plan it again does not come', async () => {
  const device = await freshDevice();
  makeScarce(device, { bytes: 20_000 });
  const creating = StyleSession.create(await tinyOptions({ device }));
  await expect(creating).rejects.toMatchObject({ name: 'WgpuStyleError', code: 'out-of-memory', shortage: { held: expect.any(Number) as number } });
  expect(asked.count).toBe(1);
  expect(memoryUse(device).bytes).toBe(0);
  device.destroy();
});
