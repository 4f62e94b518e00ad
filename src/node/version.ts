// The package's own version, from the package.json above this file, wherever the bundler has put it.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version in our package.json; "unknown" where it was not shipped along. */
export function packageVersion(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = path.join(folder, 'package.json');
    if (existsSync(file)) {
      const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name === 'wgpu-style' && version) return version;
    }
    const above = path.dirname(folder);
    if (above === folder) return 'unknown';
    folder = above;
  }
}
