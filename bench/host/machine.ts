// What is known of the machine and the run, for the head of the table and the JSON.

import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PEER_PACKAGES, type PeerName } from '../peers/names.ts';
import type { Machine } from '../report/report.ts';

/** Version of a package that is installed. */
export function versionOf(root: string, name: string): string {
  const file = path.join(root, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Versions of the peers, where they are installed. */
export function peerVersions(root: string): Record<PeerName, string> {
  const entries = Object.entries(PEER_PACKAGES).map(([name, packageName]) => {
    try {
      return [name, versionOf(root, packageName)];
    } catch {
      return [name, 'not installed'];
    }
  });
  return Object.fromEntries(entries) as Record<PeerName, string>;
}

/** The machine, at the end of a run. */
export function describeMachine(root: string, date: Date, host: string, command: string, note: string): Machine {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    version,
    date: date.toISOString(),
    host,
    command,
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    load: os.loadavg().map((value) => Number(value.toFixed(2))),
    note,
  };
}
