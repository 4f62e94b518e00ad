"""The benchmark's iteration in PyTorch: same network, same pictures, same loss, same update.

    npm run bench -- export --side 64,512
    python3 bench/peers/torch_step.py out/bench-problem.safetensors

Reads what `export` wrote (problem.ts says what is computed) and times an iteration of each mode that the machine has:
eager f32, TF32 (CUDA), torch.compile of both, on CUDA if there is one, else on the CPU. With --json one row a line on
stdout, in the form of bench/results; `npm run bench -- peers --torch python3` takes them from there and checks the losses.
Needs PyTorch 1.12 or newer and nothing else.
"""

import argparse
import json
import platform
import struct
import sys
import time

import torch
import torch.nn.functional as F


def read_problem(path):
    """Tensors by name, and the constants, of a safetensors file with float32 tensors."""
    with open(path, 'rb') as file:
        data = bytearray(file.read())
    (length,) = struct.unpack('<Q', data[:8])
    header = json.loads(data[8 : 8 + length])
    constants = json.loads(header.pop('__metadata__')['problem'])
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry['data_offsets'])
        values = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
        tensors[name] = values.reshape(entry['shape']).clone()
    return tensors, constants


class Step:
    """The iteration at one size. `terms` is a function of the picture alone: what torch.compile takes."""

    def __init__(self, tensors, constants, side, device):
        self.constants = constants
        self.weights = {
            layer: (
                # [3, 3, cin, cout] -> [cout, cin, 3, 3]
                tensors[f'{layer}/weight'].permute(3, 2, 0, 1).contiguous().to(device),
                tensors[f'{layer}/bias'].to(device),
            )
            for layer in constants['layers']
            if layer.startswith('conv')
        }
        self.mean = torch.tensor(constants['mean'], device=device).reshape(1, 3, 1, 1)
        self.std = torch.tensor(constants['std'], device=device).reshape(1, 3, 1, 1)
        picture = lambda name: tensors[f'{side}/{name}'].permute(2, 0, 1)[None].contiguous().to(device)
        with torch.no_grad():
            self.content = self.features(picture('content'))[constants['contentLayer']]
            style = self.features(picture('style'))
            self.grams = [self.gram(style[layer]) for layer in constants['styleLayers']]
        self.start = picture('start')

    def features(self, picture):
        """Activations behind every ReLU, by name."""
        found = {}
        x = (picture - self.mean) / self.std
        for layer in self.constants['layers']:
            if layer.startswith('pool'):
                x = F.max_pool2d(x, 2) if self.constants['pooling'] == 'max' else F.avg_pool2d(x, 2)
                continue
            x = F.relu(F.conv2d(x, *self.weights[layer], padding=1))
            found[layer.replace('conv', 'relu')] = x
        return found

    @staticmethod
    def gram(feature):
        _, channels, height, width = feature.shape
        flat = feature.reshape(channels, height * width)
        return flat @ flat.T / (height * width)

    def terms(self, picture):
        """Content, style, total variation, weighted."""
        c = self.constants
        features = self.features(picture)
        content = F.mse_loss(features[c['contentLayer']], self.content)
        style = sum(F.mse_loss(self.gram(features[layer]), g) for layer, g in zip(c['styleLayers'], self.grams))
        down = (picture[:, :, 1:] - picture[:, :, :-1]).square().sum()
        right = (picture[:, :, :, 1:] - picture[:, :, :, :-1]).square().sum()
        return c['contentWeight'] * content, c['styleWeight'] * style, c['tvWeight'] * (down + right)


def optimizer_of(picture, constants, device):
    settings = dict(
        lr=constants['learningRate'], betas=(constants['beta1'], constants['beta2']), eps=constants['epsilon']
    )
    try:
        return torch.optim.Adam([picture], fused=device == 'cuda', **settings)
    except (TypeError, RuntimeError):  # before PyTorch 2.0
        return torch.optim.Adam([picture], **settings)


def quantile(values, share):
    values = sorted(values)
    at = share * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def samples_of(iterate, synchronize, seconds):
    """Milliseconds of one iteration: at least three samples of at least 10 ms each."""

    def timed(count):
        synchronize()
        started = time.perf_counter()
        for _ in range(count):
            iterate()
        synchronize()
        return (time.perf_counter() - started) * 1000

    pilot = timed(1)
    count = max(1, int(10 / max(pilot, 0.05)) + 1)
    values = []
    started = time.perf_counter()
    while len(values) < 15 and (len(values) < 3 or time.perf_counter() - started < seconds):
        values.append(timed(count) / count)
    return values


