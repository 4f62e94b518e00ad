// Ops that only move elements: reshape, concat, slice. The adjoint of a copy is a copy back.

import { badOption } from '../../gpu/errors.ts';
import { copyBox, reshapeCopy } from '../../kernels/copy.ts';
import { checkShape, elementsOf, showShape, type Shape } from '../../kernels/shape.ts';
import type { Recorder } from '../recorder.ts';
import type { Tensor } from '../tensor.ts';

/** The same elements in row-major order, in another shape. */
export function reshape(tape: Recorder, x: Tensor, shape: Shape): Tensor {
  checkShape(shape, 'tape.reshape');
  if (elementsOf(shape) !== elementsOf(x.shape)) {
    throw badOption(
      'tape.reshape',
      `${showShape(x.shape)} has ${elementsOf(x.shape)} elements, ${showShape(shape)} has ${elementsOf(shape)}`,
      'Give a shape with as many elements',
    );
  }
  const to = [...shape];
  return tape.record({
    name: 'reshape',
    inputs: [x],
    shape: to,
    forward: (y) => [reshapeCopy({ from: x.shape, to }, { x, y })],
    backward: [
      ({ dY, dX, accumulate }) => [reshapeCopy({ from: to, to: x.shape }, { x: dY, y: dX }, accumulate)],
    ],
  });
}

/** Tensors one after another along an axis; each gets its own part of dY back. */
export function concat(tape: Recorder, tensors: readonly Tensor[], axis: number): Tensor {
  const where = 'tape.concat';
  const first = tensors[0];
  if (!first) throw badOption(where, 'the list of tensors is empty', 'Give at least one');
  const axes = first.shape.length;
  const at = axis < 0 ? axis + axes : axis;
  if (!Number.isInteger(at) || at < 0 || at >= axes) {
    throw badOption(where, `got axis ${axis} for ${axes} axes`, `Use -${axes} to ${axes - 1}`);
  }
  for (const { shape } of tensors) {
    if (shape.length === axes && shape.every((size, i) => i === at || size === first.shape[i])) continue;
    throw badOption(
      where,
      `${showShape(shape)} does not fit ${showShape(first.shape)} along axis ${axis}`,
      'All sizes but those along the axis must agree',
    );
  }
  const along = (value: number): number[] => first.shape.map((_, i) => (i === at ? value : 0));
  const offsets: number[] = [];
  let total = 0;
  for (const { shape } of tensors) {
    offsets.push(total);
    total += shape[at]!;
  }
  const whole = first.shape.map((size, i) => (i === at ? total : size));
  return tape.record({
    name: 'concat',
    inputs: tensors,
    shape: whole,
    forward: (y) =>
      tensors.map((x, i) => {
        const offset = offsets[i]!;
        const box = { begin: along(offset), size: x.shape, shift: along(-offset) };
        return copyBox({ from: x.shape, to: whole, ...box }, { x, y });
      }),
    backward: tensors.map(({ shape }, i) => ({ dY, dX, accumulate }) => {
      const box = { begin: along(0), size: shape, shift: along(offsets[i]!) };
      return [copyBox({ from: whole, to: shape, ...box }, { x: dY, y: dX }, accumulate)];
    }),
  });
}

/** The box of `size` elements that starts at `begin`; its gradient is dY there and zero elsewhere. */
export function slice(tape: Recorder, x: Tensor, begin: readonly number[], size: Shape): Tensor {
  const fits = x.shape.every((n, i) => {
    const [b, s] = [begin[i], size[i]];
    if (b === undefined || s === undefined) return false;
    return Number.isInteger(b) && Number.isInteger(s) && b >= 0 && s > 0 && b + s <= n;
  });
  if (!fits || begin.length !== x.shape.length || size.length !== x.shape.length) {
    throw badOption(
      'tape.slice',
      `a box of ${showShape(size)} at ${showShape(begin)} is not inside ${showShape(x.shape)}`,
      'Give one begin ≥ 0 and one size > 0 per axis',
    );
  }
  const [start, part] = [[...begin], [...size]];
  const origin = start.map(() => 0);
  return tape.record({
    name: 'slice',
    inputs: [x],
    shape: part,
    forward: (y) => [copyBox({ from: x.shape, to: part, begin: origin, size: part, shift: start }, { x, y })],
    backward: [
      ({ dY, dX, accumulate }) => {
        // Where other terms are there already, there is nothing to do outside the box.
        const [begin, extent] = accumulate ? [start, part] : [origin, x.shape];
        const box = { begin, size: extent, shift: start.map((b) => -b) };
        return [copyBox({ from: part, to: x.shape, ...box }, { x: dY, y: dX }, accumulate)];
      },
    ],
  });
}
