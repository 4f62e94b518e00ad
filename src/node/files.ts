// Files in Node: read whole, and written so that nobody ever sees half of one.

import { constants, existsSync } from 'node:fs';
import {
  access,
  open,
  readFile,
  realpath,
  rename,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { WgpuStyleError, type ErrorCode } from '../gpu/errors.ts';
import type { RandomAccessFile } from '../gpu/host.ts';
import { fileProblem } from '../image/locate.ts';

/** Reads a file by its path or file: URL; errors are those of Node. */
export async function readPath(location: string): Promise<Uint8Array<ArrayBuffer>> {
  const read = await readFile(/^file:/i.test(location) ? fileURLToPath(location) : location);
  // Small files may lie in memory that Node shares out.
  return read.length === read.buffer.byteLength ? new Uint8Array(read.buffer) : new Uint8Array(read);
}

/** Opens a file by its path or file: URL, to read pieces of it; errors are those of Node. */
export async function openPath(location: string): Promise<RandomAccessFile> {
  const handle = await open(/^file:/i.test(location) ? fileURLToPath(location) : location);
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await handle.close();
    isOpen = false;
  };
  try {
    const found = await handle.stat();
    if (found.isDirectory()) {
      throw Object.assign(new Error('EISDIR: it is a folder'), { code: 'EISDIR' });
    }
    // A pipe has no size and no offsets: its bytes are read once and kept.
    const piped = found.isFile() ? undefined : new Uint8Array(await handle.readFile());
    const read = async (offset: number, length: number): Promise<Uint8Array> => {
      if (piped) return piped.subarray(offset, offset + length);
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    };
    return { size: piped?.length ?? found.size, read, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Reads a whole file. Throws `code` (default `bad-option`) with what is wrong with the path. */
export async function readFileBytes(
  location: string,
  {
    where = 'readFileBytes',
    need = 'the path of a file',
    code = 'bad-option',
  }: {
    readonly where?: string;
    readonly need?: string;
    readonly code?: ErrorCode;
  } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readPath(location);
  } catch (cause) {
    throw new WgpuStyleError(code, {
      what: fileProblem(location, need, cause),
      where,
      fix: 'Check the path',
      cause,
    });
  }
}

const writeProblems: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  ENOENT: ['the folder does not exist', 'Create it first'],
  ENOTDIR: ['the folder does not exist', 'Give a path in a folder'],
  EEXIST: ['a file of that name is in the way', 'Give another folder'],
  EISDIR: ['it is a folder', 'Give the path of a file'],
  EACCES: ['it may not be written', 'Choose another place, or change its permissions'],
  EPERM: ['it may not be written', 'Choose another place, or change its permissions'],
  EROFS: ['it is on a read-only disk', 'Choose another place'],
  ENOSPC: ['the disk is full', 'Make room'],
};

/** What is wrong with a place, in words. */
export function cannotWrite(file: string, where: string, cause: unknown): WgpuStyleError {
  const { code = '', message = String(cause) } = cause as { code?: string; message?: string };
  // Some folders (/proc) are there and say that they are not.
  const isThere = code === 'ENOENT' && existsSync(path.dirname(path.resolve(file)));
  const problem = isThere ? writeProblems['EACCES'] : writeProblems[code];
  const [what, fix] = problem ?? [message, 'Choose another place'];
  return new WgpuStyleError('bad-option', {
    what: `cannot write "${file}": ${what}`,
    where,
    fix,
    cause,
  });
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Where a write really goes (through symbolic links), and whether the target is an ordinary or a new file. */
async function target(
  file: string,
): Promise<{ readonly file: string; readonly replaceable: boolean }> {
  const real = await realpath(file).catch(() => path.resolve(file));
  const found = await stat(real).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isDirectory()) throw withCode('EISDIR');
  if (found) await access(real, constants.W_OK);
  // A pipe or device (/dev/stdout, /dev/null) is written to, never replaced.
  return { file: real, replaceable: found?.isFile() ?? true };
}

let written = 0;

function besideName(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}-${written++}.part`);
}

/**
 * Throws the `bad-option` that writing this file would throw later: no such folder, read-only, a folder of that name.
 * Tries it out with an empty file beside, since permissions do not tell everything.
 */
export async function checkWritable(file: string, where: string = 'checkWritable'): Promise<void> {
  try {
    const { file: real, replaceable } = await target(file);
    if (!replaceable) return;
    const beside = besideName(real);
    await writeFile(beside, '', { flag: 'wx' });
    await unlink(beside);
  } catch (cause) {
    throw cannotWrite(file, where, cause);
  }
}

/**
 * Writes a file (of one or more parts, also as they are made) as a whole or not at all: beside the target, flushed to the disk, then
 * renamed over it. What was there before stays until then; on failure nothing is left behind. Throws `bad-option` naming `where`, or
 * what the making of a part throws.
 */
export async function writeFileAtomic(
  file: string,
  bytes: Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>,
  where: string = 'writeFileAtomic',
): Promise<void> {
  const made = new Making(bytes instanceof Uint8Array ? [bytes] : bytes);
  let beside: string | undefined;
  try {
    const { file: real, replaceable } = await target(file);
    if (!replaceable) return await writeFile(real, made.parts());
    beside = besideName(real);
    const handle = await open(beside, 'wx');
    try {
      for await (const part of made.parts()) await handle.writeFile(part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, real);
  } catch (cause) {
    if (beside !== undefined) await unlink(beside).catch(() => undefined);
    throw made.failure ? made.failure.cause : cannotWrite(file, where, cause);
  }
}

/** Parts of a file as they are made; that making one fails is no fault of the file's place. */
class Making {
  readonly #parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  failure: { readonly cause: unknown } | undefined;

  constructor(parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
    this.#parts = parts;
  }

  async *parts(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* this.#parts;
    } catch (cause) {
      this.failure = { cause };
      throw cause;
    }
  }
}
