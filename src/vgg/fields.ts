// The fields of a protobuf message, one after another, straight from a source: what is skipped is
// never read. Wire format: protobuf.dev, "Encoding". Messages are not interpreted here.

import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { joined, readFully, type ByteSource } from './byte-source.ts';

/** One field; offsets are those of the file. */
export interface Field {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
  readonly wire: number;
  /** Where its tag begins. */
  readonly start: number;
  /** Where its value begins, behind tag and length. */
  readonly body: number;
  /** Where the next field begins. */
  readonly end: number;
}

/** Tag and length take at most this much. */
const longestHead = 20;

/** Reads forward through a file. Failures are `bad-model`. */
export class FieldReader {
  /** Where reading goes on. May be set: forward, or back to the start of the last field. */
  position = 0;
  readonly #source: ByteSource;
  readonly #where: string;
  readonly #signal: AbortSignal | undefined;
  #buffer: Uint8Array = new Uint8Array(0);
  #bufferStart = 0;

  constructor(source: ByteSource, where: string, signal?: AbortSignal) {
    this.#source = source;
    this.#where = where;
    this.#signal = signal;
  }

  /**
   * The next field before `end`, or undefined there; `end` may be Infinity for the end of the file.
   * Its value is not read, and `position` stands at it.
   */
  async next(end: number): Promise<Field | undefined> {
    const start = this.position;
    if (start >= end) return undefined;
    await this.#fill(Math.min(longestHead, end - start));
    const bytes = this.#buffer.subarray(start - this.#bufferStart);
    if (bytes.length === 0 && end === Infinity) return undefined;
    const [tag, tagEnd] = this.#varint(bytes, 0);
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0 || number >= 2 ** 29) throw this.broken(`a field number ${number}`);
    let head = tagEnd;
    let length = 0;
    if (wire === 0) length = this.#varint(bytes, head)[1] - head;
    else if (wire === 1) length = 8;
    else if (wire === 5) length = 4;
    else if (wire === 2) [length, head] = this.#varint(bytes, head);
    else throw this.broken(`a field of wire type ${wire}`);
    const body = start + head;
    if (body + length > end) {
      throw this.broken(`a field of ${length} bytes at ${body} that ends behind ${end}`);
    }
    this.position = body;
    return { number, wire, start, body, end: body + length };
  }

  /** The next bytes, as many as said. A view where possible. */
  async bytes(length: number): Promise<Uint8Array> {
    const from = this.position - this.#bufferStart;
    const buffered = this.#buffer.subarray(Math.max(0, from), Math.max(0, from) + length);
    const isBuffered = from >= 0 && from <= this.#buffer.length;
    const have = isBuffered ? buffered.length : 0;
    if (have === length) {
      this.position += length;
      return buffered;
    }
    throwIfAborted(this.#signal, this.#where);
    const rest = this.position + have;
    const bytes = await readFully(this.#source, rest, length - have, buffered.subarray(0, have));
    if (bytes.length < length) throw this.cutShort(this.position + bytes.length);
    this.position += length;
    return bytes;
  }

  /** Makes sure that everything before `position` is really there, where nobody told the size. */
  async checkEnd(): Promise<void> {
    const isSeen = this.position <= this.#bufferStart + this.#buffer.length;
    if (isSeen || this.#source.size !== undefined) return;
    const last = await this.#source.read(this.position - 1, 1);
    if (last.length === 0) throw this.cutShort();
  }

  /** `bad-model` for bytes that are no protobuf. */
  broken(got: string): WgpuStyleError {
    const what = `bytes that do not decode as an ONNX model (${got})`;
    return badModel(what, this.#where);
  }

  /** `bad-model` for a file that ends too early. */
  cutShort(at?: number): WgpuStyleError {
    return badModel(
      `a file that ends too early${at === undefined ? '' : `, at ${at}`}`,
      this.#where,
    );
  }

  /** At least `length` bytes from `position` on in the buffer, unless the file ends before. */
  async #fill(length: number): Promise<void> {
    const from = this.position - this.#bufferStart;
    const isInside = from >= 0 && from <= this.#buffer.length;
    const rest = isInside ? this.#buffer.subarray(from) : new Uint8Array(0);
    if (rest.length >= length) return;
    throwIfAborted(this.#signal, this.#where);
    this.#bufferStart = this.position;
    this.#buffer = rest;
    while (this.#buffer.length < length) {
      const next = this.position + this.#buffer.length;
      const more = await this.#source.read(next, this.#source.blockSize);
      if (more.length === 0) return;
      const all = this.#buffer.length + more.length;
      this.#buffer = this.#buffer.length === 0 ? more : joined([this.#buffer, more], all);
    }
  }

  /** An unsigned number and where it ends; numbers from 2^53 on lose digits, which is no matter. */
  #varint(bytes: Uint8Array, at: number): [value: number, end: number] {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[at + i];
      if (byte === undefined) throw this.cutShort();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return [value, at + i + 1];
    }
    throw this.broken('a number of more than ten bytes');
  }
}

/** `bad-model` with the remedy for files that are not whole. */
export function badModel(got: string, where: string, cause?: unknown): WgpuStyleError {
  return new WgpuStyleError('bad-model', {
    what: `not a whole ONNX file: got ${got}`,
    where,
    fix: 'Give the bytes of a complete .onnx file; if it was downloaded, download it again',
    ...(cause !== undefined && { cause }),
  });
}
