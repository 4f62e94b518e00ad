// Max and average pooling, forward and backward. Shapes in, dispatches out; see pool.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import { storedShader, storing } from '../gpu/storage.ts';
import code from '../wgsl/pool.wgsl';
import { vectorsOf, type Shape } from './shape.ts';

const shader = storedShader('pool', [code], ['X', 'Y', 'DY', 'DX']);

/** Windows over an image. */
export interface PoolParams {
  readonly kind: 'max' | 'average';
  /** [h, w, c] */
  readonly shape: Shape;
  /** Height and width of a window. */
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
  /** [top, right, bottom, left], each smaller than the window. */
  readonly pads: readonly [number, number, number, number];
  /** Average: cells of padding count as zeros; otherwise the mean is over the image's own cells. */
  readonly countPadding: boolean;
}

/** [⌊(h + pads − size) / stride⌋ + 1, likewise w, c]; what is left over at the bottom and right is not seen. */
export function pooledShape({ shape, size, stride, pads }: PoolParams): [number, number, number] {
  const [h, w, c] = shape as readonly [number, number, number];
  return [
    Math.floor((h + pads[0] + pads[2] - size[0]) / stride[0]) + 1,
    Math.floor((w + pads[1] + pads[3] - size[1]) / stride[1]) + 1,
    c,
  ];
}

/** One comparison or addition per cell of every window; every tensor moved once. */
export function poolCost(params: PoolParams): Cost {
  const windows = vectorsOf(pooledShape(params));
  return {
    flops: 4 * windows * params.size[0] * params.size[1],
    bytes: 16 * (windows + vectorsOf(params.shape)),
  };
}

/** In the order of the shader's `op`. */
const OPS = ['max', 'average', 'average/backward'];

function uniforms(params: PoolParams, accumulate: boolean, op = ''): Params {
  const [oh, ow, c] = pooledShape(params);
  return new Params()
    .u32(params.shape[0]!, params.shape[1]!, oh, ow, Math.ceil(c / 4))
    .u32(...params.size, ...params.stride, params.pads[0], params.pads[3])
    .u32(params.countPadding ? 1 : 0, accumulate ? 1 : 0, Math.max(0, OPS.indexOf(op)));
}

/** y = max or mean of x over each window. */
export function poolForward<B>(params: PoolParams, io: { x: B; y: B }): Dispatch<B> {
  return {
    label: `${params.kind}Pool`,
    ...storing(shader, ['X'], ['Y']),
    inputs: [io.x],
    outputs: [io.y],
    params: uniforms(params, false, params.kind),
    workgroups: linearWorkgroups(vectorsOf(pooledShape(params)), 64),
    cost: poolCost(params),
  };
}

/**
 * dX (+)= dY sent to each window's first maximum in scan order, or spread over it. `x` and `y` of the forward pass
 * are read by the maximum only.
 */
export function poolBackward<B>(
  params: PoolParams,
  io: { x: B; y: B; dY: B; dX: B },
  accumulate: boolean,
): Dispatch<B> {
  const isMax = params.kind === 'max';
  return {
    label: `${params.kind}Pool/backward`,
    ...(isMax ? storing(shader, ['X', 'Y', 'DY'], ['DX']) : storing(shader, ['X'], ['Y'])),
    entryPoint: isMax ? 'maxBackward' : 'main',
    inputs: isMax ? [io.x, io.y, io.dY] : [io.dY],
    outputs: [io.dX],
    updates: accumulate,
    params: uniforms(params, accumulate, 'average/backward'),
    workgroups: linearWorkgroups(vectorsOf(params.shape), 64),
    cost: isMax ? { ...poolCost(params), bytes: 2 * poolCost(params).bytes } : poolCost(params),
  };
}
