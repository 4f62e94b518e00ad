// Many pictures in one command, as users type it: folders, patterns, frames, and what happens when one of them fails.
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodePng } from '../../src/image/png.ts';
import { buildProgram, wavePng, type Ended, type Program } from './program.ts';

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

describe('many pictures', () => {
  const flags = '--size 40 --scales off --iterations 2';
  beforeEach(async () => {
    await mkdir(file('in'));
    for (const [name, period] of [
      ['x2.png', 7],
      ['x10.png', 8],
      ['x1.png', 9],
    ] as const) {
      await writeFile(file(`in/${name}`), wavePng(44, 30, period));
    }
    await writeFile(file('in/notes.txt'), 'no picture');
  });

  test('a folder goes into a folder, in the order of numbers; one that fails stops no other and is named', async () => {
    await writeFile(file('in/x3.png'), 'not a picture');
    const ended = await cli(`${at}/in b.png -o ${at}/painted/ ${flags} --json`);
    expect(ended.status).toBe(1);
    const report = json(ended.out) as { pictures: { output: string }[]; failed: { content: string }[] };
    expect(report.pictures.map(({ output }) => path.basename(output))).toEqual([
      'x1.png',
      'x2.png',
      'x10.png',
    ]);
    expect(report.failed.map(({ content }) => path.basename(content))).toEqual(['x3.png']);
    expect(complaints(ended)).toEqual([
      expect.stringMatching(/^wgpu-style: 1 of 4 pictures failed: .*x3\.png: content: .*need PNG/),
    ]);
    expect((await readdir(file('painted'))).sort()).toEqual(['x1.png', 'x10.png', 'x2.png']);
    // Each is what a run by itself gives.
    expect((await cli(`${at}/in/x10.png b.png -o ${at}/alone.png ${flags}`)).status).toBe(0);
    expect((await decodePng(await read('painted/x10.png'))).data).toEqual(
      (await decodePng(await read('alone.png'))).data,
    );
  });

  test('patterns, several words with --style, another format', async () => {
    const pattern = await cli(`${at}/in/x[12].png b.png -o ${at}/p ${flags}`);
    expect([pattern.status, (await readdir(file('p'))).sort()]).toEqual([0, ['x1.png', 'x2.png']]);
    const words = await cli(
      `${at}/in/x1.png ${at}/in/x2.png a.png --style b.png -o ${at}/w ${flags} --format jpg`,
    );
    expect([words.status, (await readdir(file('w'))).sort()]).toEqual([0, ['a.jpg', 'x1.jpg', 'x2.jpg']]);
    expect((await sharp(await read('w/a.jpg')).metadata()).format).toBe('jpeg');
  });

  test('never writes outside the folder or over a content', async () => {
    await mkdir(file('painted'));
    await writeFile(file('victim.png'), 'mine');
    await symlink(path.resolve(file('victim.png')), file('painted/x1.png'));
    const out = await cli(`${at}/in b.png -o ${at}/painted/ ${flags}`);
    expect([out.status, complaints(out)]).toEqual([
      2,
      [expect.stringMatching(/-o: ".*x1\.png" is a link out of the folder/)],
    ]);
    expect(await readFile(file('victim.png'), 'utf8')).toBe('mine');
    await rm(file('painted'), { recursive: true });
    const over = await cli(`${at}/in b.png -o ${at}/in ${flags}`);
    expect([over.status, complaints(over)]).toEqual([
      2,
      [expect.stringMatching(/-o: ".*x1\.png" would replace a content/)],
    ]);
  });

  test('wrong usage is told once, before anything is painted', async () => {
    for (const [more, status, message] of [
      ['--recipe none', 2, /recipe: there is no recipe "none"/],
      ['--plot x.svg', 2, /--plot: got several contents, takes one/],
      ['--format gif', 2, /--format: no picture format/],
    ] as const) {
      const ended = await cli(`${at}/in b.png -o ${at}/o/ ${flags} ${more}`);
      expect([ended.status, complaints(ended)]).toEqual([status, [expect.stringMatching(message)]]);
    }
    const none = await cli(`${at}/none*.png b.png -o ${at}/o/ ${flags}`);
    expect([none.status, complaints(none)]).toEqual([1, [expect.stringMatching(/content: no file matches/)]]);
  });

  test('--frames begins each frame as the last one ended', async () => {
    const ended = await cli(
      `${at}/in b.png -o ${at}/film/ --frames --frame-iterations 1 --size 40 --scales 24,40 --iterations 6 --optimizer adam --json`,
    );
    expect(ended.status).toBe(0);
    const { pictures } = json(ended.out) as { pictures: { iterations: number }[] };
    expect(pictures.map(({ iterations }) => iterations)).toEqual([6, 1, 1]);
    const start = `--init ${at}/film/x1.png --size 40 --scales off --iterations 1 --optimizer adam`;
    expect((await cli(`${at}/in/x2.png b.png -o ${at}/second.png ${start}`)).status).toBe(0);
    expect((await decodePng(await read('film/x2.png'))).data).toEqual(
      (await decodePng(await read('second.png'))).data,
    );
    // By itself, a frame takes as many iterations as the first spent at full size.
    const own = await cli(
      `${at}/in b.png -o ${at}/film/ --frames --size 40 --scales 24,40 --iterations 6 --optimizer adam --json`,
    );
    const frames = json(own.out)['pictures'] as { iterations: number }[];
    expect(frames.map(({ iterations }) => iterations)).toEqual([6, 3, 3]);
  });
});
