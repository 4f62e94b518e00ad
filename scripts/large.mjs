// npm run large: one full iteration of a large picture within a memory limit, and what a pixel of it costs beside one of a
// picture that fits easily. Others: npm run large -- --size 2048x1536 --limit 300MiB --widths 16,32,48,64,64

import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from './adapter/dist.mjs';
import { ensureAdapter } from './adapter/ensure.mjs';

const { values: flags } = parseArgs({
  options: {
    size: { type: 'string', default: '4096x3072' },
    beside: { type: 'string', default: '1024x768' },
    limit: { type: 'string', default: '1024MiB' },
    optimizer: { type: 'string', default: 'gd' },
    /** Channels of each block of a network with random weights; default: the embedded network. */
    widths: { type: 'string' },
  },
});

if (!buildIfStale()) process.exit(1);
const adapter = await ensureAdapter();
if (!adapter) process.exit(1);
Object.assign(process.env, adapter.env);
const { StyleSession, Vgg, requestDevice } = await import('../dist/node.js');

const sizeOf = (text) => {
  const [width, height] = text.split('x').map(Number);
  return { width, height };
};
const bytesOf = (text) => Number.parseFloat(text) * (text.endsWith('GiB') ? 2 ** 30 : text.endsWith('MiB') ? 2 ** 20 : 1);
const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

/** A VGG of three blocks of two convolutions and more, with random weights of He's size. */
function slimNetwork(widths) {
  const layers = [];
  let [cin, state] = [3, 1];
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
  widths.forEach((cout, block) => {
    for (let i = 1; i <= 2; i++) {
      const name = `${block + 1}_${i}`;
      const spread = 2 * Math.sqrt(6 / (9 * cin));
      const weight = Float32Array.from({ length: 9 * cin * cout }, () => spread * random());
      layers.push({ kind: 'conv', name: `conv${name}`, cin, cout, kernel: [3, 3], padding: 'zero', weight, bias: new Float32Array(cout) });
      layers.push({ kind: 'relu', name: `relu${name}` });
      cin = cout;
    }
    layers.push({ kind: 'pool', name: `pool${block + 1}`, pooling: 'max' });
  });
  const preprocessing = { order: 'rgb', scale: 1, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  return new Vgg({ layers, preprocessing, preprocessingSource: 'option', metadata: new Map() });
}

/** Counts live bytes of buffers and submits by itself, whatever the library says of them. */
function watch(device) {
  const seen = { live: 0, peak: 0, submits: 0 };
  const { queue } = device;
  const [create, submit] = [device.createBuffer.bind(device), queue.submit.bind(queue)];
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    let bytes = buffer.size;
    seen.live += bytes;
    seen.peak = Math.max(seen.peak, seen.live);
    buffer.destroy = () => {
      seen.live -= bytes;
      bytes = 0;
      destroy();
    };
    return buffer;
  };
  queue.submit = (buffers) => {
    seen.submits++;
    submit(buffers);
  };
  return seen;
}

const picture = (name) => path.join(root, 'examples', 'pictures', `${name}.png`);

/** One picture: targets, `warm` iterations that do not count, one that does, and the picture read back. */
async function measure(size, memoryLimit, warm) {
  const device = await requestDevice({ label: 'large', log: () => undefined });
  const seen = watch(device);
  const started = performance.now();
  const session = await StyleSession.create({
    device,
    content: picture('houses'),
    style: picture('glass'),
    size,
    memoryLimit,
    optimizer: { name: flags.optimizer },
    ...(flags.widths && { network: slimNetwork(flags.widths.split(',').map(Number)) }),
  });
  const targets = (performance.now() - started) / 1000;
  if (warm > 0) await session.step(warm);
  const { submits } = seen;
  const begun = performance.now();
  const usage = process.cpuUsage();
  const losses = await session.step(1);
  const seconds = (performance.now() - begun) / 1000;
  // On a software adapter the work is this process's own: other load on the machine is not in it.
  const { user, system } = process.cpuUsage(usage);
  const cpuSeconds = (user + system) / 1e6;
  const made = seen.submits - submits;
  await session.readImage();
  const { tiles, bytes, dispatches, flops } = session.plan;
  const pixels = size.width * size.height;
  const computed = pixels + (tiles?.haloPixels ?? 0);
  console.log(
    [
      `${size.width}x${size.height}, memory limit ${memoryLimit ? mebibytes(memoryLimit) : 'none'}, ${flags.optimizer}`,
      `  plan       ${tiles ? `${tiles.count} tiles of ${tiles.width}x${tiles.height}, halo factor ${(computed / pixels).toFixed(2)}` : 'whole'}, ` +
        `${dispatches} dispatches, ${(flops / 1e9).toFixed(0)} GFLOP, arena ${mebibytes(bytes.arena)}, optimiser ${mebibytes(bytes.optimizer)}`,
      `  peak       ${mebibytes(seen.peak)} of GPU buffers, from targets to the picture read back`,
      `  targets    ${targets.toFixed(1)} s`,
      `  iteration  ${seconds.toFixed(1)} s in ${made} submits, ${(pixels / seconds).toFixed(0)} pixels a second, ` +
        `loss ${losses.total.toPrecision(6)}`,
      `  a pixel    ${((1e6 * seconds) / computed).toFixed(2)} µs, ${((1e6 * cpuSeconds) / computed).toFixed(2)} µs of CPU, ` +
        `${(flops / computed / 1000).toFixed(1)} kFLOP, halos counted as pixels`,
    ].join('\n'),
  );
  session.destroy();
  if (seen.live > 0) throw new Error(`${seen.live} bytes of GPU buffers were not given back`);
  device.destroy();
  return { wall: seconds / computed, cpu: cpuSeconds / computed, flops: flops / computed, peak: seen.peak };
}

console.log(`${new Date().toISOString().slice(0, 10)}, ${flags.widths ? `a network of ${flags.widths} channels` : 'the embedded network'}`);
const limit = bytesOf(flags.limit);
const small = sizeOf(flags.beside);
const large = sizeOf(flags.size);
const whole = await measure(small, undefined, 1);
// In tiles, too: the same way of working, so the same cost.
const one = await measure(small, Math.floor(0.8 * whole.peak), 1);
const other = await measure(large, limit, 0);
const more = (name) => `${(100 * (other[name] / one[name] - 1)).toFixed(1)} % of ${name}`;
console.log(`Above a pixel of the small picture in tiles a pixel of the large one takes ${['flops', 'cpu', 'wall'].map(more).join(', ')}.`);
if (other.peak > limit) throw new Error(`${mebibytes(other.peak)} of GPU buffers are more than the limit`);
