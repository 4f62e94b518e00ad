import { describe, expect, test } from 'vitest';
import {
  downloadText,
  duration,
  progressPrinter,
  progressText,
  type ShownProgress,
} from '../../src/node/progress.ts';

const at = (iteration: number, iterations = 200): ShownProgress => ({
  iteration,
  iterations,
  losses: { total: 12345, content: 812.34, style: 11512.5, tv: 0, layers: {} },
  retries: 0,
  millisecondsPerIteration: 12.3456,
  secondsLeft: 75,
  scale: { index: 1, count: 3, width: 362, height: 272 },
});

test('a line has share, iterations, time left, losses by term, speed and scale', () => {
  expect(progressText(at(100))).toBe(
    ' 50 %  100/200  1 min 15 s left  loss 1.23e+4 (content 812.3, style 1.15e+4, tv 0)  12.3 ms/iteration  scale 2/3, 362x272',
  );
  expect(progressText({ ...at(1), scale: { ...at(1).scale, count: 1 } })).not.toContain('scale');
  expect(progressText(at(5, 0))).toContain('5/0');
});

test('a line is cut to the width of the terminal', () => {
  expect(progressText(at(100), 40)).toHaveLength(40);
  expect(progressText(at(100), 40).endsWith('…')).toBe(true);
});

test.each([
  [0, '0 s'],
  [59.4, '59 s'],
  [60, '1 min 0 s'],
  [3599, '59 min 59 s'],
  [7260, '2 h 1 min'],
  [Infinity, '?'],
  [NaN, '?'],
])('%d seconds are "%s"', (seconds, text) => expect(duration(seconds)).toBe(text));

function recorder(isTTY: boolean): {
  text: () => string;
  stream: { isTTY: boolean; columns: number; write: (s: string) => void };
} {
  let all = '';
  return { text: () => all, stream: { isTTY, columns: 60, write: (s) => void (all += s) } };
}

describe('progressPrinter', () => {
  test('prints about ten lines into a log', () => {
    const { text, stream } = recorder(false);
    const printer = progressPrinter(stream);
    for (let i = 1; i <= 200; i++) printer.show(at(i));
    printer.finish();
    const lines = text()
      .split('\n')
      .filter((line) => line !== '');
    expect(lines).toHaveLength(11);
    expect(lines[0]).toContain('1/200');
    expect(lines[10]).toContain('100 %');
    expect(text()).not.toContain('\x1b');
    expect(text()).not.toContain('\r');
  });

  test('rewrites one line on a terminal, ten times a second at most, the last one always', () => {
    const { text, stream } = recorder(true);
    let clock = 0;
    const printer = progressPrinter(stream, { now: () => clock });
    for (let i = 1; i <= 200; i++, clock += 10) printer.show(at(i));
    printer.finish();
    const drawn = text().split('\r\x1b[K').slice(1);
    expect(drawn.length).toBe(21);
    expect(drawn.every((line) => line.replace('\n', '').length <= 59)).toBe(true);
    expect(drawn[20]).toContain('200/200');
    expect(text().endsWith('\n')).toBe(true);
  });

  test('lines said between stand on their own', () => {
    const { text, stream } = recorder(true);
    const printer = progressPrinter(stream, { now: () => 0 });
    printer.show(at(1));
    printer.say('Using the GPU.');
    printer.finish();
    expect(text().endsWith('\r\x1b[KUsing the GPU.\n')).toBe(true);
  });

  test('quiet prints nothing', () => {
    const { text, stream } = recorder(true);
    const printer = progressPrinter(stream, { isQuiet: true });
    printer.show(at(1));
    printer.say('x');
    printer.finish();
    expect(text()).toBe('');
  });
});

describe('downloads', () => {
  const part = { name: 'vgg19', received: 13.1e6, needed: 52.4e6, size: 574.7e6 };

  test('a line has name, bar, share, bytes and time left', () => {
    expect(downloadText(part, 75)).toBe(
      'vgg19  [#####...............]  25 %  13.1 MB of 52.4 MB, of a file of 574.7 MB  1 min 15 s left',
    );
    expect(downloadText({ ...part, needed: part.size }, 75)).toContain('13.1 MB of 574.7 MB  1 min');
    expect(downloadText({ ...part, needed: undefined }, Infinity)).toBe('vgg19  13.1 MB, of a file of 574.7 MB');
    expect(downloadText({ ...part, needed: undefined, size: undefined }, Infinity)).toBe('vgg19  13.1 MB');
    expect(downloadText({ ...part, received: 0, needed: 0 }, Infinity)).toContain('100 %');
    expect(downloadText(part, 75, 40)).toHaveLength(40);
  });

  test('a terminal shows them in one line, with the time that the rest will take at this speed', () => {
    const written: string[] = [];
    let time = 0;
    const stream = { write: (text: string) => written.push(text), isTTY: true, columns: 120 };
    const printer = progressPrinter(stream, { now: () => time });
    // 20 MB are left of an earlier attempt: they came in no time.
    for (const received of [20e6, 24e6, 24.1e6, 52.4e6]) {
      printer.download({ ...part, received });
      time += received === 24e6 ? 10 : 1000;
    }
    expect(written).toHaveLength(3);
    expect(written[1]).toMatch(/24\.0 MB of 52\.4 MB.* 7 s left$/);
    expect(written[2]).toContain('100 %');
    expect(written.every((text) => text.startsWith('\r'))).toBe(true);
    printer.finish();
    expect(written.at(-1)).toBe('\n');
  });

  test('a log is not told, nor is who wants it quiet', () => {
    const written: string[] = [];
    const write = (text: string): void => void written.push(text);
    progressPrinter({ write }).download(part);
    progressPrinter({ write, isTTY: true }, { isQuiet: true }).download(part);
    expect(written).toEqual([]);
  });
});
