// The package's own version, from the package.json above this file, wherever the bundler has put it.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of our package.json; undefined where it was not shipped along. */
export function packageRoot(): string | undefined {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = path.join(folder, 'package.json');
    if (existsSync(file)) {
      const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string };
      if (name === 'wgpu-style') return folder;
    }
    const above = path.dirname(folder);
    if (above === folder) return undefined;
    folder = above;
  }
}

/** The version in our package.json; "unknown" where it was not shipped along. */
export function packageVersion(): string {
  const root = packageRoot();
  if (root === undefined) return 'unknown';
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version?: string;
  };
  return version ?? 'unknown';
}
