// Every failure that a caller can cause or meet is one class with a code to switch on. The message always reads
// "what happened: got X, need Y. Fix"; its text is part of the interface and under test.

/** The closed list of things that can go wrong. */
export type ErrorCode =
  | 'no-webgpu'
  | 'no-adapter'
  | 'device-lost'
  | 'out-of-memory'
  | 'limit-exceeded'
  | 'bad-option'
  | 'bad-image'
  | 'bad-model'
  | 'unsupported-op'
  | 'bad-weights'
  | 'network'
  | 'non-finite'
  | 'aborted';

/** What happened, in which function or input, and what to do about it: one sentence each, no full stop. */
export interface ErrorDetail {
  readonly what: string;
  readonly where: string;
  readonly fix: string;
  readonly cause?: unknown;
}

/** The one error class of the library. Switch on `code`; show `message`. */
export class WgpuStyleError extends Error {
  override readonly name: string = 'WgpuStyleError';
  readonly code: ErrorCode;
  readonly where: string;
  readonly fix: string;

  constructor(code: ErrorCode, { what, where, fix, cause }: ErrorDetail) {
    super(`${short(where)}: ${short(what)}. ${short(fix)}.`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.where = where;
    this.fix = fix;
  }
}

/** Messages quote what was given, which may be a whole file. */
const LONGEST = 600;

function short(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
}

/** A rejected option: names it, says what was given and what is allowed. */
export function badOption(where: string, what: string, fix: string): WgpuStyleError {
  return new WgpuStyleError('bad-option', { what, where, fix });
}

/** Throws `aborted` when the signal has fired; the place where long work looks up. */
export function throwIfAborted(signal: AbortSignal | undefined, where: string): void {
  if (!signal?.aborted) return;
  throw new WgpuStyleError('aborted', {
    what: 'the run was aborted by its signal',
    where,
    fix: 'Call again without aborting to finish it',
    cause: signal.reason,
  });
}
