// Which files words mean, and what their results are called.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expandContents, glob, jobsIn } from '../../src/node/contents.ts';

let folder: string;
const names = [
  'a.png',
  'b.jpg',
  'b2.jpg',
  'b10.jpg',
  'c[1].png',
  '.hidden.png',
  'notes.txt',
  'sub/d.png',
  'sub/deep/e.png',
  'sub/deep/f.webp',
];
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-contents-'));
  mkdirSync(path.join(folder, 'sub/deep'), { recursive: true });
  mkdirSync(path.join(folder, 'empty'));
  for (const name of names) writeFileSync(path.join(folder, name), '');
  // A link upwards must not send ** in circles.
  symlinkSync(folder, path.join(folder, 'sub/up'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const found = (pattern: string): readonly string[] =>
  glob(`${folder}/${pattern}`).map((file) => path.relative(folder, file));

describe('patterns', () => {
  test.each<readonly [string, readonly string[]]>([
    ['*.png', ['a.png', 'c[1].png']],
    ['b*.jpg', ['b.jpg', 'b2.jpg', 'b10.jpg']],
    ['b?.jpg', ['b2.jpg']],
    ['[a-b].*', ['a.png', 'b.jpg']],
    ['[!a]*.png', ['c[1].png']],
    ['*.{png,txt}', ['a.png', 'c[1].png', 'notes.txt']],
    ['.*.png', ['.hidden.png']],
    ['*/*.png', ['sub/d.png']],
    ['**/*.png', ['a.png', 'c[1].png', 'sub/d.png', 'sub/deep/e.png']],
    ['sub/**/e.png', ['sub/deep/e.png']],
    ['s*b/d*', ['sub/d.png']],
    ['a.png*', ['a.png']],
    ['(*', []],
    ['nowhere/*.png', []],
  ])('%s', (pattern, files) => {
    expect(found(pattern)).toEqual(files);
  });
});

describe('words', () => {
  const at = (name: string): string => path.join(folder, name);
  test('a folder is its pictures; a file whose name looks like a pattern is itself; addresses are left alone', () => {
    expect(expandContents([at('')])).toEqual({
      files: ['a.png', 'b.jpg', 'b2.jpg', 'b10.jpg', 'c[1].png'].map(at),
      isMany: true,
    });
    expect(expandContents([at('c[1].png')])).toEqual({ files: [at('c[1].png')], isMany: false });
    expect(expandContents(['https://x/*.png'])).toEqual({ files: ['https://x/*.png'], isMany: false });
    expect(expandContents(['no.png'])).toEqual({ files: ['no.png'], isMany: false });
    expect(expandContents(['a', 'b'])).toEqual({ files: ['a', 'b'], isMany: true });
  });

  test('nothing found is told', () => {
    for (const word of [at('empty'), at('*.gif')]) {
      expect(() => expandContents([word])).toThrow(
        expect.objectContaining({ code: 'bad-image', where: 'content' }),
      );
    }
  });
});

describe('results', () => {
  const outputs = (contents: readonly string[]): readonly string[] =>
    jobsIn('out', contents, 'png').map(({ output }) => path.relative('out', output));

  test('bear the names of their contents, numbered where two are the same', () => {
    expect(outputs(['x/a.jpg', 'y/a.png', 'z/A.webp', 'b.tar.png'])).toEqual([
      'a.png',
      'a-2.png',
      'A-3.png',
      'b.tar.png',
    ]);
  });

  test('never leave the folder, whatever a content is called', () => {
    const nasty = [
      'https://x/..%2f..%2fetc%2fpasswd.png',
      'https://x/',
      'https://x/%00a:b.png?x=../../y',
      '../..',
      'data:image/png;base64,AA/..',
      '..\\..\\w.png',
    ];
    for (const output of outputs(nasty)) {
      expect(output).not.toMatch(/[/\\]|^\.|\u0000|:/);
    }
  });
});
