// A node's attributes by type, with the defaults that ONNX gives them.

import type { OnnxNode } from './onnx-types.ts';
import { toInteger } from './tensor.ts';

/** The integer attribute `name`, or `otherwise` where the node leaves it out. */
export function intAttribute(node: OnnxNode, name: string, otherwise: number): number {
  const value: unknown = node.attributes.get(name)?.i;
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
