"""The network: VGG-19's layer walk up to relu5_1 at any widths. Inference only, no training.

Plain 3x3 convolutions (zero padding 1) + ReLU, 2x2 pooling with stride 2 before every conv*_1 but
the first. Own networks see (rgb - 0.5) / 0.25, RGB in 0..1. Pictures are [n, 3, h, w] in 0..1.
"""
import torch
import torch.nn.functional as F

LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv3_4",
          "conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1")
MEAN, STD = 0.5, 0.25
DEAD = 1e-3  # filters below this share of the layer's median activation are silenced


def shapes(widths):
    """[(layer, input channels, output channels)] for the widths of the five blocks."""
    cin, out = 3, []
    for name in LAYERS:
        c = widths[int(name[4]) - 1]
        out.append((name, cin, c))
        cin = c
    return out


def starts_block(name):
    """True where a pooling layer comes first."""
    return name.endswith("_1") and name != "conv1_1"


def pooled(x, pool):
    return F.max_pool2d(x, 2) if pool == "max" else F.avg_pool2d(x, 2)


class Net:
    """Weights {layer: (weight [cout, cin, 3, 3], bias [cout])}, walked in the order of LAYERS."""

    def __init__(self, weights, bgr255=False):
        self.w = {k: (torch.as_tensor(a).float(), torch.as_tensor(b).float()) for k, (a, b) in weights.items()}
        self.names = [n for n in LAYERS if n in self.w]
        self.bgr255 = bgr255  # the Caffe/Keras form that the original VGG weights expect

    def prepare(self, rgb):
        if self.bgr255:
            return rgb.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
        return (rgb - MEAN) / STD

    def __call__(self, rgb, want, pool="max"):
        """{layer: activation after its ReLU} for the layers in `want`; stops at the deepest."""
        x, out, want = self.prepare(rgb), {}, set(want)
        for name in self.names:
            if starts_block(name):
                x = pooled(x, pool)
            x = F.relu(F.conv2d(x, *self.w[name], padding=1))
            if name in want:
                out[name] = x
                if len(out) == len(want):
                    break
        return out

    def mean_activations(self, images, pool="max"):
        """{layer: mean activation of each filter over images and positions}, [cout] each."""
        acts = {n: 0.0 for n in self.names}
        with torch.no_grad():
            for x in images.split(8):
                for n, f in self(x, self.names, pool).items():
                    acts[n] = acts[n] + f.mean((2, 3)).sum(0)
        return {n: a / len(images) for n, a in acts.items()}

    def normalise(self, images, pool="max"):
        """Gatys et al. (2016), section 2: mean activation of every filter over pictures becomes 1.

        Exact for ReLU networks: each filter is divided by its mean activation and the next layer's
        matching input slice multiplied by it. A filter that hardly ever fires is silenced rather
        than blown up.
        """
        acts, prev = self.mean_activations(images, pool), None
        for n in self.names:
            w, b = self.w[n]
            if prev is not None:
                w = w * prev[None, :, None, None]
            m = acts[n].clamp_min(1e-6)
            dead = m < DEAD * m.median()
            s = torch.where(dead, torch.full_like(m, 1e6), m)
            self.w[n] = (w / s[:, None, None, None], b / s)
            prev = torch.where(dead, torch.zeros_like(m), m)
        return self

    def half(self):
        """The same network with every value rounded to float16."""
        return Net({n: (w.half().float(), b.half().float()) for n, (w, b) in self.w.items()}, self.bgr255)

    def parameters(self):
        return sum(w.numel() + b.numel() for w, b in self.w.values())
