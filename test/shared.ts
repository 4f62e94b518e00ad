// Material that is too large or not ours to keep in the repository: oracle values from PyTorch, published networks.
// It lies in a folder beside the checkout; tests that need it skip with a reason where it is absent.

import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder with shared material: `WGPU_STYLE_SHARED`, else `../shared` beside the repository. */
export const sharedFolder: string = path.resolve(
  import.meta.dirname,
  '..',
  process.env['WGPU_STYLE_SHARED'] ?? '../shared',
);

/** A path in the shared folder. */
export function sharedPath(...parts: readonly string[]): string {
  return path.join(sharedFolder, ...parts);
}

/**
 * Why a test that needs these files has to be skipped, or `undefined` when all are there:
 *
 *     test('…', ({ skip }) => { const reason = sharedMissing('oracle/vgg19'); skip(reason !== undefined, reason); …
 */
export function sharedMissing(...parts: readonly string[]): string | undefined {
  const missing = parts.filter((part) => !existsSync(sharedPath(part)));
  if (missing.length === 0) return undefined;
  return `needs ${missing.join(', ')} in the shared folder (WGPU_STYLE_SHARED, else ../shared)`;
}
