// Style transfer inside another WebGPU app: its device, its command encoder, its submit. Here the app is a loop that
// does nothing else; a real one records its own passes into the same encoder.
//
// In Node (after `npm run build`):
//   npx esbuild examples/own-encoder.ts --outfile=dist/own-encoder.mjs && node dist/own-encoder.mjs

import { requestDevice, StyleSession } from 'wgpu-style';

/** Runs `iterations` in the caller's own frames and gives the losses at the end. */
export async function paintInOwnFrames(
  content: string,
  style: string,
  { size = 128, iterations = 20 }: { readonly size?: number; readonly iterations?: number } = {},
): Promise<{ before: number; after: number }> {
  const device = await requestDevice(); // in an app: the device that it has
  const session = await StyleSession.create({ device, content, style, size });
  const before = await session.evaluate();
  for (let frame = 0; frame < iterations; frame++) {
    const encoder = device.createCommandEncoder({ label: 'frame' });
    session.encode(encoder); // one iteration; allocates nothing, submits nothing, reads nothing back
    // … the app's own passes, which may sample session.texture …
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone(); // an app waits for its display instead
  }
  // Frames that have only so much time to spare take iterations in slices: the same numbers, more frames.
  for (let isWhole = false; !isWhole; ) {
    const encoder = device.createCommandEncoder({ label: 'frame' });
    isWhole = session.encode(encoder, { budgetMilliseconds: 4 });
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  }
  const after = await session.evaluate();
  session.destroy(); // the device stays
  device.destroy();
  return { before: before.total, after: after.total };
}

if (process.argv[1]?.includes('own-encoder')) {
  const { before, after } = await paintInOwnFrames('examples/pictures/landscape.png', 'examples/pictures/glass.png');
  console.log(`loss ${before.toFixed(4)} → ${after.toFixed(4)}`);
}
