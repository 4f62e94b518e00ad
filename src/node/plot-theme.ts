// Colours of the loss plot: one set for light surroundings, one for dark. The three terms are Okabe and Ito's blue,
// vermilion and green, which people with any kind of colour vision tell apart; lighter in the dark.

/** Light or dark surroundings. */
export type Theme = 'light' | 'dark';

const colours: Readonly<Record<Theme, Readonly<Record<string, string>>>> = {
  light: {
    ground: '#ffffff',
    text: '#1f2328',
    soft: '#59636e',
    grid: '#e4e8ec',
    axis: '#8c959f',
    band: '#f4f6f8',
    border: '#c3cad1',
    total: '#8c959f',
    content: '#0072b2',
    style: '#d55e00',
    tv: '#009e73',
  },
  dark: {
    ground: '#0d1117',
    text: '#e6edf3',
    soft: '#9198a1',
    grid: '#21262d',
    axis: '#6e7681',
    band: '#141a21',
    border: '#3d444d',
    total: '#9198a1',
    content: '#56b4e9',
    style: '#ff9d4d',
    tv: '#2fc99a',
  },
};

function rules(theme: Theme): string {
  const c = colours[theme];
  const fills = ['ground', 'text', 'soft', 'band'].map((name) => `.${name}{fill:${c[name]}}`);
  const strokes = ['grid', 'axis', 'border'].map((name) => `.${name}{stroke:${c[name]}}`);
  const terms = ['total', 'content', 'style', 'tv'].map(
    (name) => `.line.${name}{stroke:${c[name]}}.dot.${name}{fill:${c[name]}}`,
  );
  return [...fills, ...strokes, ...terms].join('');
}

const shape =
  '.grid,.axis,.border{fill:none;stroke-width:1}.border{stroke-dasharray:4 4}' +
  '.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.line.total{stroke-width:4.5;stroke-opacity:.45}';

/** The style sheet: of one theme, or of light with dark where the reader prefers it. */
export function plotTheme(theme?: Theme): string {
  if (theme) return shape + rules(theme);
  return `${shape}${rules('light')}@media(prefers-color-scheme:dark){${rules('dark')}}`;
}
