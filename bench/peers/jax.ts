// jax-js: the whole iteration, gradient and Adam included, is one jitted function. Arrays are moved, not shared: what is
// used again is passed as `.ref`. Layout NCHW, as its convolution wants.

import {
  blockUntilReady,
  defaultDevice,
  getWebGPUDevice,
  init,
  jit,
  lax,
  numpy as np,
  tree,
  valueAndGrad,
  type Array as JaxArray,
} from '@jax-js/jax';
import type { Terms } from '../harness/rows.ts';
import { unit, type Picture } from '../problem/pictures.ts';
import { CONSTANTS, type StepProblem } from '../problem/problem.ts';
import { MEAN, reluOf, STD } from '../problem/vgg19.ts';
import type { ForwardContestant, Peer, StepContestant } from './contestant.ts';

/** Kernel and bias of every convolution, in order. */
type Weights = { kernel: JaxArray; bias: JaxArray }[];
/** Features of the content, Gram matrices of the style. */
type Targets = { content: JaxArray; grams: JaxArray[] };
/** What an iteration hands to the next: the picture and Adam's moments. */
type State = { image: JaxArray; mean: JaxArray; square: JaxArray };

/** Starts the backend on a device of its own, as an app that uses jax-js does. */
export async function startJax(): Promise<Omit<Peer, 'version'>> {
  const found = await init('webgpu');
  if (!found.includes('webgpu')) throw new Error('jax-js has found no WebGPU');
  defaultDevice('webgpu');
  return { name: 'jax-js', adapter: getWebGPUDevice().adapterInfo.description, step, forward };
}

function weightsOf({ chain }: StepProblem): Weights {
  return chain.flatMap((layer) => {
    if (layer.kind === 'pool') return [];
    const { cin, cout, weight } = layer;
    // [tap, cin, cout] → [cout, cin, tap]
    const turned = new Float32Array(weight.length);
    for (let tap = 0; tap < 9; tap++)
      for (let i = 0; i < cin; i++)
        for (let o = 0; o < cout; o++) turned[(o * cin + i) * 9 + tap] = weight[(tap * cin + i) * cout + o]!;
    const kernel = np.array(turned, { shape: [cout, cin, 3, 3] });
    return [{ kernel, bias: np.array(layer.bias, { shape: [1, cout, 1, 1] }) }];
  });
}

/** [1, 3, h, w] */
function pictureOf(picture: Picture): JaxArray {
  const pixels = picture.width * picture.height;
  const interleaved = unit(picture);
  const planar = new Float32Array(3 * pixels);
  for (let i = 0; i < planar.length; i++) planar[(i % 3) * pixels + Math.floor(i / 3)] = interleaved[i]!;
  return np.array(planar, { shape: [1, 3, picture.height, picture.width] });
}

/** Its typings name types that no library here has. */
async function floatsOf(array: JaxArray): Promise<Float32Array> {
  const data: unknown = await array.data();
  return data as Float32Array;
}

/** Activations behind the ReLUs that are `wanted`; consumes the picture and the weights. */
function featuresOf(
  { chain, pooling }: Pick<StepProblem, 'chain' | 'pooling'>,
  wanted: readonly string[],
  weights: Weights,
  image: JaxArray,
): ReadonlyMap<string, JaxArray> {
  const found = new Map<string, JaxArray>();
  const perChannel = (values: readonly number[]): JaxArray => np.array(Float32Array.from(values), { shape: [1, 3, 1, 1] });
  let x = image.sub(perChannel(MEAN)).div(perChannel(STD));
  let next = 0;
  for (const layer of chain) {
    if (layer.kind === 'pool') {
      x = lax.reduceWindow(x, pooling === 'max' ? np.max : np.mean, [2, 2], [2, 2]);
      continue;
    }
    const { kernel, bias } = weights[next++]!;
    x = np.maximum(lax.convGeneralDilated(x, kernel, [1, 1], 'SAME').add(bias), 0);
    if (wanted.includes(reluOf(layer.name))) found.set(reluOf(layer.name), x.ref);
  }
  x.dispose();
  return found;
}

/** F·Fᵀ / pixels, F as [c, pixels]. */
function gram(feature: JaxArray): JaxArray {
  const [, c, h, w] = feature.shape as [number, number, number, number];
  const flat = feature.reshape([c, h * w]);
  return lax.dot(flat.ref, flat, { lhsContractingDims: [1], rhsContractingDims: [1] }).div(h * w);
}

function meanSquared(a: JaxArray, b: JaxArray): JaxArray {
  const difference = a.sub(b);
  return np.mean(difference.ref.mul(difference));
}

