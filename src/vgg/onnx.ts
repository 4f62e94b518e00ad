// An ONNX file as a graph of nodes and constants, indexed by tensor name, nothing interpreted. The
// walk through the file is onnx-file.ts, the one that finds a VGG in the graph is topology.ts.

import type { onnx } from 'onnx-proto';
import type { ByteSource, OpenBeside } from './byte-source.ts';
import { externalTensor } from './external-data.ts';
import { readOnnxFile, type FileNode, type OnnxParts, type StreamChoice } from './onnx-file.ts';
import { neededTensors } from './needed.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from './onnx-types.ts';
import { toInteger } from './tensor.ts';

/** What `readOnnx` needs besides the file. */
export interface OnnxContext {
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
  /** The deepest layer wanted: a stream ends when its weights have come. */
  readonly upTo?: string | undefined;
  /** Whether something at the end of the file (its metadata) is still wanted. */
  readonly needsEnd?: boolean | undefined;
  /** Opens the files that hold external data. */
  readonly openBeside?: OpenBeside | undefined;
}

/** Walks an .onnx file. Throws `bad-model` when it is not one. */
export async function readOnnx(source: ByteSource, context: OnnxContext): Promise<OnnxGraph> {
  const { where, signal, upTo, needsEnd = true, openBeside } = context;
  const parts = await readOnnxFile(source, streamChoice(upTo, needsEnd), where, signal);
  const constants = new Map<string, OnnxTensor>();
  const add = (name: string, tensor: OnnxTensor): void => {
    constants.set(name, externalTensor(tensor, openBeside, where));
  };
  for (const tensor of parts.tensors) add(tensor.name ?? '', tensor);
  const nodes = parts.nodes.map(toNode);
  nodes.forEach((node, i) => {
    const value = node.op === 'Constant' ? constantOf(node, parts.nodes[i]!) : undefined;
    if (value) add(node.outputs[0] ?? '', value);
  });
  await loadSmall(constants);
  const listed = parts.inputs
    .filter((input) => !constants.has(input.name ?? ''))
    .map((input) => {
      const dims = input.type?.tensorType?.shape?.dim?.map((side) => toSide(side.dimValue));
      return { name: input.name ?? '', ...(dims && { dims }) };
    });
  // A stream that was left early: inputs come behind weights, but only one tensor is missing.
  const isCut = parts.inputs.length === 0 && !source.isSeekable;
  const missing = isCut ? [...neededTensors(nodes, upTo)].filter((n) => !constants.has(n)) : [];
  const inputs = missing.length === 1 ? [{ name: missing[0]! }] : listed;
  return { nodes, inputs, constants, ...indexNodes(nodes), metadata: parts.metadata };
}

/** Loads what is small but in another file; what cannot be had is told when somebody needs it. */
async function loadSmall(constants: Map<string, OnnxTensor>): Promise<void> {
  for (const [name, { load, dims }] of constants) {
    const count = (dims ?? []).map(toInteger).reduce((product, side) => product * side, 1);
    if (!load || count > 16384) continue;
    const loaded = await load().catch(() => undefined);
    if (loaded) constants.set(name, loaded);
  }
}

/**
 * What a stream must keep: told from the nodes where they come before the tensors, else from
 * shapes.
 */
function streamChoice(upTo: string | undefined, needsEnd: boolean): StreamChoice {
  let count = 0;
  let needed: ReadonlySet<string> | undefined;
  let missing = new Set<string>();
  let seen = 0;
  /** False where nodes and tensors come mixed: then anything may still be needed. */
  const isOrdered = ({ nodes }: OnnxParts): boolean => {
    if (!needed && nodes.length > 0) {
      count = nodes.length;
      needed = neededTensors(nodes.map(toNode), upTo);
      missing = new Set(needed);
    }
    return nodes.length > 0 && nodes.length === count;
  };
  return {
    isWanted: (tensor, parts) => {
      if (!looksLikeWeights(tensor)) return false;
      return !parts || !isOrdered(parts) || !tensor.name || needed!.has(tensor.name);
    },
    isEnough: (parts) => {
      if (needsEnd || !isOrdered(parts)) return false;
      for (; seen < parts.tensors.length; seen++) missing.delete(parts.tensors[seen]!.name ?? '');
      return missing.size <= 1; // the picture itself
    },
  };
}

/**
 * Whether large numbers can be a convolution's: four axes, two of them 3 long. A classifier has two
 * axes, or, written as convolutions, kernels of 7x7 and 1x1.
 */
function looksLikeWeights(tensor: onnx.ITensorProto): boolean {
  const dims = (tensor.dims ?? []).map(toInteger);
  return dims.length !== 2 && (dims.length !== 4 || dims.filter((side) => side === 3).length >= 2);
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

function toNode({ proto: node }: FileNode): OnnxNode {
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
function constantOf(node: OnnxNode, { value }: FileNode): OnnxTensor | undefined {
  const name = node.outputs[0] ?? '';
  const tensor = value ?? node.attributes.get('value')?.t;
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
