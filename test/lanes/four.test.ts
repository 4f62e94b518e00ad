// Runs among kernel tests that are run once more where subgroups have four lanes (vitest.config.ts): makes sure that they have.

import { expect, it } from 'vitest';
import { kernelTarget } from '../../src/kernels/target.ts';
import { testDevice } from '../device.ts';

it('subgroups of lavapipe have four lanes here', async ({ skip }) => {
  const device = await testDevice();
  skip(!/llvmpipe/i.test(device.adapterInfo.description), 'another adapter');
  expect(kernelTarget(device)).toMatchObject({ software: true, subgroupSize: 4 });
});
