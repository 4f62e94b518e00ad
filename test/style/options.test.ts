// Every refusal names the option, what was given and what is allowed, and comes before anything is allocated.

import { describe, expect, it } from 'vitest';
import {
  recipes,
  StyleSession,
  styleTransfer,
  WgpuStyleError,
  type Recipe,
  type StyleTransferOptions,
} from '../../src/index.ts';
import { testDevice } from '../device.ts';
import { bytesHeld, picture, tinyOptions } from './setting.ts';

const { gatys } = recipes as Record<string, Recipe>;
const image = picture(4, 4, 1);

/** Options as a caller without types may give them; then what the message must hold. */
const refusals: readonly (readonly [options: Record<string, unknown>, where: string, ...parts: readonly string[]])[] = [
  [{ styel: 1 }, 'styleTransfer', 'no option styel', 'content, style, device'],
  [{ memoryLimit: 0 }, 'memoryLimit', 'got 0'],
  [{ memoryLimit: NaN }, 'memoryLimit', 'got NaN'],
  [{ content: undefined }, 'content', 'no content picture'],
  [{ content: null }, 'content', 'no content picture'],
  [{ style: undefined }, 'style', 'no style picture'],
  [{ style: [] }, 'style', 'empty', 'at least one'],
  [{ style: [null] }, 'style[0]', 'no image'],
  [{ style: [{ image }, {}] }, 'style[1]', 'no image'],
  [{ style: [{ image, weight: 0 }] }, 'style[0].weight', 'got 0', 'above 0'],
  [{ style: [{ image, weight: -1 }] }, 'style[0].weight', 'got -1'],
  [{ style: [{ image, weight: NaN }] }, 'style[0].weight', 'got NaN'],
  [{ style: [{ image, weight: Infinity }] }, 'style[0].weight', 'got Infinity'],
  [{ style: [{ image, weight: '1' }] }, 'style[0].weight', 'got "1"'],
  [{ style: [{ image, scale: 0 }] }, 'style[0].scale', 'got 0', 'at most 16'],
  [{ style: [{ image, scale: NaN }] }, 'style[0].scale', 'got NaN'],
  [{ style: [{ image, scale: 17 }] }, 'style[0].scale', 'got 17'],
  [{ style: [{ image, scale: '2' }] }, 'style[0].scale', 'got "2"'],
  [{ style: [{ image, mask: null }] }, 'style[0].mask', 'got null'],
  [{ style: [{ image, mask: { image: null } }] }, 'style[0].mask', 'no image'],
  [{ style: [{ image, styleMask: { image, color: 'red' } }] }, 'style[0].styleMask', '"red"', '#rrggbb'],
  [{ style: [{ image, mask: { image, channel: 'red' } }] }, 'style[0].mask', '"red"', 'luminance or alpha'],
  [{ style: [{ image, mask: { image, channel: 'alpha', color: '#ff0000' } }] }, 'style[0].mask', 'both'],
  [{ style: [{ image, mask: { image, colour: '#ff0000' } }] }, 'style[0].mask', 'no setting colour'],
  [{ updateMask: { image, invert: 1 } }, 'updateMask', 'invert is 1'],
  [{ maskMode: 'outside' }, 'maskMode', '"outside"', 'simple, inside, all'],
  [{ resampling: 'gamma' }, 'resampling', '"gamma"', 'srgb, linear'],
  [{ seamless: 1 }, 'seamless', 'got 1', 'true or false'],
  [{ style: [{ image, wieght: 2 }] }, 'style[0]', 'no setting wieght', 'image, weight, scale, mask, styleMask'],
  [{ device: {} }, 'device', 'got {}', 'GPUDevice'],
  [{ device: 'gpu' }, 'device', 'got "gpu"'],
  [{ network: 7 }, 'Vgg.load', 'Number', 'URL or path'],
  [{ recipe: 'cubism' }, 'recipe', '"cubism"', 'lecture', 'gatys-notebook'],
  [{ recipe: 'toString' }, 'recipe', '"toString"'],
  [{ recipe: 5 }, 'recipe', 'got 5', 'recipes'],
  [{ recipe: {} }, 'recipe', 'name is undefined', 'a text'],
  [{ recipe: { ...gatys, space: undefined } }, 'recipe', 'space.scale is undefined', 'above 0'],
  [{ recipe: { ...gatys, space: { scale: 0, mean: [0, 0, 0] } } }, 'recipe', 'space.scale is 0'],
  [{ recipe: { ...gatys, space: { scale: 1, mean: [0, 0] } } }, 'recipe', 'space.mean is [0,0]', 'three numbers'],
  [{ recipe: { ...gatys, content: { ...gatys!.content, measure: 'cube' } } }, 'recipe', 'content.measure is "cube"'],
  [{ recipe: { ...gatys, style: { ...gatys!.style, weight: NaN } } }, 'recipe', 'style.weight is NaN'],
  [{ recipe: { ...gatys, style: { ...gatys!.style, layers: [1] } } }, 'recipe', 'style.layers is [1]'],
  [{ recipe: { ...gatys, style: { ...gatys!.style, normalize: 'no' } } }, 'recipe', 'style.normalize', 'elements'],
  [{ recipe: { ...gatys, tv: { weight: -1, form: 'squared' } } }, 'recipe', 'tv.weight is -1'],
  [{ recipe: { ...gatys, tv: { weight: 1, form: 'cubic' } } }, 'recipe', 'tv.form is "cubic"', 'nine-point'],
  [{ recipe: { ...gatys, style: { ...gatys!.style, statistics: { grams: 1 } } } }, 'recipe', 'style.statistics is {"grams":1}', 'covariance'],
  [{ recipe: { ...gatys, style: { ...gatys!.style, statistics: { std: -1 } } } }, 'recipe', 'style.statistics is {"std":-1}'],
  [{ recipe: { ...gatys, style: { ...gatys!.style, statistics: { std: { relu1_1: 'x' } } } } }, 'recipe', 'style.statistics'],
  [{ recipe: { ...gatys, style: { ...gatys!.style, size: 'large' } } }, 'recipe', 'style.size is "large"', 'stretched'],
  [{ recipe: { ...gatys, edges: { weight: 1, poolings: { 0: 1 } } } }, 'recipe', 'edges is', 'poolings'],
  [{ recipe: { ...gatys, edges: { poolings: { 4: 1 } } } }, 'recipe', 'edges is'],
  [{ recipe: { ...gatys, firstPadding: 'wrap' } }, 'recipe', 'firstPadding is "wrap"', 'replicate'],
  [{ recipe: { ...gatys, clamp: 'yes' } }, 'recipe', 'clamp is "yes"', 'true or false'],
  [{ recipe: { ...gatys, init: 'dream' } }, 'recipe', 'init is "dream"'],
  [{ recipe: { ...gatys, iterations: 1.5 } }, 'recipe', 'iterations is 1.5'],
  [{ recipe: { ...gatys, optimizer: { name: 'newton' } } }, 'optimizer', '"newton"'],
  [{ size: 0 }, 'size', 'got 0', '1 to 65,536'],
  [{ size: -3 }, 'size', 'got -3'],
  [{ size: 1.5 }, 'size', 'got 1.5'],
  [{ size: NaN }, 'size', 'got NaN'],
  [{ size: '512' }, 'size', 'got "512"'],
  [{ size: 70000 }, 'size', 'got 70000'],
  [{ size: { width: 4 } }, 'size', '{"width":4}', '{ width, height }'],
  [{ size: { width: 4, height: NaN } }, 'size', '"height":"NaN"'],
  [{ contentWeight: -1 }, 'contentWeight', 'got -1', 'a number from 0'],
  [{ styleWeight: NaN }, 'styleWeight', 'got NaN'],
  [{ tvWeight: Infinity }, 'tvWeight', 'got Infinity'],
  [{ styleWeight: '1' }, 'styleWeight', 'got "1"'],
  [{ contentLayers: { relu1_1: -1 } }, 'contentLayers', '{"relu1_1":-1}', 'weights from 0'],
  [{ styleLayers: { relu1_1: NaN } }, 'styleLayers', '{"relu1_1":"NaN"}'],
  [{ styleLayers: ['relu1_1'] }, 'styleLayers', '["relu1_1"]'],
  [{ styleLayers: 'relu1_1' }, 'styleLayers', '"relu1_1"'],
  [{ styleLayers: 5 }, 'styleLayers', 'got 5'],
  [{ init: 'noize' }, 'init', '"noize"', 'content, style, noise, gray'],
  [{ optimizer: { name: 'sgd' } }, 'optimizer', '"sgd"', 'lbfgs, adam, gd'],
  [{ optimizer: 'adam' }, 'optimizer', '"adam"', '{ name }'],
  [{ optimizer: { name: 'adam', learningRate: -1 } }, 'optimizer adam', 'learningRate is -1', 'above 0'],
  [{ optimizer: { name: 'lbfgs', history: 0 } }, 'optimizer lbfgs', 'history is 0'],
  [{ optimizer: { name: 'gd', beta1: 0.5 } }, 'optimizer gd', 'no setting beta1'],
  [{ iterations: -1 }, 'iterations', 'got -1', '0 to 1,000,000'],
  [{ iterations: 2.5 }, 'iterations', 'got 2.5'],
  [{ iterations: NaN }, 'iterations', 'got NaN'],
  [{ iterations: '10' }, 'iterations', 'got "10"'],
  [{ seed: -1 }, 'seed', 'got -1', '4,294,967,295'],
  [{ seed: 2 ** 32 }, 'seed', 'got 4294967296'],
  [{ seed: 0.5 }, 'seed', 'got 0.5'],
  [{ pooling: 'median' }, 'pooling', '"median"', 'max, average'],
  [{ color: 'sepia' }, 'color', '"sepia"', 'style, luminance, match, histogram'],
  [{ scales: [] }, 'scales', 'got []', "'auto'"],
  [{ scales: [64, 32] }, 'scales', '[64,32]', 'increasing'],
  [{ scales: [0, 32] }, 'scales', '[0,32]'],
  [{ scales: 'all' }, 'scales', '"all"'],
  [{ scales: true }, 'scales', 'got true'],
  [{ signal: {} }, 'signal', 'got {}', 'AbortController'],
  [{ onProgress: 'log' }, 'onProgress', 'got "log"', 'a function'],
  [{ preview: 'canvas' }, 'preview', 'got "canvas"', 'GPUTexture'],
  [{ styleLayers: { relu9_9: 1 } }, 'styleLayers', "no layer 'relu9_9'", 'conv1_1, relu1_1'],
  [{ contentLayers: { relu9_9: 1 } }, 'contentLayers', "no layer 'relu9_9'", 'relu2_1'],
];

