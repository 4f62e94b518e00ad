// Ops that only move elements, as random graphs meet them, with the oracle's rules.

import * as copy from '../oracle/copy.ts';
import { anyTwin, count, type Op, type Twin } from './graph.ts';

const reshape: Op = (graph, x = graph.choose(anyTwin)!) => {
  const size = count(x.node.shape);
  const divisors = Array.from({ length: 12 }, (_, i) => i + 1).filter((n) => size % n === 0);
  const last = graph.dice.pick(divisors);
  const shape = graph.dice.pick([[size / last, last], [1, size / last, last], [size]]);
  return graph.add({
    label: 'reshape',
    shape,
    inputs: [x],
    record: (t) => graph.tape.reshape(t!, shape),
    forward: (v) => Float64Array.from(v!),
    backward: (dY) => [dY],
    isExact: x.isExact,
  });
};

const slice: Op = (graph, x = graph.choose(anyTwin)!) => {
  const { shape } = x.node;
  const begin = shape.map((n) => graph.dice.whole(0, n - 1));
  const size = shape.map((n, i) => graph.dice.whole(1, n - begin[i]!));
  return graph.add({
    label: `slice ${begin.join(',')}`,
    shape: size,
    inputs: [x],
    record: (t) => graph.tape.slice(t!, begin, size),
    forward: (v) => copy.slice(shape, begin, size, v!),
    backward: (dY) => [copy.sliceBackward(shape, begin, size, dY)],
    isExact: x.isExact,
  });
};

const concat: Op = (graph, x = graph.choose(anyTwin)!) => {
  const { dice } = graph;
  const axis = dice.whole(0, x.node.shape.length - 1);
  const fits = ({ node }: Twin): boolean =>
    node.shape.length === x.node.shape.length && node.shape.every((n, i) => i === axis || n === x.node.shape[i]);
  const parts = [x, ...Array.from({ length: dice.whole(0, 2) }, () => graph.choose(fits)!)];
  const shapes = parts.map(({ node }) => node.shape);
  const whole = x.node.shape.map((n, i) => (i === axis ? shapes.reduce((total, shape) => total + shape[axis]!, 0) : n));
  return graph.add({
    label: `concat ${axis}`,
    shape: whole,
    inputs: parts,
    record: (...all) => graph.tape.concat(all, axis),
    forward: (...all) => copy.concat(shapes, axis, all),
    backward: (dY) => {
      let offset = 0;
      return shapes.map((shape) => {
        const begin = shape.map((_, i) => (i === axis ? offset : 0));
        offset += shape[axis]!;
        return copy.slice(whole, begin, shape, dY);
      });
    },
    isExact: parts.every((part) => part.isExact),
  });
};

export const MOVING_OPS: readonly Op[] = [reshape, slice, concat];
