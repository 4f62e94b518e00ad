import { expect, it } from 'vitest';
import { paintInOwnFrames } from '../../examples/own-encoder.ts';
import { host } from '../../src/gpu/host.ts';
import { readPath } from '../../src/node/files.ts';
import { freshDevice } from '../device.ts';

it('the example paints in frames of its own', async () => {
  const [requestDevice, readFile] = [host.requestDevice, host.readFile];
  host.requestDevice = freshDevice;
  host.readFile = readPath;
  try {
    const pictures = ['examples/pictures/landscape.png', 'examples/pictures/glass.png'] as const;
    const { before, after } = await paintInOwnFrames(...pictures, { size: 64, iterations: 25 });
    expect(after).toBeLessThan(before / 2);
  } finally {
    Object.assign(host, { requestDevice, readFile });
  }
});
