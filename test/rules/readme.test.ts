// Code in the documentation compiles.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { codeBlocks, linesOfBlocks } from './blocks.ts';

const root = path.resolve(import.meta.dirname, '../..');

interface Block {
  readonly name: string;
  readonly code: string;
}

function documents(): readonly string[] {
  const folder = path.join(root, 'docs');
  const docs = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => path.join('docs', file))
    : [];
  return ['README.md', 'CHANGELOG.md', 'weights/README.md', 'examples/README.md', ...docs].filter(
    (file) => file.endsWith('.md') && existsSync(path.join(root, file)),
  );
}

function blocksOf(document: string): readonly Block[] {
  const file = path.join(root, document);
  const lines = linesOfBlocks(file);
  return codeBlocks(file).map((code, i) => ({ name: `${document}:${lines[i]}`, code }));
}

/** Errors of the blocks, each with its document and its line in the block. */
function check(blocks: readonly Block[]): readonly string[] {
  const config = ts.readConfigFile(path.join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  Object.assign(options, {
    noEmit: true,
    declaration: false,
    isolatedDeclarations: false,
    // Snippets show things without using them.
    noUnusedLocals: false,
    noUnusedParameters: false,
  });
  const files = new Map(blocks.map((block, i) => [path.join(root, 'test', 'rules', `block-${i}.ts`), block]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => files.has(path.normalize(file)) || fileExists(file);
  host.readFile = (file) => files.get(path.normalize(file))?.code ?? readFile(file);
  const { getSourceFile } = host;
  host.getSourceFile = (file, language, ...rest) => {
    const block = files.get(path.normalize(file));
    return block ? ts.createSourceFile(file, block.code, language) : getSourceFile(file, language, ...rest);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files].flatMap(([file, { name, code }]) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText, start = 0 }) => {
        const line = code.slice(0, start).split('\n').at(-1)! + code.slice(start).split('\n')[0]!;
        return `${name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')} in "${line.trim()}"`;
      },
    );
  });
}

test('code blocks of the documentation type-check', () => {
  expect(check(documents().flatMap(blocksOf))).toEqual([]);
});

test('a wrong block would be noticed', () => {
  const wrong = `import { styleTransfer } from 'wgpu-style';\nstyleTransfer({ contents: 1 });\nexport {};`;
  expect(check([{ name: 'made-up.md:1', code: wrong }])[0]).toMatch(/^made-up.md:1: .*'contents'/);
});
