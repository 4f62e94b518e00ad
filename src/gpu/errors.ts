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
  readonly shortage?: Shortage;
}

/** What is known of memory that was asked for and not there. */
export interface Shortage {
  /** Bytes of buffers that the library held on the device before what was refused, and with it. */
  readonly held: number;
  readonly asked: number;
  /** Whether it was this device's memory. */
  readonly isOn: (device: GPUDevice) => boolean;
}

/** The one error class of the library. Switch on `code`; show `message`. */
export class WgpuStyleError extends Error {
  override readonly name: string = 'WgpuStyleError';
  readonly code: ErrorCode;
  readonly where: string;
  readonly fix: string;
  /** Set where a device refused memory: code `out-of-memory`. */
  readonly shortage: Shortage | undefined;

  constructor(code: ErrorCode, { what, where, fix, cause, shortage }: ErrorDetail) {
    super(`${short(where)}: ${short(what)}. ${short(fix)}.`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.where = where;
    this.fix = fix;
    this.shortage = shortage;
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
