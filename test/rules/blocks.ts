// Code blocks of the documentation. Every block that opens with ```ts is a module of its own; what it takes for granted
// may stand before it in a comment that readers do not see: <!-- ts: declare const photo: ImageData; -->

import { readFileSync } from 'node:fs';

const BLOCK = /(?:<!--\s*ts:([\s\S]*?)-->\s*)?^```(?:ts|typescript)\n([\s\S]*?)^```/gm;

/** The modules of a document. */
export function codeBlocks(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(BLOCK)].map(([, before = '', code]) => `${before}\n${code}\nexport {};\n`);
}

/** The lines on which they begin. */
export function linesOfBlocks(file: string): readonly number[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(BLOCK)].map(({ index }) => text.slice(0, index).split('\n').length);
}