function totalVariation(image: JaxArray): JaxArray {
  const [, , h, w] = image.shape as [number, number, number, number];
  const squared = (a: JaxArray, b: JaxArray): JaxArray => {
    const difference = a.sub(b);
    return np.sum(difference.ref.mul(difference));
  };
  const down = squared(image.ref.slice([], [], [1, h], []), image.ref.slice([], [], [0, h - 1], []));
  return down.add(squared(image.ref.slice([], [], [], [1, w]), image.slice([], [], [], [0, w - 1])));
}

const WANTED = [...CONSTANTS.styleLayers, CONSTANTS.contentLayer];

/** [content, style, tv]; consumes everything. */
function termsOf(problem: StepProblem, image: JaxArray, weights: Weights, targets: Targets): JaxArray[] {
  const { contentLayer, styleLayers, contentWeight, styleWeight, tvWeight } = CONSTANTS;
  const features = featuresOf(problem, WANTED, weights, image.ref);
  const style = styleLayers.map((layer, i) => meanSquared(gram(features.get(layer)!), targets.grams[i]!));
  return [
    meanSquared(features.get(contentLayer)!, targets.content).mul(contentWeight),
    style.reduce((sum, term) => sum.add(term)).mul(styleWeight),
    totalVariation(image).mul(tvWeight),
  ];
}

async function step(problem: StepProblem): Promise<StepContestant> {
  const { learningRate, beta1, beta2, epsilon, contentLayer, styleLayers } = CONSTANTS;
  const weights = weightsOf(problem);
  const contentOf = jit((image: JaxArray, w: Weights) => featuresOf(problem, [contentLayer], w, image).get(contentLayer)!);
  const gramsOf = jit((image: JaxArray, w: Weights) => {
    const features = featuresOf(problem, styleLayers, w, image);
    return styleLayers.map((layer) => gram(features.get(layer)!));
  });
  const targets: Targets = {
    content: contentOf(pictureOf(problem.content), tree.ref(weights)),
    grams: gramsOf(pictureOf(problem.style), tree.ref(weights)),
  };
  const terms = jit((image: JaxArray, w: Weights, t: Targets) => termsOf(problem, image, w, t));
  const loss = (image: JaxArray, w: Weights, t: Targets): JaxArray =>
    termsOf(problem, image, w, t).reduce((sum, term) => sum.add(term));
  // c1 and c2 are Adam's bias corrections 1 - β^t: numbers that change, so arguments.
  const update = jit((state: State, c1: JaxArray, c2: JaxArray, w: Weights, t: Targets): State => {
    const [value, g] = valueAndGrad(loss)(state.image.ref, w, t);
    value.dispose();
    const mean = state.mean.mul(beta1).add(g.ref.mul(1 - beta1));
    const square = state.square.mul(beta2).add(g.ref.mul(g).mul(1 - beta2));
    const root = np.sqrt(square.ref.div(c2)).add(epsilon);
    const image = state.image.sub(mean.ref.div(c1).div(root).mul(learningRate));
    return { image, mean, square };
  });
  const shape = [1, 3, problem.side, problem.side];
  let state: State = { image: pictureOf(problem.start), mean: np.zeros(shape), square: np.zeros(shape) };
  let updates = 0;
  return {
    async terms(): Promise<Terms> {
      const values = terms(state.image.ref, tree.ref(weights), tree.ref(targets));
      const [content, style, tv] = await Promise.all(values.map(async (value) => (await floatsOf(value))[0]!));
      return { content: content!, style: style!, tv: tv! };
    },
    async iterate(n) {
      for (let i = 0; i < n; i++) {
        updates++;
        const corrections = [1 - beta1 ** updates, 1 - beta2 ** updates] as const;
        state = update(state, ...corrections, tree.ref(weights), tree.ref(targets));
      }
      await blockUntilReady(state);
    },
    destroy() {
      tree.dispose([weights, targets, state]);
      for (const jitted of [contentOf, gramsOf, terms, update]) jitted.dispose();
    },
  };
}

async function forward(problem: StepProblem): Promise<ForwardContestant> {
  const weights = weightsOf(problem);
  const image = pictureOf(problem.start);
  const pass = jit((picture: JaxArray, w: Weights) => featuresOf(problem, ['relu5_1'], w, picture).get('relu5_1')!);
  return {
    async run(n) {
      // All are kept to the end: jax-js never runs what is thrown away before.
      const results = Array.from({ length: n }, () => pass(image.ref, tree.ref(weights)));
      await blockUntilReady(results);
      tree.dispose(results);
    },
    async features() {
      const result = pass(image.ref, tree.ref(weights));
      const [, c, h, w] = result.shape as [number, number, number, number];
      const planar = await floatsOf(result);
      return Float32Array.from({ length: h * w * c }, (_, i) => planar[(i % c) * h * w + Math.floor(i / c)]!);
    },
    destroy() {
      tree.dispose([weights, image]);
      pass.dispose();
    },
  };
}
