// Working with the program, as users type it: settings from files, going on after an interruption, plans, sweeps, curves.
// Real runs on the real library, as small as they can be. Many pictures are cli-many.test.ts.
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodePng } from '../../src/image/png.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { buildProgram, stopWith, type Ended, type Program } from './program.ts';

let program: Program;
let at: string;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());
// A folder of its own for each test, named as the user would: relative to where the program runs.
beforeEach(async () => {
  at = path.basename(await mkdtemp(path.join(program.folder, 'run-')));
});

const cli = (words: string): Promise<Ended> => program.cli(words.split(' '));
const file = (name: string): string => path.join(program.folder, at, name);
const read = (name: string): Promise<Uint8Array> => readFile(file(name));
const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const complaints = ({ err }: Ended): readonly string[] =>
  err.split('\n').filter((line) => line.startsWith('wgpu-style: '));

/** 24, then 48 pixels. */
const small = 'a.png b.png --size 48 --scales 24,48 --iterations 8';

describe('settings from files', () => {
  test('--config takes a JSON file, a PNG made here, and flags win over both', async () => {
    await writeFile(
      file('mine.json'),
      JSON.stringify({
        content: '../a.png',
        style: '../b.png',
        size: 32,
        scales: false,
        iterations: 2,
        styleWeight: 3,
        recipe: 'gatys',
      }),
    );
    const first = await cli(`--config ${at}/mine.json -o ${at}/one.png --seed 4 --iterations 3 --json`);
    expect(first.status).toBe(0);
    const report = json(first.out);
    expect(report).toMatchObject({ width: 32, iterations: 3, seed: 4, recipe: 'gatys' });
    expect(report['options']).toMatchObject({
      size: 32,
      styleWeight: 3,
      seed: 4,
      scales: false,
      content: `a.png`,
      network: 'default',
    });
    const text = json(readPngText(await read('one.png'))['wgpu-style']!);
    expect(text).toEqual(report['options']);
    // The picture makes itself again, to the byte.
    const again = await cli(`a.png b.png --config ${at}/one.png -o ${at}/two.png --json`);
    expect(again.status).toBe(0);
    expect((await decodePng(await read('two.png'))).data).toEqual(
      (await decodePng(await read('one.png'))).data,
    );
    expect(json(again.out)['options']).toEqual(text);
  });

  test.each<readonly [string, string, RegExp]>([
    [
      'an unknown key, by name',
      '{"itertions":5}',
      /--config: there is no setting "itertions"\. Did you mean iterations\.$/,
    ],
    ['no JSON', '{"size":', /--config: ".*c\.json" is no JSON: /],
    ['no object', '[1]', /--config: these are no settings/],
    ['a path that is none', '{"network":5}', /--config: network is 5, need text/],
    ['a value out of range', '{"iterations":-1}', /iterations: got -1/],
    [
      'styles that are none',
      '{"style":[{"path":"b.png"}]}',
      /--config: style is \{"path":"b\.png"\}, need paths/,
    ],
  ])('%s is refused: status 2, one line', async (_, text, message) => {
    await writeFile(file('c.json'), text);
    const ended = await cli(`a.png b.png -o ${at}/out.png --config ${at}/c.json`);
    expect(ended.status).toBe(2);
    expect(complaints(ended)).toEqual([expect.stringMatching(message)]);
    expect(await readdir(file(''))).toEqual(['c.json']);
  });

  test('a missing file is a failure; a PNG without settings is wrong usage', async () => {
    expect(await cli(`a.png b.png -o ${at}/out.png --config none.json`)).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^wgpu-style: --config: no such file: got "none\.json"/),
    });
    expect(await cli(`a.png b.png -o ${at}/out.png --config a.png`)).toMatchObject({
      status: 2,
      err: expect.stringMatching(/--config: "a\.png" carries no settings/),
    });
  });
});

describe.skipIf(process.platform === 'win32')('an interrupted run', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s leaves the picture and a checkpoint, and --resume alone goes on to the same bytes',
    async (signal) => {
      const line = `a.png b.png --size 48 --scales 24,48 --iterations 60 --init noise`;
      expect((await cli(`${line} -o ${at}/whole.png`)).status).toBe(0);
      const stopped = await program.cli(
        `${line} -o ${at}/out.png --json --trace ${at}/t.jsonl`.split(' '),
        stopWith(signal),
      );
      expect(stopped.status).toBe(130);
      expect(stopped.err).toContain(`Go on with: wgpu-style --resume ${at}/out.checkpoint`);
      const { iterations, options } = json(stopped.out) as {
        iterations: number;
        options: Record<string, unknown>;
      };
      expect(iterations).toBeGreaterThan(0);
      expect(iterations).toBeLessThan(60);
      expect(options).toMatchObject({ iterations: 60, done: iterations });
      expect(await decodePng(await read('out.png'))).toMatchObject({ width: 48, height: 32 });

      const resumed = await cli(`--resume ${at}/out.checkpoint --json --trace ${at}/t.jsonl`);
      expect(resumed.status).toBe(0);
      expect(json(resumed.out)).toMatchObject({ iterations: 60, output: path.resolve(file('out.png')) });
      expect((await decodePng(await read('out.png'))).data).toEqual(
        (await decodePng(await read('whole.png'))).data,
      );
      // The trace has every iteration once, over both runs.
      const lines = new TextDecoder()
        .decode(await read('t.jsonl'))
        .trim()
        .split('\n')
        .map(json);
      expect(lines.map((entry) => entry['iteration'])).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    },
  );
});

