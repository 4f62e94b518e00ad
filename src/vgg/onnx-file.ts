// Walks an ONNX file and takes from it what an importer may need: nodes, shapes, small tensors.
// Large numbers stay where they are until somebody loads them, or go by unread in a stream; what is
// taken is decoded by onnx-proto. What the nodes mean is onnx.ts and topology.ts.
// Field numbers: onnx/onnx.proto.

import type { onnx } from 'onnx-proto';
import { joined, readFully, type ByteSource } from './byte-source.ts';
import { badModel, FieldReader, type Field } from './fields.ts';
import type { OnnxTensor } from './onnx-types.ts';

/** A node, and the tensor of its `value` where that is too large to be decoded along with it. */
export interface FileNode {
  readonly proto: onnx.INodeProto;
  readonly value?: OnnxTensor;
}

/** What a file holds, so far as it was read. */
export interface OnnxParts {
  readonly nodes: FileNode[];
  readonly tensors: OnnxTensor[];
  readonly inputs: onnx.IValueInfoProto[];
  readonly metadata: Map<string, string>;
}

/** What a stream, which cannot go back, is asked while it runs. */
export interface StreamChoice {
  /**
   * Whether the numbers of a tensor are to be kept. Its name is unknown where it comes behind them,
   * `parts` where it belongs to a node of its own.
   */
  readonly isWanted: (tensor: onnx.ITensorProto, parts: OnnxParts | undefined) => boolean;
  /** Whether the rest of the file may stay unread. */
  readonly isEnough: (parts: OnnxParts) => boolean;
}

type Proto = (typeof import('onnx-proto'))['onnx'];

/** Messages up to this size are decoded whole. */
const small = 64 * 1024;
/** Bounds on what a hostile file can make us keep: bytes of small messages, and their number. */
const mostBytes = 64 * 2 ** 20;
const mostItems = 100_000;

const modelFields = { graph: 7, metadata: 14 } as const;
const graphFields = { node: 1, initializer: 5, input: 11 } as const;
const attributeOfNode = 5;
const tensorOfAttribute = 5;
/** float, int32, string, int64, raw, double, uint64 data of a tensor. */
const dataFields: ReadonlySet<number> = new Set([4, 5, 6, 7, 9, 10, 11]);
const rawData = 9;
const docString = 12;

/** The generated protobuf code, whichever way the bundler or Node wraps CommonJS. */
export async function loadOnnxProto(): Promise<Proto> {
  type Module = typeof import('onnx-proto');
  const module = (await import('onnx-proto')) as Module & { readonly default?: Module };
  return (module.default ?? module).onnx;
}

/**
 * Walks a file from its beginning. `choice` matters for sources that cannot go back. Throws
 * `bad-model` when it is no whole ONNX file, and whatever the source throws.
 */
export async function readOnnxFile(
  source: ByteSource,
  choice: StreamChoice,
  where: string,
  signal?: AbortSignal,
): Promise<OnnxParts> {
  const walker = new Walker(await loadOnnxProto(), source, choice, where, signal);
  await walker.model();
  return walker.parts;
}

class Walker {
  readonly parts: OnnxParts = { nodes: [], tensors: [], inputs: [], metadata: new Map() };
  readonly #proto: Proto;
  readonly #source: ByteSource;
  readonly #reader: FieldReader;
  readonly #choice: StreamChoice;
  readonly #where: string;
  #bytesKept = 0;
  #itemsKept = 0;

  constructor(
    proto: Proto,
    source: ByteSource,
    choice: StreamChoice,
    where: string,
    signal: AbortSignal | undefined,
  ) {
    this.#proto = proto;
    this.#source = source;
    this.#choice = choice;
    this.#where = where;
    this.#reader = new FieldReader(source, where, signal);
  }

