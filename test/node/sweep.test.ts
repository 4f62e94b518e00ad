// Axes of a sweep, and the sheet: where cells lie, that labels are drawn beside them and not over them.
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { drawSheet, layoutOf, sheetSvg, type Cell, type Sheet } from '../../src/node/contact-sheet.ts';
import { readAxes } from '../../src/node/sweep-axes.ts';
import { changed } from '../../src/node/sweep.ts';
import { cutText, escapeXml, textSvg, textWidth } from '../../src/node/svg-text.ts';

describe('axes', () => {
  test('say what each value changes', () => {
    expect(readAxes(['style-weight=1e-1,1,10', 'contentLayers=relu2_2;relu4_2,relu3_1=0.5'])).toEqual([
      {
        name: 'styleWeight',
        title: 'style weight',
        values: [
          { label: '1e-1', change: { options: { styleWeight: 0.1 } } },
          { label: '1', change: { options: { styleWeight: 1 } } },
          { label: '10', change: { options: { styleWeight: 10 } } },
        ],
      },
      {
        name: 'contentLayers',
        title: 'content layers',
        values: [
          { label: 'relu2_2', change: { options: { contentLayers: { relu2_2: 1 } } } },
          {
            label: 'relu4_2,relu3_1=0.5',
            change: { options: { contentLayers: { relu4_2: 1, relu3_1: 0.5 } } },
          },
        ],
      },
    ]);
    expect(readAxes(['style=art/a.png,b.png', 'init=noise'])).toMatchObject([
      { values: [{ label: 'a.png', change: { style: 'art/a.png' } }, { label: 'b.png' }] },
      { values: [{ label: 'noise', change: { init: 'noise' } }] },
    ]);
  });

  test.each<readonly [readonly string[], RegExp]>([
    [[], /got 0 axes/],
    [['seed=1', 'size=2', 'init=noise'], /got 3 axes/],
    [['seed'], /got "seed", need a name and values/],
    [['seed='], /need a name and values/],
    [['seed=1,,2'], /an empty value/],
    [['sead=1'], /"sead" is no option that can vary\. Did you mean seed/],
    [['seed=x'], /--seed: got "x"/],
    [['seed=1', 'seed=2'], /both axes are seed/],
    [
      [
        `seed=${Array.from({ length: 21 }, (_, i) => i).join(',')}`,
        `size=${Array.from({ length: 21 }, (_, i) => i + 1).join(',')}`,
      ],
      /441 pictures on one sheet/,
    ],
  ])('%j is refused', (texts, message) => {
    expect(() => readAxes(texts)).toThrow(
      expect.objectContaining({ code: 'bad-option', message: expect.stringMatching(message) }),
    );
  });

  test('change a command and nothing else of it', () => {
    const command = {
      content: 'a.png',
      styles: [{ path: 'b.png', weight: 2 }],
      options: { size: 64, seed: 1 },
      isQuiet: false,
      wantsJson: false,
    };
    expect(changed(command, [{ options: { seed: 5 } }, { style: 'c.png', init: 'noise' }])).toEqual({
      ...command,
      styles: [{ path: 'c.png', weight: 1 }],
      init: 'noise',
      options: { size: 64, seed: 5 },
    });
  });
});

const flat = (width: number, height: number, colour: readonly [number, number, number]): Cell => ({
  width,
  height,
  pixels: Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => [...colour, 255][i % 4]!),
});

describe('the sheet', () => {
  const sheet: Sheet = {
    columns: { title: 'style weight', labels: ['0.1', '1', 'a label that is far too long for its column'] },
    rows: { title: 'init', labels: ['content', 'noise'] },
    cells: [
      [flat(80, 60, [255, 0, 0]), flat(80, 60, [0, 255, 0]), flat(40, 60, [0, 0, 255])],
      [flat(80, 60, [255, 255, 0]), { missing: 'failed: non-finite' }, flat(80, 60, [0, 255, 255])],
    ],
    caption: 'a.png in the style of b.png',
  };

  test('has every picture whole in its place, and letters only outside of the pictures', async () => {
    const { lefts, tops, cell, width, height } = layoutOf(sheet);
    expect(cell).toEqual({ width: 80, height: 60 });
    const drawn = await drawSheet(sheet, 'test');
    expect([drawn.width, drawn.height]).toEqual([width, height]);
    const colourAt = (x: number, y: number): readonly number[] => [
      ...drawn.data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3),
    ];
    sheet.cells.forEach((list, row) =>
      list.forEach((content, column) => {
        if ('missing' in content) return;
        const left = lefts[column]! + (80 - content.width) / 2;
        const wanted = [...content.pixels.subarray(0, 3)].map((value) => value / 255);
        for (let y = 0; y < content.height; y++)
          for (let x = 0; x < content.width; x++) expect(colourAt(left + x, tops[row]! + y)).toEqual(wanted);
      }),
    );
    const ink = (x0: number, y0: number, x1: number, y1: number): number => {
      let count = 0;
      for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) if (colourAt(x, y)[0]! < 0.6) count++;
      return count;
    };
    for (const left of lefts) expect(ink(left, 0, left + 80, tops[0]!)).toBeGreaterThan(10); // column labels
    for (const top of tops) expect(ink(0, top, lefts[0]!, top + 60)).toBeGreaterThan(10); // row labels
    expect(ink(lefts[1]!, tops[1]!, lefts[1]! + 80, tops[1]! + 60)).toBeGreaterThan(10); // why there is no picture
    expect(ink(0, tops[1]! + 61, width, height)).toBeGreaterThan(10); // caption
    expect(ink(width - 8, 0, width, height)).toBe(0); // nothing runs out of the sheet
  });

  test('names its labels for whoever cannot see them, and is sound XML whatever they hold', async () => {
    const nasty: Sheet = { ...sheet, caption: '<&>"\u0000\ud800 ☃' };
    const svg = sheetSvg(nasty, layoutOf(nasty));
    for (const label of ['style weight', '0.1', 'content', 'noise'])
      expect(svg).toContain(`aria-label="${label}"`);
    expect(svg).toContain('aria-label="&lt;&amp;&gt;&quot; ☃"');
    await sharp(Buffer.from(svg)).raw().toBuffer();
  });
});

describe('letters', () => {
  test('are as wide as they are drawn', async () => {
    for (const text of ['Wij 0123', '.,:;', 'ÄÖÜé', '☃']) {
      const width = textWidth(text, 40);
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="80">${textSvg(text, { x: 20, y: 55, size: 40 })}</svg>`;
      const { data, info } = await sharp(Buffer.from(svg))
        .ensureAlpha()
        .extractChannel(3)
        .raw()
        .toBuffer({ resolveWithObject: true });
      const inked = Array.from(data).flatMap((alpha, i) => (alpha > 40 ? [i % info.width] : []));
      expect(Math.min(...inked)).toBeGreaterThanOrEqual(18);
      expect(Math.max(...inked)).toBeLessThanOrEqual(20 + width + 2);
      expect(Math.max(...inked)).toBeGreaterThan(20 + width * 0.6);
    }
  });

  test('are cut with an ellipsis, and escaped', () => {
    expect(cutText('short', 10, 100)).toBe('short');
    const cut = cutText('a rather long label', 10, 50);
    expect(cut).toMatch(/^a r.*…$/);
    expect(textWidth(cut, 10)).toBeLessThanOrEqual(50);
    expect(escapeXml('a<b>&"c"\u0001')).toBe('a&lt;b&gt;&amp;&quot;c&quot;');
  });
});
