import { describe, expect, test } from 'vitest';
import { parseArguments, settingsFiles } from '../../src/node/arguments.ts';
import { maskOf } from '../../src/node/masks.ts';
import { flags, nearestFlag } from '../../src/node/flags.ts';
import { helpText } from '../../src/node/help.ts';

const parse = (line: string): unknown =>
  parseArguments(line.split(' ').filter((word) => word !== ''));
const transfer = {
  command: 'transfer',
  contents: ['a.png'],
  styles: [{ path: 'b.png', weight: 1 }],
  output: 'out.png',
};

describe('what is understood', () => {
  test('the shortest run', () => {
    expect(parse('a.png b.png -o out.png')).toEqual({
      ...transfer,
      options: {},
      isQuiet: false,
      wantsJson: false,
    });
  });

  test.each<readonly [string, object]>([
    ['--size 640', { size: 640 }],
    ['--size 640x480', { size: { width: 640, height: 480 } }],
    ['--size=640', { size: 640 }],
    ['--iterations 0', { iterations: 0 }],
    ['--seed 4294967295', { seed: 4294967295 }],
    [
      '--content-weight 0.5 --style-weight 2e3 --tv-weight 0',
      { contentWeight: 0.5, styleWeight: 2000, tvWeight: 0 },
    ],
    ['--content-layers relu4_2', { contentLayers: { relu4_2: 1 } }],
    ['--style-layers relu1_1,relu2_1=0.5', { styleLayers: { relu1_1: 1, relu2_1: 0.5 } }],
    ['--optimizer lbfgs', { optimizer: { name: 'lbfgs' } }],
    ['--optimizer adam:clamp=true --averaging 0.99 --tolerance 1e-4', { optimizer: { name: 'adam', clamp: true }, averaging: 0.99, tolerance: 1e-4 }],
    ['--color luminance:space=oklab', { color: { mode: 'luminance', space: 'oklab' } }],
    [
      '--optimizer adam:learningRate=0.02,epsilonForm=keras',
      { optimizer: { name: 'adam', learningRate: 0.02, epsilonForm: 'keras' } },
    ],
    ['--scales auto', { scales: 'auto' }],
    ['--scales off', { scales: false }],
    ['--scales 128,256', { scales: [128, 256] }],
    [
      '--recipe gatys --pooling average --color match',
      { recipe: 'gatys', pooling: 'average', color: 'match' },
    ],
    ['--size 100 --size 200', { size: 200 }],
  ])('%s', (words, options) => {
    expect(parse(`a.png b.png -o out.png ${words}`)).toMatchObject({ ...transfer, options });
    expect(parse(`${words} a.png --output out.png b.png`)).toMatchObject({ ...transfer, options });
  });

  test('several styles, with and without weights', () => {
    expect(parse('a.png b.png c.png -o out.png')).toMatchObject({
      styles: [
        { path: 'b.png', weight: 1 },
        { path: 'c.png', weight: 1 },
      ],
    });
    expect(parse('a.png b.png c.png -o out.png --style-weights 2,0.5')).toMatchObject({
      styles: [
        { path: 'b.png', weight: 2 },
        { path: 'c.png', weight: 0.5 },
      ],
    });
  });

  test('switches, network, start and saves', () => {
    expect(
      parse('a.png b.png -qo out.png --json --network vgg.onnx --init start.png --save-every 50'),
    ).toMatchObject({
      ...transfer,
      isQuiet: true,
      wantsJson: true,
      network: 'vgg.onnx',
      init: 'start.png',
      saveEvery: 50,
    });
  });

  test('what is written beside the result', () => {
    const line = 'a.png b.png -o out.png --bits 16 --plot l.svg --trace t.jsonl --checkpoint c --checkpoint-every 5';
    expect(parse(line)).toMatchObject({ bits: 16, plot: 'l.svg', trace: 't.jsonl', checkpoint: 'c', checkpointEvery: 5 });
  });

  test('masks go to the styles in order, - stands for none', () => {
    expect(parse('a.png b.png c.png -o out.png --mask - --mask m.png#FF8000 --style-mask s.png --update-mask u.png --mask-mode all --seamless')).toMatchObject({
      styles: [
        { path: 'b.png', weight: 1, styleMask: 's.png' },
        { path: 'c.png', weight: 1, mask: 'm.png#FF8000' },
      ],
      updateMask: 'u.png',
      options: { maskMode: 'all', seamless: true },
    });
    expect(parse('a.png b.png -o out.png')).toHaveProperty('styles', [{ path: 'b.png', weight: 1 }]);
    expect(maskOf('a/m.png')).toEqual({ path: 'a/m.png' });
    expect(maskOf('a/m#1.png')).toEqual({ path: 'a/m#1.png' });
    expect(maskOf('m.png#FF8000,invert')).toEqual({ path: 'm.png', color: '#FF8000', invert: true });
    expect(maskOf('m.png#alpha')).toEqual({ path: 'm.png', channel: 'alpha' });
    expect(maskOf('https://a.example/m.png#invert')).toEqual({ path: 'https://a.example/m.png', invert: true });
  });

  test('with --style every other word is a content; frames are contents too', () => {
    expect(parse('a.png c.png --style b.png --style d.png -o out/ --style-weights 1,3 --frames')).toMatchObject({
      contents: ['a.png', 'c.png'],
      styles: [
        { path: 'b.png', weight: 1 },
        { path: 'd.png', weight: 3 },
      ],
      frames: {},
    });
    expect(parse('in/ b.png -o out/ --frame-iterations 20')).toMatchObject({ frames: { iterations: 20 } });
  });

  test('plan and sweep', () => {
    expect(parse('plan a.png b.png --size 64 --json')).toEqual({
      command: 'plan',
      content: 'a.png',
      styles: [{ path: 'b.png', weight: 1 }],
      options: { size: 64 },
      isQuiet: false,
      wantsJson: true,
    });
    expect(parse('sweep a.png b.png -o g.png --vary styleWeight=1,2 --vary init=noise')).toMatchObject({
      command: 'sweep',
      output: 'g.png',
      axes: [{ name: 'styleWeight' }, { name: 'init' }],
    });
  });

  test('settings of files fill in what the words leave out, and no more', () => {
    const stored = {
      content: 'c.png',
      styles: [{ path: 's.png', weight: 2 }],
      output: 'o.png',
      network: 'vgg19',
      preprocessing: 'bgr-255',
      init: 'noise',
      bits: 16,
      saveEvery: 7,
      options: { size: 64, styleWeight: 3 },
    };
    expect(parseArguments([], stored)).toMatchObject({
      contents: ['c.png'],
      styles: [{ path: 's.png', weight: 2 }],
      output: 'o.png',
      network: 'vgg19',
      preprocessing: { order: 'bgr', scale: 255 },
      init: 'noise',
      bits: 16,
      saveEvery: 7,
      options: { size: 64, styleWeight: 3 },
    });
    const words = 'a.png b.png -o out.png --network default --init gray --bits 8 --save-every 2 --size 32';
    expect(parseArguments(words.split(' '), stored)).toMatchObject({
      ...transfer,
      network: 'default',
      init: 'gray',
      bits: 8,
      saveEvery: 2,
      options: { size: 32, styleWeight: 3 },
    });
  });

  test('which files hold settings', () => {
    expect(settingsFiles(['a.png', '--config', 'c.json', '--resume=r'])).toEqual({ config: 'c.json', resume: 'r' });
    for (const line of ['import m.onnx -o w', 'fetch vgg19 --again', 'a.png --config c.json --help']) {
      expect(settingsFiles(line.split(' '))).toEqual({});
    }
  });

  test('pictures whose names look like flags, behind --', () => {
    expect(parse('-o out.png -- -a.png --b.png')).toMatchObject({
      contents: ['-a.png'],
      styles: [{ path: '--b.png' }],
    });
  });

  test('help, version and info, also among other words', () => {
    for (const line of ['--help', '-h', 'help', 'a.png --help', 'info --help'])
      expect(parse(line)).toEqual({ command: 'help' });
    expect(parse('--version')).toEqual({ command: 'version' });
    expect(parse('info --json')).toEqual({ command: 'info', wantsJson: true, isQuiet: false });
    expect(parse('info --tune')).toEqual({ command: 'info', wantsJson: false, isQuiet: false, tunes: true });
  });
});

