// What an ONNX file is to the importer: tensors, nodes, a graph indexed by tensor name. Types only.

import type { onnx } from 'onnx-proto';

/** A tensor of a file. Where `load` is present its numbers are not: it reads and decodes them. */
export interface OnnxTensor extends onnx.ITensorProto {
  readonly load?: () => Promise<onnx.ITensorProto>;
  /** Lets go of numbers that a stream has brought: nobody will load them (again). */
  readonly release?: () => void;
}

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
 * A decoded file. `constants` holds initialisers and the tensors of Constant nodes; the numbers of
 * large ones are still in the file.
 */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  /**
   * Inputs that are not initialisers, with their shapes where given (-1: unknown or named side).
   */
  readonly inputs: readonly { readonly name: string; readonly dims?: readonly number[] }[];
  readonly constants: ReadonlyMap<string, OnnxTensor>;
  /** The nodes that read a tensor, in file order, each once. */
  readonly readers: ReadonlyMap<string, readonly OnnxNode[]>;
  /** The node that makes a tensor. */
  readonly makers: ReadonlyMap<string, OnnxNode>;
  /** `metadata_props` of the model. */
  readonly metadata: ReadonlyMap<string, string>;
}
