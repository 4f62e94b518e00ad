// Rows of bench/peers/torch_step.py, run after ours on the same machine with the same problem.

import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Descent, Row } from '../harness/rows.ts';
import { checkDescent, checkTerms } from '../problem/problem.ts';
import type { Pooling } from '../problem/vgg19.ts';
import { exportProblem } from './export.ts';
import type { Surroundings } from './place.ts';

/** Runs the script; its losses have to be those of our own rows, where there are any. */
export async function torchRows(
  { root, folder }: Pick<Surroundings, 'root' | 'folder'>,
  python: string,
  sides: readonly number[],
  pooling: Pooling,
  ours: readonly Row[],
): Promise<Row[]> {
  const problem = path.join(folder, 'problem.safetensors');
  exportProblem(problem, sides, pooling);
  const lines = await output(python, [path.join(root, 'bench/peers/torch_step.py'), problem, '--json']);
  return lines.map((line) => {
    const row = JSON.parse(line) as Row;
    const reference = ours.find(({ name, variant }) => name === row.name && variant === 'wgpu-style');
    return reference?.descent ? comparedWith(reference, reference.descent, row) : row;
  });
}

function comparedWith(reference: Row, descent: Descent, row: Row): Row {
  const { variant, descent: own, milliseconds, facts } = row;
  if (!own) throw new Error(`${variant} does not say what its losses are`);
  checkTerms(variant, own.before, descent.before);
  checkDescent(variant, own, descent);
  return { ...row, facts: { 'times ours': milliseconds / reference.milliseconds, ...facts } };
}

/** Lines of a program's stdout; what it says on stderr is passed on. */
function output(command: string, args: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.on('error', reject);
    child.on('exit', (status) => {
      if (status === 0) resolve(text.split('\n').filter(Boolean));
      else reject(new Error(`${command} ended with status ${status}`));
    });
  });
}
