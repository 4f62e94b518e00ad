// The package in the hands of its users' tools: linters of packages, TypeScript at its strictest, the code of the
// documentation in a project of its own, and bundlers without configuration.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { build, type Rollup } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks } from '../rules/blocks.ts';
import { install, packed, root, unpack, type Packed } from './packed.ts';

const run = promisify(execFile);

let project: Packed;
beforeAll(() => {
  project = packed();
  writeFileSync(path.join(project.folder, 'package.json'), '{ "type": "module", "private": true }');
});
afterAll(() => unpack(project));

describe('linters of packages', () => {
  test('publint has nothing to say', async () => {
    const pkgDir = path.join(project.folder, 'package');
    const { messages, pkg } = await publint({ pkgDir, strict: true, pack: false });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('are the types wrong? They are not, for ES modules', async () => {
    const attw = path.join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const tarball = path.join(project.folder, project.filename);
    const flags = ['--profile', 'esm-only', '--no-definitely-typed', '--format', 'json'];
    const { stdout } = await run(process.execPath, [attw, tarball, ...flags], { maxBuffer: 2 ** 26 });
    const { analysis } = JSON.parse(stdout) as { analysis: { entrypoints: object; problems: { kind: string; resolutionKind?: string }[] } };
    expect(Object.keys(analysis.entrypoints)).toContain('./autograd');
    // There is no CommonJS, so `require` and the resolution of Node 10 are not for us.
    const wrong = analysis.problems.filter(({ resolutionKind }) => !['node10', 'node16-cjs'].includes(resolutionKind ?? ''));
    expect(wrong).toEqual([]);
  });
});

/** Declarations that were parsed before, TypeScript's own above all. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** A host that parses nothing twice. */
function hostOf(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (file, language, ...rest) => {
    const key = `${file} ${JSON.stringify(language)}`;
    if (!file.endsWith('.d.ts')) return getSourceFile(file, language, ...rest);
    if (!parsed.has(key)) parsed.set(key, getSourceFile(file, language, ...rest));
    return parsed.get(key);
  };
  return host;
}

/** Errors of modules in the project, with no declaration left unchecked. */
function errorsOf(files: Readonly<Record<string, string>>, more: ts.CompilerOptions): readonly string[] {
  for (const [name, code] of Object.entries(files)) writeFileSync(path.join(project.folder, name), code);
  const names = Object.keys(files).map((name) => path.join(project.folder, name));
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
    // As if it were installed, not linked.
    preserveSymlinks: true,
    ...more,
  };
  const program = ts.createProgram(names, options, hostOf(options));
  if (!options.skipLibCheck) {
    // Ours and TypeScript's: users need the declarations of no other package.
    const declarations = program.getSourceFiles().filter(({ isDeclarationFile }) => isDeclarationFile);
    const foreign = declarations.filter(({ fileName }) => !/\/wgpu-style\/dist\/types\/|\/typescript\/lib\/lib\./.test(fileName));
    expect(foreign.map(({ fileName }) => fileName)).toEqual([]);
  }
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = file && file.getLineAndCharacterOfPosition(start).line + 1;
    return `${path.basename(file?.fileName ?? '')}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

const RESOLUTIONS: readonly (readonly [string, ts.CompilerOptions])[] = [
  ['bundler', { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
  ['node16', { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 }],
  ['nodenext', { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }],
];

/** Every entry, used as apps use it; what must not compile is marked. */
const APP = `
  import { requiredFeatures, requiredLimits, StyleSession, styleTransfer } from 'wgpu-style';
  import type { ImageSource, StyleTransferOptions, TextureImage } from 'wgpu-style';
  import { Tape, type Program } from 'wgpu-style/autograd';
  import { conv2dForward, kernelTarget, Sequence } from 'wgpu-style/kernels';
  import { requestDevice } from 'wgpu-style/node';
  import { Adam } from 'wgpu-style/optim';
  import { defaultNetwork, Vgg } from 'wgpu-style/vgg';
  const adapter = (await navigator.gpu.requestAdapter())!;
  const device: GPUDevice = await adapter.requestDevice({
    requiredLimits: requiredLimits({ size: 1024 }),
    requiredFeatures: requiredFeatures(adapter),
  });
  const texture = device.createTexture({ size: [8, 8], format: 'rgba16float', usage: 16 });
  const preview: TextureImage = { texture, colorSpace: 'srgb-linear' };
  const sources: ImageSource[] = [texture, preview, new Blob([]), 'a.png', new VideoFrame(document.createElement('canvas'))];
  const options: StyleTransferOptions = { device, content: sources[0]!, style: [{ image: 'b.png', weight: 2 }], preview };
  const session = await StyleSession.create(options);
  const isWhole: boolean = session.encode(device.createCommandEncoder(), { budgetMilliseconds: 4 });
  const picture = await styleTransfer(options);
  const pixels: Uint8ClampedArray<ArrayBufferLike> = picture.pixels;
  const tape = new Tape(await requestDevice());
  const program: Program = tape.compile(tape.sum(tape.variable([3])), []);
  const vgg: Vgg = await defaultNetwork();
  // @ts-expect-error: a word that is no colour space
  const wrong: TextureImage = { texture, colorSpace: 'p3' };
  // @ts-expect-error: no style
  void styleTransfer({ content: 'b.png' });
  export { Adam, conv2dForward, isWhole, kernelTarget, pixels, program, Sequence, vgg, wrong };
`;

// TypeScript checks its own declarations too, which takes it seconds, and minutes on a busy machine.
describe('TypeScript at its strictest', { timeout: 300_000 }, () => {
  test.each(RESOLUTIONS)('resolves and checks every declaration by %s', (_, options) => {
    expect(errorsOf({ 'app.ts': APP }, options)).toEqual([]);
  });

  test('checks the code of the documentation in a project of its own', () => {
    // Their programs are for pages and for Node. TypeScript 6 has the types of WebGPU, but not the constants.
    install(project.folder, '@types/node');
    const blocks = ['README.md', 'docs/embedding.md'].flatMap((file) => codeBlocks(path.join(root, file)));
    expect(blocks.length).toBeGreaterThan(6);
    const files = Object.fromEntries(blocks.map((code, i) => [`block${i}.ts`, code]));
    expect(errorsOf(files, { ...RESOLUTIONS[0]![1], types: ['node', '@webgpu/types'], skipLibCheck: true })).toEqual([]);
  });
});

describe('Vite without configuration', () => {
  test('builds a page whose shaders are text in its own chunks', async () => {
    const html = `<!doctype html><canvas></canvas><script type="module">
      import { styleTransfer } from 'wgpu-style';
      document.querySelector('canvas').onclick = () => styleTransfer({ content: 'a.png', style: 'b.png' });
    </script>`;
    writeFileSync(path.join(project.folder, 'index.html'), html);
    const warnings: string[] = [];
    const logger = {
      warn: (message: string) => void warnings.push(message),
      warnOnce: (message: string) => void warnings.push(message),
      error: (message: string) => void warnings.push(message),
      info: () => undefined,
      clearScreen: () => undefined,
      hasErrorLogged: () => false,
      hasWarned: false,
    };
    const result = (await build({ root: project.folder, configFile: false, customLogger: logger })) as Rollup.RollupOutput;
    const chunks = result.output.filter((file) => file.type === 'chunk');
    expect(chunks.some(({ code }) => code.includes('@compute'))).toBe(true);
    expect(chunks.some(({ code }) => /fetch\([^)]*\.wgsl/.test(code))).toBe(false);
    const [entry] = chunks.filter(({ isEntry }) => isEntry);
    expect(entry!.code).not.toContain('@compute');
    expect(readdirSync(path.join(project.folder, 'dist/assets')).filter((name) => !name.endsWith('.js'))).toEqual([]);
    expect(readFileSync(path.join(project.folder, 'dist/index.html'), 'utf8')).toContain('type="module"');
    // The embedded network is one large chunk, and meant to be.
    expect(warnings.filter((warning) => !/chunks are larger than 500 kB/.test(warning))).toEqual([]);
  });
});
