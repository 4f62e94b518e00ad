// TensorFlow.js on its WebGPU backend. Convolution and ReLU are separate operations in the step, because the fused one
// computes the gradient to its weights whether it is wanted or not; the forward pass uses the fused one.

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { Terms } from '../harness/rows.ts';
import { unit, type Picture } from '../problem/pictures.ts';
import { CONSTANTS, type StepProblem } from '../problem/problem.ts';
import { MEAN, reluOf, STD } from '../problem/vgg19.ts';
import type { ForwardContestant, Peer, StepContestant } from './contestant.ts';

interface Weights {
  readonly kernel: tf.Tensor4D;
  readonly bias: tf.Tensor1D;
}

/** Starts the backend on a device of its own, as an app that uses tfjs does. */
export async function startTfjs(): Promise<Omit<Peer, 'version'>> {
  await tf.setBackend('webgpu');
  await tf.ready();
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) throw new Error('tfjs has not taken its WebGPU backend');
  const wait = async (): Promise<void> => {
    // What it has recorded and not yet submitted; nothing at all is no case for it.
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
    await backend.device.queue.onSubmittedWorkDone();
  };
  return {
    name: 'tfjs-webgpu',
    adapter: backend.device.adapterInfo.description,
    step: async (problem) => step(problem, wait),
    forward: async (problem) => forward(problem, wait),
  };
}

function weightsOf({ chain }: StepProblem): ReadonlyMap<string, Weights> {
  const weights = new Map<string, Weights>();
  for (const layer of chain) {
    if (layer.kind !== 'conv') continue;
    const kernel = tf.tensor4d(layer.weight, [3, 3, layer.cin, layer.cout]);
    weights.set(layer.name, { kernel, bias: tf.tensor1d(layer.bias) });
  }
  return weights;
}

function pictureOf(picture: Picture): tf.Tensor4D {
  return tf.tensor4d(unit(picture), [1, picture.height, picture.width, 3]);
}

/** Activations behind every ReLU of the chain. */
function featuresOf(
  { chain, pooling }: StepProblem,
  weights: ReadonlyMap<string, Weights>,
  image: tf.Tensor4D,
  isFused: boolean,
): ReadonlyMap<string, tf.Tensor4D> {
  const found = new Map<string, tf.Tensor4D>();
  let x = tf.div(tf.sub(image, tf.tensor1d([...MEAN])), tf.tensor1d([...STD])) as tf.Tensor4D;
  for (const layer of chain) {
    if (layer.kind === 'pool') {
      x = pooling === 'max' ? tf.maxPool(x, 2, 2, 'valid') : tf.avgPool(x, 2, 2, 'valid');
      continue;
    }
    const { kernel, bias } = weights.get(layer.name)!;
    x = isFused
      ? tf.fused.conv2d({ x, filter: kernel, strides: 1, pad: 'same', bias, activation: 'relu' })
      : tf.relu(tf.add(tf.conv2d(x, kernel, 1, 'same'), bias));
    found.set(reluOf(layer.name), x);
  }
  return found;
}

/** FᵀF / pixels. */
function gram(feature: tf.Tensor4D): tf.Tensor2D {
  const [, h, w, c] = feature.shape;
  const flat = tf.reshape(feature, [h * w, c]);
  return tf.div(tf.matMul(flat, flat, true), h * w);
}

function totalVariation(image: tf.Tensor4D): tf.Scalar {
  const [, h, w] = image.shape;
  const down = tf.squaredDifference(tf.slice(image, [0, 1, 0, 0]), tf.slice(image, [0, 0, 0, 0], [1, h - 1, w, 3]));
  const right = tf.squaredDifference(tf.slice(image, [0, 0, 1, 0]), tf.slice(image, [0, 0, 0, 0], [1, h, w - 1, 3]));
  return tf.add(tf.sum(down), tf.sum(right));
}

/** A chain of sums: tfjs' addN has no gradient. */
function total(scalars: readonly tf.Scalar[]): tf.Scalar {
  return scalars.reduce((sum, scalar) => tf.add(sum, scalar));
}

async function step(problem: StepProblem, wait: () => Promise<void>): Promise<StepContestant> {
  const { contentLayer, styleLayers, contentWeight, styleWeight, tvWeight } = CONSTANTS;
  const weights = weightsOf(problem);
  const { content, grams } = tf.tidy(() => ({
    content: featuresOf(problem, weights, pictureOf(problem.content), false).get(contentLayer)!,
    grams: ((features) => styleLayers.map((layer) => gram(features.get(layer)!)))(
      featuresOf(problem, weights, pictureOf(problem.style), false),
    ),
  }));
  const start = pictureOf(problem.start);
  const image = tf.variable(start);
  start.dispose();
  const terms = (): [tf.Scalar, tf.Scalar, tf.Scalar] => {
    const features = featuresOf(problem, weights, image, false);
    const style = styleLayers.map((layer, i): tf.Scalar => {
      return tf.mean(tf.squaredDifference(gram(features.get(layer)!), grams[i]!));
    });
    return [
      tf.mul(tf.mean(tf.squaredDifference(features.get(contentLayer)!, content)), contentWeight),
      tf.mul(total(style), styleWeight),
      tf.mul(totalVariation(image), tvWeight),
    ];
  };
  const { learningRate, beta1, beta2, epsilon } = CONSTANTS;
  const adam = tf.train.adam(learningRate, beta1, beta2, epsilon);
  return {
    async terms(): Promise<Terms> {
      const tensors = tf.tidy(terms);
      const [content, style, tv] = await Promise.all(tensors.map(async (tensor) => (await tensor.data())[0]!));
      tf.dispose(tensors);
      return { content: content!, style: style!, tv: tv! };
    },
    async iterate(n) {
      for (let i = 0; i < n; i++) adam.minimize(() => total(terms()), false, [image]);
      await wait();
    },
    destroy() {
      adam.dispose();
      tf.dispose([content, ...grams, image, ...[...weights.values()].flatMap(({ kernel, bias }) => [kernel, bias])]);
    },
  };
}

async function forward(problem: StepProblem, wait: () => Promise<void>): Promise<ForwardContestant> {
  const weights = weightsOf(problem);
  const image = pictureOf(problem.start);
  const pass = (): tf.Tensor4D => tf.tidy(() => featuresOf(problem, weights, image, true).get('relu5_1')!);
  return {
    async run(n) {
      for (let i = 0; i < n; i++) pass().dispose();
      await wait();
    },
    async features() {
      const result = pass();
      const values = await result.data();
      result.dispose();
      return values;
    },
    destroy() {
      tf.dispose([image, ...[...weights.values()].flatMap(({ kernel, bias }) => [kernel, bias])]);
    },
  };
}
