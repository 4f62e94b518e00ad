// npm run bench, from the arguments to the files in bench/results.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Row } from '../harness/rows.ts';
import { lineOf } from '../harness/table.ts';
import { chartOf } from '../report/chart.ts';
import { adapterLine, resultName, type BenchReport, type ResultFile } from '../report/report.ts';
import { sidesFor, type Missing } from '../request.ts';
import { parseCommand, type Command } from './arguments.ts';
import { openChrome } from './chrome.ts';
import { exportProblem } from './export.ts';
import { describeMachine, peerVersions } from './machine.ts';
import { openNode } from './node.ts';
import type { Place, Surroundings } from './place.ts';
import { benchStart } from './start.ts';
import { torchRows } from './torch.ts';

/** The exit status: 0 done, 1 failed, 2 wrong usage. */
export async function main(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const parsed = parseCommand(argv);
  if ('help' in parsed) {
    console.log(parsed.help);
    return 0;
  }
  if ('wrong' in parsed) {
    console.error(`bench: ${parsed.wrong}`);
    return 2;
  }
  try {
    const failures = await run(parsed.command, argv, surroundings);
    if (failures > 0) console.error(`bench: ${failures} failed, see above`);
    return failures > 0 ? 1 : 0;
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

/** How many families or peers failed. */
async function run(command: Command, argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { root } = surroundings;
  const { request, isNode, adapter, exportTo, note } = command;
  if (exportTo !== undefined) {
    const sides = request.sides.length > 0 ? request.sides : sidesFor(false);
    const bytes = exportProblem(path.resolve(root, exportTo), sides, request.pooling);
    console.log(`Wrote ${exportTo} (${(bytes / 2 ** 20).toFixed(1)} MiB): sides ${sides.join(', ')}.`);
    return 0;
  }
  const date = new Date();
  const words = ['npm run bench --', ...argv].join(' ');
  const place = isNode
    ? await openNode(surroundings, adapter === 'software')
    : await openChrome(surroundings, adapter, console.log);
  let report: BenchReport;
  try {
    const { version, cpu, cores, memoryGiB, system } = describeMachine(root, date, place.host, words, note);
    console.log(`wgpu-style ${version}, ${date.toISOString()}, ${cpu} x ${cores}, ${memoryGiB} GiB, ${system}`);
    console.log(place.host);
    report = await measure(command, place, surroundings);
  } finally {
    await place.close();
  }
  const result: ResultFile = { ...describeMachine(root, date, place.host, words, note), ...report };
  console.log(adapterLine(result));
  if (command.writes && request.seconds > 0) write(root, result, isNode, command.words);
  return result.failed.length;
}

async function measure(command: Command, place: Place, surroundings: Surroundings): Promise<BenchReport> {
  const { request, peers, wantsStart, adapter, torch } = command;
  const versions = peerVersions(surroundings.root);
  const rows: Row[] = [];
  const add = (row: Row): void => {
    rows.push(row);
    console.log(lineOf(row));
  };
  const order = { kind: 'bench', request, peers, versions, refusesSoftware: adapter === 'gpu' } as const;
  const { report } = await place.run(order, console.log);
  if (!report) throw new Error('no report came back');
  const sides = request.sides.length > 0 ? request.sides : sidesFor(report.isSoftware);
  const failed: Missing[] = [];
  if (torch !== undefined) {
    try {
      for (const row of await torchRows(surroundings, torch, sides, request.pooling, report.rows)) add(row);
    } catch (error) {
      failed.push({ what: 'PyTorch', why: error instanceof Error ? error.message : String(error) });
    }
  }
  // Where peers race anyway, their starts are told beside their iterations.
  const starting = request.families.includes('peers') ? [] : peers;
  if (wantsStart && request.seconds > 0) await benchStart(place, request, sides, starting, add);
  for (const { what, why } of failed) console.log(`FAILED ${what}: ${why}`);
  return { ...report, rows: [...report.rows, ...rows], failed: [...report.failed, ...failed] };
}

function write(root: string, result: ResultFile, isNode: boolean, words: readonly string[]): void {
  const folder = path.join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const name = path.join(folder, resultName(result, isNode, words));
  writeFileSync(`${name}.json`, `${JSON.stringify(result, undefined, 1)}\n`);
  writeFileSync(`${name}.svg`, chartOf(result));
  console.log(`Wrote ${path.relative(process.cwd(), name)}.json and .svg`);
}
