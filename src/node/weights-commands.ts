// The commands import and fetch: from an ONNX file or a known name to a weights file, and a report
// that says what was found, where the preprocessing is known from, and how much was read.

import path from 'node:path';
import { fileHash, weightHashes } from '../vgg/trust.ts';
import { Vgg, type VggReport } from '../vgg/vgg.ts';
import { fetchNetwork, type FetchOptions } from './fetch-network.ts';
import { checkWritable, writeFileAtomic } from './files.ts';
import { hashRecords } from './hash-records.ts';
import { recognise } from './known-networks.ts';
import { megabytes } from './progress.ts';
import type { FetchCommand, ImportCommand } from './weights-arguments.ts';

/** The `--json` object of both commands. */
export interface WeightsReport extends VggReport {
  readonly output: string;
  readonly outputBytes: number;
  readonly dtype: 'f16' | 'f32';
  readonly source: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of fetch: whether it was downloaded now, and what it was checked against. */
  readonly isNew?: boolean;
  readonly checked?: string;
}

/** Imports and writes. Throws as `Vgg.fromOnnx` and `writeFileAtomic` do. */
export async function runImport(
  { input, output, upTo, dtype, preprocessing, licence }: ImportCommand,
  signal: AbortSignal,
  onDownload: FetchOptions['onDownload'],
): Promise<WeightsReport> {
  await checkWritable(output, '-o');
  const isUrl = /^[a-z][a-z0-9+.-]+:/i.test(input);
  const known = isUrl || preprocessing !== undefined ? undefined : await recognise(input);
  const name = isUrl ? input : path.basename(input);
  const vgg = await Vgg.fromOnnx(input, {
    ...(upTo !== undefined && { upTo }),
    ...(preprocessing !== undefined && { preprocessing }),
    ...(known && { preprocessing: known.preprocessing, preprocessingFrom: 'manifest' as const }),
    metadata: {
      source: name,
      ...(known && { name: known.title, licence: known.licence }),
      ...(licence !== undefined && { licence }),
    },
    signal,
    ...(onDownload && { onDownload }),
    // The command says it, with the flag instead of the option.
    onWarning: () => undefined,
  });
  // The whole file was verified: later downloads of parts of it can be compared.
  if (known) await hashRecords.write(fileHash(known)!, weightHashes(vgg.layers));
  const bytes = await vgg.toSafetensors({ dtype });
  await writeFileAtomic(output, bytes, '-o');
  return reportOf(vgg, { output, outputBytes: bytes.length, dtype, source: name });
}

/** Fetches into the cache. Throws as `fetchNetwork` does. */
export async function runFetch(
  { name, urls, upTo, dtype, verify, again }: FetchCommand,
  signal: AbortSignal,
  onDownload: FetchOptions['onDownload'],
): Promise<WeightsReport> {
  const options = { upTo, dtype, verify, again, signal, onDownload };
  const fetched = await fetchNetwork(name, { ...options, ...(urls.length > 0 && { urls }) });
  const { file, bytes, vgg, isNew, checked } = fetched;
  const source = vgg.metadata.get('source') ?? name;
  const kept = { output: file, outputBytes: bytes.length, dtype, source };
  return { ...reportOf(vgg, kept), isNew, checked };
}

function reportOf(
  vgg: Vgg,
  file: Pick<WeightsReport, 'output' | 'outputBytes' | 'dtype' | 'source'>,
): WeightsReport {
  return { ...file, ...vgg.report, metadata: Object.fromEntries(vgg.metadata) };
}

const origins: Readonly<Record<VggReport['preprocessingSource'], string>> = {
  option: 'as you said',
  manifest: 'as the list of known networks says',
  graph: 'found in the graph',
  file: 'stated in the file',
  assumed: 'ASSUMED: nothing in the file says so. If colours come out wrong, give --preprocessing',
};

/** The report for people. */
export function weightsText(report: WeightsReport): string {
  const row = (name: string, value: string): string => `  ${name.padEnd(15)}${value}\n`;
  const { bytesRead, bytesTotal, sha256, sha256Of, metadata, isNew, checked } = report;
  const of = bytesTotal === undefined ? 'a stream' : megabytes(bytesTotal);
  const hashed =
    sha256Of === 'file' ? 'of the whole file' : 'of the weights; the rest was not read';
  return [
    `${report.output}: ${report.topology}, ${report.dtype}, ${megabytes(report.outputBytes)}\n`,
    row('source', report.source),
    row('layers', `${report.layers}, channels ${report.widths.join(', ')}`),
    row('parameters', report.parameters.toLocaleString('en-US')),
    row('preprocessing', `${report.preprocessing} (${origins[report.preprocessingSource]})`),
    bytesRead === undefined ? '' : row('read', `${megabytes(bytesRead)} of ${of}`),
    sha256 === undefined ? '' : row('sha256', `${sha256} (${hashed})`),
    metadata['licence'] === undefined ? '' : row('licence', metadata['licence']),
    isNew === false ? row('download', 'none: it was in the cache') : '',
    checked === undefined ? '' : row('checked', checkedText(checked)),
  ].join('');
}

function checkedText(checked: string): string {
  if (checked !== 'nothing') return `against the known ${checked}`;
  return 'against nothing: no hash of these weights is known (--again --verify reads the whole file)';
}
