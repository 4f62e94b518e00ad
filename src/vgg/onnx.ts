// An ONNX file as a graph of nodes and constants: decoded by onnx-proto, indexed by tensor name,
// nothing interpreted. The walk that finds a VGG in it is topology.ts. onnx-proto (120 kB minified)
// is loaded when a file is read, not before.

import type { onnx } from 'onnx-proto';
import { WgpuStyleError } from '../gpu/errors.ts';
import { toInteger } from './tensor.ts';

/** One operator of the graph. */
export interface OnnxNode {
  readonly op: string;
  /** "'features.0' (Conv)", or the name of the output where the node has none: for messages. */
  readonly label: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, onnx.IAttributeProto>;
}

/**
 * A decoded file. `constants` holds initialisers and the tensors of Constant nodes, numbers unread.
 */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  /**
   * Inputs that are not initialisers, with their shapes where given (-1: unknown or named side).
   */
  readonly inputs: readonly { readonly name: string; readonly dims?: readonly number[] }[];
  readonly constants: ReadonlyMap<string, onnx.ITensorProto>;
  /** The nodes that read a tensor, in file order, each once. */
  readonly readers: ReadonlyMap<string, readonly OnnxNode[]>;
  /** The node that makes a tensor. */
  readonly makers: ReadonlyMap<string, OnnxNode>;
  /** `metadata_props` of the model. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Decodes the bytes of an .onnx file. Throws `bad-model` when they are not one. */
export async function readOnnx(bytes: Uint8Array, where: string): Promise<OnnxGraph> {
  const { ModelProto } = await loadOnnxProto();
  let model: onnx.IModelProto;
  try {
    model = ModelProto.decode(bytes);
  } catch (cause) {
    // A RangeError of the reader: a length points beyond the end, or groups nest without end.
    throw badModel(`${bytes.length} bytes that do not decode as an ONNX model`, where, cause);
  }
  const { graph } = model;
  if (!graph?.node?.length) {
    throw badModel(`${bytes.length} bytes without an ONNX graph in them`, where);
  }
  const constants = new Map<string, onnx.ITensorProto>();
  for (const tensor of graph.initializer ?? []) constants.set(tensor.name ?? '', tensor);
  const nodes = graph.node.map(toNode);
  for (const node of nodes) {
    const value = node.op === 'Constant' ? constantOf(node) : undefined;
    if (value) constants.set(node.outputs[0] ?? '', value);
  }
  const inputs = (graph.input ?? [])
    .filter((input) => !constants.has(input.name ?? ''))
    .map((input) => {
      const dims = input.type?.tensorType?.shape?.dim?.map((side) => toSide(side.dimValue));
      return { name: input.name ?? '', ...(dims && { dims }) };
    });
  const metadata = new Map(
    (model.metadataProps ?? []).map((entry) => [entry.key ?? '', entry.value ?? '']),
  );
  return { nodes, inputs, constants, ...indexNodes(nodes), metadata };
}

/** The generated protobuf code, whichever way the bundler or Node wraps CommonJS. */
export async function loadOnnxProto(): Promise<(typeof import('onnx-proto'))['onnx']> {
  type Module = typeof import('onnx-proto');
  const module = (await import('onnx-proto')) as Module & { readonly default?: Module };
  return (module.default ?? module).onnx;
}

/** The integer attribute `name`, or `otherwise` where the node leaves it out. */
export function intAttribute(node: OnnxNode, name: string, otherwise: number): number {
  const value = node.attributes.get(name)?.i;
  return value === undefined || value === null ? otherwise : toInteger(value);
}

/** The float attribute `name`, or `otherwise`. */
export function floatAttribute(node: OnnxNode, name: string, otherwise: number): number {
  return node.attributes.get(name)?.f ?? otherwise;
}

/** The list attribute `name`, or undefined. */
export function intsAttribute(node: OnnxNode, name: string): readonly number[] | undefined {
  const ints = node.attributes.get(name)?.ints;
  return ints?.length ? ints.map(toInteger) : undefined;
}

/** The string attribute `name`, or `otherwise`. */
export function stringAttribute(node: OnnxNode, name: string, otherwise: string): string {
  const bytes = node.attributes.get(name)?.s;
  return bytes?.length ? new TextDecoder().decode(bytes) : otherwise;
}

function indexNodes(nodes: readonly OnnxNode[]): Pick<OnnxGraph, 'readers' | 'makers'> {
  const readers = new Map<string, OnnxNode[]>();
  const makers = new Map<string, OnnxNode>();
  for (const node of nodes) {
    for (const name of new Set(node.inputs)) {
      const list = readers.get(name);
      if (list) list.push(node);
      else readers.set(name, [node]);
    }
    for (const name of node.outputs) makers.set(name, node);
  }
  return { readers, makers };
}

function toNode(node: onnx.INodeProto): OnnxNode {
  const domain = node.domain && node.domain !== 'ai.onnx' ? `${node.domain}.` : '';
  const op = `${domain}${node.opType ?? ''}`;
  const name = node.name || node.output?.[0] || '';
  return {
    op,
    label: `node '${name}' (${op})`,
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    attributes: new Map((node.attribute ?? []).map((entry) => [entry.name ?? '', entry])),
  };
}

/** The tensor of a Constant node: `value`, or the scalar and list forms of opset 12. */
function constantOf(node: OnnxNode): onnx.ITensorProto | undefined {
  const name = node.outputs[0] ?? '';
  const tensor = node.attributes.get('value')?.t;
  if (tensor) return { ...tensor, name };
  const float = node.attributes.get('value_float')?.f;
  if (typeof float === 'number') return { name, dims: [], dataType: 1, floatData: [float] };
  const floats = node.attributes.get('value_floats')?.floats;
  if (floats?.length) return { name, dims: [floats.length], dataType: 1, floatData: floats };
  const int = node.attributes.get('value_int')?.i;
  if (int !== undefined && int !== null) return { name, dims: [], dataType: 7, int64Data: [int] };
  const ints = node.attributes.get('value_ints')?.ints;
  if (ints?.length) return { name, dims: [ints.length], dataType: 7, int64Data: ints };
  return undefined;
}

function toSide(value: unknown): number {
  const side = value === undefined || value === null ? -1 : toInteger(value);
  return side > 0 ? side : -1;
}

function badModel(got: string, where: string, cause?: unknown): WgpuStyleError {
  return new WgpuStyleError('bad-model', {
    what: `not a whole ONNX file: got ${got}`,
    where,
    fix: 'Give the bytes of a complete .onnx file; if it was downloaded, download it again',
    ...(cause !== undefined && { cause }),
  });
}
