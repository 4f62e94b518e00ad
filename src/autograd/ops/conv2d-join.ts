// Convolution with the ReLU and the 2x2 pooling behind it as one op: the kernel stores the activation or its pooling,
// and gate words, which are all that the reverse pass wants of the activation. The full activation in front of a pooling
// then never exists.

import { conv2dVariant, hasGates, type Conv2dBuffers, type Conv2dParams } from '../../kernels/conv2d.ts';
import { convolve } from '../../kernels/convolve.ts';
import { gateBackward, gateWordsShape, unpoolBackward } from '../../kernels/gate.ts';
import type { KernelTarget } from '../../kernels/target.ts';
import { Tensor, type OpDescription } from '../tensor.ts';

type Operands = Omit<Conv2dBuffers<Tensor>, 'y'>;

/** `op`, a convolution, able to join a ReLU where its kernel has gates. */
export function joining(params: Conv2dParams, operands: Operands, target: KernelTarget, op: OpDescription): OpDescription {
  if (!hasGates(conv2dVariant(params, target))) return op;
  return {
    ...op,
    join: ({ step, inputs }, flows) =>
      step.kind === 'relu' ? withRelu(params, operands, target, op, inputs.some(flows)) : undefined,
  };
}

/** Convolution and ReLU, and pooling where one follows. No gate words where no gradient will ask for them. */
function withRelu(
  params: Conv2dParams,
  operands: Operands,
  target: KernelTarget,
  op: OpDescription,
  hasGradient: boolean,
): OpDescription {
  const { output } = params;
  const words = hasGradient ? new Tensor('value', gateWordsShape(output), `${op.name}/gates`) : undefined;
  const relu: OpDescription = {
    ...op,
    name: `${op.name}+relu`,
    forward: (y, scratch) => convolve(params, { ...operands, y, words }, target, { relu: true }, scratch),
    incoming: (dY, scratch) => {
      const dZ = scratch(output, 'd(relu)');
      return { dY: dZ, dispatches: [gateBackward(output, { words: words!, dY, dX: dZ }, false)] };
    },
  };
  return {
    ...relu,
    join: ({ step }) => {
      const [h, w, c] = output;
      if (step.kind !== 'pool' || h < 2 || w < 2) return undefined;
      const { pool } = step;
      return {
        ...relu,
        name: `${relu.name}+pool`,
        shape: [Math.floor(h / 2), Math.floor(w / 2), c],
        forward: (y, scratch) => convolve(params, { ...operands, y, words }, target, { relu: true, pool }, scratch),
        incoming: (dY, scratch) => {
          const dZ = scratch(output, 'd(pool)');
          return { dY: dZ, dispatches: [unpoolBackward(pool, output, { words: words!, dY, dX: dZ }, false)] };
        },
      };
    },
  };
}