describe('what is refused as wrong usage', () => {
  test.each<readonly [string, RegExp]>([
    ['', /got no pictures/],
    ['a.png -o out.png', /style: got only "a\.png", need a style picture too/],
    ['a.png b.png', /-o: got no output file. Give -o out\.png\./],
    ['a.png b.png -o', /--output: got no value/],
    ['a.png b.png -o --size 5', /--output: got no value/],
    ['a.png b.png -o out.png --size', /--size: got no value. Give --size <n>/],
    ['a.png b.png -o out.png --size big', /--size: got "big", need whole pixels/],
    ['a.png b.png -o out.png --size 0', /--size: got "0"/],
    ['a.png b.png -o out.png --size -5', /--size: got "-5"/],
    ['a.png b.png -o out.png --size 10x', /--size: got ""/],
    ['a.png b.png -o out.png --size 1x2x3', /--size: got "1x2x3"/],
    ['a.png b.png -o out.png --size NaN', /--size: got "NaN"/],
    [
      'a.png b.png -o out.png --iterations 1.5',
      /--iterations: got "1\.5", need a whole number from 0/,
    ],
    [
      'a.png b.png -o out.png --content-weight -1',
      /--content-weight: got "-1", need a number from 0/,
    ],
    ['a.png b.png -o out.png --style-weight Infinity', /--style-weight: got "Infinity"/],
    ['a.png b.png -o out.png --seed abc', /--seed: got "abc"/],
    ['a.png b.png -o out.png --save-every 0', /--save-every: got "0", need a whole number from 1/],
    ['a.png b.png -o out.png --style-weights 1,2', /got 2 number\(s\) for 1 style picture/],
    ['a.png b.png -o out.png --style-weights 0', /--style-weights: got "0", need numbers above 0/],
    [
      'a.png b.png -o out.png --content-layers relu4_2=x',
      /--content-layers: got "x", need a weight from 0 for relu4_2/,
    ],
    ['a.png b.png -o out.png --content-layers =1', /--content-layers: got "=1"/],
    ['a.png b.png -o out.png --optimizer adam:0.1', /--optimizer: got "adam:0\.1"/],
    ['a.png b.png -o out.png --scales 1,two', /--scales: got "two", need auto, off/],
    ['a.png b.png -o out.png --json=yes', /--json: got "yes", takes no value/],
    [
      'a.png b.png -o out.png --itertions 5',
      /--itertions: there is no such flag. Did you mean --iterations\./,
    ],
    ['a.png b.png -o out.png -x', /^-x: there is no such flag. See wgpu-style --help\./],
    ['a.png b.png -o out.png --bits 12', /--bits: got "12", need 8 or 16/],
    ['a.png b.png -o out.png --frame-iterations 0', /--frame-iterations: got "0"/],
    ['a.png b.png -o out.png --vary seed=1,2', /--vary: a run has no such flag. It belongs to sweep/],
    ['plan a.png b.png --trace t', /--trace: plan has no such flag. It belongs to a run/],
    ['plan a.png c.png --style b.png', /plan: got 2 contents, takes one/],
    ['plan a.png', /style: got only "a\.png"/],
    ['sweep a.png b.png --vary seed=1,2', /-o: got no output file. Give -o grid\.png/],
    ['sweep a.png b.png -o g.png', /--vary: got 0 axes, need one or two/],
    ['--style b.png -o out.png', /got no pictures/],
    ['info a.png', /info: got "a\.png", takes nothing but --tune and --json/],
    ['info --size 5', /info: got "--size"/],
  ])('%s', (line, message) => {
    expect(() => parse(line)).toThrow(
      expect.objectContaining({ code: 'bad-option', message: expect.stringMatching(message) }),
    );
  });
});

test.each([
  ['itertions', 'iterations'],
  ['sizes', 'size'],
  ['seeed', 'seed'],
  ['colour', 'color'],
  ['contentWeight', 'content-weight'],
  ['style_weight', 'style-weight'],
  ['opt', 'optimizer'],
  ['zzzzzz', undefined],
])('the flag nearest to --%s is %s', (typed, wanted) => {
  expect(nearestFlag(typed)).toBe(wanted);
});

test('the help names every flag, fits the terminal, and wraps', () => {
  for (const columns of [80, 100, 200]) {
    const text = helpText(columns);
    for (const { name } of flags) expect(text).toContain(`--${name}`);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(
      Math.max(100, Math.min(columns, 100)),
    );
  }
  const narrow = helpText(80)
    .split('\n')
    .map((line) => line.length);
  expect(Math.max(...narrow)).toBeLessThanOrEqual(100);
});
