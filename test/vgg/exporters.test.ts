// The habits of the exporters that published VGGs come from, each on a small network, with the
// activations on the GPU compared to the graph itself, run in float64.

import { describe, expect, test } from 'vitest';
import { namedPreprocessing, Vgg, type PreprocessingMap } from '../../src/vgg/index.ts';
import { chain, check, conv, Graph, pytorch, unit } from './exported-graph.ts';
import { countedStream } from './sources.ts';

describe('PyTorch', () => {
  test.each([true, false])('features.N.weight, constant folding %s', async (folded) => {
    const outputs = ['relu1', 'relu3'] as const;
    const options = { preprocessing: unit } as const;
    await check({ graph: pytorch(1, folded), input: 'input', expects: unit, options, outputs });
  });

  test('normalisation inside the model becomes preprocessing', async () => {
    const { mean, std } = namedPreprocessing['rgb-mean-std'];
    const graph = new Graph('input', 7);
    graph.add('Sub', [graph.floats('mean', [1, 3, 1, 1], mean)], 'centred');
    graph.add('Div', [graph.floats('std', [1, 3, 1, 1], std)], 'scaled');
    chain(
      graph,
      (name, dims) =>
        graph.add(
          'Conv',
          [graph.weights(`${name}.weight`, dims), graph.weights(`${name}.bias`, [dims[0]])],
          `conv${name}`,
          conv,
        ),
      (i) => `relu${i}`,
      'pool',
    );
    const vgg = await check({ graph, input: 'input', expects: unit, outputs: ['relu1', 'relu3'] });
    expect(vgg.report).toMatchObject({
      preprocessing: 'rgb-mean-std',
      preprocessingSource: 'graph',
    });
  });

  test('batch norm, folded exactly', async () => {
    const graph = new Graph('input', 20);
    chain(
      graph,
      (name, dims) => {
        graph.add('Conv', [graph.weights(`${name}.weight`, dims)], `conv${name}`, conv);
        const stats = (['weight', 'bias', 'running_mean', 'running_var'] as const).map((part) =>
          graph.weights(`bn${name}.${part}`, [dims[0]], part === 'running_var' ? 1 : 0),
        );
        graph.add('BatchNormalization', stats, `norm${name}`, { epsilon: { f: 1e-5 } });
      },
      (i) => `relu${i}`,
      'pool',
    );
    const bytes = await graph.encode();
    const plain = graph.plain.map((one) =>
      'epsilon' in one.attributes ? { ...one, attributes: { epsilon: 1e-5 } } : one,
    );
    graph.plain.splice(0, graph.plain.length, ...plain);
    const options = { preprocessing: unit } as const;
    await check({
      graph,
      input: 'input',
      bytes,
      expects: unit,
      options,
      outputs: ['relu1', 'relu3'],
    });
  });
});

test('MXNet model zoo: vgg0_convN_weight, initialisers listed as inputs, classifier behind Dropout', async () => {
  const graph = new Graph('data', 2);
  chain(
    graph,
    (name, dims) => {
      const inputs = [
        graph.weights(`vgg0_conv${name}_weight`, dims),
        graph.weights(`vgg0_conv${name}_bias`, [dims[0]]),
      ];
      graph.add('Conv', inputs, `vgg0_conv${name}_fwd`, conv);
    },
    (i) => `vgg0_relu${i}_fwd`,
    'vgg0_pool0_fwd',
  );
  const bytes = await graph.encode({ inputs: ['data'], listsInitializers: true });
  const expects = namedPreprocessing['rgb-mean-std'];
  const options = { preprocessing: 'rgb-mean-std' } as const;
  const outputs = ['vgg0_relu1_fwd', 'vgg0_relu3_fwd'] as const;
  await check({ graph, input: 'data', bytes, expects, options, outputs });
});

test('Caffe2: conv1_1_w_0, BGR 0..255', async () => {
  const graph = new Graph('data_0', 3);
  const names = ['conv1_1', 'conv1_2', 'conv2_1', 'conv2_2'];
  chain(
    graph,
    (i, dims) => {
      const name = names[Number(i)]!;
      const inputs = [graph.weights(`${name}_w_0`, dims), graph.weights(`${name}_b_0`, [dims[0]])];
      graph.add('Conv', inputs, `${name}_1`, {
        kernel_shape: [3, 3],
        strides: [1, 1],
        pads: [1, 1, 1, 1],
      });
    },
    (i) => `${names[i]!}_2`,
    'pool1_1',
  );
  const options = { preprocessing: 'bgr-255' } as const;
  const expects = namedPreprocessing['bgr-255'];
  await check({ graph, input: 'data_0', expects, options, outputs: ['conv1_2_2', 'conv2_2_2'] });
});