test('--checkpoint saves on the way; --resume with the whole line is the same, with another option it is refused', async () => {
  const line = `${small} --checkpoint ${at}/state --checkpoint-every 3`;
  expect((await cli(`${line} -o ${at}/whole.png`)).status).toBe(0);
  const resumed = await cli(`${small} --resume ${at}/state -o ${at}/out.png`);
  expect(resumed.status).toBe(0);
  expect((await decodePng(await read('out.png'))).data).toEqual(
    (await decodePng(await read('whole.png'))).data,
  );
  const refused = await cli(`${small} --style-weight 2 --resume ${at}/state -o ${at}/no.png`);
  expect(refused.status).toBe(2);
  expect(complaints(refused)).toEqual([
    expect.stringMatching(/resume: styleWeight is not as in the checkpoint: got 2, need 1/),
  ]);
  await writeFile(file('cut'), (await read('state')).subarray(0, 500));
  for (const [name, status] of [
    ['cut', 2],
    ['whole.png', 2],
    ['none', 1],
  ] as const) {
    const ended = await cli(`${small} --resume ${at}/${name} -o ${at}/no.png`);
    expect(ended.status).toBe(status);
    expect(complaints(ended)).toHaveLength(1);
  }
  expect(await readdir(file(''))).not.toContain('no.png');
});

test('--bits 16 writes 16 bits, from the float picture; --plot and --trace tell of every iteration', async () => {
  const ended = await cli(
    `${small} -o ${at}/out.png --bits 16 --plot ${at}/losses.svg --trace ${at}/t.jsonl --json`,
  );
  expect(ended.status).toBe(0);
  const bytes = await read('out.png');
  expect((await sharp(bytes).metadata()).depth).toBe('ushort');
  const { data } = await decodePng(bytes);
  const between = data.filter((value) => Math.abs(value * 255 - Math.round(value * 255)) > 0.01);
  expect(between.length).toBeGreaterThan(data.length / 3);

  const lines = new TextDecoder()
    .decode(await read('t.jsonl'))
    .trim()
    .split('\n')
    .map(json);
  expect(lines).toHaveLength(8);
  expect(lines.map(({ scale }) => (scale as { width: number }).width)).toEqual([
    24, 24, 24, 24, 24, 48, 48, 48,
  ]);
  expect(lines[7]).toMatchObject({
    iteration: 8,
    losses: { ...(json(ended.out)['losses'] as object), layers: { relu1_1: expect.any(Number) } },
  });
  for (const { milliseconds } of lines) expect(milliseconds).toBeGreaterThan(0);

  const svg = new TextDecoder().decode(await read('losses.svg'));
  for (const name of ['total', 'content', 'style'])
    expect(svg).toMatch(new RegExp(`aria-label="${name}  [\\d.]+"`));
  const drawn = await sharp(Buffer.from(svg)).metadata();
  expect([drawn.width, drawn.height]).toEqual([960, 540]);
});

test('--plot as PNG is a picture; another ending, and 16 bits of a JPEG, are wrong usage', async () => {
  expect((await cli(`${small} -o ${at}/out.jpg --plot ${at}/losses.png`)).status).toBe(0);
  expect(await decodePng(await read('losses.png'))).toMatchObject({ width: 1920, height: 1080 });
  for (const [more, message] of [
    [`--plot ${at}/losses.gif`, /--plot: no plot format/],
    ['--bits 16', /--bits: \.jpg files are written with 8 bits/],
  ] as const) {
    const ended = await cli(`${small} -o ${at}/x.jpg ${more}`);
    expect(ended.status).toBe(2);
    expect(complaints(ended)).toEqual([expect.stringMatching(message)]);
  }
});

