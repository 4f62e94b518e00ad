// Types of shaders.mjs for the tests.

import type { Plugin } from 'esbuild';

export function shaderLoader(specifier: string): string;
export function shortened(code: string): string;
export const shaders: Plugin;