async function refusalOf(work: Promise<unknown>): Promise<WgpuStyleError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(WgpuStyleError);
  return error as WgpuStyleError;
}

describe('options that are refused', () => {
  it.each(refusals)('%o', async (options, where, ...parts) => {
    const before = await bytesHeld();
    const given = Object.assign({}, await tinyOptions(), options) as unknown as StyleTransferOptions;
    const error = await refusalOf(styleTransfer(given));
    expect(error.code).toBe('bad-option');
    expect(error.where).toBe(where);
    for (const part of parts) expect(error.message).toContain(part);
    expect((await refusalOf(StyleSession.create(given))).message).toBe(error.message);
    expect(await bytesHeld()).toBe(before);
  });

  it.each([undefined, null, 'content.png', 5])('no options at all: %j', async (options) => {
    const error = await refusalOf(styleTransfer(options as unknown as StyleTransferOptions));
    expect(error).toMatchObject({ code: 'bad-option', where: 'styleTransfer' });
    expect(error.message).toContain('{ content, style }');
  });

  it('a preview texture that cannot be painted', async () => {
    const device = await testDevice();
    const texture = device.createTexture({ size: [4, 4], format: 'rgba8unorm', usage: GPUTextureUsage.COPY_SRC });
    const error = await refusalOf(StyleSession.create(await tinyOptions({ preview: texture })));
    expect(error).toMatchObject({ code: 'bad-option', where: 'preview' });
    expect(error.message).toContain('RENDER_ATTACHMENT');
    texture.destroy();
  });

  it('an unknown layer in a term that is switched off is none of our business', async () => {
    const options = await tinyOptions({ styleLayers: { relu9_9: 1 }, styleWeight: 0 });
    const session = await StyleSession.create(options);
    expect(Object.keys((await session.evaluate()).layers)).toEqual(['relu2_1']);
    session.destroy();
  });

  it('a layer of weight 0 need not exist either', async () => {
    const session = await StyleSession.create(await tinyOptions({ styleLayers: { relu9_9: 0, relu1_1: 1 } }));
    expect(Object.keys((await session.evaluate()).layers).sort()).toEqual(['relu1_1', 'relu2_1']);
    session.destroy();
  });

  it('every recipe in the table passes its own check', async () => {
    for (const recipe of Object.values(recipes)) {
      const error = await refusalOf(styleTransfer(await tinyOptions({ recipe: { ...recipe }, iterations: -1 })));
      expect(error.where).toBe('iterations');
    }
  });
});
