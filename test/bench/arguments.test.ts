// npm run bench -- …

import { describe, expect, test } from 'vitest';
import { HELP, parseCommand, type Command } from '../../bench/host/arguments.ts';
import { FAMILIES } from '../../bench/request.ts';

function command(...argv: string[]): Command {
  const parsed = parseCommand(argv);
  if (!('command' in parsed)) throw new Error(`not a command: ${JSON.stringify(parsed)}`);
  return parsed.command;
}

function wrong(...argv: string[]): string {
  const parsed = parseCommand(argv);
  return 'wrong' in parsed ? parsed.wrong : '';
}

describe('arguments', () => {
  test('none: everything but peers, in Chrome, on what there is', () => {
    const { request, ...rest } = command();
    expect(request).toEqual({ families: [...FAMILIES], sides: [], seconds: 2, minutes: 15, pooling: 'max', slim: 1 });
    expect(rest).toEqual({
      wantsStart: true,
      peers: [],
      torch: undefined,
      isNode: false,
      adapter: undefined,
      note: '',
      writes: true,
      exportTo: undefined,
      words: [],
    });
  });

  test('families, sides and limits', () => {
    const { request, wantsStart, isNode, adapter, words } = command(
      'conv2d', 'gram', '--side', '64,256', '--seconds', '0.5', '--minutes', '3', '--node', '--software', '--pooling', 'average',
    );
    expect(request).toEqual({
      families: ['conv2d', 'gram'],
      sides: [64, 256],
      seconds: 0.5,
      minutes: 3,
      pooling: 'average',
      slim: 1,
    });
    expect({ wantsStart, isNode, adapter, words }).toEqual({
      wantsStart: false,
      isNode: true,
      adapter: 'software',
      words: ['conv2d', 'gram'],
    });
  });

  test('peers: all of them, or those that are named', () => {
    expect(command('peers').peers).toEqual(['tfjs', 'jax', 'onnxruntime']);
    expect(command('peers', '--peers', 'jax', '--torch', 'python3')).toMatchObject({ peers: ['jax'], torch: 'python3' });
    expect(command('peers', '--peers', '').peers).toEqual([]);
    expect(command('start', '--peers', 'tfjs')).toMatchObject({ wantsStart: true, peers: ['tfjs'], request: { families: [] } });
  });

  test('export measures nothing', () => {
    expect(command('export', '--side', '64').exportTo).toBe('out/bench-problem.safetensors');
    expect(command('conv2d').exportTo).toBeUndefined();
    expect(wrong('export', 'step')).toBe('all and export go alone');
  });

  test('all is everything with peers, and gets more time', () => {
    const { request, wantsStart, peers, words } = command('all', '--node');
    expect(request.families).toEqual([...FAMILIES, 'peers']);
    expect(request.minutes).toBe(60);
    expect({ wantsStart, peers, words }).toEqual({ wantsStart: true, peers: ['tfjs', 'jax', 'onnxruntime'], words: [] });
    expect(command('peers', '--minutes', '5').request.minutes).toBe(5);
    expect(command('step').request.minutes).toBe(15);
  });

  test('--no-write, --gpu, --note', () => {
    expect(command('--no-write', '--gpu', '--note', 'quiet')).toMatchObject({ writes: false, adapter: 'gpu', note: 'quiet' });
  });

  test('help names every family and flag', () => {
    expect(parseCommand(['--help'])).toEqual({ help: HELP });
    for (const word of [...FAMILIES, 'start', 'peers', 'all', 'export', '--node', '--side', '--torch']) expect(HELP).toContain(word);
  });
});

describe('wrong arguments', () => {
  test.each([
    [['conv3d'], 'there is no conv3d: conv2d, '],
    [['--side', 'big'], '--side takes whole pixels from 16 to 4096, got big'],
    [['--side', '8'], '--side takes whole pixels'],
    [['--seconds', '-1'], ''],
    [['--seconds', 'x'], '--seconds takes a number from 0, got x'],
    [['--minutes', '0'], '--minutes takes a number above 0, got 0'],
    [['--slim', '3'], '--slim takes 1, 2, 4, 8 or 16, got 3'],
    [['--pooling', 'min'], '--pooling takes max or average, got min'],
    [['--gpu', '--software'], '--gpu and --software exclude each other'],
    [['peers', '--peers', 'torch'], 'there is no peer torch: tfjs, jax, onnxruntime'],
    [['--fast'], "'--fast'"],
  ])('%j', (argv, message) => {
    expect(wrong(...argv)).toContain(message);
    expect(wrong(...argv)).not.toBe('');
  });
});
