// The text of `wgpu-style --help`.

import { sections, type Flag } from './flags.ts';
import { weightsUsage } from './weights-arguments.ts';

const head = `wgpu-style: repaints a picture in the style of others (Gatys, Ecker and Bethge 2016), on the GPU

Usage
  wgpu-style <content> <style…> -o <file> [flags]              one picture
  wgpu-style <folder or 'pattern'> <style…> -o <folder>/       many, one after the other
  wgpu-style - <style…> -o <file> --size <n>x<n>               a texture of the style
  wgpu-style --resume <file.checkpoint>                        goes on with an interrupted run
  wgpu-style plan <content> <style…> [flags]                   memory, work and time, not running it
  wgpu-style sweep <content> <style…> --vary <axis> -o <file>  variations on a labelled sheet
  wgpu-style info [--tune] [--json]                            the adapter, its limits and features
${weightsUsage}`;

const foot = `Pictures are PNG, JPEG, WebP, AVIF or TIFF files, or URLs. Ctrl+C saves the picture so far, and
beside it the state of the run, for --resume. More of everything: docs/cli.md in the repository.

Exit status
  0 done   1 failed   2 wrong usage   130 interrupted

Examples
  wgpu-style photo.jpg painting.jpg -o out.png
  wgpu-style photo.jpg painting.jpg -o out.png --size 1024 --style-weight 2 --color luminance
  wgpu-style photo.jpg waves.png ink.png -o out.webp --style-weights 2,1 --save-every 50
  wgpu-style photo.jpg painting.jpg -o out.png --recipe gatys --network vgg19.onnx --json
  wgpu-style holiday/ painting.jpg -o painted/
  wgpu-style sweep photo.jpg painting.jpg --vary "styleWeight=0.1,1,10" -o grid.png
`;

const column = 30;

/** Breaks a text at spaces into lines of at most `width` characters. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1]!;
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}

function entry({ name, short, value, help }: Flag, width: number): string {
  const label = `  ${short ? `-${short},` : '   '} --${name}${value ? ` <${value}>` : ''}`;
  const [first, ...rest] = wrapped(help, Math.max(24, width - column));
  return [label.padEnd(column) + first, ...rest.map((line) => ' '.repeat(column) + line)].join(
    '\n',
  );
}

/** The help, its descriptions wrapped to `columns` (at most 100). */
export function helpText(columns: number = 80): string {
  const width = Math.min(columns, 100);
  const tables = Object.entries(sections).map(
    ([title, list]) => `${title}\n${list.map((flag) => entry(flag, width)).join('\n')}\n`,
  );
  return [head, ...tables, foot].join('\n');
}
