// The shape of the house, kept by reading the sources: which room may import which, and how long a file may be.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

/** Rooms in the order in which imports may run: only to a later one. The features of a picture need `image` in `vgg`. */
const ORDER = ['index', 'later', 'style', 'vgg', 'optim', 'image', 'autograd', 'kernels', 'gpu', 'wgsl'];
/** Rooms that use the others and that nothing in src imports. */
const OUTSIDE = ['node', 'web', 'bench', 'examples'];

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g;

function filesOf(folder: string, extension: RegExp): readonly string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && extension.test(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((file) => !file.includes('node_modules/'))
    .sort();
}

/** `src/gpu/device.ts` is in the room `gpu`; a file directly in src is a room of its own name. */
function roomOf(file: string): string {
  const [, room = '', inner] = file.split('/');
  return inner === undefined ? room.replace(/\.d\.ts$|\.ts$/, '') : room;
}

function importsOf(file: string): readonly string[] {
  const code = readFileSync(path.join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const folder = path.posix.dirname(file);
  return [...code.matchAll(IMPORT)].map((match) => path.posix.join(folder, match[1]!));
}

const sources = filesOf('src', /\.ts$/);

test('imports run only downwards between rooms', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    const room = roomOf(file);
    for (const target of importsOf(file)) {
      if (!target.startsWith('src/')) continue;
      const other = roomOf(target);
      if (other === room || OUTSIDE.includes(room)) continue;
      if (OUTSIDE.includes(other) || ORDER.indexOf(other) <= ORDER.indexOf(room)) wrong.push(`${file} -> ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('every room is known', () => {
  const rooms = new Set(sources.filter((file) => !file.endsWith('.d.ts')).map(roomOf));
  expect([...rooms].filter((room) => !ORDER.includes(room) && !OUTSIDE.includes(room))).toEqual([]);
});

test('the oracle never imports the sources', () => {
  const wrong = filesOf('test/oracle', /\.ts$/).filter((file) =>
    importsOf(file).some((target) => target.startsWith('src/')),
  );
  expect(wrong).toEqual([]);
});

test('no source is over 400 lines, no shader over 200', () => {
  const lengths = (files: readonly string[], most: number): readonly string[] =>
    files
      .map((file) => ({ file, lines: readFileSync(path.join(root, file), 'utf8').split('\n').length - 1 }))
      .filter(({ lines }) => lines > most)
      .map(({ file, lines }) => `${file}: ${lines}`);
  const scripts = [...filesOf('scripts', /\.m?[tj]s$/), ...filesOf('test', /\.ts$/)];
  expect(lengths([...sources, ...scripts], 400)).toEqual([]);
  expect(lengths(filesOf('src/wgsl', /\.wgsl$/), 200)).toEqual([]);
});

test('no shader lies about unused', () => {
  const imported = new Set(sources.flatMap(importsOf));
  expect(filesOf('src/wgsl', /\.wgsl$/).filter((file) => !imported.has(file))).toEqual([]);
});