  async model(): Promise<void> {
    const reader = this.#reader;
    const { ModelProto } = this.#proto;
    const end = this.#source.size ?? Infinity;
    for (let field; (field = await reader.next(end)); reader.position = field.end) {
      if (field.wire !== 2) continue;
      if (field.number === modelFields.graph && (await this.#graph(field.end))) return;
      if (field.number !== modelFields.metadata || field.end - field.body > small) continue;
      const model = this.#decode(ModelProto, await this.#whole(field));
      for (const { key, value } of model.metadataProps ?? []) {
        this.parts.metadata.set(key ?? '', value ?? '');
      }
    }
    await reader.checkEnd();
    if (this.parts.nodes.length === 0) {
      throw badModel(`${reader.position} bytes without an ONNX graph in them`, this.#where);
    }
  }

  /** True when the stream may end here. */
  async #graph(end: number): Promise<boolean> {
    const { GraphProto } = this.#proto;
    const reader = this.#reader;
    const { nodes, tensors, inputs } = this.parts;
    for (let field; (field = await reader.next(end)); reader.position = field.end) {
      if (field.wire !== 2) continue;
      const length = field.end - field.body;
      if (field.number === graphFields.node) {
        if (length > small) nodes.push(await this.#largeNode(field.end));
        else {
          const graph = this.#decode(GraphProto, await this.#whole(field));
          nodes.push({ proto: graph.node![0]! });
        }
      } else if (field.number === graphFields.initializer) {
        tensors.push(await this.#tensor(field.end, this.parts));
        if (!this.#source.isSeekable && this.#choice.isEnough(this.parts)) return true;
      } else if (field.number === graphFields.input && length <= small) {
        const graph = this.#decode(GraphProto, await this.#whole(field));
        inputs.push(graph.input![0]!);
      }
    }
    return false;
  }

  /** A node with a large attribute: of a Constant's tensor only the numbers are left out. */
  async #largeNode(end: number): Promise<FileNode> {
    const { NodeProto } = this.#proto;
    const reader = this.#reader;
    const kept: Uint8Array[] = [];
    let value: OnnxTensor | undefined;
    for (let field; (field = await reader.next(end)); reader.position = field.end) {
      if (field.end - field.start <= small) kept.push(await this.#whole(field));
      else if (field.number === attributeOfNode && field.wire === 2) {
        value = (await this.#largeAttribute(field.end)) ?? value;
      }
    }
    const proto = this.#decode(NodeProto, joinedAll(kept));
    return value ? { proto, value } : { proto };
  }

  async #largeAttribute(end: number): Promise<OnnxTensor | undefined> {
    const reader = this.#reader;
    let value: OnnxTensor | undefined;
    for (let field; (field = await reader.next(end)); reader.position = field.end) {
      if (field.number === tensorOfAttribute && field.wire === 2) {
        value = await this.#tensor(field.end, undefined);
      }
    }
    return value;
  }

  async #tensor(end: number, parts: OnnxParts | undefined): Promise<OnnxTensor> {
    const { TensorProto } = this.#proto;
    const reader = this.#reader;
    if (end - reader.position <= small) {
      const bytes = await this.#kept(reader.position, end);
      return this.#decode(TensorProto, bytes);
    }
    const shape: Uint8Array[] = [];
    const numbers = new Pieces(this.#where);
    const isWanted = (tensor: onnx.ITensorProto): boolean => this.#choice.isWanted(tensor, parts);
    let isKept: boolean | undefined;
    for (let field; (field = await reader.next(end)); reader.position = field.end) {
      if (dataFields.has(field.number)) {
        if (this.#source.isSeekable) numbers.addRange(field);
        else {
          isKept ??= isWanted(this.#decode(TensorProto, joinedAll(shape)));
          if (isKept) await numbers.addBytes(field, this.#reader);
        }
      } else if (field.number !== docString && field.end - field.start <= small) {
        shape.push(await this.#whole(field));
      }
    }
    const head = joinedAll(shape);
    const proto = this.#decode(TensorProto, head);
    // The name may have come behind the numbers.
    if (isKept && !isWanted(proto)) isKept = false;
    if (isKept === false) {
      const load = (): Promise<never> => Promise.reject(this.#goneBy(proto.name ?? ''));
      return { ...proto, load };
    }
    const load = async (): Promise<onnx.ITensorProto> => {
      const rawData = await numbers.raw(this.#source);
      if (rawData) return { ...proto, rawData };
      return this.#decode(TensorProto, await numbers.behind(head, this.#source));
    };
    return { ...proto, load, release: () => numbers.release() };
  }

  #goneBy(name: string): Error {
    return badModel(
      `a stream in which tensor '${name}' came before anything said that it is needed`,
      this.#where,
    );
  }

  /** A field with its tag, counted against the bounds. */
  async #whole(field: Field): Promise<Uint8Array> {
    return this.#kept(field.start, field.end);
  }

  async #kept(start: number, end: number): Promise<Uint8Array> {
    this.#bytesKept += end - start;
    this.#itemsKept += 1;
    if (this.#bytesKept > mostBytes || this.#itemsKept > mostItems) {
      const got = `more than ${mostItems} parts or ${mostBytes} bytes besides its weights`;
      throw badModel(`a file with ${got}`, this.#where);
    }
    // A copy: a view would hold the block that it lies in.
    return new Uint8Array(await this.#raw(start, end));
  }

  async #raw(start: number, end: number): Promise<Uint8Array> {
    this.#reader.position = start;
    return this.#reader.bytes(end - start);
  }

  #decode<T>(type: { decode: (bytes: Uint8Array) => T }, bytes: Uint8Array): T {
    try {
      return type.decode(bytes);
    } catch (cause) {
      // A RangeError of the reader: a length points beyond the end, or messages nest without end.
      throw badModel('bytes that do not decode as an ONNX model', this.#where, cause);
    }
  }
}

interface Piece extends Omit<Field, 'wire'> {
  readonly bytes?: Uint8Array;
}

/** The numbers of a tensor: where in the file they are, or, from a stream, the bytes themselves. */
class Pieces {
  readonly #where: string;
  #fields: Piece[] = [];

  constructor(where: string) {
    this.#where = where;
  }

  addRange({ number, start, body, end }: Field): void {
    const last = this.#fields.at(-1);
    // Numbers that are not packed come one by one.
    if (last && last.end === start) {
      this.#fields[this.#fields.length - 1] = { number: 0, start: last.start, body, end };
    } else this.#add({ number, start, body, end });
  }

  /** Keeps the value of `field`, at which `reader` stands. */
  async addBytes({ number, start, body, end }: Field, reader: FieldReader): Promise<void> {
    if (number === rawData) {
      this.#add({ number, start, body, end, bytes: await reader.bytes(end - body) });
    } else {
      reader.position = start;
      this.#add({ number: 0, start, body, end, bytes: await reader.bytes(end - start) });
    }
  }

  release(): void {
    this.#fields = [];
  }

  /** The bytes of `raw_data`, where that is all there is: the usual case, without a copy. */
  async raw(source: ByteSource): Promise<Uint8Array | undefined> {
    const [field] = this.#fields;
    if (this.#fields.length !== 1 || field?.number !== rawData) return undefined;
    return field.bytes ?? this.#read(source, field.body, field.end);
  }

  /** The whole message: `head`, then the numbers. */
  async behind(head: Uint8Array, source: ByteSource): Promise<Uint8Array> {
    const pieces = [head];
    for (const { number, start, body, end, bytes } of this.#fields) {
      if (bytes && number === rawData) pieces.push(rawHead(end - body));
      pieces.push(bytes ?? (await this.#read(source, start, end)));
    }
    return joinedAll(pieces);
  }

  #add(field: Piece): void {
    this.#fields.push(field);
    if (this.#fields.length > mostItems) throw badModel('a tensor in crumbs', this.#where);
  }

  async #read(source: ByteSource, start: number, end: number): Promise<Uint8Array> {
    const bytes = await readFully(source, start, end - start);
    if (bytes.length < end - start) throw badModel('a file that ends too early', this.#where);
    return bytes;
  }
}

/** Tag and length of `raw_data`. */
function rawHead(length: number): Uint8Array {
  const head = [rawData * 8 + 2];
  let rest = length;
  for (; rest >= 128; rest = Math.floor(rest / 128)) head.push((rest % 128) + 128);
  return Uint8Array.from([...head, rest]);
}

function joinedAll(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joined(
    pieces,
    pieces.reduce((sum, piece) => sum + piece.length, 0),
  );
}