describe('Keras by way of tf2onnx: pictures with channels last', () => {
  /** `swap`: how red and blue change places inside the model; `weights`: how OIHW comes about. */
  function keras(weights: 'oihw' | 'hwio', swap?: 'Slice' | 'Gather'): Graph {
    const graph = new Graph('input_1:0', 4);
    if (swap === 'Slice') {
      const at = [[-1], [-(2 ** 31)], [3], [-1]].map((list, i) => graph.ints(`slice${i}`, list));
      graph.add('Slice', at, 'bgr');
    }
    if (swap === 'Gather')
      graph.add('Gather', [graph.ints('order', [2, 1, 0])], 'bgr', { axis: 3 });
    if (swap)
      graph.add('Add', [graph.floats('minus', [3], [-103.939, -116.779, -123.68])], 'centred');
    graph.add('Transpose', [], 'nchw', { perm: [0, 3, 1, 2] });
    const same = { kernel_shape: [3, 3], strides: [1, 1], auto_pad: 'SAME_UPPER' };
    chain(
      graph,
      (name, [cout, cin, kh, kw]) => {
        const kernel = `block/conv${name}/kernel`;
        const weight =
          weights === 'oihw'
            ? graph.weights(kernel, [cout, cin, kh, kw])
            : graph.make(
                'Transpose',
                [
                  graph.make(
                    'Cast',
                    [graph.weights(kernel, [kh, kw, cin, cout])],
                    `${kernel}:cast`,
                    { to: 1 },
                  ),
                ],
                `${kernel}:turned`,
                { perm: [3, 2, 0, 1] },
              );
        if (name === '0' || weights === 'oihw') {
          return graph.add(
            'Conv',
            [weight, graph.weights(`bias${name}`, [cout])],
            `conv${name}`,
            same,
          );
        }
        // BiasAdd as an Add of its own, its constant reshaped in the graph.
        graph.add('Conv', [weight], `bare${name}`, conv);
        const shape = graph.ints(`shape${name}`, [1, -1, 1, 1]);
        const bias = graph.make(
          'Reshape',
          [graph.weights(`bias${name}`, [cout]), shape],
          `bias${name}:4d`,
        );
        graph.add('Add', [bias], `conv${name}`);
      },
      (i) => `relu${i}`,
      'pool',
    );
    return graph;
  }
  const outputs = ['relu1', 'relu3'] as const;

  test.each(['oihw', 'hwio'] as const)('weights %s', async (weights) => {
    const options = { preprocessing: 'bgr-255' } as const;
    const expects = namedPreprocessing['bgr-255'];
    const graph = keras(weights);
    await check({ graph, input: 'input_1:0', expects, layout: 'nhwc', options, outputs });
    const { stream } = countedStream(await graph.encode({ inputs: ['input_1:0'] }), 100);
    const whole = await Vgg.fromOnnx(await graph.encode({ inputs: ['input_1:0'] }), options);
    expect((await Vgg.fromOnnx(stream, options)).layers).toEqual(whole.layers);
  });

  test.each(['Slice', 'Gather'] as const)('preprocessing inside the model, by %s', async (swap) => {
    const expects: PreprocessingMap = { ...unit, scale: 255 };
    const graph = keras('oihw', swap);
    const vgg = await check({ graph, input: 'input_1:0', expects, layout: 'nhwc', outputs });
    expect(vgg.report).toMatchObject({ preprocessing: 'bgr-255', preprocessingSource: 'graph' });
  });

  test('channels that are never brought first are refused by name', async () => {
    const graph = new Graph('input', 5);
    graph.add('Transpose', [], 'odd', { perm: [0, 2, 1, 3] });
    graph.add('Conv', [graph.weights('w', [4, 3, 3, 3])], 'conv', conv);
    const refused = Vgg.fromOnnx(await graph.encode());
    await expect(refused).rejects.toMatchObject({ code: 'unsupported-op' });
    await expect(refused).rejects.toThrow(/'odd' \(Transpose\) has perm \[0,2,1,3\]/);
  });

  test('a mean picture in front is refused: it is no map per channel', async () => {
    const graph = new Graph('input', 6);
    graph.add('Sub', [graph.weights('meanimage', [1, 3, 160, 160])], 'centred');
    graph.add('Conv', [graph.weights('w', [4, 3, 3, 3])], 'conv', conv);
    const refused = Vgg.fromOnnx(await graph.encode());
    await expect(refused).rejects.toThrow(
      /'centred' \(Sub\) has a constant of shape \[1, 3, 160, 160\]/,
    );
  });
});
