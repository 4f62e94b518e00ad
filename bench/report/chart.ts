import type { ResultFile } from './report.ts';
export function chartOf(_: ResultFile): string { return '<svg xmlns="http://www.w3.org/2000/svg"/>'; }