test('plan tells sizes, work, memory and time, as a table and as JSON, and writes nothing', async () => {
  const before = await readdir(program.folder);
  const text = await cli('plan a.png b.png --size 48 --scales 24,48 --iterations 8');
  expect(text.status).toBe(0);
  expect(text.out).toMatch(
    /^ *size +iterations .*\n *24x16 +5 .*MiB .*\n *48x32 +3 .*\n\n48x32 in 8 iterations: .*FLOP, at most .* MiB of buffers, about /,
  );
  const ended = await cli('plan a.png b.png --size 48 --scales 24,48 --iterations 8 --json');
  const plan = json(ended.out) as { scales: Record<string, unknown>[]; seconds: number; peakBytes: number };
  expect(plan).toMatchObject({
    width: 48,
    height: 32,
    iterations: 8,
    adapter: { description: expect.any(String) },
  });
  expect(plan.seconds).toBeGreaterThan(0);
  for (const { bytes, isMeasured } of plan.scales as unknown as {
    bytes: Record<string, number>;
    isMeasured: boolean;
  }[]) {
    expect(isMeasured).toBe(true);
    expect(bytes['activations']! + bytes['optimizer']! + bytes['weightsAndTargets']!).toBeLessThanOrEqual(
      bytes['peak']!,
    );
    expect(bytes['weightsAndTargets']).toBeGreaterThan(0);
  }
  // What was foreseen is what a run needs.
  const run = json((await cli(`${small} -o ${at}/out.png --json`)).out);
  expect(run['peakBytes']).toBe(plan.peakBytes);
  expect((await readdir(program.folder)).sort()).toEqual(before.sort());
});

test('plan complains as a run would', async () => {
  expect(await cli('plan a.png none.png')).toMatchObject({
    status: 1,
    err: expect.stringMatching(/style: no such file/),
  });
  expect(await cli('plan a.png b.png --size 8')).toMatchObject({ status: 1 });
  expect(await cli('plan a.png b.png --recipe none')).toMatchObject({ status: 2 });
  expect(await cli('plan a.png b.png -o out.png')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/--output: plan has no such flag/),
  });
});

test('sweep paints every cell where it belongs, with its labels, and says what it painted', async () => {
  const ended = await program.cli([
    'sweep',
    'a.png',
    'b.png',
    '--vary',
    'styleWeight=0,1',
    '--vary',
    'init=content,noise',
    '--size',
    '48',
    '--scales',
    'off',
    '--iterations',
    '2',
    '--tv-weight',
    '0',
    '-o',
    `${at}/grid.png`,
    '--json',
  ]);
  expect(ended.status).toBe(0);
  const report = json(ended.out) as { width: number; height: number; cells: { values: unknown }[] };
  expect(report.cells.map(({ values }) => values)).toEqual([
    { styleWeight: '0', init: 'content' },
    { styleWeight: '1', init: 'content' },
    { styleWeight: '0', init: 'noise' },
    { styleWeight: '1', init: 'noise' },
  ]);
  const bytes = await read('grid.png');
  const sheet = await decodePng(bytes);
  expect([sheet.width, sheet.height]).toEqual([report.width, report.height]);
  expect(json(readPngText(bytes)['wgpu-style']!)).toMatchObject({
    vary: [
      { name: 'styleWeight', values: ['0', '1'] },
      { name: 'init', values: ['content', 'noise'] },
    ],
  });
  // Without style and total variation and from the content, the first cell is the content itself: it must stand on the sheet as it is.
  const content = await decodePng(await readFile(path.join(program.folder, 'a.png')));
  expect(placesOf(content, sheet)).toHaveLength(1);
  // The second column is what a run of these options gives.
  expect(
    (await cli(`a.png b.png --size 48 --scales off --iterations 2 --tv-weight 0 --init noise -o ${at}/cell.png`)).status,
  ).toBe(0);
  const [[x, y]] = placesOf(await decodePng(await read('cell.png')), sheet) as [[number, number]];
  const [[x0, y0]] = placesOf(content, sheet) as [[number, number]];
  expect(x).toBeGreaterThanOrEqual(x0 + 48);
  expect(y).toBeGreaterThanOrEqual(y0 + 32);
});

/** Where `part` stands in `whole`, to a step of 8 bits. */
function placesOf(
  part: Awaited<ReturnType<typeof decodePng>>,
  whole: typeof part,
): readonly (readonly [number, number])[] {
  const places: (readonly [number, number])[] = [];
  const same = (x0: number, y0: number): boolean => {
    for (let y = 0; y < part.height; y++)
      for (let i = 0; i < 4 * part.width; i++) {
        const other = whole.data[4 * ((y0 + y) * whole.width + x0) + i]!;
        if (Math.abs(part.data[4 * y * part.width + i]! - other) > 1.01 / 255) return false;
      }
    return true;
  };
  for (let y = 0; y + part.height <= whole.height; y++)
    for (let x = 0; x + part.width <= whole.width; x++) if (same(x, y)) places.push([x, y]);
  return places;
}