def step_flops(constants, tensors, side):
    """Convolutions and Gram matrices, forward and to the picture, as stepFlops in problem.ts counts them."""
    flops, size = 0, side
    for layer in constants['layers']:
        if layer.startswith('pool'):
            size //= 2
            continue
        _, _, cin, cout = tensors[f'{layer}/weight'].shape
        flops += 18 * cin * cout * size * size
        if layer.endswith('_1'):
            flops += 2 * size * size * cout * cout
    return 2 * flops


def row_of(tensors, constants, side, device, mode, seconds):
    """One mode at one size, in the form of bench/results."""
    uses_tf32 = mode.endswith('TF32')
    torch.backends.cuda.matmul.allow_tf32 = uses_tf32
    torch.backends.cudnn.allow_tf32 = uses_tf32
    torch.backends.cudnn.benchmark = True
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    synchronize = torch.cuda.synchronize if device == 'cuda' else lambda: None
    step = Step(tensors, constants, side, device)
    terms = torch.compile(step.terms) if mode.startswith('compiled') else step.terms
    picture = step.start.clone().requires_grad_(True)
    adam = optimizer_of(picture, constants, device)

    def iterate():
        adam.zero_grad(set_to_none=True)
        sum(terms(picture)).backward()
        adam.step()

    def losses():
        with torch.no_grad():
            return dict(zip(('content', 'style', 'tv'), (float(term) for term in step.terms(picture))))

    before = losses()
    started = time.perf_counter()
    iterate()  # compiles, and lets cuDNN choose
    synchronize()
    first = time.perf_counter() - started
    iterate()
    iterate()
    after = losses()
    values = samples_of(iterate, synchronize, seconds)
    median = quantile(values, 0.5)
    facts = {'loss': sum(before.values()), 'first iteration s': first}
    if device == 'cuda':
        facts['GPU MiB'] = torch.cuda.max_memory_allocated() / 2**20
    width = tensors['conv1_1/weight'].shape[3]
    network = 'VGG-19' if width == 64 else f'VGG-19/{64 // width}'
    return {
        'family': 'peers',
        'name': f'{network} {side}x{side} iteration',
        'variant': f'PyTorch {torch.__version__.split("+")[0]} {device}, {mode}',
        'side': side,
        'milliseconds': median,
        'spread': quantile(values, 0.75) - quantile(values, 0.25),
        'fastest': min(values),
        'samples': len(values),
        'dropped': 0,
        'clock': 'wall',
        'gflops': step_flops(constants, tensors, side) / median / 1e6,
        'gigabytesPerSecond': 0,
        'facts': facts,
        'descent': {'before': before, 'after': after},
    }


def modes_of(device):
    """What this PyTorch can do here."""
    modes = ['eager f32']
    if device == 'cuda':
        modes.append('eager TF32')
    if hasattr(torch, 'compile'):
        modes.append('compiled f32')
        if device == 'cuda':
            modes.append('compiled TF32')
    return modes


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('problem', help='the file that npm run bench -- export has written')
    parser.add_argument('--side', help='only these sides, such as 64,512; default all of the file')
    parser.add_argument('--device', choices=['cuda', 'cpu'], default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--seconds', type=float, default=5, help='sampling of a row stops after so long')
    parser.add_argument('--json', action='store_true', help='one JSON object a row on stdout, the table on stderr')
    given = parser.parse_args()
    tensors, constants = read_problem(given.problem)
    sides = [int(side) for side in given.side.split(',')] if given.side else constants['sides']
    table = sys.stderr if given.json else sys.stdout
    name = torch.cuda.get_device_name() if given.device == 'cuda' else f'{platform.machine()}, {torch.get_num_threads()} threads'
    print(f'PyTorch {torch.__version__} on {given.device}: {name}', file=table)
    for side in sides:
        for mode in modes_of(given.device):
            try:
                row = row_of(tensors, constants, side, given.device, mode, given.seconds)
            except Exception as error:  # torch.compile wants a C++ compiler, large sides memory
                message = f'{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ""}'
                print(f'{side}x{side} {mode}: skipped, {message}', file=sys.stderr)
                continue
            print(
                f"{row['name']:30} {row['variant']:32} {row['milliseconds']:10.3f} ms ± {row['spread']:.3f} "
                f"{row['gflops']:9.1f} GFLOP/s  loss {row['facts']['loss']:.6g}",
                file=table,
            )
            if given.json:
                print(json.dumps(row), flush=True)


if __name__ == '__main__':
    main()
