// Types of the part of ensure.mjs that is under test.

export function adapterAdvice(platform: string, os?: Record<string, string>, isRoot?: boolean): string;
