"""Learns every filter from patches of the layer below: no labels, no gradients, one pass.

Up to conv3_4 the filters are principal axes of whitened 3x3 patches, each taken with both signs, so that a
ReLU pair keeps the axis whole. From conv4_1 on they are the centroids of spherical k-means over whitened patches.
Each filter's threshold is a quantile of its own responses.
"""
import math

import torch
import torch.nn.functional as F

from net import MEAN, STD, Net, pooled, shapes, starts_block

WHITENING = .3           # k-means: added to each axis' variance, in units of the mean variance
ROUNDS = 20              # of k-means
AXIS_THRESHOLD = .5      # quantile: the median, half of the positions pass
CENTROID_THRESHOLD = .4  # quantile: 60 % of the positions pass
QUANTILE_SAMPLE = 20000  # patches that the quantile is taken over


def random_patches(x, per_image, g):
    """x [n, c, h, w] -> [n * per_image, c * 9], zero padding 1 at the border."""
    out, w = [], x.shape[3]
    di, dj = torch.arange(3).view(1, 3, 1), torch.arange(3).view(1, 1, 3)
    for image in x:
        at = torch.randint(0, x.shape[2] * w, (per_image, 1, 1), generator=g)
        out.append(F.pad(image, (1, 1, 1, 1))[:, at // w + di, at % w + dj].permute(1, 0, 2, 3).reshape(per_image, -1))
    return torch.cat(out)


def principal_axes(e, v, count):
    """+ and - of the first count / 2 axes, for unit variance: [count, inputs]."""
    axes = (v[:, :count // 2] / e[:count // 2].sqrt()).T
    return torch.cat([axes, -axes])


def centroids(patches, e, v, count, g):
    """Spherical k-means in the softly whitened space, taken back to filters: [count, inputs]."""
    keep = min(int((e > 1e-4 * e[0]).sum()), count)
    e, v = e[:keep], v[:, :keep]
    whiten = v / torch.sqrt(e + WHITENING * e.mean())
    z = patches @ whiten
    z = z / z.norm(dim=1, keepdim=True).clamp_min(1e-6)
    d = z[torch.randperm(len(z), generator=g)[:count]].clone()
    for _ in range(ROUNDS):
        nearest = (z @ d.T).argmax(1)
        s = torch.zeros_like(d).index_add_(0, nearest, z)
        empty = s.norm(dim=1) < 1e-6
        s[empty] = z[torch.randint(0, len(z), (int(empty.sum()),), generator=g)]
        d = s / s.norm(dim=1, keepdim=True)
    return d @ whiten.T


def learn(images, widths, seed=0, patches=160000):
    """A Net from pictures [n, 3, s, s] in 0..1; fixed by pictures, widths, seed and number of patches."""
    g = torch.Generator().manual_seed(seed)
    x, weights = (images - MEAN) / STD, {}
    for name, cin, cout in shapes(widths):
        if starts_block(name):
            x = torch.cat([pooled(c, "max") for c in x.split(16)])
        p = random_patches(x, math.ceil(patches / len(x)), g)
        mean = p.mean(0)
        p -= mean
        e, v = torch.linalg.eigh(p.T @ p / len(p))
        e, v = e.flip(0), v.flip(1)
        axes = name < "conv4"
        d = principal_axes(e, v, cout) if axes else centroids(p, e, v, cout, g)
        r = p @ d.T
        t = torch.quantile(r[:QUANTILE_SAMPLE], AXIS_THRESHOLD if axes else CENTROID_THRESHOLD, dim=0)
        s = r.std(0)
        w, b = (d / s[:, None]).view(cout, cin, 3, 3), (-(d @ mean) - t) / s
        weights[name] = (w, b)
        x = torch.cat([F.relu_(F.conv2d(c, w, b, padding=1)) for c in x.split(8)])
    return Net(weights)
